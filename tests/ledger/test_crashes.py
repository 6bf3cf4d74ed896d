"""A crash before and after every read and write: the account heals, and healing twice changes nothing (case 3)."""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from functions.authenticate.callers import Callers
from functions.ledger import receipts, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.pages import DayTotals
from functions.ledger.settle import settle, void
from functions.ledger.store import Ledger
from functions.ledger.windows import DAY_S, Limit
from tests.ledger.arrange import Books, ask, check, paper
from tests.ledger.faults import Crash, Fault, at

TRIAL = 10_000
COST = 700
MINUTE = Limit("m", 60, "requests a minute")
CRASHES = pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])

Step = Callable[[Ledger], Awaitable[object]]
Arranged = tuple[Account, Step]


async def crash_everywhere(
    books: Books, fault: Fault, arrange: Callable[[], Awaitable[Arranged]], judge: Callable[[Account], Awaitable[None]]
) -> int:
    """Run a step on a new account each time, ended at its first, second, … call; then heal and judge.

    Returns how many calls the step makes when nothing ends it.
    """
    for number in count():
        account, step = await arrange()
        ledger, store = books.process(at(number, fault))
        try:
            await step(ledger)
        except Crash:
            check(await books.item(account))
        await judge(await books.healed(account))
        if not store.struck:
            return number
    raise AssertionError("a step has an end")


async def chat(books: Books, ledger: Ledger, account: Account) -> Admission:
    """Admit a request that needs the trial and a part of what was paid."""
    wanted = ask(TRIAL + 500, account, books.clock.now(), MINUTE)
    return await admit(ledger, account, wanted, fresh=True)


@CRASHES
async def test_case_03_a_crash_anywhere_from_authenticate_to_settle_heals(books: Books, fault: Fault) -> None:
    """Wherever the process ends, the request is charged by its receipt or not at all, and nothing stays held."""

    async def arrange() -> Arranged:
        key, account = await books.customer(TRIAL, paid=TRIAL)

        async def step(ledger: Ledger) -> None:
            caller = await Callers().look_up(ledger, key)
            admission = await chat(books, ledger, await tidy.read(ledger, caller.account_id))
            await settle(ledger, account, admission.hold, paper(account, admission.hold, COST, input=3, output=4))

        return account, step

    async def judge(after: Account) -> None:
        papers = {receipt.outcome: receipt.cost for receipt in await books.receipts(after)}
        assert papers in ({}, {"expired": 0}, {"completed": COST})
        assert after.spent == sum(papers.values())
        assert after.available(books.clock.now()) == 2 * TRIAL - after.spent

    assert await crash_everywhere(books, fault, arrange, judge) == 6


@CRASHES
async def test_case_03_a_crash_anywhere_from_admit_to_void_heals(books: Books, fault: Fault) -> None:
    """A request that was not forwarded costs nothing, whether its hold was given back or expired."""

    async def arrange() -> Arranged:
        account = await books.account(TRIAL, paid=TRIAL)

        async def step(ledger: Ledger) -> None:
            admission = await chat(books, ledger, account)
            await void(ledger, admission.account, admission.hold, admission.counts)

        return account, step

    async def judge(after: Account) -> None:
        assert after.spent == 0
        assert after.available(books.clock.now()) == 2 * TRIAL

    assert await crash_everywhere(books, fault, arrange, judge) == 2


@CRASHES
@pytest.mark.parametrize("charged", [True, False], ids=["after its receipt", "without a receipt"])
async def test_case_03_a_crash_of_the_healer_itself_heals(books: Books, fault: Fault, charged: bool) -> None:
    """A hold whose process ended is resolved by its receipt, or at no cost, though the healer ends as well."""

    async def arrange() -> Arranged:
        account = await books.account(TRIAL, paid=TRIAL)
        admission = await chat(books, books.ledger, account)
        if charged:
            await receipts.put(books.ledger, paper(account, admission.hold, COST))
        await books.expire()
        return account, lambda ledger: tidy.read(ledger, account.account_id)

    async def judge(after: Account) -> None:
        (receipt,) = await books.receipts(after)
        assert receipt.outcome == ("completed" if charged else "expired")
        assert after.spent == receipt.cost == (COST if charged else 0)

    assert await crash_everywhere(books, fault, arrange, judge) == 3


@CRASHES
async def test_case_03_a_crash_while_a_lot_lapses_heals(books: Books, fault: Fault) -> None:
    """Credits that expired are counted as expired once, those held from the lot included; its user is told once."""

    async def arrange() -> Arranged:
        account = await books.account(TRIAL, paid=COST, lasts_s=30)
        await books.take(account, COST)
        await books.expire()
        return account, lambda ledger: tidy.read(ledger, account.account_id)

    async def judge(after: Account) -> None:
        assert (after.lots, after.expired, after.paid) == ({}, TRIAL, COST)
        assert after.number("told") == 20

    assert await crash_everywhere(books, fault, arrange, judge) == 6


@CRASHES
async def test_case_03_a_crash_while_a_day_closes_heals(books: Books, fault: Fault) -> None:
    """A day's totals are moved once: never lost, never added twice."""

    async def arrange() -> Arranged:
        account = await books.account(TRIAL, paid=TRIAL)
        admission = await chat(books, books.ledger, account)
        await settle(books.ledger, account, admission.hold, paper(account, admission.hold, COST, input=3, output=4))
        books.clock.time_s += 2 * DAY_S
        return account, lambda ledger: tidy.read(ledger, account.account_id)

    async def judge(after: Account) -> None:
        day = int(books.clock.now()) // DAY_S
        assert after.days == {}
        assert books.days(after) == [DayTotals(day - 2, 1, 3, 4, COST)]

    assert await crash_everywhere(books, fault, arrange, judge) == 3
