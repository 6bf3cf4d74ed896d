"""Sign-in of owners: a link that works once, and the session it is exchanged for. Tables hold only their SHA-256.

Both end by themselves: every reading asks for the time, and DynamoDB's TTL takes what is over away later.
"""

import base64
import hashlib

from functions.errors import LedgerUnavailable
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import DAY_S

TOKEN_BYTES = 32
USE_BYTES = 8
PREFIX = "os-"
LINK, SESSION = "link", "session"
TRIES_MAX = 5


async def new_link(ledger: Ledger, email: str, lasts_s: int) -> str:
    """A token of 43 characters, which says for `lasts_s` seconds, and once, that an address is its reader's.

    Raises LedgerUnavailable.
    """
    token = _random(ledger)
    await _put(ledger, LINK, token, email, lasts_s)
    return token


async def use_link(ledger: Ledger, token: str) -> str | None:
    """The address of a link that was not used before; it is used now. Raises LedgerUnavailable.

    It stays until TTL takes it away, marked by its one use: so a write of this one that comes late or again counts as
    the same use, and the write that made it, should it come again, does not bring it back.
    """
    write = Expression()
    write.sets.append(f"{write.name('#used', 'used')} = :use")
    write.conditions += [
        f"expires > {write.number(':now', int(ledger.clock.now()))}",
        "(attribute_not_exists(#used) OR #used = :use)",
    ]
    write.values[":use"] = {"S": ledger.random(USE_BYTES).hex()}
    item = await _update(ledger, write, _key(LINK, token))
    return str(item["email"]["S"]) if item else None


async def new_session(ledger: Ledger, email: str, lasts_s: int) -> str:
    """A session of an owner for so many seconds, such as `os-` and 43 characters. Raises LedgerUnavailable."""
    token = PREFIX + _random(ledger)
    await _put(ledger, SESSION, token, email, lasts_s)
    return token


async def session(ledger: Ledger, token: str) -> str | None:
    """Whose session it is; None where there is none, or not any more. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("claims"), "Key": _key(SESSION, token), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    if not item or int(item["expires"]["N"]) <= ledger.clock.now():
        return None
    return str(item["email"]["S"])


async def end_session(ledger: Ledger, token: str) -> None:
    """End a session; one that has ended stays so. Raises LedgerUnavailable where that is not certain."""
    write = Expression()
    write.sets.append(f"expires = {write.number(':none', 0)}")
    write.conditions.append("attribute_exists(claim_id)")
    await _update(ledger, write, _key(SESSION, token))


async def _update(ledger: Ledger, write: Expression, key: Item) -> Item | None:
    """A write that may be sent again; gives the item after, None where its condition is not met."""
    request = write.request(ledger.table("claims"), key)
    for attempt in range(TRIES_MAX):
        try:
            attributes: Item = (await ledger.write("UpdateItem", request))["Attributes"]
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused:
            return None
        else:
            return attributes
    raise LedgerUnavailable("The ledger did not answer in time. Try again.")


async def _put(ledger: Ledger, kind: str, token: str, email: str, lasts_s: int) -> None:
    """Put it where there is none: one that arrives late does not bring back what was used."""
    expires = int(ledger.clock.now()) + lasts_s
    numbers = {"expires": expires, "ttl": expires + DAY_S}
    item = _key(kind, token) | {"email": {"S": email}} | {name: {"N": str(value)} for name, value in numbers.items()}
    request = {
        "TableName": ledger.table("claims"),
        "Item": item,
        "ConditionExpression": "attribute_not_exists(claim_id)",
    }
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("PutItem", request)
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused:
            return  # an earlier attempt, whose answer was lost, was applied: nobody else knows the token
        else:
            return
    raise LedgerUnavailable("The ledger did not answer in time. Try again.")


def _random(ledger: Ledger) -> str:
    return base64.urlsafe_b64encode(ledger.random(TOKEN_BYTES)).rstrip(b"=").decode()


def _key(kind: str, token: str) -> Item:
    return {"claim_id": {"S": f"{kind}/{hashlib.sha256(token.encode(errors='replace')).hexdigest()}"}}
