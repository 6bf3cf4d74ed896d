"""Credits that come or go otherwise than by a request: purchases, refunds, adjustments, gifts (rules 8 and 10).

Each is one transaction: a mark that its reference was entered, the account, the journal entry, and what the caller
adds, such as the state of an order. The mark makes it count once, however often it is asked for and however late
an earlier write arrives; DynamoDB's ClientRequestToken lasts ten minutes and is no guard.

    NotEntered
    ├── ReferenceTaken   the reference was entered for another account or amount
    ├── LotTaken         the account has a lot of this name
    ├── LotsFull         the account has as many lots as it may
    └── GuardRefused     what the caller added to the transaction refused it
"""

from dataclasses import dataclass
from typing import NoReturn

from functions import money
from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import entries, grants, tidy
from functions.ledger.account import Account
from functions.ledger.entries import Change
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

TRIES_MAX = 20
PATIENT_TRIES = 8
PAUSE_LONGEST = 5
"""The attempt after which pauses grow no more: 0.6 s."""
LOTS_MAX = 8
REFERENCE_BYTES_MAX = 500
LOT_NAME_MAX = 64

INCOMING = frozenset({"purchase", "sign_up", "adjustment", "grant", "refund_failed", "dispute_won"})
OUTGOING = frozenset({"refund", "dispute", "adjustment"})
OWED = frozenset({"refund", "dispute"})
"""What goes out although it may be spent: the rest is owed."""
BY_HAND = frozenset({"sign_up", "adjustment", "grant"})
"""What people enter, by references of their own; nothing of it is entered once the account was deleted."""
NOTED = frozenset({"dispute_lost"})
"""What moves nothing, and is to be seen all the same."""
OWN_PARTS = 3


class EntryError(ValueError):
    """An entry that can never be entered: its reason, reference, sign or lot is wrong."""


class NotEntered(Exception):
    """Nothing was changed."""


class ReferenceTaken(NotEntered):
    """This reason and reference were entered for another account, or with another amount."""


class LotTaken(NotEntered):
    """The account has a lot of this name, or a request still holds credits of one."""


class LotsFull(NotEntered):
    """The account has LOTS_MAX lots, and all are in use."""


class GuardRefused(NotEntered):
    """A part of the caller's own refused the transaction. `items`, in their order, where they asked for ALL_OLD."""

    def __init__(self, items: list[Item | None]) -> None:
        super().__init__("the caller's guard refused")
        self.items = items


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be entered: `amount` in microcredits, below 0 for what goes out.

    `reason` and `reference` name it within its project, once and for all: a provider's payment, an order, a refund's
    own id. `lot` is the name and the expiry, in seconds since 1970, of the lot that incoming credits make; None: they
    do not expire.
    """

    amount: int
    reason: str
    reference: str
    lot: tuple[str, int] | None = None
    by: str = ""
    """Who enters it, where somebody does."""
    why: str = ""
    """What they say it is for."""


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry that is in the journal. Amounts in microcredits."""

    account: Account
    """The account now, tidied."""
    version: int
    amount: int
    """What `credited` changed by."""
    debt: int
    """What of a refund was not there any more, and is owed."""
    again: bool
    """It was entered before this call was made, by another."""


async def enter(ledger: Ledger, account_id: str, entry: Entry, guard: list[Item] | None = None) -> Entered:
    """Enter something once. `guard` are parts of TransactWriteItems that must succeed with it.

    What comes in goes to `paid` or to a new lot. What goes out is taken from `paid`: what of a refund or a dispute is
    not there becomes debt, and what of an adjustment is not there is left, for deductions stop at zero.
    Raises EntryError, money.AmountError, NotEntered, tidy.AccountGone; LedgerUnavailable where nobody knows whether
    it was entered: then ask again with the same reference.
    """
    _check(entry, ledger.clock.now())
    owner = ledger.random(8).hex()
    for attempt in range(TRIES_MAX):
        mark, account = await _find(ledger, account_id, entry)
        if account.state == accounts.DELETED and entry.reason in BY_HAND:
            raise tidy.AccountGone
        if mark:
            return await _entered(ledger, account, entry, mark, again=mark["owner"]["S"] != owner)
        account = await tidy.tidy(ledger, account)
        change = _plan(account, entry, patient=attempt < PATIENT_TRIES)
        mark = _mark(account, entry, change, owner)
        own = [entries.put(ledger, "identities", mark, "identity_id"), *entries.writes(ledger, account, change)]
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": own + (guard or [])})
        except Refused as refused:
            if guard and not any(refused.items[:OWN_PARTS]):
                raise GuardRefused(refused.items[OWN_PARTS:]) from None
        except Ambiguous:
            pass  # the mark tells
        else:
            return await _entered(ledger, account, entry, mark, again=False)
        await ledger.pause(min(attempt, PAUSE_LONGEST))
    raise LedgerUnavailable("The ledger is busy; send the same reference again.")


def _check(entry: Entry, now_s: float) -> None:
    outgoing = isinstance(entry.amount, int) and entry.amount < 0
    noted = entry.reason in NOTED and entry.amount == 0
    if not noted:
        money.amount(-entry.amount if outgoing else entry.amount)
    if not noted and entry.reason not in (OUTGOING if outgoing else INCOMING):
        raise EntryError(f"{entry.reason!r} is no reason for credits to {'go' if outgoing else 'come'}")
    if not entry.reference or len(entry.reference.encode()) > REFERENCE_BYTES_MAX:
        raise EntryError(f"a reference has 1 to {REFERENCE_BYTES_MAX} bytes")
    if entry.lot:
        name, expires = entry.lot
        if outgoing or noted:
            raise EntryError("what goes out makes no lot")
        if not 0 < len(name) <= LOT_NAME_MAX or expires <= now_s:
            raise EntryError(f"a lot has a name of 1 to {LOT_NAME_MAX} characters and is not over yet")


def _plan(account: Account, entry: Entry, *, patient: bool) -> Change:
    """What the entry comes to on the account as read. Raises LotTaken, LotsFull.

    Where requests keep taking what a refund would take, it stops being patient and is all debt: admission is
    refused then, so the netting that follows finds what there is.
    """
    if entry.lot:
        room = _room(account, entry.lot)
        return Change(entry.reason, entry.reference, entry.amount, 0, entry.lot, room, entry.by, entry.why)
    if entry.amount > 0:
        return Change(entry.reason, entry.reference, entry.amount, by=entry.by, why=entry.why)
    wanted, owed = -entry.amount, entry.reason in OWED
    taken = min(account.paid, wanted) if patient or not owed else 0
    debt = wanted - taken if owed else 0
    return Change(entry.reason, entry.reference, -taken, debt, by=entry.by, why=entry.why)


def _room(account: Account, lot: tuple[str, int]) -> tuple[str, ...]:
    """Which used-up lots leave to make room for a new one.

    A lot that a running request took from stays: what comes back goes there (rule 4). Nothing can newly be taken from
    one with nothing left, so one that is idle now stays so.
    """
    held = {name for hold in account.holds.values() for name in hold.lots}
    if lot[0] in account.lots or lot[0] in held:
        raise LotTaken(lot[0])
    if len(account.lots) < LOTS_MAX:
        return ()
    idle = tuple(name for name, lot in account.lots.items() if lot.left == 0 and name not in held)
    if len(account.lots) - len(idle) >= LOTS_MAX:
        raise LotsFull(f"{LOTS_MAX} lots")
    return idle


async def _find(ledger: Ledger, account_id: str, entry: Entry) -> tuple[Item | None, Account]:
    """The mark, if the reference was entered, and the account, as they are at one moment."""
    gets = [
        {"Get": {"TableName": ledger.table("identities"), "Key": _mark_key(account_id, entry)}},
        {"Get": {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id)}},
    ]
    answer = await ledger.read("TransactGetItems", {"TransactItems": gets})
    mark, item = (response.get("Item") for response in answer["Responses"])
    if not item:
        raise tidy.AccountGone
    return mark, Account(item)


def _mark_key(account_id: str, entry: Entry) -> Item:
    """Of the account's project: one payment cannot be entered for two accounts."""
    return grants.identity_key(account_id.rpartition("/")[0], entry.reason, entry.reference)


def _mark(account: Account, entry: Entry, change: Change, owner: str) -> Item:
    numbers = {"version": account.journal_version + 1, "asked": entry.amount}
    numbers |= {"amount": change.amount, "debt": change.debt}
    item = _mark_key(account.account_id, entry) | {name: {"N": str(number)} for name, number in numbers.items()}
    return item | {"account_id": {"S": account.account_id}, "owner": {"S": owner}}


async def _entered(ledger: Ledger, account: Account, entry: Entry, mark: Item, *, again: bool) -> Entered:
    """What a mark tells, and the account as it is now; credits that came in pay debt here (rule 10)."""
    if mark["account_id"]["S"] != account.account_id or int(mark["asked"]["N"]) != entry.amount:
        _taken(entry)
    now = await tidy.kept(ledger, account.account_id)
    version, amount, debt = (int(mark[name]["N"]) for name in ("version", "amount", "debt"))
    return Entered(now, version, amount, debt, again)


def _taken(entry: Entry) -> NoReturn:
    raise ReferenceTaken(f"{entry.reason} {entry.reference} was entered for another account or amount")
