"""The end of an account: one transaction closes it, and what there is of its user is removed after.

Closed means that nothing is admitted any more and no key is known; whoever it was is a tombstone, and what was left is
forfeited by a journal entry. What the books need stays: the account's sums, the journal, the orders. The rest is
removed by functions/ledger/leftovers.py, in steps that anybody may repeat: here at once, and every night where
requests still ran.
"""

import re
from dataclasses import dataclass

from functions.errors import LedgerUnavailable, NotConfigured
from functions.ledger import account as accounts
from functions.ledger import credentials, entries, grants, leftovers, members, tidy, tombstones
from functions.ledger.account import DELETED, Account
from functions.ledger.entries import Change
from functions.ledger.expression import Expression
from functions.ledger.grants import Identity
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

TRIES_MAX = 12
PATIENT_TRIES = 4
"""Where requests keep changing what is left, the account is closed all the same, and its credits forfeited after."""
PAUSE_LONGEST = 4
"""The attempt after which pauses grow no more: 0.3 s."""
SELF = "user"
"""Who deletes, where it is the user."""
HIDDEN = "…"
TEXT_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted account, and how many microcredits were forfeited. Not `finished`: the night removes the rest."""

    account_id: str
    forfeited: int
    finished: bool


async def delete(ledger: Ledger, account_id: str, by: str = "", why: str = "") -> Deleted:
    """Delete an account; again, it changes nothing and finishes what is left. `by`, `why`: who does it, and what for.

    Raises AccountGone, NotConfigured without HASH_SECRET, LedgerUnavailable: then send it again.
    """
    for attempt in range(TRIES_MAX):
        account = await tidy.kept(ledger, account_id)
        if account.state == DELETED:
            break
        if account.email and not ledger.secret:
            raise NotConfigured("HASH_SECRET")  # a tombstone that anybody could compute says who it was
        identity = await grants.identity_of(ledger, account)
        writes = _close(ledger, account, identity, _change(account, by, why, patient=attempt < PATIENT_TRIES))
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except (Refused, Ambiguous):
            await ledger.pause(min(attempt, PAUSE_LONGEST))
    else:
        raise LedgerUnavailable("The ledger is busy; nothing was deleted for certain. Send this again.")
    finished = await leftovers.finish(ledger, account_id)
    account = await tidy.kept(ledger, account_id)
    return Deleted(account_id, account.number("forfeited"), finished)


def _change(account: Account, by: str, why: str, *, patient: bool) -> Change:
    left = account.paid + sum(lot.left for lot in account.lots.values()) if patient else 0
    names = [name for name in (account.email, tombstones.mailbox(account.email), account.shown) if name]
    said = _without(why, names)[:TEXT_LENGTH_MAX]
    whose = SELF if by and by == account.email else by[:TEXT_LENGTH_MAX]
    return Change(leftovers.REASON, "", -left, by=whose, why=said)


def _without(text: str, names: list[str]) -> str:
    """A text that does not name somebody, whatever case it was written in."""
    for name in names:
        text = re.sub(re.escape(name), HIDDEN, text, flags=re.IGNORECASE)
    return text


def _close(ledger: Ledger, account: Account, identity: Identity | None, change: Change) -> list[Item]:
    """All that is true together: the account is closed, its user unknown, its keys dead, and no list has it."""
    account_id, now = account.account_id, int(ledger.clock.now())
    project, _, number = account_id.rpartition("/")
    entry = entries.to_item(account_id, account.journal_version + 1, account.credited, change, now)
    parts = [_account(ledger, account, change), entries.put(ledger, "journal", entry, "account_id")]
    if account.email:
        parts += tombstones.writes(ledger, project, account.email)
        parts += _unknown(ledger, project, account, identity)
    parts += [members.drop(ledger, *place) for place in members.places(project, number, account.created)]
    return parts


def _account(ledger: Ledger, account: Account, change: Change) -> Item:
    """The account's part: what it has, as it was read, is gone; `forfeited` and `due` say what it came to.

    `due` is what `credited` is after: should money come for it later, that is not forfeited.
    """
    write, after = Expression(), account.credited + change.amount
    state = write.name("#state", "state")
    write.sets += [f"{state} = :deleted", "deleted = :now", "journal_version = :next", "credited = :after"]
    write.sets += ["due = :after", "forfeited = :forfeited"]
    write.conditions += [f"{state} <> :deleted", "journal_version = :version", "credited = :before"]
    write.values[":deleted"] = {"S": DELETED}
    write.number(":now", int(ledger.clock.now()))
    write.number(":version", account.journal_version)
    write.number(":next", account.journal_version + 1)
    write.number(":before", account.credited)
    write.number(":after", after)
    write.number(":forfeited", -change.amount)
    if change.amount:
        leftovers.nothing_left(write, account)
    write.added.append(f"credentials_version {write.number(':one', 1)}")
    leftovers.strip(write, account)
    return write.transact(ledger.table("accounts"), accounts.key(account.account_id))


def _unknown(ledger: Ledger, project: str, account: Account, identity: Identity | None) -> list[Item]:
    """Nobody is known by the address any more, nor by a key that was mailed to it."""
    table, mailbox = ledger.table("identities"), tombstones.mailbox(account.email)
    parts: list[Item] = [{"Delete": {"TableName": table, "Key": grants.identity_key(project, "mailbox", mailbox)}}]
    if identity is None:
        return parts
    same = Expression()
    same.conditions += ["account_id = :account", "live = :live", "pending = :pending"]
    same.values |= {":account": {"S": account.account_id}, ":live": {"S": identity.live}}
    same.values[":pending"] = {"L": [{"S": one} for one in identity.pending]}
    gone: Item = {"TableName": table, "Key": grants.identity_key(project, "email", account.email)}
    gone |= {"ConditionExpression": " AND ".join(same.conditions), "ExpressionAttributeValues": same.values}
    keys = [credentials.key_of(one) for one in (identity.live, *identity.leaving, *identity.pending)]
    dead = [{"Delete": {"TableName": ledger.table("credentials"), "Key": one}} for one in keys]
    return [*parts, {"Delete": gone}, *dead]
