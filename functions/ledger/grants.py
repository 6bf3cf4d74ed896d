"""New accounts, and the keys of those who register: what must be true together is one transaction (rule 8).

A transaction is guarded by what it finds, never by a request token: the identity must not exist yet, or
must still name the key that is replaced. Whoever loses reads what the winner wrote, and goes on from there.
"""

from dataclasses import dataclass, replace

from functions.errors import LedgerUnavailable
from functions.ledger import account as accounts
from functions.ledger import credentials, entries, opening, tombstones
from functions.ledger.account import DELETED, Account
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

TRIES_MAX = 6
PENDING_MAX = 5
"""Keys that wait for their first use; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Credits a new account begins with, in microcredits, and for how long, in seconds; 0: they do not expire."""

    amount: int
    lasts_s: int


NO_TRIAL = Trial(0, 0)


@dataclass(frozen=True, slots=True)
class Address:
    """Who registers: an e-mail address at a project. `mailbox` is the address with its tags folded; the first account
    of a mailbox gets the trial, further ones none. "" where that is not asked for."""

    project: str
    email: str
    mailbox: str = ""

    @property
    def key(self) -> Item:
        return identity_key(self.project, "email", self.email)


KINDS = frozenset({"jwt", "ip", "backend", "test", "user"})
"""How a subject may be known; e-mail addresses are apart, for they have keys."""
SHOWN_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody known to a project otherwise than by an e-mail address: `kind` is of KINDS, `digest` says who.

    `shown` is what the project's owner sees of them, cut to SHOWN_LENGTH_MAX. Raises ValueError for another kind.
    """

    project: str
    kind: str
    digest: str
    shown: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not self.digest:
            raise ValueError(f"{self.kind!r} is no kind of subject, or it says nobody")

    @property
    def key(self) -> Item:
        return identity_key(self.project, self.kind, self.digest)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which account an e-mail address has, its live key, and the keys that wait for their first use (ids)."""

    account_id: str
    live: str
    pending: tuple[str, ...]
    leaving: tuple[str, ...] = ()
    """That were rotated and work on for a while; they die with the live one, when one that waits is first used."""

    def holds(self, key: str) -> bool:
        """Whether this key is among the address's own."""
        return credentials.credential_id(key) in (self.live, *self.pending)


async def register(ledger: Ledger, address: Address, trial: Trial) -> str:
    """A new key for an address: of a new account, or of the account it has. Returns the key.

    A new account's key is live; that of an account which has one waits, until `activate` or its first use.
    Raises LedgerUnavailable.
    """
    key = credentials.new_key(ledger)
    for attempt in range(TRIES_MAX):
        identity, had, deletions = await _find(ledger, address)
        if identity and identity.holds(key):
            return key  # an earlier attempt, whose answer was lost, was applied
        if identity:
            writes = _wait(ledger, address, identity, key)
        else:
            writes = _create(ledger, address, NO_TRIAL if had else trial, key)
            writes.append(tombstones.unchanged(ledger, address.project, address.email, deletions))
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except (Refused, Ambiguous):
            await ledger.pause(attempt)
        else:
            return key
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


async def activate(ledger: Ledger, address: Address, identifier: str) -> None:
    """Make a waiting key (its id) the live one; the key before it and older ones that waited die.

    Where it does not wait any more, or another key was used first and this one died of it, nothing happens.
    Raises LedgerUnavailable.
    """
    for attempt in range(TRIES_MAX):
        identity, _, _ = await _find(ledger, address)
        if identity is None or identifier not in identity.pending:
            return
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": _use(ledger, address, identifier, identity)})
        except (Refused, Ambiguous):
            if not await credentials.waits(ledger, identifier):
                return
            await ledger.pause(attempt)
        else:
            return
    raise LedgerUnavailable("The ledger is busy; nothing was charged.")


async def first_sight(ledger: Ledger, subject: Subject, gain: Trial) -> str:
    """The account of a subject, made now where there was none; returns its id.

    Whoever comes at the same time finds the one that was made, and so does a write that arrives late or again.
    Of a deleted one the identity has stayed, with nobody behind it: whoever comes again begins anew, without a gain.
    Raises LedgerUnavailable.
    """
    account_id, before = opening.new_id(ledger, subject.project), ""
    for attempt in range(TRIES_MAX):
        try:
            writes = _first(ledger, subject, account_id, NO_TRIAL if before else gain, before)
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except Refused as refused:
            if refused.item is None:  # somebody else has this number
                return await first_sight(ledger, subject, gain)
            found = str(refused.item["account_id"]["S"])
            if found == account_id or not await _is_deleted(ledger, found):
                return found
            before = found
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return account_id
    raise LedgerUnavailable("The ledger is busy; nothing was charged.")


def _first(ledger: Ledger, subject: Subject, account_id: str, gain: Trial, before: str) -> list[Item]:
    """A subject's identity and account, where there is none, or one of an account `before` it, which was deleted."""
    who = {"identity": subject.kind, "shown": subject.shown[:SHOWN_LENGTH_MAX]}
    identity = entries.put(ledger, "identities", subject.key | {"account_id": {"S": account_id}}, "identity_id")
    if before:
        identity["Put"]["ConditionExpression"] = "account_id = :before"
        identity["Put"]["ExpressionAttributeValues"] = {":before": {"S": before}}
    return [identity, *opening.writes(ledger, account_id, (gain.amount, gain.lasts_s), who)]


async def find_subject(ledger: Ledger, subject: Subject) -> tuple[str, Account] | None:
    """The account of a subject, and its id; None where it was never seen, or deleted. Raises LedgerUnavailable."""
    identity = {"TableName": ledger.table("identities"), "Key": subject.key, "ConsistentRead": True}
    found = (await ledger.read("GetItem", identity)).get("Item")
    if not found:
        return None
    account_id = str(found["account_id"]["S"])
    account = await _account(ledger, account_id)
    return (account_id, account) if account and account.state != DELETED else None


async def _is_deleted(ledger: Ledger, account_id: str) -> bool:
    account = await _account(ledger, account_id)
    return account is not None and account.state == DELETED


async def _account(ledger: Ledger, account_id: str) -> Account | None:
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account_id), "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    return Account(item) if item else None


def identity_key(project: str, kind: str, subject: str) -> Item:
    """The primary key of an identity; of a project first, so that projects never meet."""
    return {"identity_id": {"S": f"{project}/{kind}/{subject}"}}


async def identity_of(ledger: Ledger, account: Account) -> Identity | None:
    """How an account is known by its address; None where it is not. Raises LedgerUnavailable."""
    if not account.email:
        return None
    project = account.account_id.rpartition("/")[0]
    key = identity_key(project, "email", account.email)
    request = {"TableName": ledger.table("identities"), "Key": key, "ConsistentRead": True}
    found = (await ledger.read("GetItem", request)).get("Item")
    return identity_from(found) if found and found["account_id"]["S"] == account.account_id else None


async def _find(ledger: Ledger, address: Address) -> tuple[Identity | None, bool, int]:
    """The identity of an address, whether its trial was had, and how often it was deleted."""
    table, project = ledger.table("identities"), address.project
    mailbox = address.mailbox or address.email
    keys = [
        address.key,
        tombstones.key(ledger, project, tombstones.ADDRESS, address.email),
        identity_key(project, "mailbox", mailbox),
        tombstones.key(ledger, project, tombstones.MAILBOX, mailbox),
    ]
    gets = [{"Get": {"TableName": table, "Key": key}} for key in keys]
    answer = await ledger.read("TransactGetItems", {"TransactItems": gets})
    found, gone, taken, gone_there = (response.get("Item") for response in answer["Responses"])
    had = bool(gone or (address.mailbox and (taken or gone_there)))
    return identity_from(found) if found else None, had, tombstones.deletions(gone)


def identity_from(item: Item) -> Identity:
    """Which account an address has, and its keys."""
    pending, leaving = (
        tuple(str(part["S"]) for part in item[name]["L"]) if name in item else () for name in ("pending", "leaving")
    )
    return Identity(item["account_id"]["S"], item["live"]["S"], pending, leaving)


def _create(ledger: Ledger, address: Address, trial: Trial, key: str) -> list[Item]:
    """An account, its first journal entry, its identity and its key; guarded by the identity not being there."""
    account_id = opening.new_id(ledger, address.project)
    identity = address.key | {
        "account_id": {"S": account_id},
        "live": {"S": credentials.credential_id(key)},
        "pending": {"L": []},
    }
    credential = credentials.to_item(key, account_id, address.email, "live", int(ledger.clock.now()))
    writes = [
        _put(ledger, "identities", identity, "identity_id"),
        *opening.writes(ledger, account_id, (trial.amount, trial.lasts_s), {"email": address.email}),
        _put(ledger, "credentials", credential, "credential_id"),
    ]
    if address.mailbox and trial is not NO_TRIAL:
        first = identity_key(address.project, "mailbox", address.mailbox) | {"account_id": {"S": account_id}}
        writes.append(_put(ledger, "identities", first, "identity_id"))
        writes.append(tombstones.no_mailbox(ledger, address.project, address.mailbox))
    return writes


def _wait(ledger: Ledger, address: Address, identity: Identity, key: str) -> list[Item]:
    """A key that waits for its first use; when too many wait, the oldest is revoked."""
    waiting = (*identity.pending, credentials.credential_id(key))
    kept, dropped = waiting[-PENDING_MAX:], waiting[:-PENDING_MAX]
    new = credentials.to_item(key, identity.account_id, address.email, "pending", int(ledger.clock.now()))
    return [
        changed(ledger, address, identity, replace(identity, pending=kept)),
        _put(ledger, "credentials", new, "credential_id"),
        *(credentials.ended(ledger, old) for old in dropped),
    ]


def _use(ledger: Ledger, address: Address, identifier: str, identity: Identity) -> list[Item]:
    """The pending key becomes live; the one before it, those that are leaving and older pending ones are revoked."""
    place = identity.pending.index(identifier)
    older, newer = identity.pending[:place], identity.pending[place + 1 :]
    live = Expression()
    live.sets.append(f"{live.name('#state', 'state')} = :live")
    live.conditions.append("#state = :pending")
    live.values |= {":live": {"S": "live"}, ":pending": {"S": "pending"}}
    return [
        changed(ledger, address, identity, Identity(identity.account_id, identifier, newer)),
        live.transact(ledger.table("credentials"), credentials.key_of(identifier)),
        credentials.next_version(ledger, identity.account_id),
        *(credentials.ended(ledger, old) for old in (identity.live, *identity.leaving, *older)),
    ]


def changed(ledger: Ledger, address: Address, was: Identity, now: Identity) -> Item:
    """A part of a transaction: which keys an address has, where they are still those that were read.

    Which ones are leaving changes only with the live one.
    """
    write = Expression()
    write.sets += ["live = :live", "pending = :pending", "leaving = :leaving"]
    write.conditions += ["live = :was", "pending = :waited"]
    write.values |= {":live": {"S": now.live}, ":was": {"S": was.live}, ":leaving": _texts(now.leaving)}
    write.values |= {":pending": _texts(now.pending), ":waited": _texts(was.pending)}
    return write.transact(ledger.table("identities"), address.key)


def _put(ledger: Ledger, table: str, item: Item, key: str) -> Item:
    condition = f"attribute_not_exists({key})"
    return {"Put": {"TableName": ledger.table(table), "Item": item, "ConditionExpression": condition}}


def _texts(texts: tuple[str, ...]) -> Item:
    return {"L": [{"S": text} for text in texts]}
