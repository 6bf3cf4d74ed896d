"""A process of the gateway, its clock, and its way to the tables: every call can meet a fault, and the process can end.

The faults are those a network and DynamoDB have: a call comes late, twice or never, its answer is lost, it is refused
because of a conflict or a throttle, the process pauses or ends before or after it. Which one strikes, the seed says.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from functions.ledger.store import Ambiguous, Item, NotApplied, Refused, StoreError

if TYPE_CHECKING:
    from tests.simulation.request import Request

EPOCH_S = 1_800_000_000
TIMEOUT_S = 3.0
"""After so long a process gives a call up; the call may still arrive."""
LATE_S = (0.2, 2.0, 20.0, 90.0, 400.0, 3600.0)
WRITES = frozenset({"UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems"})

REQUEST: "ContextVar[Request | None]" = ContextVar("request", default=None)
"""Which client's request the running code works for."""


class Crash(BaseException):
    """The process ended here: no `except Exception` may catch it, and nothing after it counts."""


class Fault(Enum):
    """What happens to one call; the value is what the summary calls it."""

    NONE = ""
    CRASH_BEFORE = "crashes before a call"
    CRASH_AFTER = "crashes after a call"
    LOST_CALL = "answers lost before the commit"
    LOST_ANSWER = "answers lost after the commit"
    LATE = "late deliveries"
    TWICE = "duplicated deliveries"
    CONFLICT = "conflicts"
    THROTTLE = "throttles"
    STALL = "stalls"


ODDS = (
    (Fault.CRASH_BEFORE, 0.003),
    (Fault.CRASH_AFTER, 0.004),
    (Fault.LOST_CALL, 0.008),
    (Fault.LOST_ANSWER, 0.02),
    (Fault.LATE, 0.012),
    (Fault.TWICE, 0.012),
    (Fault.CONFLICT, 0.01),
    (Fault.THROTTLE, 0.008),
    (Fault.STALL, 0.006),
)
"""Of one call, where the weather's level is 1."""
CRASH_IN_STREAM, STALE_READ, STALLED_RECEIPT = 0.012, 0.1, 0.03


@dataclass(frozen=True)
class Weather:
    """How often each fault strikes one call, and how long calls take; all 0 is fine weather."""

    level: float = 0.0
    latency_s: float = 0.0


class Table(Protocol):
    """What the simulator needs of the tables."""

    def apply(self, operation: str, request: Item) -> Item: ...


@dataclass
class Call:
    """One operation as a process asked for it. `planned_s` is the process's clock when it was first sent."""

    process: "Process"
    request: "Request | None"
    operation: str
    body: Item
    planned_s: float
    fault: Fault = Fault.NONE

    def __str__(self) -> str:
        body = self.body["TransactItems"][0] if "TransactItems" in self.body else self.body
        body = body if "TableName" in body else next(iter(body.values()))
        return f"{self.process.name} {self.request or 'the world'} {self.operation} {body['TableName']}"


@dataclass
class Stage:
    """What all processes of one simulation share: the tables, chance, and the record of what happened."""

    table: Table
    rng: Random
    weather: Weather = Weather()
    outage_until_s: float = 0.0
    """Until then most calls fail."""
    begins_s: float = EPOCH_S
    """When the simulation begins, in seconds since 1970."""
    active: list["Request"] = field(default_factory=list)
    """Requests that are running."""
    stats: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    current: Call | None = None
    """The call that is being applied."""
    before: dict[str, Item | None] = field(default_factory=dict)
    """What items were before their last change: an eventually consistent read may still see it."""

    def time(self) -> float:
        """True time, in seconds since 1970."""
        return self.begins_s + asyncio.get_running_loop().time()

    def remember(self, table: str, key: tuple[str, ...], before: Item | None) -> None:
        self.before[place(table, key)] = before

    def note(self, text: str) -> None:
        self.trace.append(f"{self.time() - self.begins_s:12.4f} {text}")

    def commit(self, call: Call) -> Item:
        """Apply a call to the tables, now."""
        self.current = call
        try:
            answer = self.table.apply(call.operation, call.body)
        except StoreError as error:
            self.note(f"{call} {call.fault.value}: {type(error).__name__}")
            raise
        finally:
            self.current = None
        self.note(f"{call} {call.fault.value}: done")
        return answer

    def arrive(self, call: Call) -> None:
        """A call whose answer nobody waits for arrives."""
        try:
            self.commit(call)
        except StoreError:
            return


@dataclass
class Process:
    """One process of the gateway: it keeps its own time, and when it has ended nothing of it reaches anybody."""

    stage: Stage
    name: str
    skew_s: float = 0.0
    dead: bool = False
    connections: list["asyncio.Future[None]"] = field(default_factory=list)
    planned: dict[int, tuple[Item, float]] = field(default_factory=dict)
    app: Callable[..., Coroutine[Any, Any, None]] | None = None
    """Its ASGI app, where it serves requests."""
    reliable: bool = False
    """Its calls meet no fault."""

    def now(self) -> float:
        return self.stage.time() + self.skew_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.alive()

    def alive(self) -> None:
        """Raises Crash where the process has ended."""
        if self.dead:
            raise Crash

    def crash(self, why: str) -> None:
        """The process ends: its clients lose their connections. Raises Crash."""
        self.stage.stats["crashes"] += 1
        self.stage.note(f"{self.name} ends: {why}")
        self.dead = True
        for connection in self.connections:
            if not connection.done():
                connection.set_result(None)
        raise Crash

    def random(self, count: int) -> bytes:
        return self.stage.rng.randbytes(count)

    async def call(self, operation: str, body: Item) -> Item:
        """Carry out one operation, as functions.ledger.store.Store says, if no fault strikes."""
        self.alive()
        _, planned_s = self.planned.setdefault(id(body), (body, self.now()))
        call = Call(self, REQUEST.get(), operation, body, planned_s)
        call.fault = self._draw(operation)
        if call.fault is not Fault.NONE:
            self.stage.stats[call.fault.value] += 1
            if call.request:
                call.request.faults += 1
        if call.request:
            call.request.witness()
        weather = self.stage.weather
        if self.reliable or not weather.latency_s:
            return await self._meet(call)
        try:
            await self.sleep(self.stage.rng.expovariate(1 / weather.latency_s))
        except asyncio.CancelledError:
            if operation in WRITES and self.stage.rng.random() < 0.5:  # it was on its way already
                self.stage.arrive(call)
            raise
        answer = await self._meet(call)
        await self.sleep(self.stage.rng.expovariate(1 / weather.latency_s))
        return answer

    def _draw(self, operation: str) -> Fault:
        level = self.stage.weather.level
        if self.reliable or not level:
            return Fault.NONE
        chance = self.stage.rng.random()
        if chance < 0.8 and self.stage.time() < self.stage.outage_until_s:
            return Fault.THROTTLE if chance < 0.4 else Fault.LOST_CALL
        if operation == "PutItem" and chance > 1 - STALLED_RECEIPT * level:
            return Fault.STALL
        for fault, odds in ODDS:
            chance -= odds * level
            if chance < 0:
                reading = operation not in WRITES and fault in (Fault.TWICE, Fault.CONFLICT, Fault.LATE)
                return Fault.LOST_CALL if reading else fault
        return Fault.NONE

    async def _meet(self, call: Call) -> Item:
        stage, fault = self.stage, call.fault
        if fault is Fault.NONE:
            return self._answer(call)
        if fault is Fault.CRASH_BEFORE:
            self.crash(f"before {call}")
        if fault in (Fault.CONFLICT, Fault.THROTTLE):
            stage.note(f"{call} {fault.value}: not applied")
            raise NotApplied("TransactionConflictException" if fault is Fault.CONFLICT else "ThrottlingException")
        if fault is Fault.STALL:
            stage.note(f"{call} stalls")
            await self.sleep(stage.rng.uniform(20, 1500))
            return self._answer(call)
        if fault in (Fault.LATE, Fault.TWICE):
            delay_s = stage.rng.choice(LATE_S) * stage.rng.uniform(0.5, 1.5)
            asyncio.get_running_loop().call_later(delay_s, stage.arrive, call)
        if fault is Fault.TWICE:
            return self._answer(call)
        if fault in (Fault.LOST_ANSWER, Fault.CRASH_AFTER):
            stage.arrive(call)
        if fault is Fault.CRASH_AFTER:
            self.crash(f"after {call}")
        await self.sleep(TIMEOUT_S)
        stage.note(f"{call} {fault.value}: no answer")
        raise Ambiguous(fault.value)

    def _answer(self, call: Call) -> Item:
        stage = self.stage
        may_be_old = call.operation == "GetItem" and not call.body.get("ConsistentRead") and not self.reliable
        if may_be_old and stage.rng.random() < STALE_READ * stage.weather.level:
            key = tuple(text for value in call.body["Key"].values() for text in value.values())
            if (where := place(call.body["TableName"], key)) in stage.before:
                old = stage.before[where]
                stage.note(f"{call} of the past")
                return {"Item": old} if old else {}
        try:
            return stage.commit(call)
        except Refused as refused:
            found, wanted = (item and item.get("outcome") for item in (refused.item, call.body.get("Item")))
            stage.stats["late settles"] += found == {"S": "expired"} != wanted
            raise


def place(table: str, key: tuple[str, ...]) -> str:
    """An item's table and key as one text."""
    return "/".join((table, *key))
