"""What became of notices: a row for each that its project's owner was told by a webhook, or could not be.

Rows stand by the ids of their notices in scopes of their project, so one that is told again stands there once. They
say what for and whether, never the notice's text, and TTL takes them away. Lost ones are lost: nobody waits for them.
"""

from dataclasses import dataclass

from functions.errors import LedgerUnavailable
from functions.ledger import notices
from functions.ledger.notices import DUE, Notice
from functions.ledger.store import Item, Ledger, StoreError
from functions.ledger.windows import DAY_S

KEPT_S = 30 * DAY_S
REASON_LENGTH_MAX = 200
WAITING_READ_MAX = 1000
"""Of all that wait, of all projects, so many are looked through for those of one."""


@dataclass(frozen=True, slots=True)
class Told:
    """How telling a notice went, the last time it was tried. Times in seconds since 1970."""

    id: str
    kind: str
    number: str
    """Of the user whom it is about; "" where it is about none."""
    created: int
    at: int
    tries: int
    reason: str
    """Why it failed; "" where it did not."""


async def keep(ledger: Ledger, notice: Notice, reason: str = "") -> None:
    """Keep that it was told, or why it could not be. Raises nothing: that it is told does not depend on this."""
    now = int(ledger.clock.now())
    number = notice.account_id.rpartition("/")[2]
    texts = {"id": notice.id, "kind": notice.kind, "number": number, "reason": reason[:REASON_LENGTH_MAX]}
    numbers = {"created": notice.created, "at": now, "tries": notice.tries + 1, "ttl": now + KEPT_S}
    item = _key(_failed(notice.project_id) if reason else _told(notice.project_id), notice.id)
    item |= {name: {"S": text} for name, text in texts.items() if text}
    item |= {name: {"N": str(value)} for name, value in numbers.items()}
    try:
        await ledger.write("PutItem", {"TableName": ledger.table("notices"), "Item": item})
        if not reason and notice.tries:
            failed = _key(_failed(notice.project_id), notice.id)
            await ledger.write("DeleteItem", {"TableName": ledger.table("notices"), "Key": failed})
    except (StoreError, LedgerUnavailable):
        return


async def told(ledger: Ledger, project_id: str, limit: int) -> list[Told]:
    """What a project's owner was told, the newest notices first. Raises LedgerUnavailable."""
    return await _newest(ledger, _told(project_id), limit)


async def failed(ledger: Ledger, project_id: str, limit: int) -> list[Told]:
    """What failed the last time it was tried, whether or not it is tried again. Raises LedgerUnavailable."""
    return await _newest(ledger, _failed(project_id), limit)


async def waiting(ledger: Ledger, project_id: str) -> list[Notice]:
    """A project's notices that are to be told, those that are due first first. Raises LedgerUnavailable.

    Where very many wait, of all projects, those that are due last are not looked at.
    """
    request: Item = {
        "TableName": ledger.table("notices"),
        "KeyConditionExpression": "#scope = :scope",
        "FilterExpression": "begins_with(account_id, :project)",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": {"S": DUE}, ":project": {"S": f"{project_id}/"}},
        "Limit": WAITING_READ_MAX,
    }
    return [notices.from_item(item) for item in (await ledger.read("Query", request))["Items"]]


async def _newest(ledger: Ledger, scope: str, limit: int) -> list[Told]:
    request: Item = {
        "TableName": ledger.table("notices"),
        "KeyConditionExpression": "#scope = :scope",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": {"S": scope}},
        "ScanIndexForward": False,
        "Limit": limit,
    }
    return [_from_item(item) for item in (await ledger.read("Query", request))["Items"]]


def _from_item(item: Item) -> Told:
    identifier, kind, number, reason = (
        str(item[name]["S"]) if name in item else "" for name in ("id", "kind", "number", "reason")
    )
    created, at, tries = (int(item[name]["N"]) for name in ("created", "at", "tries"))
    return Told(identifier, kind, number, created, at, tries, reason)


def _told(project_id: str) -> str:
    return f"told/{project_id}"


def _failed(project_id: str) -> str:
    return f"failed/{project_id}"


def _key(scope: str, notice_id: str) -> Item:
    return {"scope": {"S": scope}, "notice_id": {"S": notice_id}}
