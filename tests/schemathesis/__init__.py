"""Requests that Schemathesis makes of /openapi.json, sent to a real gateway: `python -m tests.schemathesis`."""
