"""Where a reconciliation is, what it came to, and how much of a night each connection may take.

An owner's server can answer as slowly as it likes, with as much as it likes, and must not take the night of others.
"""

import math
import time
from dataclasses import dataclass, replace

from functions.errors import NotConfigured, NotFound, Unauthenticated
from functions.ledger.store import Ledger
from functions.payments import connections
from functions.payments.provider import PROVIDERS, Connection
from functions.projects.live import Projects
from functions.projects.project import DEFAULT
from functions.settings import Settings

HOUR_S, DAY_S = 3600, 86_400
OPEN_DAYS = 30
"""Payments can take weeks; so much longer back orders are looked at that are still open."""
OWNERS_PASS_S, OURS_PASS_S = 60.0, 3600.0
"""How long a pass over a connection may take a night: of a project, and of the deployment itself."""
OWNERS_LOOKS_MAX = 2000
"""So many checkouts that a project's provider lists are looked at a night."""
LISTED, OPEN, GONE = "listed", "open", "gone"
"""The two passes over a connection: what the provider lists, and our orders that are open; then, over a project, its
open orders of connections that are not there any more."""
PUT_OFF = "There was no time for the rest of it: that is looked at the next night."


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reconciliation is: `since` (seconds since 1970), and what of a pass over a connection is done."""

    since: int
    project_id: str = DEFAULT
    connection: str = ""
    passing: str = LISTED
    done: str = ""
    """How many of what the provider lists; of our orders, the place of the last one."""
    spent_s: int = 0
    """How long the pass has taken so far."""

    def __str__(self) -> str:
        return f"{self.since}/{self.project_id}/{self.connection}/{self.passing}/{self.done}/{self.spent_s}"

    @classmethod
    def of(cls, text: str) -> "Position":
        """What `str` made. Raises ValueError."""
        since, project_id, connection, passing, done, spent_s = text.split("/")
        is_count = passing == LISTED and done
        if passing not in (LISTED, OPEN, GONE) or (is_count and not done.isdecimal()) or not spent_s.isdecimal():
            raise ValueError("no position")
        if connection not in ("", *PROVIDERS) or (passing == OPEN and not connection):
            raise ValueError("no position")
        return cls(int(since), project_id, connection, passing, done, int(spent_s))

    def is_at(self, other: "Position") -> bool:
        """The same is left to do, however long each took."""
        return replace(self, spent_s=0) == replace(other, spent_s=0)


@dataclass(frozen=True, slots=True)
class Looked:
    """One checkout that was looked at; with no `reference` something is begun or done, or could not be asked."""

    position: Position
    """Where to go on after it."""
    mode: str = ""
    reference: str = ""
    order: str = ""
    """The number of its order."""
    steps: tuple[str, ...] = ()
    """What was missing, and is done now."""
    unmatched: str = ""
    failed: str = ""
    """Why nothing is known of it, or of the rest."""
    is_of_all: bool = False
    """It failed as everything else by this connection will."""

    @property
    def is_put_off(self) -> bool:
        return self.failed == PUT_OFF


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pass over a connection may take, of the deployment and of a project."""

    ours_s: float = math.inf
    owners_s: float = math.inf
    owners_looks: float = math.inf
    """So many listed checkouts of a project's connection are looked at."""
    ends_s: float = math.inf
    """By time.monotonic(): no provider is asked after that."""


class Pace:
    """The time of one pass."""

    def __init__(self, patience: Patience, begins: Position) -> None:
        is_ours = begins.project_id == DEFAULT
        self._begun_s, self._spent_s = time.monotonic(), begins.spent_s
        within_s = (patience.ours_s if is_ours else patience.owners_s) - begins.spent_s
        self.ends_s = min(patience.ends_s, self._begun_s + within_s)
        self.looks = math.inf if is_ours else patience.owners_looks

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends_s

    def at(self, position: Position) -> Position:
        """With how long the pass has taken."""
        return replace(position, spent_s=self._spent_s + int(time.monotonic() - self._begun_s))

    def put_off(self, position: Position, mode: str) -> Looked:
        """There is no time for what comes after a position."""
        return Looked(self.at(position), mode, failed=PUT_OFF)


@dataclass(frozen=True, slots=True)
class Walk:
    """What a reconciliation needs from outside."""

    ledger: Ledger
    settings: Settings
    projects: Projects
    patience: Patience

    async def connection(self, project_id: str, name: str) -> Connection | None:
        """A project's connection; None where it has none of this name.

        Raises LedgerUnavailable; PaymentProviderFailed where what is there cannot be used.
        """
        try:
            if project_id == DEFAULT:
                return connections.of_settings(self.settings, name)
            return connections.of_project(self.settings, await self.projects.get(project_id), name)
        except (NotConfigured, NotFound, Unauthenticated):
            return None
