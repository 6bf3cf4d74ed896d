"""Farebox on AWS: CloudFormation merged into what Chalice packages, and the commands that deploy it."""
