"""The drawings of README and docs/, which `make pictures` draws."""
