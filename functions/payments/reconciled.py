"""What a reconciliation came to, by connection; and the nightly one, which goes on for as long as its time lasts."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from functions.errors import BadRequest
from functions.ledger.tables import drive
from functions.payments.reconcile import DAYS, reconcile
from functions.payments.synchronize import NOT_OURS
from functions.payments.till import Till
from functions.payments.walking import (
    DAY_S,
    OURS_PASS_S,
    OWNERS_LOOKS_MAX,
    OWNERS_PASS_S,
    Looked,
    Patience,
    Position,
)

TIME_LEFT_MIN_MS = 90_000
"""With less than this nothing more is begun: one checkout is several requests to a provider that may be slow."""
ANSWER_MS = 30_000
"""When so much is left no provider is asked any more."""
TOLD_MAX = 50
"""So many of each are told, and counted all; the log has them all. Step Functions takes an answer of 256 KB."""


@dataclass
class Tally:
    """Of one connection."""

    mode: str = ""
    looked_at: int = 0
    not_ours: int = 0
    """Checkouts at the provider that were not made here."""
    repaired: list[Looked] = field(default_factory=list)
    unmatched: list[Looked] = field(default_factory=list)
    failed: list[Looked] = field(default_factory=list)

    @property
    def in_order(self) -> int:
        """How many needed nothing."""
        found = {looked.reference for looked in (*self.repaired, *self.unmatched, *self.failed) if looked.reference}
        return self.looked_at - self.not_ours - len(found)

    def add(self, looked: Looked) -> None:
        self.mode = looked.mode or self.mode
        self.looked_at += bool(looked.reference)
        if looked.unmatched == NOT_OURS:
            self.not_ours += 1
        elif looked.unmatched:
            self.unmatched.append(looked)
        if looked.steps:
            self.repaired.append(looked)
        if looked.failed:
            self.failed.append(looked)


@dataclass
class Tallies:
    """Of all connections that were come to, by project and provider."""

    of: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def add(self, looked: Looked) -> None:
        """Nothing where no connection was come to."""
        if not (looked.position.connection or looked.failed):
            return
        place = looked.position.project_id, looked.position.connection
        self.of.setdefault(place, Tally()).add(looked)

    def total(self, what: Callable[[Tally], int]) -> int:
        """Of all connections."""
        return sum(what(tally) for tally in self.of.values())

    @property
    def is_well(self) -> bool:
        """All that was looked at is as its provider says it is, now."""
        return not any(tally.unmatched or tally.failed for tally in self.of.values())


def nightly(till: Till, event: Mapping[str, Any], time_left_ms: Callable[[], int]) -> dict[str, Any]:
    """Reconcile for as long as there is time, and in any case further than `start`.

    Takes {"start": where to go on, "days": how far back} or {}.
    Gives {"looked_at", "in_order", "not_ours", "repaired": [{"project", "connection", "reference", "order", "steps"}],
    "unmatched": [{…, "why"}], "failed": [{…, "why"}], "next": where to go on, or null at the end}.
    Raises BadRequest, LedgerUnavailable.
    """
    start = _begin(till, event)
    within_s = (max(time_left_ms(), TIME_LEFT_MIN_MS) - ANSWER_MS) / 1000
    patience = Patience(OURS_PASS_S, OWNERS_PASS_S, OWNERS_LOOKS_MAX, time.monotonic() + within_s)
    walk = reconcile(till.ledger, till.settings, till.projects, start, patience)
    tallies, position_after = drive(_all(walk, start, time_left_ms))
    told: dict[str, Any] = {
        "looked_at": tallies.total(lambda tally: tally.looked_at),
        "in_order": tallies.total(lambda tally: tally.in_order),
        "not_ours": tallies.total(lambda tally: tally.not_ours),
    }
    for what in ("repaired", "unmatched", "failed"):
        told[what] = [_told(looked) for tally in tallies.of.values() for looked in getattr(tally, what)][:TOLD_MAX]
    return told | {"next": str(position_after) if position_after else None}


async def _all(
    walk: AsyncGenerator[Looked, None], start: Position, time_left_ms: Callable[[], int]
) -> tuple[Tallies, Position | None]:
    """What it came to, and where to go on: never at `start`, so that each run does something."""
    tallies = Tallies()
    async with aclosing(walk) as all_looked:
        async for looked in all_looked:
            stops = time_left_ms() < TIME_LEFT_MIN_MS and not looked.position.is_at(start)
            if looked.reference or not stops:
                tallies.add(looked)  # what is no checkout is come to again
            if stops:
                return tallies, looked.position
    return tallies, None


def _begin(till: Till, event: Mapping[str, Any]) -> Position:
    start, days = event.get("start"), event.get("days", DAYS)
    if start is None:
        if isinstance(days, bool) or not isinstance(days, int) or not 0 < days <= 365:
            raise BadRequest("days must be a whole number from 1 to 365.", param="days")
        return Position(int(till.ledger.clock.now()) - days * DAY_S)
    try:
        return Position.of(str(start))
    except ValueError:
        raise BadRequest("start must be what an earlier answer said in next.", param="start") from None


def _told(looked: Looked) -> dict[str, Any]:
    position = looked.position
    told: dict[str, Any] = {"project": position.project_id, "connection": position.connection}
    told |= {"reference": looked.reference, "order": looked.order, "steps": list(looked.steps)}
    return told | {"why": looked.unmatched or looked.failed}
