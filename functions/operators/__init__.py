"""What the operator does about users of the built-in project, and sees of them."""
