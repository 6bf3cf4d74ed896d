"""The audit: every account computed anew from its journal, its receipts and its open holds (rule 12).

It is exact beside traffic. The account is read first; what is written later is told apart by what the account says:

- A journal entry above the account's `journal_version` came later.
- An id is admitted only while it is newer than `newest_settled`, and a settle raises that to its own. So a receipt
  counts if its id is at most `newest_settled` and its hold is not open: the hold was admitted and settled before.
  Any other is of a hold that is open, or that was admitted later, and is not yet in `spent`.

For the same reason a checkpoint can stand at the last receipt X that is at most `newest_settled` and below every open
hold: no hold up to X is open, and none is admitted any more, so no receipt up to X can still come that costs anything.
(One at no cost can: a healer may put it while the request gives its own hold back.)
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace

from functions.errors import LedgerUnavailable, where
from functions.ledger import account as accounts
from functions.ledger import checkpoints, joined, tidy
from functions.ledger.account import Account
from functions.ledger.checkpoints import BEGINNING, Checkpoint
from functions.ledger.store import Item, Ledger

ACCOUNTS_PER_PAGE = 100
AFTER_ALL = "~"
"""Sorts after every id."""

log = logging.getLogger("farebox.audit")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as it should be, and by how many microcredits: 1 where no amount is wrong."""

    what: str
    by: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit of one account found, and what it read and did for it."""

    account_id: str
    mismatches: tuple[Mismatch, ...] = ()
    entries: int = 0
    receipts: int = 0
    healed: int = 0
    """Holds that had expired and were resolved by being read."""
    advanced: bool = False
    """Whether a new checkpoint was written."""
    unread: bool = False
    """The ledger could not be reached for it: nothing is known of it."""
    leftovers: bool = False
    """It was deleted, and there may be something left of its user."""

    @property
    def drift(self) -> int:
        """By how many microcredits in all; 0 only where everything is right."""
        return sum(mismatch.by for mismatch in self.mismatches)


@dataclass(slots=True)
class _Books:
    """One audit: what it goes on from, and what it has come to so far."""

    account: Account
    reached: Checkpoint
    mismatches: list[Mismatch] = field(default_factory=list)
    early: list[tuple[str, str, int]] = field(default_factory=list)
    """What the account as read does not know of yet: `receipt` or `entry`, its id, its amount."""
    entries: int = 0
    receipts: int = 0
    spent: int = 0

    def wrong(self, what: str, by: int) -> None:
        self.mismatches.append(Mismatch(what, max(1, abs(by))))

    def same(self, what: str, found: int, expected: int) -> None:
        if found != expected:
            self.wrong(f"{what} is {found}, not {expected}", found - expected)


async def audit_all(ledger: Ledger, start: str = "", *, full: bool = False) -> AsyncGenerator[Finding, None]:
    """Audit every account; with `start`, those that the scan comes to after that one.

    One that cannot be read ends nothing. Raises LedgerUnavailable where the accounts cannot be listed.
    """
    request: Item = {"TableName": ledger.table("accounts"), "Limit": ACCOUNTS_PER_PAGE}
    if start:
        request["ExclusiveStartKey"] = accounts.key(start)
    async for item in pages(ledger, "Scan", request):
        try:
            finding = await audit_account(ledger, item["account_id"]["S"], full=full)
        except tidy.AccountGone:
            continue
        except LedgerUnavailable:
            finding = Finding(item["account_id"]["S"], unread=True)
        yield finding


async def audit_account(ledger: Ledger, account_id: str, *, full: bool = False) -> Finding:
    """Audit one account from its last checkpoint, and write the next one where nothing is wrong.

    `full` computes from the beginning; it needs every receipt there ever was, so it is not for a deleted account.
    Raises AccountGone, LedgerUnavailable.
    """
    try:
        stored = await checkpoints.find(ledger, account_id)
        account = await _read(ledger, account_id)
        now_s = ledger.clock.now()
        expired = {hold.hold_id for hold in account.holds.values() if hold.expires <= now_s}
        account = await tidy.tidy(ledger, account)
        await joined.enlist(ledger, account)
        begins = full and account.state != accounts.DELETED
        books = _Books(account, BEGINNING if begins else stored or BEGINNING)
        await _audit(ledger, books)
    except (KeyError, TypeError, ValueError) as error:  # an item that is none of the ledger's writing
        log.warning("the audit of %s ended: %s", account_id, where(error))
        return Finding(account_id, (Mismatch(f"cannot be read or tidied ({type(error).__name__})", 1),))
    advanced = not books.mismatches and await checkpoints.advance(ledger, account_id, stored, books.reached)
    healed = len(expired - account.holds.keys())
    left = account.has_leftovers(now_s)
    return Finding(account_id, tuple(books.mismatches), books.entries, books.receipts, healed, advanced, leftovers=left)


async def _audit(ledger: Ledger, books: _Books) -> None:
    account = books.account
    books.same("credited, against where it all is,", account.credited, account.credited - account.drift())
    for name, part in _terms(account).items():
        if part < 0:
            books.wrong(f"{name} is {part}", part)
    await _journal(ledger, books)
    await _receipts(ledger, books)
    books.same("spent, against the receipts,", account.spent, books.spent)
    if books.early:
        _late(books, await _read(ledger, account.account_id))


def _terms(account: Account) -> dict[str, int]:
    """Everything of an account that is an amount."""
    terms = {"paid": account.paid, "credited": account.credited, "spent": account.spent}
    terms |= {"expired": account.expired, "debt": account.debt}
    terms |= {f"lot {name}": lot.left for name, lot in account.lots.items()}
    for hold_id, hold in account.holds.items():
        terms |= {f"hold {hold_id}": hold.paid} | {f"hold {hold_id} of {lot}": part for lot, part in hold.lots.items()}
    return terms


async def _journal(ledger: Ledger, books: _Books) -> None:
    """Follow the chain of entries from the checkpoint to the account's `journal_version`."""
    version, credited, debt = books.reached.version, books.reached.credited, books.reached.debt
    async for item in _since(ledger, books.account, "journal", "version", {"N": str(version)}):
        entry = {name: int(item[name]["N"]) for name in ("version", "amount", "credited_before", "credited_after")}
        if entry["version"] > books.account.journal_version:
            books.early.append(("entry", str(entry["version"]), entry["amount"]))
            continue
        books.entries += 1
        if entry["version"] != version + 1:
            books.wrong(f"journal entry {version + 1} is missing", entry["credited_before"] - credited)
        else:
            books.same(f"journal entry {entry['version']}: credited before", entry["credited_before"], credited)
        sum_after = entry["credited_before"] + entry["amount"]
        books.same(f"journal entry {entry['version']}: credited after", entry["credited_after"], sum_after)
        version, credited = entry["version"], entry["credited_after"]
        debt += int(item["debt"]["N"])
    if version != books.account.journal_version:
        books.wrong(f"the journal ends at entry {version}, the account at {books.account.journal_version}", 1)
    books.same("credited, against the journal,", books.account.credited, credited)
    books.same("debt, against the journal,", books.account.debt, debt)
    books.reached = replace(books.reached, version=version, credited=credited, debt=debt)


async def _receipts(ledger: Ledger, books: _Books) -> None:
    """Sum the receipts that the account's `spent` contains; they come in the order of their ids."""
    account, reached = books.account, books.reached
    oldest_open = min(account.holds, default=AFTER_ALL)
    books.spent, counted = reached.spent, reached.receipts
    async for item in _since(ledger, account, "receipts", "receipt_id", {"S": reached.upto}):
        receipt_id, cost, held = item["receipt_id"]["S"], int(item["cost"]["N"]), int(item["hold"]["N"])
        books.receipts += 1
        if not 0 <= cost <= held:
            books.wrong(
                f"receipt {receipt_id}: cost is {cost}, of a hold of {held}", cost - held if cost > held else cost
            )
        if receipt_id in account.holds:
            continue
        if receipt_id > account.newest_settled:
            books.early.append(("receipt", receipt_id, cost))
            continue
        books.spent += cost
        counted += 1
        if receipt_id < oldest_open:
            books.reached = replace(books.reached, upto=receipt_id, spent=books.spent, receipts=counted)


def _late(books: _Books, account: Account) -> None:
    """What the account did not know of when it was first read, it must know of now: it was written before it."""
    for kind, identifier, amount in books.early:
        if kind == "entry" and int(identifier) > account.journal_version:
            books.wrong(f"journal entry {identifier} is unknown to the account", amount)
        known = identifier in account.holds or identifier <= account.newest_settled
        if kind == "receipt" and amount and not known:
            books.wrong(f"receipt {identifier}: nothing was held for it", amount)


async def _read(ledger: Ledger, account_id: str) -> Account:
    """The account exactly as it is stored."""
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id), "ConsistentRead": True}
    answer = await ledger.read("GetItem", request)
    if "Item" not in answer:
        raise tidy.AccountGone
    return Account(answer["Item"])


def _since(ledger: Ledger, account: Account, table: str, sort: str, after: Item) -> AsyncIterator[Item]:
    """An account's items of a table, in order, those after a sort key; all where that is empty."""
    request: Item = {
        "TableName": ledger.table(table),
        "KeyConditionExpression": "account_id = :account",
        "ExpressionAttributeValues": {":account": {"S": account.account_id}},
        "ConsistentRead": True,
    }
    if after != {"S": ""}:  # DynamoDB takes no empty key
        request["KeyConditionExpression"] += f" AND {sort} > :after"
        request["ExpressionAttributeValues"] |= {":after": after}
    return pages(ledger, "Query", request)


async def pages(ledger: Ledger, operation: str, request: Item) -> AsyncIterator[Item]:
    """The items of a Query or a Scan, page by page. Raises LedgerUnavailable."""
    while True:
        page = await ledger.read(operation, request)
        for item in page["Items"]:
            yield item
        if "LastEvaluatedKey" not in page:
            return
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}
