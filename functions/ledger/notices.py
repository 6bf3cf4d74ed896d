"""Notices: what people are still to be told. Put in the transaction that makes it true, gone once it is told.

Notices stand in one scope, sorted by when they are due, so one bounded query finds what is due, however late it came.
Whoever tells one leases it first: one transaction moves it to when the lease ends. So it is told once unless its
teller dies, and then again: at least once. Receivers know it again by its `id`, which never changes.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from functions.errors import LedgerUnavailable
from functions.ledger import ids
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

CREDITS_LOW = "credits_low"
TOP_UP, TOP_UP_FAILED = "top_up", "top_up_failed"
DUE = "due"
"""The scope that all notices stand in."""
LEASE_S = 120
"""Longer than one notice may take to be told."""
TRIES_MAX = 5

About = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told. Times in seconds since 1970."""

    id: str
    due: int
    kind: str
    account_id: str
    """Whom it is about; of a project and none of its users, the project's id and a slash."""
    about: About
    created: int
    tries: int = 0
    """How often telling it failed."""
    done: tuple[str, ...] = ()
    """The ways by which it was told already, such as `mail`."""

    @property
    def project_id(self) -> str:
        return self.account_id.rpartition("/")[0]


def part(ledger: Ledger, kind: str, account_id: str, about: About) -> Item:
    """A part of a transaction that puts a notice, due now. `about` is what it tells: texts and numbers."""
    identifier, now = ids.time_ordered(ledger), int(ledger.clock.now())
    return _put(ledger, Notice(identifier, now, kind, account_id, about, now))


async def due(ledger: Ledger, limit: int) -> list[Notice]:
    """What is due, at most so many, what was due first first. Raises LedgerUnavailable."""
    request: Item = {
        "TableName": ledger.table("notices"),
        "KeyConditionExpression": "#scope = :scope AND #id < :now",
        "ExpressionAttributeNames": {"#scope": "scope", "#id": "notice_id"},
        "ExpressionAttributeValues": {":scope": {"S": DUE}, ":now": {"S": ids.first_at(int(ledger.clock.now()) + 1)}},
        "ConsistentRead": True,
        "Limit": limit,
    }
    return [from_item(item) for item in (await ledger.read("Query", request))["Items"]]


async def waiting_of(ledger: Ledger, account_id: str) -> AsyncIterator[Notice]:
    """What is to be told about an account, due or not: all that waits is looked through. Raises LedgerUnavailable."""
    request: Item = {
        "TableName": ledger.table("notices"),
        "KeyConditionExpression": "#scope = :scope",
        "FilterExpression": "account_id = :account",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": {"S": DUE}, ":account": {"S": account_id}},
        "ConsistentRead": True,
    }
    while True:
        page = await ledger.read("Query", request)
        for item in page["Items"]:
            yield from_item(item)
        if "LastEvaluatedKey" not in page:
            return
        request |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}


async def lease(ledger: Ledger, notice: Notice) -> Notice | None:
    """The notice, which nobody else sees for LEASE_S; None where somebody else has it, or may.

    Raises LedgerUnavailable.
    """
    return await _move(ledger, notice, replace(notice, due=int(ledger.clock.now()) + LEASE_S))


async def later(ledger: Ledger, notice: Notice, in_s: int, *, failed: bool, done: tuple[str, ...]) -> None:
    """It is due again in so many seconds: not told, or only in the ways of `done`. Raises LedgerUnavailable.

    One whose lease is over is left to whoever has it now.
    """
    tries = notice.tries + failed
    await _move(ledger, notice, replace(notice, due=int(ledger.clock.now()) + in_s, tries=tries, done=done))


async def done(ledger: Ledger, notice: Notice) -> None:
    """It is told. Raises LedgerUnavailable: then it is told again once its lease is over."""
    request = {"TableName": ledger.table("notices"), "Key": _key(notice)}
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("DeleteItem", request)
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return
    raise LedgerUnavailable("The ledger did not answer in time.")


async def _move(ledger: Ledger, notice: Notice, there: Notice) -> Notice | None:
    """One transaction, sent once: gone where it was, and put where it is due next."""
    if there.due == notice.due:  # a transaction writes an item once
        there = replace(there, due=there.due + 1)
    gone = {
        "TableName": ledger.table("notices"),
        "Key": _key(notice),
        "ConditionExpression": "attribute_exists(notice_id)",
    }
    try:
        await ledger.write("TransactWriteItems", {"TransactItems": [{"Delete": gone}, _put(ledger, there)]})
    except (Refused, Ambiguous):
        return None
    return there


def _put(ledger: Ledger, notice: Notice) -> Item:
    numbers = {name: getattr(notice, name) for name in ("created", "tries")}
    texts = {"id": notice.id, "kind": notice.kind, "account_id": notice.account_id}
    texts |= {"about": json.dumps(dict(notice.about)), "done": ",".join(notice.done)}
    item = _key(notice) | {name: {"N": str(number)} for name, number in numbers.items()}
    item |= {name: {"S": text} for name, text in texts.items() if text}
    return {"Put": {"TableName": ledger.table("notices"), "Item": item}}


def _key(notice: Notice) -> Item:
    return {"scope": {"S": DUE}, "notice_id": {"S": f"{ids.first_at(notice.due)}-{notice.id}"}}


def from_item(item: Item) -> Notice:
    """A notice as it stands in the table."""
    told = item["done"]["S"].split(",") if "done" in item else ()
    return Notice(
        id=item["id"]["S"],
        due=ids.made_at(item["notice_id"]["S"]),
        kind=item["kind"]["S"],
        account_id=item["account_id"]["S"],
        about=json.loads(item["about"]["S"]),
        created=int(item["created"]["N"]),
        tries=int(item["tries"]["N"]),
        done=tuple(told),
    )
