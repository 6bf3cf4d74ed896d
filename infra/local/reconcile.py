"""`make reconcile`: what payment providers say against orders, of what `make run` runs or of DYNAMODB_ENDPOINT_URL.

It may run beside traffic, and again. What an event that was lost would have changed, it changes, and people are told of
it as they would have been.
"""

import argparse
import logging
import sys
from dataclasses import dataclass, field

from functions import settings
from functions.errors import LedgerUnavailable
from functions.ledger import tables
from functions.payments.provider import PROVIDERS
from functions.payments.reconcile import DAYS, reconcile, sellers
from functions.payments.reconciled import Tallies, Tally
from functions.payments.till import Till
from functions.payments.walking import DAY_S, GONE, Looked, Position
from infra.local import running
from infra.local.processes import Failed
from infra.local.progress import Progress

NOT_IN_ORDER, NOT_RUN, STOPPED = 1, 2, 130
BAR_WIDTH = 20
DAYS_MAX = 365
COLUMNS = ("looked at", "in order", "repaired", "unmatched", "not asked", "not ours")


@dataclass
class Told:
    """What it has come to so far."""

    projects: list[str]
    """All that sell something, in the order in which they are come to."""
    tallies: Tallies = field(default_factory=Tallies)
    at: str = ""
    begun: int = 0
    """Connections that are done or under way, of PROVIDERS for each project."""

    def add(self, looked: Looked) -> None:
        self.tallies.add(looked)
        position = looked.position
        self.at = f"{position.project_id}, {position.connection}".rstrip(", ")
        if position.project_id in self.projects:
            begun = len(PROVIDERS) if position.passing == GONE else PROVIDERS.index(position.connection)
            self.begun = self.projects.index(position.project_id) * len(PROVIDERS) + begun

    @property
    def done(self) -> int:
        """Projects that are done."""
        return self.begun // len(PROVIDERS)

    @property
    def bar(self) -> str:
        filled = BAR_WIDTH * self.begun // max(1, len(self.projects) * len(PROVIDERS))
        looked_at = self.tallies.total(lambda tally: tally.looked_at)
        repaired = self.tallies.total(lambda tally: len(tally.repaired))
        shown = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {self.done} of {len(self.projects)} projects"
        return f"{shown}, {looked_at} looked at, {repaired} repaired  {self.at}"


def main() -> int:
    """Exit code: 0 where all is in order, or is now; 1 where something fits no order or was not asked; 2: not run."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.reconcile")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how far back, {DAYS} where nothing is said")
    days = parser.parse_args().days
    if not 0 < days <= DAYS_MAX:
        parser.error(f"--days is from 1 to {DAYS_MAX}")
    progress = Progress()
    logging.getLogger("farebox").setLevel(logging.CRITICAL)  # what it says is in the table
    try:
        till = Till(running.deployment("reconcile"))
        told = Told(tables.drive(_sellers(till)))
        since = int(till.ledger.clock.now()) - days * DAY_S
        with progress.step(f"reconciliation of {days} days, {till.ledger.table('orders')}"):
            tables.drive(_reconcile(till, Position(since), told, progress))
    except (Failed, LedgerUnavailable, settings.SettingsError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return NOT_RUN
    except KeyboardInterrupt:
        return STOPPED
    _report(told.tallies, progress)
    return 0 if told.tallies.is_well else NOT_IN_ORDER


async def _sellers(till: Till) -> list[str]:
    return [project_id async for project_id in sellers(till.ledger)]


async def _reconcile(till: Till, position: Position, told: Told, progress: Progress) -> None:
    progress.tick(told.bar)
    async for looked in reconcile(till.ledger, till.settings, till.projects, position):
        told.add(looked)
        progress.tick(told.bar)


def _report(tallies: Tallies, progress: Progress) -> None:
    progress.line()
    if not tallies.of:
        progress.line("No project takes payments: no payment provider is configured.")
        return
    progress.line(f"{'connection':<28}{'mode':<6}" + "".join(f"{column:>11}" for column in COLUMNS))
    for (project_id, name), tally in tallies.of.items():
        numbers = "".join(f"{number:>11}" for number in _row(tally))
        progress.line(f"{f'{project_id} {name}':<28}{tally.mode:<6}{numbers}")
    for (project_id, name), tally in tallies.of.items():
        for looked in (*tally.repaired, *tally.unmatched, *tally.failed):
            progress.line()
            progress.line(f"{project_id} {name}: {looked.reference or 'its list'} {looked.order}".rstrip())
            progress.line(f"  {_what(looked)}")


def _row(tally: Tally) -> tuple[int, ...]:
    lists = len(tally.repaired), len(tally.unmatched), len(tally.failed)
    return tally.looked_at, tally.in_order, *lists, tally.not_ours


def _what(looked: Looked) -> str:
    """What was missing, or is wrong."""
    if looked.failed:
        return f"not asked: {looked.failed}"
    repaired = f"repaired: {', '.join(looked.steps)}" if looked.steps else ""
    unmatched = f"fits no order: {looked.unmatched}" if looked.unmatched else ""
    return "; ".join(filter(None, (repaired, unmatched)))


if __name__ == "__main__":
    sys.exit(main())
