"""Everything that runs in Lambda."""

VERSION = "0.1.0"
