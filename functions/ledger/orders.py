"""Orders: each one checkout at a payment provider, and how far what came of it was entered.

An order is put before anybody is told where to pay. From then on it changes step by step, each on the condition that
it is still at the version that was read, and in one transaction with what the step brings: a journal entry, the
account, what people are told. So whoever sees the same news again, or later news first, changes nothing twice.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from functions.errors import LedgerUnavailable
from functions.ledger import entries, journal, members
from functions.ledger.expression import Expression
from functions.ledger.journal import Entry
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

PACK, TOP_UP, SETUP = "pack", "top_up", "setup"
"""Kinds: bought by a user; bought by an automatic top-up; the agreement to such top-ups, which costs nothing."""
OPEN, PAID = "open", "paid"
NUMBER_BYTES, WHOSE_DIGITS = 12, 8
TRIES_MAX = 5
HISTORY_MAX = 40
BATCH_MAX = 100
"""As many items as DynamoDB reads at once."""
TEXTS = ("project_id", "connection", "reference", "number", "account_id", "kind", "pack", "currency", "mode", "state")
MORE_TEXTS = ("method", "payment")
NUMBERS = ("credits", "amount", "refunded", "reversed", "version", "created", "changed", "expires")


class OrderChanged(Exception):
    """The order is not any more as it was read, or may not be: read it again."""


@dataclass(frozen=True)
class Order:
    """One checkout. Credits are microcredits, amounts in the smallest unit of `currency`, times seconds since 1970."""

    project_id: str
    connection: str
    reference: str
    """The provider's id of the checkout; of a top-up, which is charged without one, the order's number."""
    number: str
    account_id: str
    kind: str
    pack: str
    credits: int
    amount: int
    currency: str
    mode: str
    created: int
    expires: int
    """When the page to pay at is over."""
    method: str = ""
    """How its user is known to the project."""
    state: str = OPEN
    payment: str = ""
    """The provider's id of the payment, where that is asked for instead of the checkout."""
    refunded: int = 0
    """Of `amount`, as far as it was entered."""
    disputes: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """By the provider's id: how much, and the state that was entered."""
    reversed: int = 0
    """What of `credits` was taken back."""
    version: int = 1
    changed: int = 0
    history: tuple[tuple[int, str], ...] = ()
    """What happened, and when."""

    @property
    def order_id(self) -> str:
        return key_text(self.project_id, self.connection, self.reference)

    @property
    def disputed(self) -> int:
        """Of `amount`: what buyers took back and have not lost."""
        return sum(amount for amount, state in self.disputes.values() if state != "won")


def new_number(ledger: Ledger, project_id: str) -> str:
    """The number of a new order: nobody can guess it, and whoever knows the project can tell that it is of it."""
    return _numbered(ledger, project_id) + ledger.random(NUMBER_BYTES).hex()


def is_number_of(ledger: Ledger, project_id: str, number: str) -> bool:
    """Whether a number was made for a project of this deployment: several may sell by one account at a provider."""
    return number.startswith(_numbered(ledger, project_id))


def _numbered(ledger: Ledger, project_id: str) -> str:
    whose = hashlib.sha256(f"{ledger.prefix}/{project_id}".encode())
    return f"ord_{whose.hexdigest()[:WHOSE_DIGITS]}"


async def put(ledger: Ledger, order: Order, others: Sequence[Item] = ()) -> None:
    """Put a new order, into the lists of its project and its account too, with `others` in one transaction.

    Again, it changes nothing. Raises LedgerUnavailable where nobody knows whether it is there; OrderChanged where
    one of the `others` refused.
    """
    writes = [entries.put(ledger, "orders", to_item(order), "order_id"), *_listed(ledger, order), *others]
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused as refused:
            if refused.item is None:
                raise OrderChanged from None
            return
        else:
            return
    raise LedgerUnavailable("The ledger did not answer in time; nothing was bought. Try again.")


async def read(ledger: Ledger, project_id: str, connection: str, reference: str) -> Order | None:
    """An order as it is now. Raises LedgerUnavailable."""
    key = _key(key_text(project_id, connection, reference))
    request = {"TableName": ledger.table("orders"), "Key": key, "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    return from_item(item) if item else None


@dataclass(frozen=True)
class Step:
    """What an order `becomes`, what its history says of it, and what comes with it: an entry, other parts."""

    becomes: Order
    what: str
    entry: Entry | None = None
    others: Sequence[Item] = ()


async def take(ledger: Ledger, order: Order, step: Step) -> Order:
    """Take an order one step further, all or nothing. Returns the order after.

    Raises OrderChanged; tidy.AccountGone, LedgerUnavailable.
    """
    now = int(ledger.clock.now())
    history = (*order.history, (now, step.what))[-HISTORY_MAX:]
    after = replace(step.becomes, version=order.version + 1, changed=now, history=history)
    parts = [_replace(ledger, order, after), *step.others]
    if step.entry:
        try:
            entered = await journal.enter(ledger, order.account_id, step.entry, parts)
        except (journal.GuardRefused, journal.ReferenceTaken):
            raise OrderChanged from None
        if entered.again:
            raise OrderChanged
        return after
    try:
        await ledger.write("TransactWriteItems", {"TransactItems": parts})
    except (Refused, Ambiguous):
        raise OrderChanged from None
    return after


def of_account(account_id: str) -> str:
    """The scope of an account's orders."""
    return f"orders/{account_id}"


def of_project(project_id: str) -> str:
    """The scope of a project's orders."""
    return f"orders/{project_id}"


async def newest(ledger: Ledger, scope: str, limit: int, after: str = "") -> tuple[list[Order], str]:
    """Orders of a scope, the newest first, from where an earlier page ended; and where this one did, "" at the end."""
    listed, end = await members.newest(ledger, scope, min(limit, BATCH_MAX), after)
    keys = [_key(item["order_id"]["S"]) for item in listed]
    found: dict[str, Order] = {}
    waiting = keys
    for attempt in range(TRIES_MAX):
        if not waiting:
            break
        asked = {ledger.table("orders"): {"Keys": waiting, "ConsistentRead": True}}
        answer = await ledger.read("BatchGetItem", {"RequestItems": asked})
        for item in answer["Responses"].get(ledger.table("orders"), []):
            found[item["order_id"]["S"]] = from_item(item)
        waiting = answer.get("UnprocessedKeys", {}).get(ledger.table("orders"), {}).get("Keys", [])
        if waiting:
            await ledger.pause(attempt)
    if waiting:
        raise LedgerUnavailable("The ledger is busy. Try again.")
    return [found[key["order_id"]["S"]] for key in keys if key["order_id"]["S"] in found], end


def place_of(order: Order) -> str:
    """Its place in lists, in the order in which orders were made: `newest` goes on after it."""
    return f"{order.created:011}-{order.number}"


def key_text(project_id: str, connection: str, reference: str) -> str:
    """The primary key of an order: of a project and a connection first, so that they never meet."""
    return f"{project_id}/{connection}/{reference}"


def to_item(order: Order) -> Item:
    item = _key(order.order_id)
    item |= {name: {"S": getattr(order, name)} for name in TEXTS}
    item |= {name: {"S": value} for name in MORE_TEXTS if (value := getattr(order, name))}
    item |= {name: {"N": str(getattr(order, name))} for name in NUMBERS}
    item["disputes"] = {"S": json.dumps({name: list(one) for name, one in order.disputes.items()})}
    item["history"] = {"S": json.dumps(order.history)}
    return item


def from_item(item: Item) -> Order:
    """The order of an item."""
    fields: dict[str, Any] = {name: item[name]["S"] for name in (*TEXTS, *MORE_TEXTS) if name in item}
    fields |= {name: int(item[name]["N"]) for name in NUMBERS}
    disputes = {name: (amount, state) for name, (amount, state) in json.loads(item["disputes"]["S"]).items()}
    history = tuple((at, what) for at, what in json.loads(item["history"]["S"]))
    return Order(**fields, disputes=disputes, history=history)


def _key(order_id: str) -> Item:
    return {"order_id": {"S": order_id}}


def _listed(ledger: Ledger, order: Order) -> list[Item]:
    """Its places in lists."""
    member, more = place_of(order), _key(order.order_id)
    return [
        members.put(ledger, scope, member, more)
        for scope in (of_project(order.project_id), of_account(order.account_id))
    ]


def _replace(ledger: Ledger, order: Order, after: Order) -> Item:
    """The part of a transaction that puts an order where the version before is."""
    was = Expression()
    condition = {"ConditionExpression": f"version = {was.number(':was', order.version)}"}
    item = {"TableName": ledger.table("orders"), "Item": to_item(after)}
    return {"Put": item | condition | {"ExpressionAttributeValues": was.values}}
