"""Step 1: from what a client sent to the account that is asking."""
