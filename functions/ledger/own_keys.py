"""A user's own keys: another one, a new one in the place of an old which works on for a while, the end of one.

The key that is mailed to an address is its identity's; others stand in the account's list of keys. Where the mailed one
is rotated the new one takes its place, so that the next key that is mailed and used replaces it and the one before it.
Keys that were added cannot end the mailed one, and no key ends one that still waits for its first use: whoever reads
the address's mail can always get the account back from somebody who found a key.

A change is made under the `credentials_version` that its keys were read at: of two at once one reads again.
"""

from dataclasses import dataclass, replace

from functions.errors import BadRequest, Forbidden, LedgerUnavailable, NotFound
from functions.ledger import account as accounts
from functions.ledger import credentials, entries, grants, members
from functions.ledger.account import DELETED, Account, AccountGone
from functions.ledger.credentials import KEYS_MAX, UserKey
from functions.ledger.expression import Expression
from functions.ledger.grants import Identity
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

LIVE, PENDING, REVOKED = "live", "pending", "revoked"
TRIES_MAX = 12
PAUSE_LONGEST = 4
"""The attempt after which pauses grow no more: 0.3 s."""
OVER_MAX = 30
"""Keys whose time is over that one change removes from the list."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new key, which nobody is told again. `ends` is when the one before it does, in seconds since 1970."""

    key: str
    label: str
    created: int
    ends: int = 0

    @property
    def key_id(self) -> str:
        return credentials.credential_id(self.key)


@dataclass(frozen=True, slots=True)
class _Ring:
    """An account's keys as they were at one version of its credentials; those that wait are the identity's."""

    account: Account
    identity: Identity | None
    mailed: tuple[UserKey, ...]
    added: tuple[UserKey, ...]
    over: tuple[UserKey, ...]

    @property
    def all(self) -> tuple[UserKey, ...]:
        """Those that work."""
        return self.mailed + self.added

    @property
    def live(self) -> str:
        """The id of the mailed one that the address has now."""
        return self.identity.live if self.identity else ""

    def named(self, key_id: str, by: str) -> UserKey:
        """One that the key `by` may change. Raises NotFound, Forbidden."""
        if self.identity and key_id in self.identity.pending:
            raise Forbidden("A key that waits for its first use is only for who reads its mail.", code="mailed_key")
        found = next((key for key in self.all if key.key_id == key_id), None)
        if not found:
            raise NotFound("There is no such key.")
        if key_id == self.live != by:
            raise Forbidden("The key that was mailed is changed by itself alone, or by registering.", code="mailed_key")
        return found


async def listed(ledger: Ledger, account: Account) -> list[tuple[UserKey, str]]:
    """An account's keys, the mailed ones first, each with its state: `live`, or `pending` until it is first used.

    Raises LedgerUnavailable.
    """
    ring = await _read(ledger, account)
    waiting = [await _stored(ledger, key_id) for key_id in (ring.identity.pending if ring.identity else ())]
    states = [(key, LIVE) for key in ring.mailed]
    states += [(_key(item), PENDING) for item in waiting if item and item["state"]["S"] == PENDING]
    return states + [(key, LIVE) for key in ring.added]


async def add(ledger: Ledger, account_id: str, label: str) -> Made:
    """Another key, live at once. Raises AccountGone, Forbidden where there are KEYS_MAX, LedgerUnavailable."""
    made = Made(credentials.new_key(ledger), label, int(ledger.clock.now()))
    for attempt in range(TRIES_MAX):
        ring = await _ring(ledger, account_id)
        if made.key_id in [key.key_id for key in ring.added]:
            return made  # an earlier attempt, whose answer was lost, was applied: nobody else makes this key
        _check_room(ring)
        if await _applied(ledger, [*_new(ledger, ring, made), _in_list(ledger, ring, made)], attempt):
            return made
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Look at the keys, and try again.")


async def rotate(ledger: Ledger, account_id: str, key_id: str, grace_s: int, by: str) -> Made:
    """A new key of the same label; the old one ends in so many seconds, with 0 in the very next request.

    `by` is the id of the key that asks. Raises AccountGone; NotFound where there is no such key; BadRequest where it is
    ending already; Forbidden where `by` may not, or there are KEYS_MAX. LedgerUnavailable: the new key may have been
    made, and nobody knows it; the list has it then.
    """
    key, now = credentials.new_key(ledger), int(ledger.clock.now())
    for attempt in range(TRIES_MAX):
        ring = await _ring(ledger, account_id)
        made = Made(key, _label(ring, key_id), now, now + grace_s)
        if made.key_id in [key.key_id for key in ring.all]:
            return Made(key, _label(ring, made.key_id), now, now + grace_s)  # applied, as in `add`
        old = ring.named(key_id, by)
        if old.ends:
            raise BadRequest("This key is ending already; its successor can be rotated.", param="key_id")
        if grace_s:
            _check_room(ring)
        if await _applied(ledger, _rotation(ledger, ring, old, made), attempt):
            return made
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Look at the keys, and try again.")


async def revoke(ledger: Ledger, account_id: str, key_id: str, by: str) -> None:
    """End a key in the very next request. Raises as `rotate` does, where it may not be or there is none."""
    ring = await _ring(ledger, account_id)
    await credentials.revoke(ledger, account_id, ring.named(key_id, by).key_id)  # False: somebody else did meanwhile


def _check_room(ring: _Ring) -> None:
    if len(ring.all) >= KEYS_MAX:
        raise Forbidden(f"An account has at most {KEYS_MAX} keys; revoke one first.", code="too_many_keys")


def _label(ring: _Ring, key_id: str) -> str:
    return next((key.label for key in ring.all if key.key_id == key_id), "")


def _rotation(ledger: Ledger, ring: _Ring, old: UserKey, made: Made) -> list[Item]:
    """The new key, the end of the old, and both in the place where keys of their kind are found."""
    ends = made.ends if made.ends > made.created else 0
    writes = _new(ledger, ring, made, ring.account.email if old.key_id == ring.live else "")
    writes.append(_ending(ledger, old, ends))
    if ring.identity and old.key_id == ring.live:
        still = {key.key_id for key in ring.mailed}
        stay = tuple(one for one in ring.identity.leaving if one in still) + ((old.key_id,) if ends else ())
        address = grants.Address(ring.account.account_id.rpartition("/")[0], ring.account.email)
        now = replace(ring.identity, live=made.key_id, leaving=stay)  # those that wait go on waiting
        return [*writes, grants.changed(ledger, address, ring.identity, now)]
    scope = members.keys(ring.account.account_id)
    if ends:
        shown = _shown(old.shown, old.label, old.created) | {"ends": {"N": str(ends)}}
        writes.append(members.put(ledger, scope, old.key_id, shown))
    else:
        writes.append(members.drop(ledger, scope, old.key_id))
    return [*writes, _in_list(ledger, ring, made)]


def _new(ledger: Ledger, ring: _Ring, made: Made, email: str = "") -> list[Item]:
    """A new key, the condition that keys are those that were read, and the end of the list's keys that are over."""
    account_id, over = ring.account.account_id, ring.over[:OVER_MAX]
    item = credentials.to_item(made.key, account_id, email, LIVE, made.created)
    return [
        entries.put(ledger, "credentials", item, "credential_id"),
        credentials.next_version(ledger, account_id, ring.account.credentials_version),
        *(credentials.ended(ledger, key.key_id) for key in over),
        *(members.drop(ledger, members.keys(account_id), key.key_id) for key in over),
    ]


def _in_list(ledger: Ledger, ring: _Ring, made: Made) -> Item:
    shown = _shown(made.key[: credentials.SHOWN_LENGTH], made.label, made.created)
    return members.put(ledger, members.keys(ring.account.account_id), made.key_id, shown)


def _shown(shown: str, label: str, created: int) -> Item:
    labelled = {"label": {"S": label}} if label else {}
    return {"shown": {"S": shown}, "created": {"N": str(created)}} | labelled


def _ending(ledger: Ledger, old: UserKey, ends: int) -> Item:
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
        write.values[":revoked"] = {"S": REVOKED}
    return write.transact(ledger.table("credentials"), credentials.key_of(old.key_id))


async def _applied(ledger: Ledger, writes: list[Item], attempt: int) -> bool:
    """Whether a change was made for certain; False: read the keys again."""
    try:
        await ledger.write("TransactWriteItems", {"TransactItems": writes})
    except (Refused, Ambiguous):
        await ledger.pause(min(attempt, PAUSE_LONGEST))
        return False
    return True


async def _ring(ledger: Ledger, account_id: str) -> _Ring:
    """The keys of an account, its version read before them: whatever changes after that is found by it."""
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    if not item or Account(item).state == DELETED:
        raise AccountGone
    return await _read(ledger, Account(item))


async def _read(ledger: Ledger, account: Account) -> _Ring:
    identity, now = await grants.identity_of(ledger, account), ledger.clock.now()
    items = [await _stored(ledger, key_id) for key_id in ((identity.live, *identity.leaving) if identity else ())]
    mailed = [_key(item) for item in items if item and item["state"]["S"] == LIVE]
    added = sorted(await credentials.all_added(ledger, account.account_id), key=lambda key: (key.created, key.key_id))
    working, over = ([key for key in added if key.works(now) is works] for works in (True, False))
    return _Ring(account, identity, tuple(key for key in mailed if key.works(now)), tuple(working), tuple(over))


async def _stored(ledger: Ledger, key_id: str) -> Item | None:
    request = {"TableName": ledger.table("credentials"), "Key": credentials.key_of(key_id), "ConsistentRead": True}
    found: Item | None = (await ledger.read("GetItem", request)).get("Item")
    return found


def _key(item: Item) -> UserKey:
    found = credentials.parse(item)
    return UserKey(found.credential_id, found.shown, int(item["created"]["N"]), "", found.ends, bool(found.email))
