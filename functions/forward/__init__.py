"""Step 3: the request to the provider, the answer passed on event by event."""
