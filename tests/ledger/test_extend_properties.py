"""A hold that grows, in any history and beside many others: what is taken is there, and all of it adds up."""

import asyncio
import random
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import LedgerUnavailable
from functions.ledger import tidy
from functions.ledger.account import Account, Hold
from functions.ledger.admit import Admission
from functions.ledger.extend import More, extend, plan
from functions.ledger.settle import HoldResolved, settle
from functions.ledger.store import Item, Ledger
from tests.ledger.arrange import TRIAL_S, Books, check, paper
from tests.ledger.faults import FaultyStore, on_write
from tests.ledger.test_extend import FAULTS, MORE, PAID, TRIAL, charged


@pytest.mark.parametrize("seed", range(4))
async def test_case_02_many_streams_that_extend_at_once_never_take_more_than_there_is(books: Books, seed: int) -> None:
    """All read the account before one of them writes; what they take in all is what there is, and it adds up."""
    chance = random.Random(seed)
    account = await books.account(TRIAL, paid=PAID)
    admissions = [await books.take(account, 600) for _ in range(chance.randint(2, 8))]
    seen = await books.item(account)
    costs = []

    async def one(ledger: Ledger, admission: Admission) -> None:
        hold, view = admission.hold, seen
        for _ in range(3):
            hold, view = await extend(ledger, view, hold, MORE)
            assert hold.amount <= MORE.upper
            check(await books.item(account))
        costs.append(chance.randint(0, hold.amount))
        await settle(ledger, view, hold, paper(account, hold, costs[-1]))

    await asyncio.gather(*map(one, books.processes(len(admissions)), admissions))
    await charged(books, account, sum(costs))


def account_of(paid: int, lots: Sequence[tuple[int, int]]) -> Account:
    """An account as an item would say; each lot is what is left and when it expires."""
    numbered = {str(i): {"M": {"n": {"N": str(n)}, "x": {"N": str(x)}}} for i, (n, x) in enumerate(lots)}
    item: Item = {"account_id": {"S": "default/1"}, "state": {"S": "open"}, "paid": {"N": str(paid)}}
    return Account(item | {"lots": {"M": numbered}, "holds": {"M": {}}})


@given(
    paid=st.integers(0, 10**6),
    lots=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([50, 150, 250])), max_size=4),
    held=st.integers(0, 10**6),
    upper=st.integers(0, 4 * 10**6),
    least=st.integers(1, 10**6),
)
def test_an_extension_is_never_more_than_is_free_or_than_it_can_cost(
    paid: int, lots: list[tuple[int, int]], held: int, upper: int, least: int
) -> None:
    """Of any account: more than nothing, at most what is free and what the request can cost; lots that live first."""
    account, now_s = account_of(paid, lots), 100
    hold = Hold(secrets.token_hex(9), held, {}, now_s + TRIAL_S)
    larger = plan(account, hold, More(upper, least), now_s)
    free = account.available(now_s)
    if larger is None:
        assert held >= upper or not free
        return
    more = larger.amount - hold.amount
    assert 0 < more <= min(free, upper - held)
    assert more >= min(least, free, upper - held)
    assert larger == replace(hold, paid=larger.paid, lots=larger.lots, extended=1)
    assert all(0 < part <= account.lots[name].left for name, part in larger.lots.items())
    assert all(account.lots[name].expires > now_s for name in larger.lots)
    assert larger.paid == hold.paid or more - (larger.paid - hold.paid) == free - paid, "lots come before paid"


async def test_any_history_of_extensions_adds_up(books: Books) -> None:
    """Streams, faults, late writes, replays and time, in any order: no drift, nothing negative, all charged once."""
    for seed in range(12):
        await history(books, random.Random(seed))


async def history(books: Books, chance: random.Random) -> None:
    account = await books.account(TRIAL, paid=PAID)
    admissions = {a.hold.hold_id: a for a in [await books.take(account, 500) for _ in range(3)]}
    stores: list[FaultyStore] = []
    for _ in range(14):
        admission = admissions[chance.choice(sorted(admissions))]
        ledger, store = books.process(on_write(chance.randint(0, 1), chance.choice(FAULTS)))
        stores.append(store)
        act = chance.choice(["extend", "extend", "extend", "settle", "deliver", "replay", "read", "time"])
        with suppress(HoldResolved, LedgerUnavailable):
            if act == "extend":
                hold, seen = await extend(ledger, admission.account, admission.hold, MORE)
                admissions[hold.hold_id] = replace(admission, hold=hold, account=seen)
            elif act == "settle":
                receipt = paper(account, admission.hold, chance.randint(0, admission.hold.amount))
                await settle(ledger, admission.account, admission.hold, receipt)
            elif act in ("deliver", "replay"):
                await getattr(chance.choice(stores), act)()
            elif act == "read":
                await tidy.read(books.ledger, account.account_id)
            else:
                books.clock.time_s += chance.choice([1, 30])
        check(await books.item(account))
    for store in stores:
        await store.deliver()
    after = await books.healed(account)
    assert after.spent == sum(receipt.cost for receipt in await books.receipts(account))
