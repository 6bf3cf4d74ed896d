"""The ledger that settling writes to."""

from tests.ledger.conftest import books

__all__ = ["books"]
