"""What is left of a user when their account was closed (functions/ledger/deletion.py), removed in steps that repeat.

Receipts go only when a checkpoint contains them (rule 12), so the books of a deleted account stay whole. What requests
hold that still run comes back first, and is forfeited then. A process that was asleep may write what was removed
before, so an account is looked at again for some nights.
"""

from collections.abc import AsyncIterator, Iterable

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import audit, checkpoints, credentials, entries, grants, journal, members, notices, tidy, top_ups
from functions.ledger.account import DELETED, Account
from functions.ledger.entries import Change
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

REASON = "deleted"
"""Of the journal entries that forfeit what was left."""
NO_REFERENCE = "-"
TRIES_MAX = 8
RECEIPTS_MAX = 10_000
"""Of one account at once; the night after goes on."""
TOGETHER = 50
"""Items that one transaction removes."""
ONCE = frozenset({"account_id", "state", "created", "deleted", "due", "forfeited", "erased"})
SUMS = frozenset({"paid", "lots", "holds", "credited", "spent", "expired", "debt"})
VERSIONS = frozenset({"credentials_version", "journal_version", "settled"})
KEPT = ONCE | SUMS | VERSIONS
"""Attributes of the account that the books need, and what guards it against writes that come late."""


async def finish(ledger: Ledger, account_id: str) -> bool:
    """Remove what is left of a deleted account's user. False: something must wait; the next call goes on.

    Raises AccountGone, LedgerUnavailable.
    """
    await _top_up(ledger, account_id)
    await _keys(ledger, account_id)
    await _notices(ledger, account_id)
    await _words(ledger, account_id)
    account = await _forfeit(ledger, await tidy.kept(ledger, account_id))
    is_summed = await _receipts(ledger, account)
    if is_summed:
        await _remove_all(ledger, "days", ("account_id", "day"), _rows(ledger, account_id, "days"))
    return is_summed and await _erased(ledger, account_id)


def strip(write: Expression, account: Account) -> None:
    """Remove what the books do not need: who it is, what it may, how much of its limits it used."""
    for index, name in enumerate(sorted(account.item.keys() - KEPT)):
        write.removed.append(write.name(f"#r{index}", name))


def nothing_left(write: Expression, account: Account, rest: int = 0) -> None:
    """What is left of an account's credits goes, but for a `rest` of what was paid; it must be what was read."""
    write.sets += [f"paid = {write.number(':rest', rest)}", "lots = :nothing"]
    write.values[":nothing"] = {"M": {}}
    write.conditions.append(f"paid = {write.number(':paid', account.paid)}")
    for index, (name, lot) in enumerate(account.lots.items()):
        path = f"lots.{write.name(f'#l{index}', name)}"
        write.conditions.append(f"{path}.n = {write.number(f':l{index}', lot.left)}")


async def _forfeit(ledger: Ledger, account: Account) -> Account:
    """Enter what came back from requests that ran when the account was closed.

    What was paid after that is no gift and no remainder: it stays, for whoever gives the money back.
    """
    for attempt in range(TRIES_MAX):
        left = account.paid + sum(lot.left for lot in account.lots.values())
        came = min(account.paid, max(0, account.credited - account.number("due")))
        if account.holds or left == came:
            return account
        change = Change(REASON, "", came - left)
        request = {"TransactItems": _forfeited(ledger, account, change, came)}
        try:
            await ledger.write("TransactWriteItems", request)
        except (Refused, Ambiguous):
            await ledger.pause(attempt)
        account = await tidy.kept(ledger, account.account_id)
    raise LedgerUnavailable("The ledger is busy; what is left of the account goes later.")


def _forfeited(ledger: Ledger, account: Account, change: Change, rest: int) -> list[Item]:
    write, version = Expression(), account.journal_version
    nothing_left(write, account, rest)
    write.sets += ["journal_version = :next", "credited = :after", "due = :due", "forfeited = :forfeited"]
    write.conditions += ["journal_version = :version", "credited = :before", "holds = :nothing"]
    write.number(":version", version)
    write.number(":next", version + 1)
    write.number(":before", account.credited)
    write.number(":after", account.credited + change.amount)
    write.number(":due", account.number("due") + change.amount)
    write.number(":forfeited", account.number("forfeited") - change.amount)
    entry = entries.to_item(account.account_id, version + 1, account.credited, change, int(ledger.clock.now()))
    update = write.transact(ledger.table("accounts"), accounts.key(account.account_id))
    return [update, entries.put(ledger, "journal", entry, "account_id")]


async def _receipts(ledger: Ledger, account: Account) -> bool:
    """Remove the receipts that a checkpoint contains. Whether that were all; never where the books are wrong."""
    finding = await audit.audit_account(ledger, account.account_id)
    if finding.drift:
        return False
    reached = await checkpoints.find(ledger, account.account_id) or checkpoints.BEGINNING
    account = await tidy.kept(ledger, account.account_id)
    is_over = not account.holds and account.newest_settled <= reached.upto
    upto = audit.AFTER_ALL if is_over else reached.upto  # above it are those that cost nothing
    if not upto:
        return False
    rows = _rows(ledger, account.account_id, "receipts", ("receipt_id", upto))
    return await _remove_all(ledger, "receipts", ("account_id", "receipt_id"), rows, RECEIPTS_MAX) and is_over


async def _words(ledger: Ledger, account_id: str) -> None:
    """Take from the journal what people wrote, and the marks of references that they made up.

    What they wrote may be about anybody. The marks are needed no more: nothing is entered by hand any more.
    """
    async for item in _rows(ledger, account_id, "journal"):
        by_hand = item["reason"]["S"] in journal.BY_HAND and item["reference"]["S"] != NO_REFERENCE
        if item["reason"]["S"] == REASON or not (by_hand or "why" in item):
            continue
        write, parts = Expression(), list[Item]()
        write.removed.append(write.name("#why", "why"))
        write.conditions.append("attribute_exists(account_id)")
        if by_hand:
            write.sets.append(f"{write.name('#reference', 'reference')} = :none")
            write.values[":none"] = {"S": NO_REFERENCE}
            project = account_id.rpartition("/")[0]
            mark = grants.identity_key(project, item["reason"]["S"], item["reference"]["S"])
            parts.append({"Delete": {"TableName": ledger.table("identities"), "Key": mark}})
        place = {name: item[name] for name in ("account_id", "version")}
        await _again(ledger, [write.transact(ledger.table("journal"), place), *parts])


async def _top_up(ledger: Ledger, account_id: str) -> None:
    """Nothing is agreed any more, and no card is kept; what was charged before is still seen to its end."""
    for attempt in range(TRIES_MAX):
        before = await top_ups.read(ledger, account_id)
        if before.state == top_ups.NONE and not before.strays:
            return
        try:
            await top_ups.change(ledger, before, top_ups.emptied(before))
        except top_ups.TopUpChanged:
            await ledger.pause(attempt)
    raise LedgerUnavailable("The ledger is busy; what is left of the account goes later.")


async def _keys(ledger: Ledger, account_id: str) -> None:
    """Each key together with its place in the list by which it is found."""
    scope = members.keys(account_id)
    for item in await members.listed(ledger, scope):
        key_id = item["member"]["S"]
        key = {"Delete": {"TableName": ledger.table("credentials"), "Key": credentials.key_of(key_id)}}
        await _again(ledger, [key, members.drop(ledger, scope, key_id)])


async def _notices(ledger: Ledger, account_id: str) -> None:
    """Nobody is told of it any more; what a top-up began goes on to its end."""
    async for notice in notices.waiting_of(ledger, account_id):
        if notice.kind != notices.TOP_UP:
            await notices.done(ledger, notice)


async def _erased(ledger: Ledger, account_id: str) -> bool:
    """Remove what settles have added to the account since it was closed, and note that nothing is left."""
    account = await tidy.kept(ledger, account_id)
    if account.holds or account.state != DELETED:
        return False
    if "erased" in account.item and account.item.keys() <= KEPT:
        return True
    write = Expression()
    strip(write, account)
    write.sets.append(f"erased = {write.number(':now', int(ledger.clock.now()))}")
    write.conditions.append(f"{write.name('#state', 'state')} = :deleted AND holds = :nothing")
    write.values |= {":deleted": {"S": DELETED}, ":nothing": {"M": {}}}
    try:
        await ledger.write("UpdateItem", write.request(ledger.table("accounts"), accounts.key(account_id)))
    except (Refused, Ambiguous):
        return False
    return True


def _rows(ledger: Ledger, account_id: str, table: str, upto: tuple[str, str] | None = None) -> AsyncIterator[Item]:
    """An account's items of a table: all, or those up to a sort key."""
    request: Item = {
        "TableName": ledger.table(table),
        "KeyConditionExpression": "account_id = :account",
        "ExpressionAttributeValues": {":account": {"S": account_id}},
        "ConsistentRead": True,
    }
    if upto:
        request["KeyConditionExpression"] += f" AND {upto[0]} <= :upto"
        request["ExpressionAttributeValues"] |= {":upto": {"S": upto[1]}}
    return audit.pages(ledger, "Query", request)


async def _remove_all(ledger: Ledger, table: str, key: Iterable[str], rows: AsyncIterator[Item], most: int = 0) -> bool:
    """Remove rows, `most` of them where that is given. Whether that were all."""
    names, waiting, count = tuple(key), list[Item](), 0
    async for row in rows:
        count += 1
        if most and count > most:
            break
        waiting.append({"Delete": {"TableName": ledger.table(table), "Key": {name: row[name] for name in names}}})
        if len(waiting) == TOGETHER:
            await _again(ledger, waiting)
            waiting = []
    if waiting:
        await _again(ledger, waiting)
    return not most or count <= most


async def _again(ledger: Ledger, parts: list[Item]) -> None:
    """A transaction that changes nothing when it comes again. Raises LedgerUnavailable."""
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": parts})
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return
    raise LedgerUnavailable("The ledger did not answer in time; what is left of the account goes later.")
