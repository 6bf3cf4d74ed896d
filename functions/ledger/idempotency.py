"""Idempotency-Key: one charge and one upstream call a key within 24 hours (rule 11).

One conditional put beside the admission claims a key for a request. The claim says nothing of how the request went:
its receipt does, which names the claim. So there is no second write, and no crash between two that disagree.
What a claim that was met again means is read from the receipts of its time.
"""

import hashlib
from dataclasses import dataclass

from functions.errors import KeyInProgress, KeyReused, KeyUsed, LedgerUnavailable
from functions.ledger import ids, tidy
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import DAY_S

KEPT_S = DAY_S
TRIES_MAX = 5
READS_MAX = 50
"""Of an account with expired holds; each heals some 40 of them."""
CLOCKS_DIFFER_S = 60
"""By how much the clocks of two processes may differ, at most."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An Idempotency-Key that one request has for itself. `claim_id` stands on its receipt; nobody knows `owner`."""

    account_id: str
    claim_id: str
    body: str
    owner: str
    created: int
    """When the request began, in seconds since 1970, however late its claim is put: its hold is no older."""
    lasts_s: int
    """After so many seconds the request is over for certain: its hold has expired."""

    @property
    def key(self) -> Item:
        return {"claim_id": {"S": self.claim_id}}


def wanted(ledger: Ledger, account_id: str, key: str, body: bytes, lasts_s: int) -> Claim:
    """The claim to make for an Idempotency-Key of an account and the body it came with; neither is stored."""
    digest = hashlib.sha256(f"{account_id}\n{key}".encode()).hexdigest()
    owner, created = ledger.random(16).hex(), int(ledger.clock.now())
    return Claim(account_id, digest, hashlib.sha256(body).hexdigest(), owner, created, lasts_s)


async def claim(ledger: Ledger, wanted: Claim) -> None:
    """Claim a key, once; a claim whose request was never charged for, and is over, is taken over.

    Raises KeyUsed where the key was used, is in use, or came with another body; LedgerUnavailable.
    """
    was: Item | None = None
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("PutItem", _put(ledger, wanted, was))
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused as refused:
            if refused.item is None:
                was = None  # released in between
            elif refused.item["owner"]["S"] == wanted.owner:
                return  # an earlier attempt, whose answer was lost, was applied
            else:
                was = await _judge(ledger, wanted, refused.item)
        else:
            return
    raise LedgerUnavailable("The Idempotency-Key cannot be checked; nothing was forwarded.")


async def release(ledger: Ledger, claim: Claim) -> None:
    """Give a key back: nothing was charged for it. What cannot be released lapses when the hold would have."""
    request = {
        "TableName": ledger.table("claims"),
        "Key": claim.key,
        "ConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":owner": {"S": claim.owner}},
    }
    try:
        await ledger.write("DeleteItem", request)
    except (Refused, Ambiguous, LedgerUnavailable):
        return


def _put(ledger: Ledger, wanted: Claim, was: Item | None) -> Item:
    numbers = {"created": wanted.created, "lasts": wanted.lasts_s, "ttl": wanted.created + KEPT_S}
    texts = {"account_id": wanted.account_id, "body": wanted.body, "owner": wanted.owner}
    item = wanted.key | {name: {"N": str(number)} for name, number in numbers.items()}
    put = {
        "TableName": ledger.table("claims"),
        "Item": item | {name: {"S": text} for name, text in texts.items()},
        "ConditionExpression": "attribute_not_exists(claim_id) OR #ttl <= :now",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":now": {"N": str(int(ledger.clock.now()))}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if was:
        put["ConditionExpression"] = "#owner = :was"
        put["ExpressionAttributeNames"] = {"#owner": "owner"}
        put["ExpressionAttributeValues"] = {":was": was["owner"]}
    return put


async def _judge(ledger: Ledger, wanted: Claim, found: Item) -> Item:
    """What a claim that is there already means: raises KeyUsed, or returns it where it may be taken over."""
    if found["body"]["S"] != wanted.body:
        raise KeyReused("This Idempotency-Key was used for a request with another body.")
    over = int(found["created"]["N"]) + int(found["lasts"]["N"]) + CLOCKS_DIFFER_S
    is_over = ledger.clock.now() > over  # asked once: who is over has been healed before anything else is read
    if is_over:
        await _heal(ledger, wanted.account_id)
    receipt = await _receipt(ledger, wanted, int(found["created"]["N"]))
    if receipt:
        raise KeyUsed(
            f"This Idempotency-Key was used; answers are not stored. Its receipt is {receipt.receipt_id}.",
            receipt.receipt_id,
        )
    if not is_over:
        raise KeyInProgress("A request with this Idempotency-Key is in progress.")
    return found


async def _heal(ledger: Ledger, account_id: str) -> None:
    """Resolve every hold that has expired: from now on its request cannot be charged (rule 2)."""
    now_s = ledger.clock.now()
    for _ in range(READS_MAX):  # one reading does a bounded number of steps
        account = await tidy.read(ledger, account_id)
        if not any(hold.expires <= now_s for hold in account.holds.values()):
            return
    raise LedgerUnavailable("The Idempotency-Key cannot be checked; nothing was forwarded.")


async def _receipt(ledger: Ledger, wanted: Claim, created: int) -> Receipt | None:
    """The receipt that names a claim, of a request that was not given up.

    Ids are no older than their request; how much newer they are depends on whose clock was once ahead (rule 1).
    """
    request: Item = {
        "TableName": ledger.table("receipts"),
        "KeyConditionExpression": "account_id = :account AND receipt_id >= :first",
        "FilterExpression": "claim = :claim AND outcome <> :expired",
        "ExpressionAttributeValues": {
            ":account": {"S": wanted.account_id},
            ":first": {"S": ids.first_at(created - 2 * CLOCKS_DIFFER_S)},
            ":claim": {"S": wanted.claim_id},
            ":expired": {"S": "expired"},
        },
        "ConsistentRead": True,
    }
    while True:
        page = await ledger.read("Query", request)
        if page["Items"]:
            return Receipt.from_item(page["Items"][0])
        if "LastEvaluatedKey" not in page:
            return None
        request |= {"ExclusiveStartKey": page["LastEvaluatedKey"]}
