"""Scripts that people run against a deployment."""
