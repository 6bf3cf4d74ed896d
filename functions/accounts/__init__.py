"""Accounts, beside the story of a request: registration, the mail that brings a key, what an account shows."""
