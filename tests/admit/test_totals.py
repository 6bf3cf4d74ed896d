"""The limits of a whole project: exact over processes and shards, and given back where nothing came of a request."""

import asyncio
import random
import secrets
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.admit.totals import Counted, Totals, share
from functions.errors import RateLimited
from functions.ledger.counters import give_back
from functions.ledger.store import Item, Ledger
from functions.ledger.windows import MINUTE_S, Limit, is_counter
from tests.ledger.arrange import Books
from tests.ledger.faults import Fault, FaultyStore, on_write

CROWD = 200
FULL = 7
SHARDS = [1, 3]
HOUR = Limit("h", FULL, "requests an hour for the whole project")
MINUTE = Limit("m", FULL, "requests a minute for the whole project")


class Project:
    """One project, counted by two processes that each remember what they last saw."""

    def __init__(self, books: Books, *limits: Limit, shards: int = 1) -> None:
        self.books, self.name = books, secrets.token_hex(8)
        self.ledgers: list[Ledger] = [books.process()[0] for _ in range(2)]
        self.totals = [Totals(self.name, limits, shards) for _ in range(2)]
        self.scopes = [scope for scope, _, _ in self.totals[0].shards]

    async def ask(self, process: int) -> Counted | None:
        """Where a request was counted, None where it was refused."""
        try:
            return await self.totals[process].count(self.ledgers[process])
        except RateLimited:
            return None

    async def rush(self, count: int) -> list[Counted]:
        """So many at once, through both processes; those that were counted."""
        answers = await asyncio.gather(*(self.ask(turn % 2) for turn in range(count)))
        return [counted for counted in answers if counted]

    async def back(self, process: int, counted: Counted) -> None:
        await give_back(self.ledgers[process], counted.scope, counted.counts)

    async def used(self, period: str = "") -> list[int]:
        """The counters of every shard, in a window of this letter."""
        return [value for scope in self.scopes for value in values(await stored(self.books, scope), period)]


async def stored(books: Books, scope: str) -> Item:
    request = {"TableName": books.ledger.table("windows"), "Key": {"scope": {"S": scope}}, "ConsistentRead": True}
    item: Item = (await books.ledger.store.call("GetItem", request)).get("Item", {})
    return item


def values(item: Item, period: str) -> Iterable[int]:
    return (int(value["N"]) for name, value in item.items() if is_counter(name) and name.startswith(period))


@pytest.mark.parametrize(
    ("limit", "shards"), [(HOUR, 1), (Limit("M", FULL, "a month", "key"), 3), (Limit("t", FULL, "in all"), 10)]
)
async def test_of_200_at_once_from_two_processes_exactly_the_limit_is_counted(
    books: Books, limit: Limit, shards: int
) -> None:
    """However many shards: 7 is 7, none is refused while one has room, and none of them holds more than its part."""
    project = Project(books, limit, shards=shards)
    many = CROWD if shards == 1 else FULL
    assert len(await project.rush(many)) == sum(await project.used()) == FULL
    assert max(await project.used()) <= -(-FULL // shards)
    assert await project.ask(0) is await project.ask(1) is None


async def test_of_several_limits_all_are_counted_or_none(books: Books) -> None:
    """The smallest decides, and those it refused are in no other window."""
    limits = (HOUR, Limit("d", 5, "a day"), Limit("d", 4, "a day of keys", "key"), Limit("M", 100, "a month"))
    project = Project(books, *limits)
    assert len(await project.rush(12)) == 4
    assert await project.used() == [4] * 4


async def test_a_refusal_names_the_whole_limit_whatever_the_shards(books: Books) -> None:
    """Shards are nobody's business: the refusal says the limit of the project."""
    project = Project(books, HOUR, shards=3)
    await project.rush(30)
    with pytest.raises(RateLimited, match=f"^Limit reached: {FULL} requests an hour for the whole project") as refused:
        await project.totals[0].count(project.ledgers[0])
    assert refused.value.headers["x-ratelimit-limit-requests"] == str(FULL)


@pytest.mark.parametrize(("limit", "shards"), [(1, 2), (2, 3), (3, 64), (7, 3)])
async def test_after_waiting_as_long_as_it_is_told_a_request_is_admitted(books: Books, limit: int, shards: int) -> None:
    """Retry-After is true with shards too, also where there are more of them than requests."""
    for kind in ("m", "h"):
        project = Project(books, Limit(kind, limit, "requests"), shards=shards)
        assert len(await project.rush(limit + 2)) == limit
        with pytest.raises(RateLimited) as refused:
            await project.totals[0].count(project.ledgers[0])
        books.clock.time_s += refused.value.wait_s
        assert await project.ask(1)


@given(st.integers(0, 10**12), st.integers(1, 64))
def test_the_parts_of_the_shards_are_the_limit(limit: int, shards: int) -> None:
    """They add up to it exactly, and none is more than one larger than another."""
    parts = [share((Limit("h", limit, "x", "key"),), shard, shards)[0] for shard in range(shards)]
    assert sum(part.limit for part in parts) == limit
    assert max(part.limit for part in parts) - min(part.limit for part in parts) <= 1
    assert {(part.period, part.name, part.group) for part in parts} == {("h", "x", "key")}


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("later_s", [0, 20, 31, 59])
async def test_in_the_next_minute_shards_refuse_at_most_so_many_early(books: Books, shards: int, later_s: int) -> None:
    """What is left of the last minute is rounded up by each shard: early by less than a request each, never late."""
    limit = Limit("m", 40, "requests a minute for the whole project")
    project = Project(books, limit, shards=shards)
    assert len(await project.rush(40)) == 40
    books.clock.time_s += MINUTE_S - books.clock.now() % MINUTE_S + later_s
    exact = 40 - -(-40 * (MINUTE_S - later_s) // MINUTE_S)
    fits = len(await project.rush(44))
    assert exact - shards < fits <= exact


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("shards", SHARDS)
async def test_any_counting_and_giving_back_keeps_the_limit(books: Books, shards: int, seed: int) -> None:
    """Random requests of two processes, many given back by either: exact at every step, refused only when full."""
    chance, project, inside = random.Random(seed), Project(books, HOUR, shards=shards), list[Counted]()
    for _ in range(60):
        process = chance.randrange(2)
        if inside and chance.random() < 0.4:
            await project.back(process, inside.pop(chance.randrange(len(inside))))
        elif counted := await project.ask(process):
            inside.append(counted)
        else:
            assert len(inside) == FULL
        assert len(inside) <= FULL
    used = await project.used()
    assert sum(used) == len(inside)
    assert min(used, default=0) >= 0


async def test_counting_and_giving_back_at_once_keeps_the_limit(books: Books) -> None:
    """100 that come and go at the same time: never more inside than the limit, and nothing is left behind."""
    project, inside, most = Project(books, HOUR, shards=2), 0, 0

    async def one(turn: int) -> None:
        nonlocal inside, most
        if counted := await project.ask(turn % 2):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            await project.back(1 - turn % 2, counted)

    await asyncio.gather(*(one(turn) for turn in range(CROWD // 2)))
    assert 0 < most <= FULL
    assert set(await project.used()) == {0}


async def test_room_given_back_by_another_process_is_found(books: Books) -> None:
    """Rule 5: a process that saw the windows full asks again before it refuses."""
    project = Project(books, HOUR, shards=2)
    counted = await project.rush(30)
    assert await project.ask(0) is None
    await project.back(1, counted[0])
    assert await project.ask(0) is not None
    assert await project.ask(0) is None


async def test_a_full_project_costs_reads_and_no_writes(books: Books) -> None:
    """A flood at a full project reads one item a shard, and writes nothing."""
    ledger, store = books.process()
    totals = Totals(secrets.token_hex(8), (HOUR,))
    for _ in range(FULL):
        await totals.count(ledger)
    before = len(store.calls)
    for _ in range(20):
        with pytest.raises(RateLimited):
            await totals.count(ledger)
    assert [call.operation for call in store.calls[before:]] == ["GetItem"] * 20


async def test_given_back_twice_or_never_counted_it_is_never_negative(books: Books) -> None:
    """A counter stops at nothing; a window that is over is left alone."""
    project = Project(books, HOUR, MINUTE)
    counted = await project.ask(0)
    assert counted
    for process in (0, 1, 0):
        await project.back(process, counted)
        assert await project.used() == [0, 0]
    counted = await project.ask(0)
    assert counted
    books.clock.time_s += MINUTE_S
    await project.back(0, counted)
    assert (await project.used("h"), await project.used("m")) == ([0], [1])
    await give_back(books.ledger, "project/of-nobody", counted.counts)
    assert await stored(books, "project/of-nobody") == {}


LOST = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.CONFLICT]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("strikes", ["count", "give back"])
async def test_with_lost_answers_a_limit_is_refused_early_and_never_late(
    books: Books, strikes: str, fault: Fault
) -> None:
    """Whatever is lost, of counting or giving back: inside are never more than the limit, no counter is negative."""
    project, inside = Project(books, HOUR), 0
    stores = [FaultyStore(ledger.store, on_write(0, fault)) for ledger in project.ledgers]
    sound = project.ledgers
    faulty = [replace(ledger, store=store) for store, ledger in zip(stores, sound, strict=True)]
    for turn in range(4 * FULL):
        project.ledgers = faulty if strikes == "count" else sound
        if counted := await project.ask(turn % 2):
            inside += 1
            if turn % 2:
                project.ledgers = faulty if strikes == "give back" else sound
                await project.back(turn % 4 == 1, counted)
                inside -= 1
        assert inside <= FULL
        assert min(await project.used()) >= 0
        assert sum(await project.used()) <= FULL
    for store in stores:
        await store.deliver()
    assert inside <= sum(await project.used()) <= FULL
    assert any(store.struck for store in stores)
    assert inside >= FULL - 2
