"""Checkpoints: up to where an account was audited, and what it had come to there (rule 12)."""

import dataclasses
from dataclasses import dataclass

from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What an account's receipts and journal entries up to here come to, in microcredits."""

    upto: str = ""
    """The last receipt summed: none up to here can still come that costs anything, so they may expire."""
    spent: int = 0
    receipts: int = 0
    """How many were summed."""
    version: int = 0
    """The last journal entry followed."""
    credited: int = 0
    debt: int = 0


BEGINNING = Checkpoint()


async def find(ledger: Ledger, account_id: str) -> Checkpoint | None:
    """An account's last checkpoint; None where there is none. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("checkpoints"), "Key": _key(account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    if not item:
        return None
    numbers = {name: int(item[name]["N"]) for name in _names() if name != "upto"}
    return Checkpoint(upto=item["upto"]["S"], **numbers)


async def advance(ledger: Ledger, account_id: str, stored: Checkpoint | None, reached: Checkpoint) -> bool:
    """Write a checkpoint over the one that was read; True where that is certain. Raises LedgerUnavailable.

    Every checkpoint is true for ever, so nothing is tried again: where another audit wrote one, that one stays.
    """
    if reached == stored:
        return False
    item = _key(account_id) | _values(reached) | {"created": {"N": str(int(ledger.clock.now()))}}
    request: Item = {"TableName": ledger.table("checkpoints"), "Item": item}
    request["ConditionExpression"] = "attribute_not_exists(account_id)"
    if stored:
        was = Expression()
        for name, value in _values(stored).items():
            was.conditions.append(f"{was.name(f'#{name}', name)} = :{name}")
            was.values[f":{name}"] = value
        request["ConditionExpression"] = " AND ".join(was.conditions)
        request |= {"ExpressionAttributeNames": was.names, "ExpressionAttributeValues": was.values}
    try:
        await ledger.write("PutItem", request)
    except (Refused, Ambiguous):
        return False
    return True


def _key(account_id: str) -> Item:
    return {"account_id": {"S": account_id}}


def _values(checkpoint: Checkpoint) -> Item:
    numbers = {name: {"N": str(getattr(checkpoint, name))} for name in _names() if name != "upto"}
    return {"upto": {"S": checkpoint.upto}, **numbers}


def _names() -> list[str]:
    return [field.name for field in dataclasses.fields(Checkpoint)]
