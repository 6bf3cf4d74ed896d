"""What the owner of a project does with it: sign in, change it, hand out keys and test tokens, look at its users."""
