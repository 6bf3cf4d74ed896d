"""Keys: who is asking. A key is 256 random bits; only its SHA-256 is stored, so a table tells no key.

`credentials_version` on the account changes with every key made live or revoked, in the same
transaction (rule 7). Admission is conditional on it, so a cached key dies with its revocation.
"""

import base64
import hashlib
from dataclasses import dataclass

from functions.errors import Forbidden, LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import entries, members
from functions.ledger.account import Account
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

KEY_BYTES = 32
KEYS_MAX = 20
"""That an owner may make for one user; two that are made in the same moment may go one beyond."""
TRIES_MAX = 6
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
    ends: int = 0
    """When it is refused from, in seconds since 1970; 0: never by itself."""


@dataclass(frozen=True, slots=True)
class UserKey:
    """A key of a user, as it is listed: `created` and `ends` in seconds since 1970."""

    key_id: str
    shown: str
    created: int
    label: str = ""
    """What people call it."""
    ends: int = 0
    """0: never by itself."""
    mailed: bool = False
    """It is the one that an address has, or waits to become it."""

    def works(self, now_s: float) -> bool:
        """Whether its end has not come."""
        return not 0 < self.ends <= now_s


def new_key(ledger: Ledger, prefix: str = "sk-") -> str:
    """A new key, such as `sk-` and 43 characters: a user's."""
    return prefix + base64.urlsafe_b64encode(ledger.random(KEY_BYTES)).rstrip(b"=").decode()


def credential_id(key: str) -> str:
    """What a key is stored under: its SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def to_item(key: str, account_id: str, email: str, state: str, now: int) -> Item:
    """The item of a new key; `email` is "" where it was not registered."""
    item = {"credential_id": credential_id(key), "account_id": account_id, "shown": key[:SHOWN_LENGTH], "state": state}
    if email:
        item["email"] = email
    return {name: {"S": text} for name, text in item.items()} | {"created": {"N": str(now)}}


def parse(item: Item) -> Credential:
    return Credential(
        item["credential_id"]["S"],
        item["account_id"]["S"],
        item["shown"]["S"],
        item["state"]["S"],
        item["email"]["S"] if "email" in item else "",
        int(item["ends"]["N"]) if "ends" in item else 0,
    )


async def waits(ledger: Ledger, identifier: str) -> bool:
    """Whether a key waits for its first use. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("credentials"), "Key": key_of(identifier), "ConsistentRead": True}
    found = await ledger.read("GetItem", request)
    return "Item" in found and parse(found["Item"]).state == "pending"


def key_of(identifier: str) -> Item:
    """The primary key of a credential."""
    return {"credential_id": {"S": identifier}}


def ended(ledger: Ledger, identifier: str) -> Item:
    """A part of a transaction that revokes a key; it must be there."""
    write = Expression()
    write.sets.append(f"{write.name('#state', 'state')} = :revoked")
    write.removed.append("email")
    write.values[":revoked"] = {"S": "revoked"}
    write.conditions.append("attribute_exists(credential_id)")
    return write.transact(ledger.table("credentials"), key_of(identifier))


async def find(ledger: Ledger, identifier: str) -> tuple[Credential, Account] | None:
    """The credential and its account, as they were at one moment; None where there is no such key of a user.

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
    if "account_id" not in found["Item"]:
        return None  # a project's
    account = {"TableName": ledger.table("accounts"), "Key": accounts.key(found["Item"]["account_id"]["S"])}
    both = await ledger.read("TransactGetItems", {"TransactItems": [{"Get": credential}, {"Get": account}]})
    items = [answer.get("Item") for answer in both["Responses"]]
    if not items[0] or not items[1]:
        return None
    return parse(items[0]), Account(items[1])


async def add_key(ledger: Ledger, account_id: str, label: str = "") -> str:
    """Another key for an account, live at once, beside those it has. Returns the key; nobody is told it again.

    Raises AccountGone; Forbidden where it has KEYS_MAX of them; LedgerUnavailable.
    """
    key = new_key(ledger)
    if len(await keys_of(ledger, account_id)) >= KEYS_MAX:
        raise Forbidden(f"A user has at most {KEYS_MAX} keys; revoke one first.", code="too_many_keys")
    shown = {"shown": {"S": key[:SHOWN_LENGTH]}} | ({"label": {"S": label}} if label else {})
    writes = [
        entries.put(ledger, "credentials", to_item(key, account_id, "", "live", _now(ledger)), "credential_id"),
        next_version(ledger, account_id),
        members.put(ledger, members.keys(account_id), credential_id(key), shown),
    ]
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused as refused:
            if refused.item is None:
                raise accounts.AccountGone from None
            return key  # an earlier attempt, whose answer was lost, was applied: nobody else makes this key
        else:
            return key
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


async def keys_of(ledger: Ledger, account_id: str) -> tuple[UserKey, ...]:
    """The live keys that were added to an account, the one that was registered apart. Raises LedgerUnavailable."""
    now_s = ledger.clock.now()
    return tuple(key for key in await all_added(ledger, account_id) if key.works(now_s))


async def all_added(ledger: Ledger, account_id: str) -> tuple[UserKey, ...]:
    """The same, and those whose end has come and that are still in the list."""
    found = await members.listed(ledger, members.keys(account_id))
    return tuple(
        UserKey(
            item["member"]["S"],
            item["shown"]["S"],
            int(item["created"]["N"]),
            item["label"]["S"] if "label" in item else "",
            int(item["ends"]["N"]) if "ends" in item else 0,
        )
        for item in found
    )


async def revoke(ledger: Ledger, account_id: str, identifier: str) -> bool:
    """End a key (its id) of an account, in the very next request. False where the account has no such live key.

    One that waits for its first use is ended as well. Raises LedgerUnavailable.
    """
    end = Expression()
    state = end.name("#state", "state")
    end.sets.append(f"{state} = :revoked")
    end.removed.append("email")
    end.conditions += ["account_id = :account", f"{state} <> :revoked"]
    end.values |= {":revoked": {"S": "revoked"}, ":account": {"S": account_id}}
    writes = [
        end.transact(ledger.table("credentials"), key_of(identifier)),
        next_version(ledger, account_id),
        members.drop(ledger, members.keys(account_id), identifier),
    ]
    unsure = False
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except Ambiguous:
            unsure = True
            await ledger.pause(attempt)
        except Refused:
            return unsure  # by an earlier attempt, whose answer was lost; or there is none to end
        else:
            return True
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


def next_version(ledger: Ledger, account_id: str, was: int = 0) -> Item:
    """A part of a transaction: what was known of the account's keys is not believed any more (rule 7).

    Where it says which version `was` read, none of the account's keys has changed since.
    """
    write = Expression()
    if was:
        write.conditions.append(f"credentials_version = {write.number(':was', was)}")
    write.added.append(f"credentials_version {write.number(':one', 1)}")
    write.conditions.append(f"{write.name('#state', 'state')} <> :deleted")  # a deleted one gets no key
    write.conditions.append("attribute_exists(account_id)")
    write.values[":deleted"] = {"S": accounts.DELETED}
    return write.transact(ledger.table("accounts"), accounts.key(account_id))


def _now(ledger: Ledger) -> int:
    return int(ledger.clock.now())
