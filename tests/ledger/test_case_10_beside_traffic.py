"""The audit beside traffic: it never takes what happens between its reads for drift (case 10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from functions.ledger import checkpoints, receipts
from functions.ledger.account import Account
from functions.ledger.audit import audit_account
from functions.ledger.journal import Entry, enter
from functions.ledger.settle import settle, void
from functions.ledger.store import Item, Store
from tests.ledger.arrange import Books, paper, purchase

TRIAL, COST = 1_000_000, 70


async def one_settled(books: Books, account: Account) -> None:
    """Admitted and settled."""
    admission = await books.take(account, COST)
    await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, COST))


async def one_receipt(books: Books, account: Account) -> None:
    """Admitted, and its receipt put; the settle is still to come."""
    admission = await books.take(account, COST)
    await receipts.put(books.ledger, paper(account, admission.hold, COST))


async def older_settled(books: Books, account: Account) -> None:
    """One that was open before is settled."""
    now = await books.item(account)
    hold = min(now.holds.values(), key=lambda hold: hold.hold_id)
    await settle(books.ledger, now, hold, paper(account, hold, COST))


async def newer_settled(books: Books, account: Account) -> None:
    """The newest of those that were open is settled, the older ones run on."""
    now = await books.item(account)
    hold = max(now.holds.values(), key=lambda hold: hold.hold_id)
    await settle(books.ledger, now, hold, paper(account, hold, COST))


async def one_voided(books: Books, account: Account) -> None:
    """One that was open is given back."""
    now = await books.item(account)
    await void(books.ledger, now, next(iter(now.holds.values())), [])


async def one_purchase(books: Books, account: Account) -> None:
    await enter(books.ledger, account.account_id, purchase(COST))


async def a_refund_that_is_owed(books: Books, account: Account) -> None:
    """Debt, and its netting by the purchase after it."""
    now = await books.item(account)
    await enter(books.ledger, account.account_id, Entry(-now.paid - COST, "refund", f"r{now.journal_version}"))
    await enter(books.ledger, account.account_id, purchase(2 * COST))


async def another_audit(books: Books, account: Account) -> None:
    await audit_account(books.ledger, account.account_id)


async def settled_and_audited(books: Books, account: Account) -> None:
    """Another's checkpoint is past what this audit may have seen."""
    await older_settled(books, account)
    await another_audit(books, account)


HAPPENINGS = [
    one_settled,
    one_receipt,
    older_settled,
    newer_settled,
    one_voided,
    one_purchase,
    a_refund_that_is_owed,
    another_audit,
    settled_and_audited,
]


@dataclass
class Between:
    """A store in which something happens just before the call of this number."""

    store: Store
    number: int
    happens: Callable[[], Awaitable[None]]
    calls: int = 0

    async def call(self, operation: str, request: Item) -> Item:
        if self.calls == self.number:
            await self.happens()
        self.calls += 1
        return await self.store.call(operation, request)


@pytest.mark.parametrize("happening", HAPPENINGS, ids=lambda happening: happening.__name__)
async def test_case_10_whatever_happens_between_two_reads_is_no_drift(
    books: Books, happening: Callable[[Books, Account], Awaitable[None]]
) -> None:
    """Before each of the audit's calls in turn; and the checkpoint that was written is good for the next audit."""
    account = await books.account(TRIAL, paid=COST)
    for _ in range(16):
        books.clock.time_s += 0.01
        await books.take(account, COST)
    calls = []
    for number in range(7):
        books.clock.time_s += 0.01
        await older_settled(books, account)
        await one_settled(books, account)
        between = Between(books.ledger.store, number, partial(happening, books, account))
        for ledger in (replace(books.ledger, store=between), books.ledger):
            finding = await audit_account(ledger, account.account_id)
            assert finding.mismatches == (), number
        assert (await audit_account(books.ledger, account.account_id, full=True)).mismatches == ()
        calls.append(between.calls)
    assert max(calls) >= 5


async def test_case_10_an_audit_beside_requests_and_purchases_finds_no_drift(books: Books) -> None:
    """16 requests at a time, purchases, refunds, two audits, all the time: no drift, and checkpoints go on."""
    account = await books.account(TRIAL, paid=COST)
    busy = True

    async def chat() -> None:
        while busy:
            admission = await books.take(account, COST)
            await asyncio.sleep(0.003)
            await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, COST - 1))

    async def buy() -> None:
        while busy:
            bought = purchase(COST)
            await enter(books.ledger, account.account_id, bought)
            await enter(books.ledger, account.account_id, Entry(-COST // 2, "refund", bought.reference))

    async def look(full: bool) -> int:
        advanced = 0
        for _ in range(20):
            finding = await audit_account(books.ledger, account.account_id, full=full)
            assert finding.mismatches == ()
            advanced += finding.advanced
        return advanced

    others = [asyncio.create_task(chat()) for _ in range(16)] + [asyncio.create_task(buy())]
    advanced = sum(await asyncio.gather(look(full=False), look(full=True)))
    busy = False
    await asyncio.gather(*others)
    assert advanced > 2
    finding = await audit_account(books.ledger, account.account_id)
    assert finding.mismatches == ()
    reached = await checkpoints.find(books.ledger, account.account_id)
    assert reached
    assert reached.spent == (await books.item(account)).spent
