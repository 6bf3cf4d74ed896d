"""The ledger with a clock that tests move."""

import pytest

from tests.ledger.arrange import Books
from tests.stand import TestLedger


@pytest.fixture
def books(ledger: TestLedger) -> Books:
    """Accounts on MiniStack, with a clock of their own."""
    return Books(ledger)
