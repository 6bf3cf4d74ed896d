"""Around a minute's turn clocks that differ count in two minutes at once: no room is lost, none is made."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from functions.errors import RateLimited
from functions.ledger.counters import count_one
from functions.ledger.store import Item, Ledger, Store
from functions.ledger.windows import MINUTE_S, Limit
from tests.ledger.arrange import Books
from tests.ledger.faults import FakeClock

TURN_S = 1_800_000_060.0


@dataclass
class Skewed:
    """A clock that is ahead of another, or behind it."""

    clock: FakeClock
    by_s: float

    def now(self) -> float:
        return self.clock.now() + self.by_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def processes(books: Books) -> tuple[Ledger, Ledger]:
    """One whose clock is half a second ahead at a minute's turn, and one whose is half a second behind."""
    books.clock.time_s = TURN_S
    fast, slow = (replace(books.ledger, clock=Skewed(books.clock, by_s)) for by_s in (0.5, -0.5))
    return fast, slow


@dataclass
class Overtaken:
    """A store whose every write comes after somebody else has counted in the same scope."""

    store: Store
    other: Callable[[], Awaitable[object]]

    async def call(self, operation: str, request: Item) -> Item:
        if operation == "UpdateItem":
            await self.other()
        return await self.store.call(operation, request)


async def test_with_room_nobody_is_refused_while_others_still_count_in_the_minute_before(books: Books) -> None:
    """Whatever the fast process has seen of the old minute, the slow one has counted there since: it gets in anyway."""
    fast, slow = processes(books)
    limit = (Limit("m", 10**6, "requests a minute"),)
    in_old_minute = replace(slow, clock=Skewed(books.clock, -20))  # so far back that it does not look at the new one
    overtaken = replace(fast, store=Overtaken(fast.store, lambda: count_one(in_old_minute, "ip/overtaken", limit, {})))
    seen: dict[str, int] = {}
    for _ in range(20):
        await count_one(overtaken, "ip/overtaken", limit, seen)
    counted = sorted(seen.values())
    assert counted == [20, 20]  # every try was the first, and every one of the other's is in the old minute


async def test_a_clock_that_is_behind_lets_no_second_limit_in(books: Books) -> None:
    """The fast one has filled the new minute: the slow one, by its own clock still in the old one, is refused."""
    fast, slow = processes(books)
    limit = (Limit("m", 10, "requests a minute"),)
    for _ in range(10):
        await count_one(fast, "ip/behind", limit, {})
    admitted = 0
    for _ in range(10):
        try:
            await count_one(slow, "ip/behind", limit, {})
        except RateLimited:
            continue
        admitted += 1
    assert admitted == 0


async def test_growth_of_the_minute_before_is_never_forgotten(books: Books) -> None:
    """Seen empty, it fills up meanwhile: the write that supposed otherwise is refused and made again, exactly."""
    books.clock.time_s = TURN_S + 1
    limit = (Limit("m", 10, "requests a minute"),)
    old = replace(books.ledger, clock=Skewed(books.clock, -2))
    for _ in range(10):
        await count_one(old, "ip/grown", limit, {})
    admitted = 0
    for _ in range(10):
        try:
            await count_one(books.ledger, "ip/grown", limit, {})
        except RateLimited:
            continue
        admitted += 1
    assert admitted == 0
    assert TURN_S % MINUTE_S == 0
