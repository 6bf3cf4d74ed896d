"""Who is asking: a key looked up, and remembered for as long as it is worth something.

A remembered key is believed only by a write that is conditional on the account's credentials_version
(rule 7), so nothing here has to expire.
"""

from collections import OrderedDict
from dataclasses import dataclass

from functions.errors import LedgerUnavailable, Unauthenticated
from functions.ledger import credentials, grants
from functions.ledger.account import DELETED, Account
from functions.ledger.store import Ledger

REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and how it was asked for, valid at `credentials_version`."""

    credential_id: str
    account_id: str
    credentials_version: int
    ends: int = 0
    """When its key is refused from, in seconds since 1970; 0: never by itself."""

    @property
    def project_id(self) -> str:
        """Whose user this is."""
        return self.account_id.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has no key of ours: known by a token of somebody else's, or by an address alone."""

    subject: grants.Subject
    gain: grants.Trial
    """What the account begins with that is made at first sight."""

    @property
    def visitor_id(self) -> str:
        """What they are remembered by; no SHA-256 of a key looks like it."""
        return f"{self.subject.project}/{self.subject.kind}/{self.subject.digest}"


Asker = str | Visitor
"""A key, or somebody without one."""


def _identifier(asker: Asker) -> str:
    return credentials.credential_id(asker) if isinstance(asker, str) else asker.visitor_id


class Callers:
    """Who this process has seen, and their accounts; the least recently used are forgotten first."""

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Caller] = OrderedDict()
        self.accounts: OrderedDict[str, Account] = OrderedDict()

    def remembered(self, asker: Asker, now_s: float) -> Caller | None:
        """The caller of a key seen before, which has not ended but may have been revoked since, or of a visitor."""
        caller = self.by_id.get(_identifier(asker))
        return None if caller and 0 < caller.ends <= now_s else caller

    async def look_up(self, ledger: Ledger, asker: Asker) -> Caller:
        """Who is asking, read now. Raises Unauthenticated, LedgerUnavailable."""
        identifier = _identifier(asker)
        self.by_id.pop(identifier, None)
        if isinstance(asker, str):
            account, ends = await self._of_key(ledger, identifier)
        else:
            account, ends = await self._of_visitor(ledger, asker), 0
        caller = Caller(identifier, account.account_id, account.credentials_version, ends)
        self.by_id[identifier] = caller
        self.saw(account)
        if len(self.by_id) > REMEMBERED_MAX:
            self.by_id.popitem(last=False)
        return caller

    async def _of_key(self, ledger: Ledger, identifier: str) -> tuple[Account, int]:
        found = await credentials.find(ledger, identifier)
        if found and found[0].state == "pending":
            project = found[0].account_id.rpartition("/")[0]
            await grants.activate(ledger, grants.Address(project, found[0].email), identifier)
            found = await credentials.find(ledger, identifier)
        if not found or found[0].state != "live" or found[1].state == DELETED:
            raise Unauthenticated
        if 0 < found[0].ends <= ledger.clock.now():
            raise Unauthenticated
        return found[1], found[0].ends

    async def _of_visitor(self, ledger: Ledger, visitor: Visitor) -> Account:
        """At first sight an account is made, once: whoever comes second finds it."""
        found = await grants.find_subject(ledger, visitor.subject)
        if not found:
            await grants.first_sight(ledger, visitor.subject, visitor.gain)
            found = await grants.find_subject(ledger, visitor.subject)
        if not found:
            raise LedgerUnavailable("The ledger lost sight of an account; nothing was charged.")
        return found[1]

    def account(self, caller: Caller) -> Account | None:
        """The caller's account as last seen."""
        return self.accounts.get(caller.account_id)

    def saw(self, account: Account) -> None:
        """Remember an account as the ledger just showed it."""
        self.accounts[account.account_id] = account
        self.accounts.move_to_end(account.account_id)
        if len(self.accounts) > REMEMBERED_MAX:
            self.accounts.popitem(last=False)
