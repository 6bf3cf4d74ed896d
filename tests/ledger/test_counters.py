"""Counters beside accounts: exact across processes, and closed when they cannot be reached."""

import asyncio

import pytest

from functions.errors import FareboxError, LedgerUnavailable, RateLimited
from functions.ledger.counters import KEPT_S, count_one
from functions.ledger.store import Item
from functions.ledger.windows import MINUTE_S, Limit
from tests.ledger.arrange import Books
from tests.ledger.faults import Fault

LIMIT = (Limit("m", 7, "requests a minute from one address"),)
CROWD = 200


async def stored(books: Books, scope: str) -> Item:
    request = {"TableName": books.ledger.table("windows"), "Key": {"scope": {"S": scope}}, "ConsistentRead": True}
    item: Item = (await books.ledger.store.call("GetItem", request)).get("Item", {})
    return item


async def rush(books: Books, scope: str, count: int = CROWD) -> list[str]:
    """`count` requests at once from two processes, each with a memory of its own; the names of their fates."""
    processes = [books.process()[0], books.process()[0]]
    seen: list[dict[str, int]] = [{}, {}]

    async def one(which: int) -> str:
        try:
            await count_one(processes[which], scope, LIMIT, seen[which])
        except FareboxError as error:
            return type(error).__name__
        return "counted"

    return await asyncio.gather(*(one(number % 2) for number in range(count)))


async def test_of_200_at_once_from_two_processes_exactly_the_limit_is_counted(books: Books) -> None:
    """The counter lives in the table: however many processes there are, 7 is 7."""
    fates = await rush(books, "ip/exact")
    assert (fates.count("counted"), fates.count("RateLimited")) == (7, CROWD - 7)
    assert (await stored(books, "ip/exact"))[f"m:{int(books.clock.now()) // MINUTE_S}"] == {"N": "7"}


async def test_at_the_turn_two_processes_let_in_what_the_minute_before_leaves(books: Books) -> None:
    """In the middle of the next minute half of 7, rounded up, still counts: 3 get in, whatever each remembers."""
    await rush(books, "ip/turn")
    books.clock.time_s += MINUTE_S
    assert books.clock.now() % MINUTE_S == 30
    assert (await rush(books, "ip/turn")).count("counted") == 3


async def test_a_process_that_remembers_nothing_is_refused_by_the_table(books: Books) -> None:
    """A new process starts with an empty memory; the write finds the window full."""
    await rush(books, "ip/new")
    with pytest.raises(RateLimited) as limited:
        await count_one(books.ledger, "ip/new", LIMIT, {})
    assert limited.value.headers["retry-after"] == str(limited.value.retry_after_s)
    assert limited.value.headers["x-ratelimit-limit-requests"] == "7"
    assert limited.value.headers["x-ratelimit-remaining-requests"] == "0"


async def test_a_flood_from_one_address_costs_no_writes(books: Books) -> None:
    """A window that was full still is: once a process has seen it, it does not ask again before there is room."""
    ledger, store = books.process()
    seen: dict[str, int] = {}
    for _ in range(7):
        await count_one(ledger, "ip/flood", LIMIT, seen)
    before = len(store.calls)
    for _ in range(50):
        with pytest.raises(RateLimited):
            await count_one(ledger, "ip/flood", LIMIT, seen)
    assert len(store.calls) == before


async def test_windows_long_past_leave_the_item_and_ttl_ends_it(books: Books) -> None:
    """Three minutes later the name is gone; an item nobody counts in is dropped days after its last count."""
    seen: dict[str, int] = {}
    await count_one(books.ledger, "ip/stale", LIMIT, seen)
    books.clock.time_s += MINUTE_S
    await count_one(books.ledger, "ip/stale", LIMIT, seen)
    assert len(seen) == 2
    books.clock.time_s += MINUTE_S
    await count_one(books.ledger, "ip/stale", LIMIT, seen)
    assert len(seen) == 3
    books.clock.time_s += MINUTE_S
    await count_one(books.ledger, "ip/stale", LIMIT, seen)
    item = await stored(books, "ip/stale")
    minute = int(books.clock.now()) // MINUTE_S
    assert sorted(item) == sorted(["scope", "ttl", *(f"m:{minute - ago}" for ago in range(3))])
    assert int(item["ttl"]["N"]) == (minute + 1) * MINUTE_S + KEPT_S


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.CONFLICT, Fault.TWICE, Fault.LATE])
async def test_case_04_a_count_that_went_wrong_never_lets_more_in_than_the_limit(books: Books, fault: Fault) -> None:
    """Counted twice at worst: refused early, never late."""
    scope = f"ip/{fault.name}"
    ledger, store = books.process(lambda index, call: fault if index % 2 == 0 else None)
    counted = 0
    for _ in range(20):
        try:
            await count_one(ledger, scope, LIMIT, {})
        except RateLimited:
            continue
        counted += 1
    await store.deliver()
    used = int((await stored(books, scope))[f"m:{int(books.clock.now()) // MINUTE_S}"]["N"])
    assert 1 <= counted <= used <= 7


@pytest.mark.parametrize("fault", [Fault.LOST_CALL, Fault.CONFLICT])
async def test_case_08_without_the_table_nobody_gets_in(books: Books, fault: Fault) -> None:
    """Closed, not open: unknown means no, after a bounded number of tries."""
    ledger, store = books.process(lambda index, call: fault)
    with pytest.raises(LedgerUnavailable):
        await count_one(ledger, "ip/down", LIMIT, {})
    assert len(store.calls) <= 6
