"""The static site, as one machine and a deployment serve it: its files, and what browsers are told about them."""
