"""A store that fails where a test says, and a clock that moves when a test says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from functions.ledger.store import Ambiguous, Item, NotApplied, Store, StoreError


class Crash(BaseException):
    """The process ended here: no `except Exception` may catch it, and nothing after it runs."""


class Fault(Enum):
    """What happens to one call."""

    CRASH_BEFORE = "the process ends before the call is sent"
    CRASH_AFTER = "the process ends when the call was applied"
    LOST_ANSWER = "applied, and the answer is lost"
    LOST_CALL = "not applied, and nobody can tell"
    LATE = "no answer, and applied later"
    TWICE = "applied twice; the second answer comes"
    CONFLICT = "refused because of another transaction; not applied"


WRITES = frozenset({"UpdateItem", "PutItem", "TransactWriteItems"})


@dataclass
class Call:
    """One operation as it was asked for."""

    operation: str
    request: Item

    @property
    def is_write(self) -> bool:
        return self.operation in WRITES


When = Callable[[int, Call], Fault | None]
"""From a call's number, counted from 0, and the call itself to what happens to it."""


@dataclass
class FaultyStore:
    """Passes calls on to a store, but for what `when` says; keeps every call for a replay."""

    store: Store
    when: When
    calls: list[Call] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)
    struck: int = 0
    """How many calls met a fault."""

    async def call(self, operation: str, request: Item) -> Item:
        call = Call(operation, request)
        fault = self.when(len(self.calls), call)
        self.calls.append(call)
        if fault is None:
            return await self.store.call(operation, request)
        self.struck += 1
        return await self._fail(fault, call)

    async def _fail(self, fault: Fault, call: Call) -> Item:
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.CONFLICT:
            raise NotApplied("TransactionConflictException")
        if fault is Fault.LOST_CALL:
            raise Ambiguous("lost on its way")
        if fault is Fault.LATE:
            self.late.append(call)
            raise Ambiguous("no answer in time")
        await self.store.call(call.operation, call.request)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.LOST_ANSWER:
            raise Ambiguous("the answer was lost")
        return await self.store.call(call.operation, call.request)  # TWICE

    async def deliver(self) -> None:
        """Now the late calls arrive; nobody hears their answers."""
        await self._send(self.late)
        self.late.clear()

    async def replay(self) -> None:
        """Every write that was ever sent arrives once more."""
        await self._send([call for call in self.calls if call.is_write])

    async def _send(self, calls: list[Call]) -> None:
        for call in calls:
            try:
                await self.store.call(call.operation, call.request)
            except StoreError:
                continue


@dataclass
class Together:
    """A store that keeps its first write back until all its fellows have one: what they read was the same."""

    store: Store
    barrier: asyncio.Barrier
    held_back: bool = False

    async def call(self, operation: str, request: Item) -> Item:
        if operation in WRITES and not self.held_back:
            self.held_back = True
            await self.barrier.wait()
        return await self.store.call(operation, request)


def at(number: int, fault: Fault) -> When:
    """The fault strikes the call of this number, counted from 0."""
    return lambda index, call: fault if index == number else None


def on_write(number: int, fault: Fault) -> When:
    """The fault strikes the write of this number, counted from 0; reads do not count."""
    writes = -1

    def when(index: int, call: Call) -> Fault | None:
        nonlocal writes
        writes += call.is_write
        return fault if call.is_write and writes == number else None

    return when


def never(index: int, call: Call) -> Fault | None:
    """No fault: the store only listens."""
    return None


@dataclass
class FakeClock:
    """Time stands still until it is set, or until somebody sleeps."""

    time_s: float = 1_800_000_030.0
    """Half a minute into a minute."""

    def now(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.time_s += seconds
