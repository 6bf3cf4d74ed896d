"""A hold is resolved once: settled, voided or expired; whoever comes second is told (case 5)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from functions.ledger import receipts, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.receipts import Receipt
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.windows import MINUTE_S, Limit
from tests.ledger.arrange import Books, ask, check, paper

TRIAL = 10_000
HOLD = 1000
COST = 300
MINUTE, DAY = Limit("m", 60, "requests a minute"), Limit("d", 60, "requests a day")

Resolve = Callable[[Books, Admission], Coroutine[Any, Any, Account]]


async def settling(books: Books, admission: Admission) -> Account:
    account, hold = admission.account, admission.hold
    return await settle(books.ledger, account, hold, paper(account, hold, COST))


async def settling_otherwise(books: Books, admission: Admission) -> Account:
    account, hold = admission.account, admission.hold
    return await settle(books.ledger, account, hold, paper(account, hold, COST + 1))


async def voiding(books: Books, admission: Admission) -> Account:
    return await void(books.ledger, admission.account, admission.hold, admission.counts)


WAYS = {"settle": settling, "settle otherwise": settling_otherwise, "void": voiding}
PAIRS = [(first, second) for first in WAYS for second in WAYS]


async def admitted(books: Books) -> Admission:
    account = await books.account(TRIAL)
    return await admit(books.ledger, account, ask(HOLD, account, books.clock.now(), MINUTE, DAY), fresh=False)


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{second} after {first}" for first, second in PAIRS])
async def test_case_05_whoever_resolves_a_hold_second_is_told_and_changes_nothing(
    books: Books, first: str, second: str
) -> None:
    """Settle twice, void after settle, settle after void: the first wins, the second gets HoldResolved."""
    admission = await admitted(books)
    await WAYS[first](books, admission)
    before = await books.item(admission.account)
    with pytest.raises(HoldResolved):
        await WAYS[second](books, admission)
    assert (await books.item(admission.account)).item == before.item
    check(before)
    assert before.spent == {"settle": COST, "settle otherwise": COST + 1, "void": 0}[first]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{first} and {second}" for first, second in PAIRS])
async def test_case_05_of_two_at_once_exactly_one_wins(books: Books, first: str, second: str) -> None:
    """At the same moment, in either order: one resolves the hold, the account shows that one alone."""
    for _ in range(5):
        admission = await admitted(books)
        both = [WAYS[first](books, admission), WAYS[second](books, admission)]
        answers = await asyncio.gather(*both, return_exceptions=True)
        resolved = [answer for answer in answers if isinstance(answer, HoldResolved)]
        assert resolved or first == second == "settle", "two equal settles may both see their own receipt applied"
        after = await books.healed(admission.account)
        papers = await books.receipts(after)
        assert after.spent in (0, COST, COST + 1)
        if after.spent:
            assert [receipt.cost for receipt in papers] == [after.spent]


async def test_case_05_a_settle_after_the_hold_expired_costs_nothing(books: Books) -> None:
    """The healer's receipt came first and decides; the settler learns which one counted."""
    admission = await admitted(books)
    await books.expire()
    await books.read(admission.account)
    with pytest.raises(HoldResolved) as resolved:
        await settling(books, admission)
    assert resolved.value.receipt
    assert (resolved.value.receipt.outcome, resolved.value.receipt.cost) == ("expired", 0)
    after = await books.healed(admission.account)
    assert (after.spent, after.available(books.clock.now())) == (0, TRIAL)


async def test_case_05_an_expired_hold_is_settled_if_nobody_healed_it_yet(books: Books) -> None:
    """A slow stream that ends before anyone reads the account is charged as it should be."""
    admission = await admitted(books)
    await books.expire()
    assert (await settling(books, admission)).spent == COST
    assert (await books.healed(admission.account)).spent == COST


async def test_case_05_settle_against_expiry_at_once_never_both_count(books: Books) -> None:
    """A slow stream and healers meet: the receipt that was put first decides, and the cost is that one's."""
    for _ in range(20):
        admission = await admitted(books)
        await books.expire()
        *ledgers, settler = books.processes(4)
        hold, account = admission.hold, admission.account
        healers = [tidy.read(ledger, account.account_id) for ledger in ledgers]
        settled = settle(settler, account, hold, paper(account, hold, COST))
        await asyncio.gather(healers[0], settled, *healers[1:], return_exceptions=True)
        after = await books.healed(admission.account)
        (receipt,) = await books.receipts(after)
        assert (receipt.outcome, after.spent) in (("completed", COST), ("expired", 0))


async def test_case_05_a_settler_that_finds_another_receipt_settles_by_that_one(books: Books) -> None:
    """Rule 2: the healer had put its receipt and not yet touched the account; the settler charges what it says."""
    admission = await admitted(books)
    hold, now = admission.hold, int(books.clock.now())
    expired = Receipt(admission.account.account_id, hold.hold_id, now, now, "expired", cost=0, hold=hold.amount)
    await receipts.put(books.ledger, expired)
    with pytest.raises(HoldResolved) as resolved:
        await settling(books, admission)
    assert resolved.value.receipt == expired
    after = await books.item(admission.account)
    assert (after.spent, after.held(), after.available(books.clock.now())) == (0, 0, TRIAL)


async def test_case_05_readers_that_find_the_same_things_due_do_each_once(books: Books) -> None:
    """Ten at once find an expired hold and a lot that is over: one receipt, everything expired once."""
    account = await books.account(TRIAL, paid=HOLD, lasts_s=30)
    await books.take(account, HOLD)
    await books.expire()
    for after in await asyncio.gather(*(tidy.read(ledger, account.account_id) for ledger in books.processes(10))):
        check(after)
        assert (after.lots, after.holds, after.expired, after.paid) == ({}, {}, TRIAL, HOLD)
    assert len(await books.receipts(account)) == 1
    over = await books.account(TRIAL, lasts_s=30)
    await books.expire()
    for after in await asyncio.gather(*(tidy.read(ledger, over.account_id) for ledger in books.processes(10))):
        check(after)
        assert after.expired == TRIAL


async def test_case_05_a_void_after_expiry_is_told_so(books: Books) -> None:
    """Nothing is given back twice."""
    admission = await admitted(books)
    await books.expire()
    await books.read(admission.account)
    with pytest.raises(HoldResolved):
        await voiding(books, admission)
    assert (await books.healed(admission.account)).available(books.clock.now()) == TRIAL


async def test_a_void_gives_back_only_counters_whose_period_is_current(books: Books) -> None:
    """Rule 6: the day that goes on gets its request back; the minute that is over does not, nor does the new one."""
    admission = await admitted(books)
    minute = int(books.clock.now()) // MINUTE_S
    books.clock.time_s += MINUTE_S
    await voiding(books, admission)
    after = await books.item(admission.account)
    check(after)
    assert after.counters == {f"m:{minute}": 1, f"d:{int(books.clock.now()) // 86400}": 0}


async def test_what_comes_back_goes_where_it_came_from(books: Books) -> None:
    """Rule 4: lots are spent first; the rest returns to its lot, to paid, or to `expired` if the lot is over."""
    account = await books.account(HOLD, paid=HOLD, lasts_s=30)
    admission = await books.take(account, HOLD + 400)
    assert (admission.hold.lots, admission.hold.paid) == ({"trial": HOLD}, 400)
    after = await settle(books.ledger, account, admission.hold, paper(account, admission.hold, 600))
    assert (after.lots["trial"].left, after.paid, after.spent) == (HOLD - 600, HOLD, 600)
    check(after)
    admission = await books.take(after, HOLD)
    books.clock.time_s += 31
    after = await settle(books.ledger, account, admission.hold, paper(account, admission.hold, 100))
    check(after)
    assert (after.expired, after.paid) == (HOLD - 600 - 100, HOLD)
    assert (await books.healed(account)).lots == {}


async def test_a_lot_that_is_gone_by_the_time_of_the_settle_is_not_made_again(books: Books) -> None:
    """The view that the settler has still shows the lot; the write finds it gone, and counts the rest as expired."""
    account = await books.account(HOLD, lasts_s=30)
    admission = await books.take(account, 600)
    books.clock.time_s += 31
    await books.read(account)
    books.clock.time_s -= 31  # the settler's clock is behind
    after = await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, 100))
    check(after)
    assert (after.lots, after.expired, after.spent) == ({}, HOLD - 100, 100)


@pytest.mark.parametrize("cost", [-1, HOLD + 1])
async def test_a_cost_that_no_hold_covers_is_never_applied(books: Books, cost: int) -> None:
    """A receipt of less than nothing or more than its hold is a fault of ours, and stops before the account."""
    admission = await admitted(books)
    with pytest.raises(ValueError, match="between nothing and its hold"):
        await settle(books.ledger, admission.account, admission.hold, paper(admission.account, admission.hold, cost))
    assert (await books.item(admission.account)).held() == HOLD
    assert await books.receipts(admission.account) == []
