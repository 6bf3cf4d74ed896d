"""Keys: who is asking. A key is 256 random bits; only its SHA-256 is stored, so a table tells no key.

`credentials_version` on the account changes with every key made live or revoked, in the same
transaction (rule 7). Admission is conditional on it, so a cached key dies with its revocation.
"""

import base64
import hashlib
from dataclasses import dataclass

from functions.ledger import account as accounts
from functions.ledger.account import Account
from functions.ledger.store import Item, Ledger

KEY_BYTES = 32
SHOWN_LENGTH = 10
"""How much of a key people may see again: `sk-` and 7 characters, 42 of 256 bits."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A stored key. `pending` keys replace the live one when they are first used (KEY_REISSUE=on_first_use)."""

    credential_id: str
    account_id: str
    shown: str
    state: str
    """live, pending or revoked."""
    email: str


def new_key(ledger: Ledger) -> str:
    """A new user key, such as `sk-` and 43 characters."""
    return "sk-" + base64.urlsafe_b64encode(ledger.random(KEY_BYTES)).rstrip(b"=").decode()


def credential_id(key: str) -> str:
    """What a key is stored under: its SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def to_item(key: str, account_id: str, email: str, state: str, now: int) -> Item:
    """The item of a new key."""
    return {
        "credential_id": {"S": credential_id(key)},
        "account_id": {"S": account_id},
        "email": {"S": email},
        "shown": {"S": key[:SHOWN_LENGTH]},
        "state": {"S": state},
        "created": {"N": str(now)},
    }


def parse(item: Item) -> Credential:
    return Credential(
        item["credential_id"]["S"],
        item["account_id"]["S"],
        item["shown"]["S"],
        item["state"]["S"],
        item["email"]["S"],
    )


def key_of(identifier: str) -> Item:
    """The primary key of a credential."""
    return {"credential_id": {"S": identifier}}


async def find(ledger: Ledger, identifier: str) -> tuple[Credential, Account] | None:
    """The credential and its account, as they were at one moment; None where there is no such key.

    One snapshot of both: the version read with the account is the one the credential was valid under.
    Raises LedgerUnavailable.
    """
    credential = {"TableName": ledger.table("credentials"), "Key": key_of(identifier)}
    found = await ledger.read("GetItem", credential)
    if "Item" not in found:
        # A key may be used in the moment it was made: an eventually consistent "no" is asked again.
        found = await ledger.read("GetItem", credential | {"ConsistentRead": True})
        if "Item" not in found:
            return None
    account = {"TableName": ledger.table("accounts"), "Key": accounts.key(found["Item"]["account_id"]["S"])}
    both = await ledger.read("TransactGetItems", {"TransactItems": [{"Get": credential}, {"Get": account}]})
    items = [answer.get("Item") for answer in both["Responses"]]
    if not items[0] or not items[1]:
        return None
    return parse(items[0]), Account(items[1])
