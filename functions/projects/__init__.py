"""Projects: what an owner decides about an app, and a request made or kept accordingly."""
