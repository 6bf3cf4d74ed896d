"""Any interleaving of what a provider says, of events and of those who act on them: once each (case 12)."""

import types
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import LedgerUnavailable
from functions.ledger.store import Item, StoreError
from functions.payments.synchronize import synchronize
from tests.ledger.faults import WRITES
from tests.payments.counter import AMOUNT, CONNECTION, REFERENCE, Till, Truth
from tests.simulation.table import FakeDynamoDB

TURNS_MAX = 3000
DISPUTES_MAX = 2
ACTS = ("news", "news", "event", "event", "turn", "turn", "turn", "turns", "kill", "late", "spend")
Act = tuple[str, int]


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Here anybody else may go on."""
    yield


@dataclass
class TurnByTurn:
    """A store whose every call is on its way for a while, and so is its answer."""

    table: FakeDynamoDB
    sent: list[tuple[str, Item]]

    async def call(self, operation: str, request: Item) -> Item:
        await turn()
        if operation in WRITES:
            self.sent.append((operation, request))
        try:
            return self.table.apply(operation, request)
        finally:
            await turn()


class Events:
    """A checkout to which things happen, and events about it which several processes act on at the same time."""

    def __init__(self) -> None:
        self.till = Till()
        self.sent: list[tuple[str, Item]] = []
        self.waiting = 0
        """Events that nobody acts on now, and that were not acknowledged."""
        self.running: list[Coroutine[Any, Any, object]] = []

    def act(self, what: str, number: int) -> None:
        if what == "news":
            following = after(self.till.truth)
            self.till.truth = following[number % len(following)]
            self.waiting += 1
        elif what == "event" and self.waiting:
            self.begin()
        elif what == "late" and self.sent:
            self.arrive(*self.sent[number % len(self.sent)])
        elif what == "spend":
            self.till.spend(number * 100_000)
        elif self.running and what == "kill":
            self.running.pop(number % len(self.running)).close()
            self.waiting += 1
        elif self.running and what.startswith("turn"):
            one = self.running[number % len(self.running)]
            for _ in range(1 if what == "turn" else 5):
                self.go_on(one)

    def begin(self) -> None:
        self.waiting -= 1
        ledger = replace(self.till.ledger, store=TurnByTurn(self.till.table, self.sent))
        self.running.append(synchronize(ledger, CONNECTION, REFERENCE, fetch=self.till.fetch))

    def go_on(self, one: Coroutine[Any, Any, object]) -> None:
        """One turn of one process. An event that could not be dealt with comes again."""
        if one not in self.running:
            return
        try:
            one.send(None)
        except StopIteration:
            self.running.remove(one)
        except LedgerUnavailable:
            self.running.remove(one)
            self.waiting += 1

    def arrive(self, operation: str, request: Item) -> None:
        """A write that was sent before arrives again."""
        try:
            self.till.table.apply(operation, request)
        except StoreError:
            return

    def end(self) -> None:
        """Whoever runs comes to an end, and every event is acknowledged: providers send it until it is."""
        for number in range(TURNS_MAX):
            if self.waiting:
                self.begin()
            if not self.running:
                return
            self.go_on(self.running[number % len(self.running)])
        raise AssertionError("it never ends")


def after(truth: Truth) -> list[Truth]:
    """What a provider may say next of a checkout."""
    if truth.state != "paid":
        states = {"open": ("processing", "failed", "expired", "paid"), "processing": ("failed", "paid")}
        return [replace(truth, state=state) for state in states.get(truth.state, ("paid",))]
    refunds = {min(AMOUNT, truth.refunded + 7), AMOUNT, truth.refunded // 2, 0} - {truth.refunded}
    found = [replace(truth, refunded=refunded) for refunded in sorted(refunds)]
    if len(truth.disputes) < DISPUTES_MAX:
        opened = (f"dp_{len(truth.disputes)}", 20, "open")
        found.append(replace(truth, disputes=(*truth.disputes, opened)))
    for index, (name, amount, was) in enumerate(truth.disputes):
        for state in {"won", "lost"} - {was}:
            changed = [*truth.disputes]
            changed[index] = (name, amount, state)
            found.append(replace(truth, disputes=tuple(changed)))
    return found


def play(acts: list[Act]) -> Till:
    """Everything that happens, then peace. Gives the tables as they are."""
    events = Events()
    for what, number in acts:
        events.act(what, number)
    events.end()
    for operation, request in [*events.sent]:
        events.arrive(operation, request)
    return events.till


PAIRS = {
    "paid, then refunded": (Truth(), Truth(refunded=AMOUNT)),
    "refunded, and it fails": (Truth(refunded=20), Truth()),
    "refunded, then more": (Truth(refunded=20), Truth(refunded=30)),
    "disputed, then won": (Truth(disputes=(("dp_1", AMOUNT, "open"),)), Truth(disputes=(("dp_1", AMOUNT, "won"),))),
    "refunded, then lost": (Truth(refunded=20), Truth(refunded=20, disputes=(("dp_1", 20, "lost"),))),
}


@pytest.mark.parametrize("is_known", [False, True], ids=["from the beginning", "once it is paid"])
@pytest.mark.parametrize(("truth", "later"), PAIRS.values(), ids=PAIRS.keys())
def test_case_12_news_at_every_point_of_an_older_event(truth: Truth, later: Truth, is_known: bool) -> None:
    """One process stops anywhere; news come, and another acts on them, wholly or in part; then both go on."""
    for stops in count():
        for others in (1, 3, 6, 12, TURNS_MAX):
            events = Events()
            if is_known:
                events.till.truth = Truth()
                events.till.hear()
            events.till.truth, events.waiting = truth, 2
            events.begin()
            (first,) = events.running
            for _ in range(stops):
                events.go_on(first)
            is_over = first not in events.running
            events.till.truth = later
            events.begin()
            second = events.running[-1]
            for _ in range(others):
                events.go_on(second)
            events.end()
            events.till.judge()
            assert events.till.hear().steps == ()
            if later.refunded >= truth.refunded:
                assert "refund_failed" not in events.till.history(), "an older answer gave credits back for a while"
        if is_over:
            assert stops >= 3
            return


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), min_size=10, max_size=60))
def test_case_12_any_interleaving_ends_where_the_provider_is(acts: list[Act]) -> None:
    """However news, events, processes, their ends and late writes meet: once each, and as the provider says last."""
    till = play(acts)
    if till.history():
        till.judge()
    assert till.hear().steps == ()
