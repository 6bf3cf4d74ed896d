"""Who is asking: a key looked up, and remembered for as long as it is worth something.

A remembered key is believed only by a write that is conditional on the account's credentials_version
(rule 7), so nothing here has to expire.
"""

from collections import OrderedDict
from dataclasses import dataclass

from functions.errors import Unauthenticated
from functions.ledger import credentials, grants
from functions.ledger.account import Account
from functions.ledger.store import Ledger

REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and the key it was asked with, valid at `credentials_version`."""

    credential_id: str
    account_id: str
    credentials_version: int


class Callers:
    """The keys and accounts this process has seen, the least recently used forgotten first."""

    def __init__(self, project: str = "default") -> None:
        self.project = project
        self.by_key: OrderedDict[str, Caller] = OrderedDict()
        self.accounts: OrderedDict[str, Account] = OrderedDict()

    def remembered(self, key: str) -> Caller | None:
        """The caller of a key seen before; it may have been revoked since."""
        return self.by_key.get(credentials.credential_id(key))

    async def look_up(self, ledger: Ledger, key: str) -> Caller:
        """The caller of a key, read now. Raises Unauthenticated, LedgerUnavailable."""
        identifier = credentials.credential_id(key)
        self.by_key.pop(identifier, None)
        found = await credentials.find(ledger, identifier)
        if found and found[0].state == "pending":
            await grants.activate(ledger, grants.Address(self.project, found[0].email), identifier)
            found = await credentials.find(ledger, identifier)
        if not found or found[0].state != "live":
            raise Unauthenticated
        account = found[1]
        caller = Caller(identifier, account.account_id, account.credentials_version)
        self.by_key[identifier] = caller
        self.saw(account)
        if len(self.by_key) > REMEMBERED_MAX:
            self.by_key.popitem(last=False)
        return caller

    def account(self, caller: Caller) -> Account | None:
        """The caller's account as last seen."""
        return self.accounts.get(caller.account_id)

    def saw(self, account: Account) -> None:
        """Remember an account as the ledger just showed it."""
        self.accounts[account.account_id] = account
        self.accounts.move_to_end(account.account_id)
        if len(self.accounts) > REMEMBERED_MAX:
            self.accounts.popitem(last=False)
