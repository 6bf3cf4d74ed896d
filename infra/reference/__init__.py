"""The pages of the reference that are made of the code: docs/reference. `make reference` writes them."""
