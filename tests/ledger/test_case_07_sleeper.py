"""A process that sleeps between its claim and its hold, and wakes when its key has another owner (case 7)."""

import asyncio
from dataclasses import replace

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger.store import Item, Store
from tests.ledger.arrange import Books
from tests.ledger.claims import OVER_S, shop


class HeldBack:
    """A store that keeps the admission back until it is let go."""

    def __init__(self, store: Store) -> None:
        self.store, self.come, self.go = store, asyncio.Event(), asyncio.Event()

    async def call(self, operation: str, request: Item) -> Item:
        if ":hold" in request.get("ExpressionAttributeValues", {}):
            self.come.set()
            await self.go.wait()
        return await self.store.call(operation, request)


async def test_case_07_who_slept_until_its_key_was_another_s_is_not_charged(books: Books) -> None:
    """Its admission comes with a hold that has expired: 503, given back; the key was charged once, by the other."""
    till = await shop(books)
    ledger, store = books.process()
    held_back = HeldBack(store)
    old = await till.over(replace(ledger, store=held_back), store)
    sleeping = asyncio.ensure_future(old.admit("k"))
    await held_back.come.wait()
    await asyncio.sleep(0.1)  # its claim, sent at the same time, arrives
    books.clock.time_s += OVER_S
    await (await till.process()).serve("k")
    held_back.go.set()
    with pytest.raises(LedgerUnavailable):
        await sleeping
    assert len(await till.receipts()) == 1
    assert not (await books.read(till.account)).holds
