"""Automatic top-ups: what a user agreed to, how often it was made use of today, and which order is under way.

One item an account, among the orders. Every change writes it whole, with the next `version`; it is never taken away,
only emptied, so a write that arrives late finds another version and does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.ledger import account as accounts
from functions.ledger import notices, orders
from functions.ledger.expression import Expression
from functions.ledger.orders import Order
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

NONE, WAITING, ON, OFF = "none", "waiting", "on", "off"
"""States: nothing agreed; agreed, and a card is still to be saved; in force; ended by us, `why` says why."""
CARD = "card/"
"""Before the number of a setup's order, the attribute of the card that was saved in it."""
TEXTS = ("pack", "currency", "mode", "method")
NUMBERS = ("credits", "amount", "below", "per_day")
OWN_TEXTS = ("state", "setup", "order", "placed", "why")
OWN_NUMBERS = ("since", "day", "today", "version")


class TopUpChanged(Exception):
    """It is not any more as it was read, or may not be: read it again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a user agreed to: `pack` is bought for at most `amount` where less than `below` is left, so often a UTC day.

    Credits are microcredits, `amount` is in the smallest unit of `currency`.
    """

    pack: str
    credits: int
    amount: int
    currency: str
    below: int
    per_day: int
    mode: str
    method: str
    """How the user is known to the project."""


@dataclass(frozen=True, slots=True)
class TopUp:
    """An account's automatic top-up. Times in seconds since 1970."""

    account_id: str
    state: str = NONE
    terms: Terms | None = None
    setup: str = ""
    """The number of the order in which the card is saved."""
    card: str = ""
    """The customer and the payment method at the provider, once they are saved."""
    strays: bool = False
    """Cards are in the item that were saved in setups which count no more."""
    since: int = 0
    """When the user agreed."""
    day: int = 0
    today: int = 0
    """How often it was made use of in `day` (since 1970)."""
    order: str = ""
    """The number of the newest order of a top-up."""
    placed: str = ""
    """The setup by which that order is under way; "" where none is."""
    why: str = ""
    """Why it was ended."""
    version: int = 0

    @property
    def key_text(self) -> str:
        return f"{self.account_id}/top-up"

    def used(self, day: int) -> int:
        """How often it was made use of in a day."""
        return self.today if self.day == day else 0


async def read(ledger: Ledger, account_id: str) -> TopUp:
    """An account's, as it is now; its state is NONE where there never was one. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("orders"), "Key": _key(account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    return _from_item(account_id, item) if item else TopUp(account_id)


async def begin(ledger: Ledger, before: TopUp, terms: Terms, order: Order) -> TopUp:
    """A user agrees, in place of what was agreed before: the order in which a card is saved, and the terms, at once.

    Raises TopUpChanged, LedgerUnavailable.
    """
    made = replace(emptied(before), state=WAITING, terms=terms, setup=order.number, since=order.created)
    return await place(ledger, before, made, order, [_agreed(ledger, before.account_id)])


def emptied(before: TopUp) -> TopUp:
    """A top-up to which nobody agrees any more; how often it was made use of, and what is under way, stays."""
    return TopUp(before.account_id, day=before.day, today=before.today, order=before.order, placed=before.placed)


async def place(ledger: Ledger, before: TopUp, becomes: TopUp, order: Order, others: Sequence[Item] = ()) -> TopUp:
    """Put an order together with what a top-up becomes by it. Raises TopUpChanged, LedgerUnavailable."""
    after = replace(becomes, version=before.version + 1)
    try:
        await orders.put(ledger, order, [_replace(ledger, before, after), *others])
    except orders.OrderChanged:
        raise TopUpChanged from None
    return after


async def change(ledger: Ledger, before: TopUp, becomes: TopUp, others: Sequence[Item] = ()) -> TopUp:
    """What a top-up becomes, and `others`, in one transaction. Raises TopUpChanged, LedgerUnavailable."""
    after = replace(becomes, strays=False, version=before.version + 1)
    try:
        parts = [_replace(ledger, before, after), *others]
        await ledger.write("TransactWriteItems", {"TransactItems": parts})
    except (Refused, Ambiguous):
        raise TopUpChanged from None
    return after


def finished(ledger: Ledger, order: Order, card: str) -> list[Item]:
    """The parts of a transaction that keep the card which was saved in a setup, and have somebody look at it.

    It counts where that setup is still the one agreed to, and is forgotten where it is not.
    """
    if not card:
        return []
    write = Expression()
    write.sets.append(f"{write.name('#card', CARD + order.number)} = :card")
    write.added.append(f"version {write.number(':one', 1)}")
    write.values[":card"] = {"S": card}
    write.conditions.append("attribute_exists(order_id)")
    kept = write.transact(ledger.table("orders"), _key(order.account_id))
    return [kept, notices.part(ledger, notices.TOP_UP, order.account_id, {"order": order.number})]


def within(ledger: Ledger, account_id: str, below: int) -> Item:
    """A part of a transaction: from now on whoever sees less than `below` on the account has it topped up."""
    write = Expression()
    write.sets.append(f"top_up = {write.number(':below', below)}")
    write.removed.append("topping")
    return _account(ledger, account_id, write)


def under_way(ledger: Ledger, account_id: str) -> Item:
    """A part of a transaction: a top-up is under way, and nobody is to begin another."""
    write = Expression()
    write.sets.append(f"topping = {write.number(':now', int(ledger.clock.now()))}")
    return _account(ledger, account_id, write)


def without(ledger: Ledger, account_id: str) -> Item:
    """A part of a transaction: the account is not topped up."""
    write = Expression()
    write.removed += ["top_up", "topping"]
    return _account(ledger, account_id, write)


def _agreed(ledger: Ledger, account_id: str) -> Item:
    """A part of a transaction: the account is not topped up, and it was not deleted meanwhile."""
    write = Expression()
    write.removed += ["top_up", "topping"]
    write.conditions.append(f"{write.name('#state', 'state')} = :open")
    write.values[":open"] = {"S": accounts.OPEN}
    return _account(ledger, account_id, write)


def _account(ledger: Ledger, account_id: str, write: Expression) -> Item:
    write.conditions.append("attribute_exists(account_id)")
    return write.transact(ledger.table("accounts"), accounts.key(account_id))


def _replace(ledger: Ledger, before: TopUp, after: TopUp) -> Item:
    """The part of a transaction that puts a top-up where the version before is."""
    was = Expression()
    if before.version:
        was.conditions.append(f"version = {was.number(':was', before.version)}")
    else:
        was.conditions.append("attribute_not_exists(order_id)")
    item = {"TableName": ledger.table("orders"), "Item": _to_item(after), "ConditionExpression": was.conditions[0]}
    return {"Put": item | ({"ExpressionAttributeValues": was.values} if was.values else {})}


def _to_item(top_up: TopUp) -> Item:
    item = _key(top_up.account_id)
    texts = {name: getattr(top_up, name) for name in OWN_TEXTS}
    numbers = {name: getattr(top_up, name) for name in OWN_NUMBERS}
    if top_up.card:
        texts[CARD + top_up.setup] = top_up.card
    if terms := top_up.terms:
        texts |= {name: getattr(terms, name) for name in TEXTS}
        numbers |= {name: getattr(terms, name) for name in NUMBERS}
    item |= {name: {"S": text} for name, text in texts.items() if text}
    return item | {name: {"N": str(number)} for name, number in numbers.items()}


def _from_item(account_id: str, item: Item) -> TopUp:
    texts = {name: item[name]["S"] if name in item else "" for name in (*OWN_TEXTS, *TEXTS)}
    numbers = {name: int(item[name]["N"]) for name in (*OWN_NUMBERS, *NUMBERS) if name in item}
    terms = None
    if texts["pack"]:
        terms = Terms(**{name: texts[name] for name in TEXTS}, **{name: numbers[name] for name in NUMBERS})  # type: ignore[arg-type]
    cards = {name.removeprefix(CARD): one["S"] for name, one in item.items() if name.startswith(CARD)}
    card = cards.pop(texts["setup"], "")
    own_texts = {name: texts[name] for name in OWN_TEXTS}
    own_numbers = {name: numbers[name] for name in OWN_NUMBERS}
    return TopUp(account_id, terms=terms, card=card, strays=bool(cards), **own_texts, **own_numbers)  # type: ignore[arg-type]


def _key(account_id: str) -> Item:
    return {"order_id": {"S": f"{account_id}/top-up"}}
