"""`make audit`: every balance computed anew, of what `make run` runs here or of DYNAMODB_ENDPOINT_URL.

It may run beside traffic. What it changes is what every reader changes: expired holds are healed. And it writes the
next checkpoints.
"""

import argparse
import os
import sys
from dataclasses import dataclass, field

from functions import money, settings
from functions.errors import LedgerUnavailable
from functions.ledger import tables
from functions.ledger.audit import Finding, audit_all
from functions.ledger.store import Ledger
from infra.local import running
from infra.local.processes import Failed
from infra.local.progress import Progress

DRIFT, NOT_RUN, STOPPED = 1, 2, 130
BAR_WIDTH = 20


@dataclass
class Told:
    """What the audit has come to so far."""

    about: int
    """How many accounts there are, as the table said at some time."""
    accounts: int = 0
    entries: int = 0
    receipts: int = 0
    healed: int = 0
    checkpoints: int = 0
    drift: int = 0
    unread: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.accounts += 1
        self.entries += finding.entries
        self.receipts += finding.receipts
        self.healed += finding.healed
        self.checkpoints += finding.advanced
        self.drift += finding.drift
        self.unread += finding.unread
        if finding.drift:
            self.findings.append(finding)

    @property
    def bar(self) -> str:
        done = BAR_WIDTH * self.accounts // max(1, self.about, self.accounts)
        accounts = f"{self.accounts} of about {max(self.about, self.accounts)} accounts"
        return f"[{'#' * done}{'.' * (BAR_WIDTH - done)}] {accounts}, drift {self.drift}"


def main() -> int:
    """Exit code: 0 where every balance is right, 1 where one is not, 2 where something could not be audited."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.audit")
    parser.add_argument("--full", action="store_true", help="from the beginning, not from the last checkpoints")
    full = parser.parse_args().full
    progress = Progress()
    try:
        deployment = running.deployment("audit")
        ledger = Ledger(tables.Synchronous(deployment), tables.SystemClock(), os.urandom, deployment.table_prefix)
        endpoint = deployment.dynamodb_endpoint_url
        told = Told(tables.drive(_about(ledger, endpoint)))
        with progress.step(f"audit of {ledger.table('accounts')} at {endpoint}"):
            tables.drive(_audit(ledger, told, progress, full=full))
    except (Failed, LedgerUnavailable, settings.SettingsError) as error:
        print(f"farebox: {error}", file=sys.stderr)
        return NOT_RUN
    except KeyboardInterrupt:
        return STOPPED
    _report(told, progress)
    return DRIFT if told.drift else NOT_RUN if told.unread else 0


async def _about(ledger: Ledger, endpoint: str) -> int:
    """How many accounts there are, roughly: DynamoDB counts every six hours. Raises Failed."""
    try:
        described = await ledger.read("DescribeTable", {"TableName": ledger.table("accounts")})
    except LedgerUnavailable as error:
        cause = error.__cause__ or "DynamoDB does not answer there"
        raise Failed(f"the table {ledger.table('accounts')} at {endpoint} cannot be read: {cause}") from error
    return int(described["Table"]["ItemCount"])


async def _audit(ledger: Ledger, told: Told, progress: Progress, *, full: bool) -> None:
    progress.tick(told.bar)
    async for finding in audit_all(ledger, full=full):
        told.add(finding)
        progress.tick(told.bar)


def _report(told: Told, progress: Progress) -> None:
    rows = {
        "accounts": told.accounts,
        "journal entries read": told.entries,
        "receipts read": told.receipts,
        "expired holds healed": told.healed,
        "new checkpoints": told.checkpoints,
        "accounts with drift": len(told.findings),
        "drift in microcredits": told.drift,
        "accounts not read": told.unread,
    }
    progress.line()
    for name, value in rows.items():
        progress.line(f"{name:<24}{value:>16}")
    for finding in told.findings:
        progress.line()
        progress.line(f"{finding.account_id}: off by {money.shown(finding.drift)} credits")
        for mismatch in finding.mismatches:
            progress.line(f"  {mismatch.what}")


if __name__ == "__main__":
    sys.exit(main())
