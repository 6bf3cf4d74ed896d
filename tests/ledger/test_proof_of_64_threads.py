"""64 threads, 20,000 requests, every limit at once: admitted is exactly what each limit and the balance allow."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from functions.errors import CreditsExhausted, CreditsHeld, LedgerUnavailable, Limited, RateLimited, TooManyOpen
from functions.ledger import journal, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, Ask, admit
from functions.ledger.audit import audit_account
from functions.ledger.settle import settle
from functions.ledger.store import Ledger, SystemClock
from functions.ledger.windows import Limit
from tests.ledger.arrange import Books, ask, check, paper, purchase
from tests.ledger.faults import FakeClock
from tests.ledger.threads import THREADS, Thread, in_threads

REQUESTS = 20_000
PERIODS = "mhdwMt"
NAMES = {period: f"requests a {period}" for period in PERIODS}
ROOMY = 10**6
COST = 7_000_000
MIXED_REQUESTS = 4_000
PURCHASES = 20
BUYERS = 16


@dataclass
class Case:
    """One account, and what binds it: of all its limits one is small, or its open requests are, or its balance is."""

    binding: str
    allowed: int
    refusal: type[Exception]
    account: Account = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)
    admissions: list[Admission] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, now_s: float) -> Ask:
        limits = [Limit(period, self.allowed if period == self.binding else ROOMY, NAMES[period]) for period in PERIODS]
        open_max = self.allowed if self.binding == "open" else ROOMY
        return ask(COST, self.account, now_s, *limits, open_max=open_max)

    def count(self, fate: str, admission: Admission | None = None) -> None:
        with self.lock:
            self.seen[fate] += 1
            if admission:
                self.admissions.append(admission)


def cases() -> Iterator[Case]:
    for allowed, period in zip((31, 47, 53, 61, 67, 71), PERIODS, strict=True):
        yield Case(period, allowed, RateLimited)
    yield Case("open", 43, TooManyOpen)
    yield Case("balance", 59, CreditsHeld)


async def rush(thread: Thread, all_cases: list[Case], clock: FakeClock) -> None:
    """This thread's part of the requests, each for the next account in turn, from the view it had last."""
    views = {case.binding: case.account for case in all_cases}
    for number in range(thread.number, REQUESTS, THREADS):
        case = all_cases[number // THREADS % len(all_cases)]
        try:
            admission = await admit(thread.ledger, views[case.binding], case.ask(clock.now()), fresh=False)
        except (Limited, CreditsExhausted) as refused:
            case.count(type(refused).__name__)
        else:
            views[case.binding] = admission.account
            case.count("admitted", admission)


@pytest.mark.timeout(600)
async def test_64_threads_admit_exactly_what_each_limit_and_the_balance_allow(books: Books) -> None:
    """20,000 requests at one moment, all windows limited: each account lets in its binding limit, to the request."""
    all_cases = list(cases())
    for case in all_cases:
        afford = case.allowed if case.binding == "balance" else ROOMY
        case.account = await books.account(COST * 20, paid=COST * (afford - 20))
    clock = books.clock
    await asyncio.to_thread(in_threads, books.test.settings, clock, lambda thread: rush(thread, all_cases, clock), 1)

    assert sum(case.seen.total() for case in all_cases) == REQUESTS
    for case in all_cases:
        assert case.seen == {"admitted": case.allowed, case.refusal.__name__: case.seen.total() - case.allowed}
        for admission in case.admissions:
            await settle(books.ledger, admission.account, admission.hold, paper(case.account, admission.hold, COST))
        after = await books.read(case.account)
        check(after)
        assert (after.spent, after.open_holds) == (COST * case.allowed, 0)
        assert (await audit_account(books.ledger, after.account_id)).drift == 0


async def mixed(thread: Thread, account: Account, fates: Counter[str], lock: threading.Lock) -> None:
    """One thread in BUYERS buys again and again; the others send requests of any size, charged any share of it."""
    view = account
    for _ in range(PURCHASES if thread.number % BUYERS == 0 else MIXED_REQUESTS // THREADS):
        if thread.number % BUYERS == 0:
            amount = thread.random.randrange(1, 3 * COST)
            bought = purchase(amount)
            try:
                await journal.enter(thread.ledger, account.account_id, bought)
            except LedgerUnavailable:  # so many at once: whoever hears this sends the same reference again
                await journal.enter(thread.ledger, account.account_id, bought)
            fate = "purchase"
        else:
            view, fate = await one_request(thread, thread.ledger, view)
        with lock:
            fates[fate] += 1


async def one_request(thread: Thread, ledger: Ledger, view: Account) -> tuple[Account, str]:
    least = thread.random.randrange(1, COST)
    limit = Limit("d", DAILY, "requests a day")
    asked = replace(ask(least, view, ledger.clock.now(), limit), upper=least * thread.random.randrange(1, 4))
    try:
        admission = await admit(ledger, view, asked, fresh=False)
    except (Limited, CreditsExhausted) as refused:
        return view, type(refused).__name__
    cost = thread.random.randrange(0, admission.hold.amount + 1)
    receipt = paper(admission.account, admission.hold, cost)
    return await settle(ledger, admission.account, admission.hold, receipt), "admitted"


DAILY = 2_500


@pytest.mark.timeout(600)
async def test_64_threads_of_any_amounts_with_purchases_among_them_never_go_beyond(books: Books) -> None:
    """Random amounts, and purchases meanwhile: never negative, never beyond the limit, every purchase is there."""
    account = await books.account(COST * 10, paid=COST * 500)
    fates: Counter[str] = Counter()
    lock = threading.Lock()
    await asyncio.to_thread(
        in_threads, books.test.settings, SystemClock(), lambda thread: mixed(thread, account, fates, lock), 2
    )
    ledger = replace(books.ledger, clock=SystemClock())
    after = await tidy.read(ledger, account.account_id)
    check(after)
    assert fates["admitted"] <= DAILY
    assert fates["admitted"] == len(await books.receipts(account))
    assert fates["purchase"] == PURCHASES * (THREADS // BUYERS)
    assert after.journal_version == fates["purchase"] + account.journal_version
    assert not after.holds
    assert (await audit_account(ledger, account.account_id)).drift == 0
