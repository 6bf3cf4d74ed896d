"""Statistics summed in memory and written beside: what went in comes out, and nobody waits for it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import BadRequest, FareboxError, Forbidden, RateLimited, Unauthenticated
from functions.ledger import usage
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Item, Ledger, NotApplied, Rejected
from functions.ledger.usage import DayUse
from functions.ledger.windows import DAY_S, HOUR_S
from functions.tally import CLOSES_WITHIN_S, EVERY_S, PLACES_MAX, Tally
from tests.simulation import loop
from tests.simulation.table import FakeDynamoDB, schemas

NOON_S = 20_779 * DAY_S + 12 * HOUR_S
PROJECT = "a1b2c3d4e5f6"
ERRORS: tuple[Callable[[], FareboxError], ...] = (
    Unauthenticated,
    lambda: RateLimited("requests a minute", 3, 9),
    lambda: Forbidden("no", code="model_not_allowed"),
    lambda: BadRequest("What a client wrote.", param="what a client wrote"),
    lambda: FareboxError("a fault of ours"),
)


@dataclass
class Desk:
    """Tables that fail as told, and a clock that goes with the loop's; the ledger of one or more processes."""

    tables: FakeDynamoDB = field(default_factory=lambda: FakeDynamoDB(schemas("")))
    fails: Callable[[], Exception | None] = lambda: None
    takes_s: float = 0.0
    begins_s: float = NOON_S
    calls: list[Item] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    clock_off_s: float = 0.0

    def now(self) -> float:
        return self.begins_s + asyncio.get_running_loop().time() + self.clock_off_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(self, operation: str, request: Item) -> Item:
        if operation != "UpdateItem":
            return await self.tables.call(operation, request)
        self.calls.append(request)
        self.at.append(asyncio.get_running_loop().time())
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        if error := self.fails():
            raise error
        return await self.tables.call(operation, request)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self, self, Random(1).randbytes, "")

    def days(self) -> list[DayUse]:
        items = self.tables.items("windows").values()
        return sorted((usage.from_item(item) for item in items), key=lambda one: one.day)

    def count(self, of: Callable[[DayUse], int] = lambda day: day.requests) -> int:
        return sum(of(day) for day in self.days())


def receipt(**fields: Any) -> Receipt:
    given: dict[str, Any] = {"outcome": "completed", "cost": 7, "hold": 9, "input": 3, "output": 2, "model": "m"}
    return Receipt(f"{PROJECT}/1", "r", 0, 0, **given | fields)


def played(story: Callable[[Desk], Any], **more: Any) -> Desk:
    """A story told on a loop without waiting."""
    desk = Desk(**more)
    loop.run(story(desk))
    return desk


def test_what_comes_after_a_quiet_while_is_written_at_once() -> None:
    """On Lambda nothing runs after an answer for sure; what comes within seconds of it goes together, in one write."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        tally.answered(PROJECT, receipt())
        await asyncio.sleep(0.01)
        assert len(desk.calls) == 1
        for _ in range(50):
            tally.answered(PROJECT, receipt())
            tally.refused(PROJECT, Unauthenticated())
            await asyncio.sleep(0.01)
        assert len(desk.calls) == 1
        await asyncio.sleep(EVERY_S)
        assert len(desk.calls) == 2
        await asyncio.sleep(100)
        assert len(desk.calls) == 2

    desk = played(story)
    (day,) = desk.days()
    assert (day.requests, day.cost, day.input, day.output) == (51, 51 * 7, 51 * 3, 51 * 2)
    assert (day.refused, day.outcomes) == ({"invalid_api_key": 50}, {"completed": 51})
    assert day.requests_by_hour == {12: 51}


def test_a_process_that_slept_writes_with_its_next_request() -> None:
    """A frozen process's timer does not go off, but its clock goes on: the next request finds it due."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        for _ in range(2):
            tally.answered(PROJECT, receipt())
        await asyncio.sleep(0.01)
        desk.clock_off_s = 3600  # while the loop's own clock stood still
        tally.answered(PROJECT, receipt())
        await asyncio.sleep(0.01)

    desk = played(story)
    assert desk.days()[0].requests_by_hour == {12: 2, 13: 1}


def test_a_loop_that_stands_still_between_requests_loses_nothing() -> None:
    """As functions/whole.py has it: a write that was begun goes on in the next invocation, with its own timer."""
    desk = Desk()

    async def invocation(tally: Tally) -> None:
        tally.refused(PROJECT, Unauthenticated())

    with asyncio.Runner() as runner:
        tally = Tally(desk.ledger)
        for _ in range(3):
            runner.run(invocation(tally))
            desk.clock_off_s += EVERY_S
        runner.run(asyncio.sleep(0.01))
    assert desk.days()[0].refused == {"invalid_api_key": 3}


def test_an_unknown_project_counts_nowhere() -> None:
    """A key that the process has heard nothing of makes no write."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        tally.refused("", Unauthenticated())
        await tally.close()

    assert played(story).calls == []


def test_nothing_that_a_client_wrote_is_kept() -> None:
    """Reasons are codes of ours, or types where there is none: whatever is sent, there are only so many."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        for make in ERRORS:
            tally.refused(PROJECT, make())
        await tally.close()

    names = "gateway_failed", "invalid_api_key", "invalid_request_error", "model_not_allowed", "rate_limit_exceeded"
    (day,) = played(story).days()
    assert day.refused == dict.fromkeys(names, 1)


def test_a_day_ends_at_midnight_and_one_write_is_one_day() -> None:
    """What waits at midnight belongs to the day it came in."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        for pause_s in (0.5, 1, 2, 9):
            tally.answered(PROJECT, receipt())
            await asyncio.sleep(pause_s)
        await tally.close()

    before, after = played(story, begins_s=20_780 * DAY_S - 1.2).days()
    assert (before.day, before.requests_by_hour) == (20_779, {23: 2})
    assert (after.day, after.requests_by_hour) == (20_780, {0: 2})


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from((0.0, 0.3, 2.0, 4.9, 5.1, 700.0)),
            st.sampled_from(("one", "two")),
            st.one_of(
                st.sampled_from(ERRORS),
                st.tuples(st.integers(0, 10**15), st.integers(0, 10**6), st.sampled_from(("completed", "cut"))),
            ),
            st.integers(0, 1),
        ),
        max_size=40,
    ),
    throttled=st.lists(st.booleans(), max_size=30),
    takes_s=st.sampled_from((0.0, 0.4, 6.0)),
)
def test_the_sums_are_what_went_in(events: list[Any], throttled: list[bool], takes_s: float) -> None:
    """By two processes, at whatever times, however long writes take and however often they are turned away."""
    expected: Counter[tuple[str, str]] = Counter()
    turned_away = iter(throttled)
    desk = Desk(takes_s=takes_s, begins_s=NOON_S + 11.9 * HOUR_S)
    desk.fails = lambda: NotApplied("throttled") if next(turned_away, False) else None

    async def story() -> None:
        tallies = [Tally(desk.ledger), Tally(desk.ledger)]
        for pause_s, project, event, process in events:
            await asyncio.sleep(pause_s)
            if callable(event):
                error = event()
                tallies[process].refused(project, error)
                expected[project, error.reason] += 1
            else:
                cost, tokens, outcome = event
                tallies[process].answered(project, receipt(cost=cost, input=tokens, output=1, outcome=outcome))
                for name, number in (("requests", 1), ("cost", cost), ("input", tokens), (outcome, 1)):
                    expected[project, name] += number
        await asyncio.sleep(100 * (EVERY_S + 2 * takes_s))

    loop.run(story())
    found: Counter[tuple[str, str]] = Counter()
    for key, item in desk.tables.items("windows").items():
        project, day = key[0].split("/")[1], usage.from_item(item)
        for name in ("requests", "cost", "input"):
            found[project, name] += getattr(day, name)
        for name, number in {**day.refused, **day.outcomes}.items():
            found[project, name] += number
    assert +found == +expected


def test_a_table_that_is_away_costs_neither_memory_nor_answers(caplog: pytest.LogCaptureFixture) -> None:
    """Days of projects are kept up to a bound, one write is tried at a time, and what was kept is told later."""
    away = True

    async def story(desk: Desk) -> None:
        nonlocal away
        desk.fails = lambda: NotApplied("away") if away else None
        tally = Tally(desk.ledger)
        for _ in range(20):
            for number in range(PLACES_MAX + 500):
                tally.answered(f"project{number}", receipt())
            await asyncio.sleep(EVERY_S + 0.1)
        assert len(desk.calls) < 45
        assert sum(len(names) for names in tally._waiting.values()) <= 5 * PLACES_MAX
        away = False
        await asyncio.sleep(2 * EVERY_S + 1)

    desk = played(story)
    assert 20 * (PLACES_MAX - 1) <= desk.count() <= 20 * PLACES_MAX
    assert not caplog.records


@pytest.mark.parametrize("error", [Ambiguous("lost"), Rejected("not allowed"), RuntimeError("a fault of ours")])
def test_what_may_have_been_written_is_not_written_twice(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Where the answer is lost, or sending again cannot help, that write is dropped, the log says so, others go on."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        failures = iter([error])
        desk.fails = lambda: next(failures, None)
        for _ in range(3):
            tally.answered(PROJECT, receipt())
            await asyncio.sleep(2)
        await asyncio.sleep(10)

    with caplog.at_level(logging.WARNING):
        desk = played(story)
    assert desk.count() == 2
    assert len(caplog.records) == 1
    assert "a fault of ours" not in caplog.text


def test_the_end_writes_what_is_there_and_waits_for_nothing_long() -> None:
    """At SIGTERM what waits is written, also what came while another write was under way; a stuck table is left."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        tally.answered(PROJECT, receipt())
        await asyncio.sleep(0)
        tally.answered(PROJECT, receipt())
        began_s = asyncio.get_running_loop().time()
        await tally.close()
        assert asyncio.get_running_loop().time() - began_s <= CLOSES_WITHIN_S + 0.01

    assert played(story, takes_s=0.1).count() == 2
    assert played(story, takes_s=99).count() == 0
    assert played(story, fails=lambda: NotApplied("away")).count() == 0


def test_nobody_waits_for_a_write() -> None:
    """Counting is no coroutine, and a write that hangs holds up nothing but the next one."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        began_s = asyncio.get_running_loop().time()
        for _ in range(1000):
            tally.answered(PROJECT, receipt())
            await asyncio.sleep(0)
        assert asyncio.get_running_loop().time() == began_s
        assert len(desk.calls) == 1
        await asyncio.sleep(200)

    desk = played(story, takes_s=60)
    assert desk.count() == 1000
    assert len(desk.calls) == 2


def test_a_write_is_of_no_request() -> None:
    """What the log says of it bears no request's ids: it is for many of them."""
    request: ContextVar[str] = ContextVar("request", default="")
    seen: list[str] = []

    async def story(desk: Desk) -> None:
        desk.fails = lambda: seen.append(request.get())
        tally = Tally(desk.ledger)
        request.set("req_1")
        for _ in range(2):
            tally.answered(PROJECT, receipt())
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * EVERY_S)

    played(story)
    assert seen == ["", ""]


def test_a_clock_that_goes_back_stops_nothing() -> None:
    """Statistics go on, whatever a machine's clock does."""

    async def story(desk: Desk) -> None:
        tally = Tally(desk.ledger)
        for _ in range(3):
            tally.answered(PROJECT, receipt())
            await asyncio.sleep(1)
            desk.clock_off_s -= 2 * DAY_S
        await asyncio.sleep(2 * EVERY_S)

    assert played(story).count() == 3
