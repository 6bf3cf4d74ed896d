"""Whatever goes wrong at the gate or near the end of the credits: nothing stays held, and nothing free is missed."""

from dataclasses import replace
from typing import Any, cast

import pytest

from functions import settings as settings_module
from functions.admit.allowance import Allowance
from functions.ledger.settle import void
from functions.ledger.store import Item
from functions.money import Usage
from functions.story import SETTLES_WITHIN_S, Gateway
from tests.ledger.arrange import HOLD_S, Books
from tests.ledger.claims import TOKEN, Shop, shop
from tests.ledger.faults import FaultyStore


class Broken:
    """A store whose client fails in a way that nobody foresaw, at one table's writes."""

    def __init__(self, store: FaultyStore, table: str) -> None:
        self.store, self.table = store, table

    async def call(self, operation: str, request: Item) -> Item:
        if str(request.get("TableName", "")).endswith(self.table) and operation in ("PutItem", "UpdateItem"):
            raise KeyError("a fault of ours")
        return await self.store.call(operation, request)


@pytest.mark.parametrize("table", ["claims", "windows"])
async def test_an_exception_nobody_foresaw_leaves_no_hold_and_no_count(books: Books, table: str) -> None:
    """It comes out as it is, when what the other writes took has been given back."""
    till = await shop(books)
    ledger, store = books.process()
    process = await till.over(replace(ledger, store=Broken(store, table)), store)
    with pytest.raises(KeyError):
        await process.admit("k")
    assert not (await books.item(till.account)).holds
    assert set((await books.item(till.account)).counters.values()) <= {0}
    await (await till.process()).serve("k")  # the key and the project's room are free


async def test_what_was_not_free_near_the_end_of_a_hold_is_asked_for_again_at_the_very_end(books: Books) -> None:
    """Another request held the rest at 80 % and ended meanwhile: the stream goes on, it is not cut."""
    till = Shop(books, *await books.customer(1000 * TOKEN))
    process = await till.process()
    ticket = await process.admit("k")
    small = replace(ticket, asked=replace(ticket.asked, upper=900 * TOKEN))
    held = ticket.admission.hold.amount // TOKEN
    seen = await books.read(till.account)
    rest = await books.take(seen, seen.available(books.clock.now()))
    allowance = Allowance(process.ledger, process.gate.callers, small)
    near, beyond = Usage(0, held - 1), Usage(0, held + 1)
    assert await allowance.reach(near) >= 0
    assert allowance.extending
    await allowance.extending
    assert await allowance.reach(near) >= 0
    assert allowance.refused
    await void(books.ledger, rest.account, rest.hold, rest.counts)
    assert await allowance.reach(beyond) >= 0
    admission = await allowance.admission_for(beyond)
    assert admission.hold.amount > ticket.admission.hold.amount


async def test_an_answer_may_take_what_is_left_of_its_hold_however_long_its_admission_took(books: Books) -> None:
    """The hold outlives the answer by its reserve; on Lambda the function does as well."""
    till = await shop(books)
    process = await till.process()
    ticket = await process.admit("k")
    settings = settings_module.read({"HOLD_EXPIRY_S": str(HOLD_S)})
    nobody = cast(Any, None)
    gateway = Gateway(settings, books.ledger, nobody, process.gate.callers, *[nobody] * 4)
    exchange = cast(Any, type("Exchange", (), {"ends_at_s": None}))
    left_s = ticket.admission.hold.expires - HOLD_S / 2 - books.clock.now()
    assert gateway.limit_s(exchange, ticket) == left_s
    books.clock.time_s += 7
    assert gateway.limit_s(exchange, ticket) == left_s - 7
    exchange.ends_at_s = books.clock.now() + SETTLES_WITHIN_S + 1
    assert gateway.limit_s(exchange, ticket) == 1
