"""Step 2: whether a request may go on, and how much of its account's credits is held for it."""
