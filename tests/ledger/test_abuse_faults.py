"""Offences under crashes, lost, late and doubled answers, and by 64 threads: counted once, blocked in time."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from functions.errors import Forbidden, LedgerUnavailable
from functions.ledger import abuse
from functions.ledger.abuse import FOREVER, Policy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.audit import audit_account
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.store import Ledger
from functions.ledger.windows import DAY_S, HOUR_S
from tests.ledger.arrange import Books, ask, check, paper
from tests.ledger.faults import Crash, FakeClock, Fault, at, on_write
from tests.ledger.threads import THREADS, Thread, in_threads

POLICY = Policy(2, "d", None)
COST, PAID = 700, 10_000_000
ASTRAY = pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
CRASHES = pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
ROUNDS = 8
DAY = int(FakeClock.time_s) // DAY_S
WINDOW = f"abuse/d:{DAY}"


async def settled(books: Books, ledger: Ledger, account: Account) -> Account:
    admission = await books.take(account, COST)
    receipt = paper(account, admission.hold, COST)
    return await settle(ledger, admission.account, admission.hold, receipt, POLICY)


async def voided(books: Books, ledger: Ledger, account: Account) -> Account:
    admission = await books.take(account, COST)
    return await void(ledger, admission.account, admission.hold, admission.counts, POLICY)


async def offended(books: Books, ledger: Ledger, account: Account) -> Account:
    return await abuse.offend(ledger, account, POLICY)


EVERY_WAY = pytest.mark.parametrize("way", [settled, voided, offended], ids=lambda way: way.__name__)


@ASTRAY
@EVERY_WAY
@pytest.mark.parametrize("before", [0, 1])
async def test_case_04_an_offence_whose_answer_went_astray_counts_once(
    books: Books, fault: Fault, way: Callable[[Books, Ledger, Account], Awaitable[Account]], before: int
) -> None:
    """Its own write is recognised; late ones and those sent again, even an hour later, count nothing.

    So they do not when the user was unblocked in between, or offended again.
    """
    account = await books.account(paid=PAID)
    for _ in range(before):
        account = await abuse.offend(books.ledger, account, POLICY)
    ledger, store = books.process(on_write(int(way is settled), fault))
    with suppress(HoldResolved):  # so told by the second answer, where both came
        await way(books, ledger, account)
    after = await books.item(account)
    assert store.struck == 1
    assert (after.number(WINDOW), after.blocked) == (before + 1, FOREVER * before)
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        await store.deliver()
        await store.replay()
        now = await books.item(account)
        assert (now.number(WINDOW), now.blocked) == (before + 1, FOREVER * before)
    await abuse.offend(books.ledger, account, Policy(1000, "d", None))
    await store.replay()
    assert (await books.item(account)).number(WINDOW) == before + 2
    await abuse.unblock(books.ledger, account.account_id)
    await store.replay()
    assert (await books.item(account)).counters == {}


@CRASHES
async def test_case_03_a_crash_anywhere_in_a_settle_counts_its_offence_by_the_receipt(
    books: Books, fault: Fault
) -> None:
    """Where the receipt was put the offence counts, once, by whoever heals; where it was not, there was none."""
    for number in count():
        account = await abuse.offend(books.ledger, await books.account(paid=PAID), POLICY)
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await settled(books, ledger, account)
        after = await books.healed(account)
        outcomes = {receipt.outcome: bool(receipt.offence) for receipt in await books.receipts(account)}
        charged = outcomes == {"completed": True}
        assert charged or outcomes == {"expired": False}
        assert (after.number(WINDOW), after.blocked, after.spent) == ((2, FOREVER, COST) if charged else (1, 0, 0))
        if not store.struck:
            break
    assert number == 2


async def test_an_offence_that_is_healed_late_counts_when_it_happened(books: Books) -> None:
    """Two days later its window is over and its block was: nobody is refused for it now."""
    account = await books.account(paid=PAID)
    policy = Policy(1, "d", HOUR_S)
    admission = await books.take(account, COST)
    ledger, _ = books.process(on_write(1, Fault.CRASH_BEFORE))
    with pytest.raises(Crash):
        await settle(ledger, admission.account, admission.hold, paper(account, admission.hold, COST), policy)
    books.clock.time_s += 2 * DAY_S
    after = await books.read(account)
    assert (after.number(WINDOW), after.blocked) == (1, admission.hold.expires - 60 + HOUR_S)
    await books.take(after, COST)


async def test_an_offence_that_nobody_answers_is_told_as_unknown(books: Books) -> None:
    """And is not counted: a user is blocked one late rather than one early."""
    account = await books.account(paid=PAID)
    never, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    with pytest.raises(LedgerUnavailable):
        await abuse.offend(never, account, POLICY)
    with pytest.raises(LedgerUnavailable):
        await abuse.block(never, account.account_id, None)
    assert not {WINDOW, "blocked"} & (await books.item(account)).item.keys()


@pytest.mark.parametrize(("ahead_s", "counted"), [(1, 1), (-1, 2)], ids=["newer", "older"])
async def test_an_offence_that_was_lost_before_another_came_is_not_counted_twice(
    books: Books, ahead_s: int, counted: int
) -> None:
    """Whether it was applied nobody can tell once a newer one is there: it is left, and arrives in vain."""
    account = await books.account(paid=PAID)
    ledger, store = books.process(on_write(0, Fault.LATE))
    other = replace(books.ledger, clock=FakeClock(books.clock.now() + ahead_s))

    class Meanwhile(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await abuse.offend(other, await books.item(account), Policy(9, "d", None))

    after = await abuse.offend(replace(ledger, clock=Meanwhile()), account, POLICY)
    await store.deliver()
    assert after.number(WINDOW) == (await books.item(account)).number(WINDOW) == counted


@ASTRAY
async def test_case_04_a_block_or_its_end_whose_answer_went_astray_is_applied_once(books: Books, fault: Fault) -> None:
    """A block that arrives when the user has been let in again does not block them, nor the other way round."""
    account = await books.account(paid=PAID)
    blocking, first = books.process(on_write(0, fault))
    assert (await abuse.block(blocking, account.account_id, None)).blocked == FOREVER
    unblocking, second = books.process(on_write(0, fault))
    assert (await abuse.unblock(unblocking, account.account_id)).blocked == 0
    for _ in range(2):
        await first.deliver()
        await first.replay()
        assert (await books.item(account)).blocked == 0
    await abuse.block(books.ledger, account.account_id, None)
    await second.deliver()
    await second.replay()
    assert (await books.item(account)).blocked == FOREVER


THRESHOLD = 200


async def rush(thread: Thread, account: Account, clock: FakeClock, fates: Counter[str], lock: threading.Lock) -> None:
    """One request after the other, each of which offends: in its settle, its void, or beside what it holds."""
    view, policy = account, Policy(THRESHOLD, "d", 60)
    for number in range(ROUNDS):
        try:
            admission = await admit(thread.ledger, view, ask(COST, view, clock.now()), fresh=False)
        except Forbidden:
            fate = "refused"
        else:
            view, fate = await _offend(thread, admission, policy, number % 3), "offended"
        with lock:
            fates[fate] += 1


async def _offend(thread: Thread, admission: Admission, policy: Policy, way: int) -> Account:
    account, hold = admission.account, admission.hold
    if way == 0:
        return await settle(thread.ledger, account, hold, paper(account, hold, COST), policy)
    if way == 1:
        return await void(thread.ledger, account, hold, admission.counts, policy)
    account = await void(thread.ledger, account, hold, admission.counts)
    return await abuse.offend(thread.ledger, account, policy)


@pytest.mark.timeout(300)
async def test_64_threads_that_offend_are_blocked_at_exactly_the_threshold(books: Books) -> None:
    """Of 512 requests as many offend as were admitted before the block; every one of them counts, once."""
    account = await books.account(paid=PAID)
    fates: Counter[str] = Counter()
    lock = threading.Lock()
    clock = books.clock
    work = (books.test.settings, clock, lambda thread: rush(thread, account, clock, fates, lock), 4)
    await asyncio.to_thread(in_threads, *work)
    after = await books.read(account)
    check(after)
    assert fates.total() == THREADS * ROUNDS
    assert THRESHOLD <= fates["offended"] < THRESHOLD + THREADS
    assert (after.number(WINDOW), after.blocked) == (fates["offended"], clock.now() + 60)
    assert (await audit_account(books.ledger, after.account_id)).drift == 0
