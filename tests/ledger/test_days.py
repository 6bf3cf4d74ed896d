"""Days: what is summed while they last, and how they leave the account when they are over."""

import asyncio

from functions.ledger import tidy
from functions.ledger.account import Account
from functions.ledger.pages import DayTotals
from functions.ledger.settle import settle
from functions.ledger.windows import DAY_S
from tests.ledger.arrange import Books, check, paper
from tests.ledger.faults import Fault, at

COST = 300


async def use(books: Books, account: Account, requests: int = 1) -> Account:
    """So many requests of 3 tokens in, 4 out."""
    for _ in range(requests):
        admission = await books.take(account, 1000)
        receipt = paper(account, admission.hold, COST, input=3, output=4)
        account = await settle(books.ledger, admission.account, admission.hold, receipt)
    return account


def today(books: Books) -> int:
    return int(books.clock.now()) // DAY_S


async def test_a_day_is_moved_once_though_many_tidy_at_once(books: Books) -> None:
    """Ten readers find the day over: its totals are in `days` once, and gone from the account."""
    account = await use(books, await books.account(50_000), 5)
    day = today(books)
    books.clock.time_s += 2 * DAY_S
    readers = [tidy.read(ledger, account.account_id) for ledger in books.processes(10)]
    for after in await asyncio.gather(*readers):
        check(after)
        assert after.days == {}
        assert books.days(after) == [DayTotals(day, 5, 15, 20, 5 * COST)]


async def test_a_day_stays_open_until_every_clock_has_left_it(books: Books) -> None:
    """Settles add to the day of their own clock: two hours after midnight nobody adds to yesterday."""
    account = await use(books, await books.account(50_000))
    day = today(books)
    books.clock.time_s = (day + 1) * DAY_S + 2 * 3600 - 1
    assert list((await books.read(account)).days) == [day]
    books.clock.time_s += 1
    assert (await books.read(account)).days == {}


async def test_a_page_adds_what_is_open_to_what_is_closed(books: Books) -> None:
    """A settle that arrives when its day is closed opens it again; the page shows one day with both parts."""
    account = await use(books, await books.account(50_000), 2)
    day = today(books)
    books.clock.time_s += DAY_S
    after = await books.read(await use(books, account, 3))
    assert list(after.days) == [day + 1]
    books.clock.time_s -= DAY_S  # a clock far behind
    after = await use(books, after)
    assert sorted(after.days) == [day, day + 1]
    expected = [DayTotals(day, 3, 9, 12, 3 * COST), DayTotals(day + 1, 3, 9, 12, 3 * COST)]
    books.clock.time_s += DAY_S
    assert books.days(after) == expected
    books.clock.time_s += DAY_S
    after = await books.read(account)
    assert after.days == {}
    assert books.days(after) == expected


async def test_a_page_shows_the_days_that_were_asked_for(books: Books) -> None:
    """Oldest first, bounds included, open days as well as closed ones."""
    account = await books.account(50_000)
    first = today(books)
    for _ in range(4):
        account = await use(books, account)
        books.clock.time_s += DAY_S
    account = await books.read(account)
    assert [day.day for day in books.days(account)] == [first, first + 1, first + 2, first + 3]
    assert [day.day for day in books.days(account, back=2)] == [first + 2, first + 3]
    books.clock.time_s += 30 * DAY_S
    assert books.days(account, back=2) == []


async def test_case_04_a_day_whose_move_was_lost_midway_is_moved_by_the_next_reader(books: Books) -> None:
    """The transaction is all or nothing, so whoever reads next finds it done or still to do."""
    account = await use(books, await books.account(50_000))
    day = today(books)
    books.clock.time_s += 2 * DAY_S
    for fault in (Fault.LOST_CALL, Fault.CONFLICT, Fault.LOST_ANSWER):
        ledger, _ = books.process(at(1, fault))
        await tidy.read(ledger, account.account_id)
    assert books.days(await books.read(account)) == [DayTotals(day, 1, 3, 4, COST)]


async def test_an_expired_hold_counts_as_a_request_that_cost_nothing(books: Books) -> None:
    """What crashed is in the day's requests, with no tokens and no cost."""
    account = await books.account(50_000)
    await books.take(account, 1000)
    await books.expire()
    after = await books.read(account)
    assert after.days == {today(books): {"requests": 1}}
    assert books.days(after) == [DayTotals(today(books), 1)]
