"""Tombstones: that an address was somebody's who deleted their account, so that it begins anew without a gift.

A tombstone stands among the identities under a keyed hash (`Ledger.secret`), so no table tells the address. That of
an address counts its deletions: a registration that was written before the last one is refused, however late it comes.
"""

import hashlib
import hmac

from functions.ledger.expression import Expression
from functions.ledger.store import Item, Ledger

ADDRESS, MAILBOX = "gone", "gone-mailbox"
DIGITS = 32
"""128 bits of the HMAC: no two addresses meet."""


def mailbox(address: str) -> str:
    """The address with its tag folded: `ada+news@example.com` leads to `ada@example.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def key(ledger: Ledger, project: str, kind: str, address: str) -> Item:
    """The primary key of a tombstone: of an ADDRESS, or of a MAILBOX, whatever its tags."""
    mac = hmac.digest(ledger.secret.encode(), f"{kind}/{project}/{address}".encode(), hashlib.sha256)
    return {"identity_id": {"S": f"{project}/{kind}/{mac.hex()[:DIGITS]}"}}


def deletions(found: Item | None) -> int:
    """How often an address was deleted, by its tombstone."""
    return int(found["deletions"]["N"]) if found and "deletions" in found else 0


def writes(ledger: Ledger, project: str, address: str) -> list[Item]:
    """The parts of a transaction that put the tombstones of an address and of its mailbox."""
    table = ledger.table("identities")
    parts = []
    for kind, text in ((ADDRESS, address), (MAILBOX, mailbox(address))):
        count = Expression()
        count.added.append(f"deletions {count.number(':one', 1)}")
        parts.append(count.transact(table, key(ledger, project, kind, text)))
    return parts


def unchanged(ledger: Ledger, project: str, address: str, seen: int) -> Item:
    """A part of a transaction: an address was deleted as often as was `seen`, and not since."""
    check = Expression()
    check.conditions.append("attribute_not_exists(deletions)")
    if seen:
        check.conditions = [f"deletions = {check.number(':seen', seen)}"]
    return _check(ledger, key(ledger, project, ADDRESS, address), check)


def no_mailbox(ledger: Ledger, project: str, address: str) -> Item:
    """A part of a transaction: nobody of a mailbox deleted an account."""
    check = Expression()
    check.conditions.append("attribute_not_exists(deletions)")
    return _check(ledger, key(ledger, project, MAILBOX, address), check)


def _check(ledger: Ledger, where: Item, check: Expression) -> Item:
    part: Item = {"TableName": ledger.table("identities"), "Key": where}
    part["ConditionExpression"] = " AND ".join(check.conditions)
    if check.values:
        part["ExpressionAttributeValues"] = check.values
    return {"ConditionCheck": part}
