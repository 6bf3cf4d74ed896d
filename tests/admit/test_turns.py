"""At the turn of every window, in two processes: a second before it refused, at the turn admitted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from functions.admit.totals import Totals
from functions.errors import RateLimited
from functions.ledger.admit import admit
from functions.ledger.windows import Limit
from tests.ledger.arrange import Books, ask

FULL = 3
PLENTY = 1000
NAMES = {letter: f"the limit {letter}" for letter in "mhdwMt"}
TURNS = {
    "hour": ("h", "2027-03-01T10:30:00", "2027-03-01T11:00:00"),
    "the last hour of a day": ("h", "2027-03-01T23:10:00", "2027-03-02T00:00:00"),
    "day": ("d", "2027-03-01T09:00:00", "2027-03-02T00:00:00"),
    "leap day": ("d", "2028-02-29T09:00:00", "2028-03-01T00:00:00"),
    "Sunday to Monday": ("w", "2027-03-03T09:00:00", "2027-03-08T00:00:00"),
    "a week over New Year": ("w", "2027-12-28T09:00:00", "2028-01-03T00:00:00"),
    "a month of 28 days": ("M", "2027-02-02T09:00:00", "2027-03-01T00:00:00"),
    "a month of 29 days": ("M", "2028-02-02T09:00:00", "2028-03-01T00:00:00"),
    "a month of 30 days": ("M", "2027-04-02T09:00:00", "2027-05-01T00:00:00"),
    "a month of 31 days": ("M", "2027-12-02T09:00:00", "2028-01-01T00:00:00"),
    # of 3 in a minute one is free again when two thirds of it weigh: 20 s into the next
    "minute": ("m", "2027-03-01T10:30:05", "2027-03-01T10:31:20"),
    "the last minute of a month": ("m", "2027-02-28T23:59:10", "2027-03-01T00:00:20"),
}
Ask = Callable[[], Awaitable[object]]


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def limits(letter: str, group: str = "") -> tuple[Limit, ...]:
    """All limits there are; the one of this letter is small."""
    return tuple(Limit(period, FULL if period == letter else PLENTY, NAMES[period], group) for period in NAMES)


async def of_an_account(books: Books, letter: str) -> list[Ask]:
    """The requests of one account, through two processes that each remember what they first saw."""
    account = await books.account(paid=10**6)

    def process() -> Ask:
        ledger, _ = books.process()
        seen = account

        async def one() -> None:
            nonlocal seen
            wanted = ask(1, account, books.clock.now(), *limits(letter))
            admission = await admit(ledger, seen, wanted, fresh=False)
            seen = admission.account

        return one

    return [process(), process()]


async def of_a_project(books: Books, letter: str, group: str = "") -> list[Ask]:
    """The requests of everybody, through two processes that each remember what they last saw."""
    project = f"turn-{letter}-{group}-{books.clock.now()}"

    def process() -> Ask:
        ledger, _ = books.process()
        totals = Totals(project, limits(letter, group))
        return lambda: totals.count(ledger)

    return [process(), process()]


async def of_a_method(books: Books, letter: str) -> list[Ask]:
    return await of_a_project(books, letter, "key")


WHOSE = [of_an_account, of_a_project, of_a_method]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("whose", WHOSE)
async def test_a_window_turns_to_the_second(
    books: Books, whose: Callable[[Books, str], Awaitable[list[Ask]]], turn: str
) -> None:
    """Full: both processes refuse until one second before the turn, and at the turn both admit."""
    letter, first, turns = TURNS[turn]
    books.clock.time_s = stamp(first)
    processes = await whose(books, letter)
    for number in range(FULL):
        await processes[number % 2]()
    for moment in (stamp(first), stamp(turns) - 1):
        books.clock.time_s = moment
        for one in processes:
            with pytest.raises(RateLimited) as limited:
                await one()
            assert (limited.value.name, limited.value.limit) == (NAMES[letter], FULL)
            assert moment + limited.value.wait_s == pytest.approx(stamp(turns), abs=1.001)
    books.clock.time_s = stamp(turns)
    fits = 1 if letter == "m" else FULL
    for number in range(fits):
        await processes[number % 2]()
    for one in processes:
        with pytest.raises(RateLimited):
            await one()


@pytest.mark.parametrize("whose", WHOSE)
async def test_a_total_never_turns(books: Books, whose: Callable[[Books, str], Awaitable[list[Ask]]]) -> None:
    """A hundred years later it is as full as it was, and the refusal says that it does not reset."""
    processes = await whose(books, "t")
    for number in range(FULL):
        await processes[number % 2]()
    for _ in range(2):
        for one in processes:
            with pytest.raises(RateLimited, match="It does not reset") as limited:
                await one()
            assert limited.value.retry_after_s is None
        books.clock.time_s += 100 * 365 * 86400


async def test_the_windows_of_an_auth_method_are_its_own(books: Books) -> None:
    """Each method counts apart, everybody's limit counts them all, on one item."""
    project = f"groups-{books.clock.now()}"
    everybody = Limit("h", 5, "all")
    jwt = Totals(project, (everybody, Limit("h", FULL, "jwt", "jwt")))
    key = Totals(project, (everybody, Limit("h", FULL, "key", "key")))
    for _ in range(FULL):
        await jwt.count(books.ledger)
    with pytest.raises(RateLimited) as limited:
        await jwt.count(books.ledger)
    assert limited.value.name == "jwt"
    for _ in range(5 - FULL):
        await key.count(books.ledger)
    with pytest.raises(RateLimited) as limited:
        await key.count(books.ledger)
    assert limited.value.name == "all"
