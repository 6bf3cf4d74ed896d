"""Entry of the nightly function: audits accounts for as long as its time lasts (rule 12).

EventBridge sends {} to begin; the answer's `next`, where it is not null, is the `start` to go on with.
"""

import logging
import os
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from functions import settings
from functions.errors import LedgerUnavailable, where
from functions.ledger import leftovers, tables
from functions.ledger.account import AccountGone
from functions.ledger.audit import Finding, audit_all
from functions.ledger.store import Ledger
from functions.telemetry import Telemetry

TIME_LEFT_MIN_MS = 15_000
"""Less than this is kept for answering; one account takes far less."""
FINDINGS_MAX = 100
MISMATCHES_MAX = 5
"""How many are told, and of each how much; all is in the log. Step Functions takes an answer of 256 KB."""

log = logging.getLogger("farebox.maintenance")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Audit accounts, at least one. Raises SettingsError, LedgerUnavailable.

    Takes {"start": where to go on} or {}. Gives {"accounts", "healed": holds, "drift": microcredits,
    "deleted": accounts of which nothing is left but the books, "findings": [{"account_id", "drift", "what"}],
    "next": where to go on, or null at the end}.
    """
    deployment = settings.source().renew()
    telemetry = Telemetry(deployment, "maintenance")
    telemetry.invoked(getattr(context, "aws_request_id", ""))
    store, clock = tables.Synchronous(deployment), tables.SystemClock()
    ledger = Ledger(store, clock, os.urandom, deployment.table_prefix, telemetry.healed)
    start = str(event.get("start") or "")
    told = tables.drive(audit(ledger, start, context.get_remaining_time_in_millis))
    telemetry.audited(told["accounts"], told["drift"])
    return told


async def audit(ledger: Ledger, start: str, time_left_ms: Callable[[], int]) -> dict[str, Any]:
    """What `handler` does, on any ledger."""
    told: dict[str, Any] = {"accounts": 0, "unread": 0, "healed": 0, "drift": 0, "deleted": 0}
    told |= {"findings": [], "next": None}
    async with aclosing(audit_all(ledger, start)) as findings:
        async for finding in findings:
            told["accounts"] += 1
            told["unread"] += finding.unread
            told["healed"] += finding.healed
            told["drift"] += finding.drift
            if finding.drift:
                _tell(finding, told["findings"])
            if finding.leftovers:
                told["deleted"] += await _finished(ledger, finding.account_id)
            if time_left_ms() < TIME_LEFT_MIN_MS:
                told["next"] = finding.account_id
                break
    return told


async def _finished(ledger: Ledger, account_id: str) -> bool:
    """Remove what is left of a deleted account's user; what cannot be removed now is, in another night."""
    try:
        return await leftovers.finish(ledger, account_id)
    except (LedgerUnavailable, AccountGone) as error:
        log.warning("account %s was deleted, and something is left: %s", account_id, where(error))
        return False


def _tell(finding: Finding, found: list[dict[str, Any]]) -> None:
    what = [mismatch.what for mismatch in finding.mismatches]
    log.error("drift of %d microcredits in account %s: %s", finding.drift, finding.account_id, "; ".join(what))
    if len(found) < FINDINGS_MAX:
        found.append({"account_id": finding.account_id, "drift": finding.drift, "what": what[:MISMATCHES_MAX]})
