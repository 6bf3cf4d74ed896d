"""Money at a provider that fits no order: kept in its project, for people to look at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from functions.errors import LedgerUnavailable
from functions.ledger import entries, members
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

TRIES_MAX = 5
FOREIGN_MAX = 200


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Money at a provider that fits no order: what it is about, as the provider names it, and why it does not fit."""

    connection: str
    about: str
    kind: str
    why: str
    seen: int


async def keep(ledger: Ledger, project_id: str, found: Unmatched, others: Sequence[Item] = ()) -> bool:
    """Keep something for people to look at; what was kept before stays. Tells whether it is new."""
    put = entries.put(
        ledger, "members", _kept(_unmatched(project_id), f"{found.connection}/{found.about}", found), "created"
    )
    try:
        await _write(ledger, [put, *others])
    except Refused:
        return False
    return True


async def keep_foreign(ledger: Ledger, project_id: str, found: Unmatched) -> None:
    """The same for what has nothing to do with this gateway: FOREIGN_MAX of such are kept, new ones in place of old."""
    place = int(hashlib.sha256(f"{found.connection}/{found.about}".encode()).hexdigest(), 16) % FOREIGN_MAX
    await _write(
        ledger,
        [{"Put": {"TableName": ledger.table("members"), "Item": _kept(_foreign(project_id), str(place), found)}}],
    )


async def drop(ledger: Ledger, project_id: str, connection: str, about: str) -> bool:
    """Somebody has looked at it, or it fits now. Tells whether it was there."""
    part = members.drop(ledger, _unmatched(project_id), f"{connection}/{about}")
    part["Delete"]["ConditionExpression"] = "attribute_exists(created)"
    try:
        await _write(ledger, [part])
    except Refused:
        return False
    return True


async def listed(ledger: Ledger, project_id: str) -> list[Unmatched]:
    """What is kept of a project, at most members.LISTED_MAX. Raises LedgerUnavailable."""
    return [_from_kept(item) for item in await members.listed(ledger, _unmatched(project_id))]


async def foreign(ledger: Ledger, project_id: str) -> list[Unmatched]:
    """What of it has nothing to do with this gateway, the newest first. Raises LedgerUnavailable."""
    found = [_from_kept(item) for item in await members.listed(ledger, _foreign(project_id))]
    return sorted(found, key=lambda one: one.seen, reverse=True)


async def _write(ledger: Ledger, parts: list[Item]) -> None:
    """A transaction that may be sent again. Raises Refused, LedgerUnavailable."""
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": parts})
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return
    raise LedgerUnavailable("The ledger did not answer in time. Send this again.")


def _kept(scope: str, member: str, found: Unmatched) -> Item:
    texts = {"scope": scope, "member": member, "connection": found.connection, "about": found.about}
    texts |= {"kind": found.kind, "why": found.why}
    return {name: {"S": text} for name, text in texts.items()} | {"created": {"N": str(found.seen)}}


def _from_kept(item: Item) -> Unmatched:
    connection, about, kind, why = (str(item[name]["S"]) for name in ("connection", "about", "kind", "why"))
    return Unmatched(connection, about, kind, why, int(item["created"]["N"]))


def _unmatched(project_id: str) -> str:
    return f"unmatched/{project_id}"


def _foreign(project_id: str) -> str:
    return f"foreign/{project_id}"
