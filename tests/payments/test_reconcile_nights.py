"""Nights of reconciliation that take longer than one run of their function: slow providers, many sellers, poison."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from functions.errors import PaymentProviderFailed
from functions.ledger import orders, projects, unmatched
from functions.ledger.orders import Order
from functions.ledger.tables import drive
from functions.payments import provider, reconcile, reconciled, walking
from functions.payments import till as tills
from functions.payments.provider import Connection
from functions.payments.synchronize import Synchronized
from functions.payments.walking import HOUR_S, PUT_OFF, Looked, Patience, Position, Walk
from tests.payments import counter

LAMBDA_S = 300.0
CALLS_MAX = 400
SINCE = 1_799_000_000

Listed = Callable[[Connection], Iterator[str]]


@dataclass
class Night:
    """A deployment in virtual time: projects by Stripe, what their providers list, what became of each checkout."""

    counter: counter.Till
    ledger: Any = None
    settings: Any = None
    projects: Any = None
    now_s: float = 1000.0
    ends_s: float = 1000.0 + LAMBDA_S
    listed: dict[str, Listed] = field(default_factory=dict)
    """By project."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Project and reference of each checkout that was looked at."""
    look_s: float = 1.0
    fails: dict[str, PaymentProviderFailed] = field(default_factory=dict)
    there: dict[str, str] = field(default_factory=dict)
    """By project, the mode of its connection."""

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, connection: Connection, seconds: float) -> None:
        """A call of a provider, which ends when the connection's time does, as every adapter's does."""
        self.now_s += max(0.0, min(seconds, connection.ends_s - self.now_s))
        assert self.now_s < self.ends_s, "Lambda was killed"
        if self.now_s >= connection.ends_s:
            raise PaymentProviderFailed("It did not answer.", is_of_all=True)

    def changed(self, connection: Connection, since_s: int) -> Iterator[str]:
        listed = self.listed.get(connection.project_id)
        return listed(connection) if listed else iter(())

    async def synchronize(self, ledger: Any, connection: Connection, reference: str) -> Synchronized:
        self.wait(connection, self.look_s)
        self.asked.append((connection.project_id, reference))
        if reference in self.fails:
            raise self.fails[reference]
        return Synchronized(replace(self.counter.placed, reference=reference))

    def sells(self, listed: Listed | None = None) -> str:
        """A new project that sells; its id."""
        document = {"payments": {"stripe": {"mode": "test"}}}
        project_id = drive(projects.create(self.ledger, "owner@farebox.test", document)).project_id
        self.there[project_id] = "test"
        if listed:
            self.listed[project_id] = listed
        return project_id

    def placed(self, project_id: str, reference: str, **changes: Any) -> Order:
        """An order that is an hour old and open."""
        now = int(self.ledger.clock.now()) - HOUR_S
        order = replace(self.counter.placed, project_id=project_id, reference=reference, created=now, expires=now + 60)
        number = orders.new_number(self.ledger, project_id)
        order = replace(order, number=number, account_id=f"{project_id}/u", **changes)
        drive(orders.put(self.ledger, order))
        return order

    def runs(self) -> list[dict[str, Any]]:
        """Every run of the function until the night is over; each must end in time."""
        told: list[dict[str, Any]] = []
        start = None
        while not told or start:
            self.now_s, self.ends_s = self.ends_s, self.ends_s + LAMBDA_S
            left = lambda: int((self.ends_s - self.now_s) * 1000)  # noqa: E731
            told.append(reconciled.nightly(cast("tills.Till", self), {"start": start}, left))
            assert not start or told[-1]["next"] != start, "it did nothing"
            start = told[-1]["next"]
            assert len(told) < CALLS_MAX
        return told

    def failed(self) -> dict[str, str]:
        """Of a whole night: what failed, by project."""
        return {one["project"]: one["why"] for told in self.runs() for one in told["failed"]}

    def looked(self) -> list[Looked]:
        """By hand."""

        async def walk() -> list[Looked]:
            args = (self.ledger, self.settings, self.projects, Position(SINCE))
            return [looked async for looked in reconcile.reconcile(*args)]

        return drive(walk())


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    night = Night(counter.Till())
    night.ledger = night.counter.ledger
    night.there["default"] = "test"

    async def connection(walk: Walk, project_id: str, name: str) -> Connection | None:
        if name != "stripe" or project_id not in night.there:
            return None
        return Connection(project_id, name, night.there[project_id], "k", (), "u")

    monkeypatch.setattr(Walk, "connection", connection)
    monkeypatch.setattr(provider, "adapter", lambda name: night)
    monkeypatch.setattr(reconcile, "synchronize", night.synchronize)
    for module in (walking, reconciled):
        monkeypatch.setattr(module, "time", night)
    return night


def slow(night: Night, count: int, seconds: float) -> Listed:
    """So many checkouts, each listed after so long."""

    def listed(connection: Connection) -> Iterator[str]:
        for number in range(count):
            night.wait(connection, seconds)
            yield f"cs_{number}"

    return listed


def foreign(night: Night, seconds: float) -> Listed:
    """A list with nothing of ours in it, which takes so long."""

    def listed(connection: Connection) -> Iterator[str]:
        for _ in range(int(seconds)):
            night.wait(connection, 1.0)
        yield from ()

    return listed


def test_many_quiet_sellers_are_all_come_to(night: Night) -> None:
    """Lists with nothing in them take their time, too: a run stops among them in time, and the next goes on."""
    for _ in range(60):
        night.sells(foreign(night, 20))
    last = night.sells(lambda _: iter(["cs_1"]))
    runs = night.runs()
    assert len(runs) > 3
    assert night.asked.count((last, "cs_1")) == 1
    assert not any(told["failed"] for told in runs)


def test_a_list_of_foreign_payments_does_not_hold_up_the_night(night: Night) -> None:
    """The deployment's own list that takes longer than a run is told as put off, and everybody else is come to."""
    night.listed["default"] = foreign(night, 1000)
    last = night.sells(lambda _: iter(["cs_1"]))
    assert night.failed() == {"default": PUT_OFF}
    assert (last, "cs_1") in night.asked


@pytest.mark.parametrize("seconds", [9.9, 59.0, 600.0])
def test_a_slow_server_takes_a_minute_of_a_night(night: Night, seconds: float) -> None:
    """Twenty projects of an owner, each with as many invoices as one likes: the rest of them is put off."""
    slow_ones = {night.sells(slow(night, 100_000, seconds)) for _ in range(20)}
    honest = [night.sells(lambda _: iter(["cs_1"])) for _ in range(3)]
    failed = night.failed()
    assert failed == dict.fromkeys(slow_ones, PUT_OFF)
    assert [(project, "cs_1") in night.asked for project in honest] == [True] * 3
    assert night.now_s < 1000 + 20 * 100


def test_a_fast_server_lists_no_more_than_is_looked_at(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many checkouts of a project a night; a person who waits looks at all."""
    monkeypatch.setattr(reconciled, "OWNERS_LOOKS_MAX", 5)
    project, night.look_s = night.sells(slow(night, 20, 0)), 0.0
    assert night.failed() == {project: PUT_OFF}
    assert len(night.asked) == 5
    assert [looked for looked in night.looked() if looked.failed] == []
    assert len(night.asked) == 25


def test_a_person_who_waits_has_no_limit(night: Night) -> None:
    """By hand a slow server is looked at to its end."""
    night.ends_s = 10**9
    night.sells(slow(night, 50, 9.9))
    assert sum(bool(looked.reference) for looked in night.looked()) == 50


def test_the_deployments_own_goes_on_for_several_runs(night: Night) -> None:
    """Each checkout is looked at once, however many runs that takes; what the provider lists, and open orders."""
    night.listed["default"], night.look_s = (lambda _: iter([f"cs_{number}" for number in range(150)])), 9.0
    for number in range(45):
        night.placed("default", f"open_{number}")
    runs = night.runs()
    assert len(runs) > 7
    expected = {f"cs_{number}" for number in range(150)} | {f"open_{number}" for number in range(45)}
    looked_at = [reference for _, reference in night.asked]
    assert (len(looked_at), set(looked_at)) == (len(expected), expected)
    assert not any(told["failed"] for told in runs)


def test_what_takes_all_of_a_run_is_put_off(night: Night) -> None:
    """A checkout that takes longer than there is fails, and what is behind its connection is come to."""
    night.listed["default"], night.look_s = (lambda _: iter(["cs_1"])), 1000.0
    project = night.sells()
    assert night.failed() == {"default": PUT_OFF}
    assert night.asked == []
    assert project in night.there


@pytest.mark.parametrize("is_of_all", [False, True])
def test_checkouts_that_always_fail_hide_nothing(night: Night, is_of_all: bool) -> None:
    """What cannot be read is told, and the rest looked at; where the provider is down no more is asked of a list.

    The open orders are asked about either way.
    """
    references = [f"cs_{number}" for number in range(10)]
    night.listed["default"] = lambda _: iter(references)
    night.fails = {
        reference: PaymentProviderFailed("Stripe answered what cannot be read.", is_of_all=is_of_all)
        for reference in references[1:4]
    }
    night.placed("default", "cs_open")
    runs = night.runs()
    assert [one["reference"] for told in runs for one in told["failed"]] == references[1:4]
    asked = [reference for _, reference in night.asked]
    assert asked == [*(references[:4] if is_of_all else references), "cs_open"]


GONE = {
    "taken away": lambda night, of: night.there.pop(of),
    "another mode": lambda night, of: night.there.update({of: "live"}),
}


@pytest.mark.parametrize("how", GONE)
def test_orders_of_a_connection_that_is_gone_are_told(night: Night, how: str) -> None:
    """Nobody can ask whether they were paid: each is listed, and the owner hears of the first, once."""
    project = night.sells()
    waiting = [
        night.placed(project, f"cs_{number}", state=state) for number, state in enumerate(("open", "processing"))
    ]
    fine: tuple[dict[str, Any], ...] = ({"state": "paid"}, {"expires": 2 * 10**9}, {"created": 1}, {"kind": "setup"})
    for number, changes in enumerate(fine):
        night.placed(project, f"fine_{number}", **changes)
    night.runs()
    assert drive(unmatched.listed(night.ledger, project)) == []
    GONE[how](night, project)
    for _ in range(2):
        found = [one for told in night.runs() for one in told["unmatched"]]
        assert {(one["reference"], one["order"]) for one in found} == {(one.reference, one.number) for one in waiting}
        assert {one["why"] for one in found} == {"connection_gone"}
        kept = drive(unmatched.listed(night.ledger, project))
        assert sorted((one.connection, one.about, one.why) for one in kept) == [
            ("stripe", "cs_0", "connection_gone"),
            ("stripe", "cs_1", "connection_gone"),
        ]
        put = night.counter.table.items(f"{counter.PREFIX}notices").values()
        told = [item for item in put if item["kind"]["S"] == "unmatched"]
        assert len(told) == 1
    night.there[project] = "test"
    night.runs()
    assert drive(unmatched.listed(night.ledger, project)) == []


def test_a_closed_projects_orders_are_told(night: Night) -> None:
    """It sells nothing any more, but somebody may have paid."""
    project = night.sells()
    night.placed(project, "cs_1")
    drive(projects.close(night.ledger, project))
    night.there.pop(project)
    assert [one["why"] for told in night.runs() for one in told["unmatched"]] == ["connection_gone"]


def test_a_run_without_any_time_gets_on_nevertheless(night: Night) -> None:
    """However little is left each run does something, until nothing is left to do; orders of lost connections too."""
    for _ in range(3):
        project = night.sells(slow(night, 3, 0))
        night.placed(project, "cs_open")
    night.there.pop(project)
    for number in range(3):
        night.placed(project, f"cs_gone_{number}")
    start, runs, found = None, 0, list[str]()
    while runs == 0 or start:
        night.ends_s = night.now_s + LAMBDA_S
        told = reconciled.nightly(cast("tills.Till", night), {"start": start}, lambda: 0)
        assert told["next"] != start
        start, runs = told["next"], runs + 1
        found += [one["reference"] for one in told["unmatched"]]
        assert runs < CALLS_MAX
    assert len(night.asked) == len(set(night.asked)) == 2 * 4
    assert sorted(found) == ["cs_gone_0", "cs_gone_1", "cs_gone_2", "cs_open"]


def test_patience_is_real_time() -> None:
    """A pass knows what it took before, and says so where it goes on."""
    pace = walking.Pace(Patience(100, 50), Position(1, "p", "stripe", spent_s=20))
    assert 29 < pace.ends_s - time.monotonic() <= 30
    assert pace.at(Position(1)).spent_s == 20
    assert walking.Pace(Patience(100, 50), Position(1, "p", "stripe", spent_s=50)).is_over
    assert not walking.Pace(Patience(100, 50), Position(1, spent_s=50)).is_over
