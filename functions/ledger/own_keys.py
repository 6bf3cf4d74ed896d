"""A user's own keys: those that are there, and a new one in the place of an old, which works on for a while.

The key that is mailed to an address is its identity's; others stand in the account's list of keys. When the mailed one
is rotated the new one takes its place there, so that a registration replaces it as it would have replaced the old.
"""

from dataclasses import dataclass

from functions.errors import BadRequest, Forbidden, LedgerUnavailable, NotFound
from functions.ledger import credentials, entries, grants, members
from functions.ledger.account import Account
from functions.ledger.credentials import KEYS_MAX, TRIES_MAX, Credential, UserKey
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

LIVE, PENDING = "live", "pending"


@dataclass(frozen=True, slots=True)
class Made:
    """A new key, which nobody is told again. `ends` is when the one before it does, in seconds since 1970."""

    key: str
    label: str
    ends: int

    @property
    def key_id(self) -> str:
        return credentials.credential_id(self.key)


async def listed(ledger: Ledger, account: Account) -> list[tuple[UserKey, str]]:
    """An account's keys, the mailed ones first, each with its state: `live`, or `pending` until it is first used.

    Raises LedgerUnavailable.
    """
    identity, now = await grants.identity_of(ledger, account), ledger.clock.now()
    mailed = (identity.live, *identity.pending) if identity else ()
    added = sorted(await credentials.keys_of(ledger, account.account_id), key=lambda key: (key.created, key.key_id))
    stored = [item for key_id in mailed if (item := await _stored(ledger, key_id))]
    found = [(_mailed(item), item["state"]["S"]) for item in stored if _is_good(credentials.parse(item), now)]
    return found + [(key, LIVE) for key in added]


async def rotate(ledger: Ledger, account: Account, key_id: str, grace_s: int) -> Made:
    """A new key of the same label; the old one ends in so many seconds, with 0 in the very next request.

    Raises NotFound where the account has no such live key, BadRequest where it is ending already, Forbidden where there
    are KEYS_MAX; LedgerUnavailable: the new key may have been made, and nobody knows it; the list has it then.
    """
    if len(await credentials.room(ledger, account.account_id)) >= KEYS_MAX:
        raise Forbidden(f"A user has at most {KEYS_MAX} keys; revoke one first.", code="too_many_keys")
    key, ends = credentials.new_key(ledger), int(ledger.clock.now()) + grace_s
    for attempt in range(TRIES_MAX):
        old, label = await _rotated(ledger, account.account_id, key_id)
        made = Made(key, label, ends)
        if await _stored(ledger, made.key_id):
            return made  # an earlier attempt, whose answer was lost, was applied: nobody else makes this key
        if old.state != LIVE:
            raise NotFound("There is no such key.")
        if old.ends:
            raise BadRequest("This key is ending already; its successor can be rotated.", param="key_id")
        identity = await grants.identity_of(ledger, account)
        is_mailed = identity is not None and identity.live == key_id
        writes = _rotation(ledger, old, made, grace_s)
        if identity and is_mailed:
            writes.append(grants.replaced(ledger, account, identity, made.key_id))
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except (Refused, Ambiguous):
            await ledger.pause(attempt)
        else:
            return made
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Look at the keys, and try again.")


async def _rotated(ledger: Ledger, account_id: str, key_id: str) -> tuple[Credential, str]:
    """A key of this account, and its label. Raises NotFound, also for a key of another's."""
    item = await _stored(ledger, key_id)
    if not item or item.get("account_id", {}).get("S") != account_id:
        raise NotFound("There is no such key.")
    place = {"TableName": ledger.table("members"), "Key": _place(account_id, key_id), "ConsistentRead": True}
    row = (await ledger.read("GetItem", place)).get("Item", {})
    return credentials.parse(item), str(row["label"]["S"]) if "label" in row else ""


def _rotation(ledger: Ledger, old: Credential, made: Made, grace_s: int) -> list[Item]:
    """All but the identity's part: the new key, the end of the old, and what is known of keys is not believed."""
    account_id, now = old.account_id, int(ledger.clock.now())
    new = credentials.to_item(made.key, account_id, old.email, LIVE, now)
    shown = {"shown": {"S": new["shown"]["S"]}} | ({"label": {"S": made.label}} if made.label else {})
    writes = [
        entries.put(ledger, "credentials", new, "credential_id"),
        credentials.next_version(ledger, account_id),
        _ending(ledger, old, made.ends if grace_s else 0),
    ]
    scope = members.keys(account_id)
    if not old.email:
        writes.append(members.put(ledger, scope, made.key_id, shown))
    if grace_s:
        more: Item = {"shown": {"S": old.shown}, "ends": {"N": str(made.ends)}}
        more |= {"label": {"S": made.label}} if made.label else {}
        writes.append(members.put(ledger, scope, old.credential_id, more))
    elif not old.email:
        writes.append(members.drop(ledger, scope, old.credential_id))
    return writes


def _ending(ledger: Ledger, old: Credential, ends: int) -> Item:
    """The old key's part: it must be live and not ending. 0: it is dead at once."""
    write = Expression()
    state = write.name("#state", "state")
    write.conditions += [f"{state} = :live", "attribute_not_exists(ends)"]
    write.values[":live"] = {"S": LIVE}
    write.removed.append("email")
    if ends:
        write.sets.append(f"ends = {write.number(':ends', ends)}")
    else:
        write.sets.append(f"{state} = :revoked")
        write.values[":revoked"] = {"S": "revoked"}
    return write.transact(ledger.table("credentials"), credentials.key_of(old.credential_id))


async def _stored(ledger: Ledger, key_id: str) -> Item | None:
    request = {"TableName": ledger.table("credentials"), "Key": credentials.key_of(key_id), "ConsistentRead": True}
    found: Item | None = (await ledger.read("GetItem", request)).get("Item")
    return found


def _is_good(key: Credential, now_s: float) -> bool:
    return key.state in (LIVE, PENDING) and not 0 < key.ends <= now_s


def _mailed(item: Item) -> UserKey:
    found = credentials.parse(item)
    return UserKey(found.credential_id, found.shown, int(item["created"]["N"]), "", found.ends)


def _place(account_id: str, key_id: str) -> Item:
    return {"scope": {"S": members.keys(account_id)}, "member": {"S": key_id}}
