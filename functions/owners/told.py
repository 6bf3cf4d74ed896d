"""What a project's owner was told by webhooks, what still waits, and what was given up; none of it with its text."""

from typing import Any

from functions.ledger import told
from functions.ledger.notices import Notice
from functions.ledger.told import Told
from functions.notices.webhooks import TYPES, WAY
from functions.owners.mine import Mine
from functions.owners.shown import time_text

SHOWN = 50


async def listed(mine: Mine) -> dict[str, Any]:
    """The newest of each, SHOWN at most. Raises LedgerUnavailable.

    One that failed waits as long as it is tried again, with why it failed the last time; then it has failed.
    """
    done = await told.told(mine.ledger, mine.project_id, SHOWN)
    failures = {one.id: one for one in await told.failed(mine.ledger, mine.project_id, SHOWN)}
    due = [one for one in await told.waiting(mine.ledger, mine.project_id) if _is_for_owner(one)]
    elsewhere = {one.id for one in done} | {one.id for one in due}
    return {
        "waiting": [_waiting(one, failures.get(one.id)) for one in due[:SHOWN]],
        "told": [_view(one) for one in done],
        "failed": [_view(one) for one in failures.values() if one.id not in elsewhere],
    }


def _is_for_owner(notice: Notice) -> bool:
    return notice.kind in TYPES and WAY not in notice.done


def _waiting(notice: Notice, failure: Told | None) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": TYPES[notice.kind],
        "user_id": _number(notice.account_id.rpartition("/")[2]),
        "happened": time_text(notice.created),
        "at": time_text(failure.at if failure else notice.created),
        "next": time_text(notice.due),
        "tries": failure.tries if failure else 0,
        "reason": failure.reason if failure else "",
    }


def _view(one: Told) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": TYPES.get(one.kind, one.kind),
        "user_id": _number(one.number),
        "happened": time_text(one.created),
        "at": time_text(one.at),
        "tries": one.tries,
        "reason": one.reason,
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
