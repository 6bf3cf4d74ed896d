"""One process whose clock was far ahead makes every later id newer: a key is still used once (case 7)."""

from dataclasses import replace

import pytest

from functions.errors import KeyUsed
from tests.ledger.arrange import Books
from tests.ledger.claims import OVER_S, shop
from tests.ledger.faults import FakeClock


@pytest.mark.parametrize("ahead_s", [0, 50, 1300, 3600])
async def test_case_07_a_receipt_that_is_newer_than_its_request_is_found(books: Books, ahead_s: int) -> None:
    """Its id follows the newest that was settled, an hour ahead: the claim is met, not taken over."""
    till = await shop(books)
    ledger, store = books.process()
    fast = await till.over(replace(ledger, clock=FakeClock(books.clock.time_s + ahead_s)), store)
    await fast.serve("first")
    await (await till.process()).serve("k")
    for wait_s in (1, OVER_S):
        books.clock.time_s += wait_s
        with pytest.raises(KeyUsed) as used:
            await (await till.process()).serve("k")
        assert used.value.code == KeyUsed.code
    assert len(await till.receipts()) == 2
