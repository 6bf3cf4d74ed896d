"""What one journal entry writes: the entry, and the account it is of, in one transaction (rule 8).

Entries chain on `journal_version` and `credited`. Requests change neither, so a purchase succeeds while its user is
active; and each entry tells the sum before and after it, so that entries check each other.
"""

from dataclasses import dataclass

from functions.ledger import account as accounts
from functions.ledger import crossing
from functions.ledger.account import Account
from functions.ledger.expression import Expression
from functions.ledger.store import Item, Ledger


@dataclass(frozen=True, slots=True)
class Change:
    """What one entry changes, in microcredits. Below 0 is out."""

    reason: str
    reference: str
    amount: int
    """What `credited` changes by, and with it `paid` or a new lot."""
    debt: int = 0
    """What `debt` changes by."""
    lot: tuple[str, int] | None = None
    """The new lot that the credits go to, and when it expires; None: `paid`."""
    makes_room: tuple[str, ...] = ()
    """Used-up lots that leave the account."""
    by: str = ""
    """Who entered it, where somebody did."""
    why: str = ""
    """What they said it is for."""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it stands in the journal. Microcredits; `created` in seconds since 1970."""

    version: int
    reason: str
    reference: str
    amount: int
    debt: int
    by: str
    why: str
    created: int


async def history(ledger: Ledger, account_id: str, limit: int) -> list[Written]:
    """What was entered for an account, the newest entries, so many, the newest first. Raises LedgerUnavailable."""
    request: Item = {
        "TableName": ledger.table("journal"),
        "KeyConditionExpression": "account_id = :account",
        "ExpressionAttributeValues": {":account": {"S": account_id}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }
    found: list[Item] = []
    while len(found) < limit:
        page = await ledger.read("Query", request | {"Limit": limit - len(found)})
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        request |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return [_written(item) for item in found]


def _written(item: Item) -> Written:
    version, amount, debt, created = (int(item[name]["N"]) for name in ("version", "amount", "debt", "created"))
    reason, reference, by, why = (
        str(item[name]["S"]) if name in item else "" for name in ("reason", "reference", "by", "why")
    )
    return Written(version, reason, reference, amount, debt, by, why, created)


def to_item(account_id: str, version: int, credited: int, change: Change, now: int) -> Item:
    """The journal's item of a change: entry `version` of its account, made when `credited` was the sum."""
    numbers = {"version": version, "amount": change.amount, "debt": change.debt, "created": now}
    numbers |= {"credited_before": credited, "credited_after": credited + change.amount}
    texts = {"account_id": account_id, "reason": change.reason, "reference": change.reference}
    texts |= {name: text for name, text in (("by", change.by), ("why", change.why)) if text}
    item: Item = {name: {"N": str(number)} for name, number in numbers.items()}
    return item | {name: {"S": text} for name, text in texts.items()}


def writes(ledger: Ledger, account: Account, change: Change) -> list[Item]:
    """The parts of a transaction that enter a change: the account as read, and its next journal entry.

    A refusal shows both as they are.
    """
    now = int(ledger.clock.now())
    entry = to_item(account.account_id, account.journal_version + 1, account.credited, change, now)
    return [_account(ledger, account, change), put(ledger, "journal", entry, "account_id")]


def put(ledger: Ledger, table: str, item: Item, key: str) -> Item:
    """A part of a transaction that puts an item where there is none; a refusal shows the one that is there."""
    absent = {"ConditionExpression": f"attribute_not_exists({key})", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return {"Put": {"TableName": ledger.table(table), "Item": item, **absent}}


def _account(ledger: Ledger, account: Account, change: Change) -> Item:
    """The account's part. That it exists follows from its journal_version."""
    write = Expression()
    write.sets += ["journal_version = :next", "credited = :after"]
    write.conditions += ["journal_version = :version", "credited = :before"]
    write.number(":version", account.journal_version)
    write.number(":next", account.journal_version + 1)
    write.number(":before", account.credited)
    write.number(":after", account.credited + change.amount)
    if change.lot:
        name, expires = change.lot
        new = f"lots.{write.name('#new', name)}"
        write.sets.append(f"{new} = :new")
        write.values[":new"] = {"M": {"n": {"N": str(change.amount)}, "x": {"N": str(expires)}}}
        write.conditions.append(f"attribute_not_exists({new})")
    elif change.amount > 0:
        write.sets.append(f"paid = paid + {write.number(':amount', change.amount)}")
    elif change.amount < 0:
        write.sets.append(f"paid = paid - {write.number(':amount', -change.amount)}")
        write.conditions.append("paid >= :amount")
    for index, name in enumerate(change.makes_room):
        empty = f"lots.{write.name(f'#e{index}', name)}"
        write.removed.append(empty)
        write.conditions.append(f"{empty}.n = {write.number(':none', 0)}")
    if change.debt:
        _owe(write, account.debt, account.debt + change.debt)
    if change.amount > 0:
        write.sets.append(f"{write.name('#full', 'full')} = {write.number(':full', _full(ledger, account, change))}")
        write.removed.append("told")
    update = write.transact(ledger.table("accounts"), accounts.key(account.account_id))
    update["Update"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return update


def _full(ledger: Ledger, account: Account, change: Change) -> int:
    """What there is to spend once a change is made that brings credits, and the debt it finds is paid."""
    owed = min(account.debt, account.paid + (0 if change.lot else change.amount))
    return crossing.left(account, ledger.clock.now()) + change.amount - owed


def _owe(write: Expression, was: int, debt: int) -> None:
    """`debt` is absent where nothing is owed: admission asks for that."""
    if was:
        write.conditions.append(f"debt = {write.number(':owed', was)}")
    else:
        write.conditions.append("attribute_not_exists(debt)")
    if debt:
        write.sets.append(f"debt = {write.number(':debt', debt)}")
    else:
        write.removed.append("debt")
