"""The built-in project's users, the newest first: who there is, by which address, and with which key.

An account stands in the list from the transaction that opens it. One that was opened before there was a list is put
there by the night's walk over all accounts.
"""

import re
from collections.abc import Sequence

from functions.errors import LedgerUnavailable
from functions.ledger import credentials, grants, ids, members
from functions.ledger.account import OPEN, Account
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

BATCH_MAX = 100
"""Keys that one BatchGetItem takes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
READS_MAX = 5
PLACE = re.compile(f"[{ids.ALPHABET}]{{{ids.TIME_DIGITS}}}[0-9]{{1,15}}", re.ASCII)


def place_of(account: Account) -> str:
    """An account's name in the list: `newest` goes on before it."""
    return members.joined(account.created, _number(account.account_id))[1]


async def newest(ledger: Ledger, limit: int, before: str = "") -> tuple[list[str], str]:
    """The ids of those who came last before a place in the list, and where to go on, "" at the end.

    Raises LedgerUnavailable.
    """
    scope = members.joined(0, "")[0]
    found, following = await members.newest(ledger, scope, limit, before)
    return [f"{members.DEFAULT}/{item['member']['S'][ids.TIME_DIGITS :]}" for item in found], following


async def enlist(ledger: Ledger, account: Account) -> bool:
    """Put an account into the list that is missing there; whether it was missing. Raises LedgerUnavailable."""
    project, _, number = account.account_id.rpartition("/")
    if project != members.DEFAULT or account.state != OPEN:
        return False
    scope, name = members.joined(account.created, number)
    table, key = ledger.table("members"), {"scope": {"S": scope}, "member": {"S": name}}
    if "Item" in await ledger.read("GetItem", {"TableName": table, "Key": key}):
        return False
    put = members.put(ledger, scope, name, {"created": {"N": str(account.created)}})["Put"]
    for attempt in range(READS_MAX):
        try:
            await ledger.write("PutItem", put)
        except (Ambiguous, Refused):
            await ledger.pause(attempt)
        else:
            return True
    raise LedgerUnavailable("The ledger did not answer in time.")


async def by_address(ledger: Ledger, email: str) -> str | None:
    """The id of the account of an address, as it was registered; None where there is none. Raises LedgerUnavailable."""
    key = grants.Address(members.DEFAULT, email).key
    request = {"TableName": ledger.table("identities"), "Key": key, "ConsistentRead": True}
    found = (await ledger.read("GetItem", request)).get("Item")
    return str(found["account_id"]["S"]) if found else None


async def keys_shown(ledger: Ledger, accounts: Sequence[Account]) -> dict[str, str]:
    """By account id, how the live key begins that was mailed; of those who have one. Raises LedgerUnavailable."""
    known = [grants.Address(members.DEFAULT, account.email).key for account in accounts if account.email]
    identities = [grants.identity_from(item) for item in await _batch(ledger, "identities", known)]
    named = [credentials.key_of(identity.live) for identity in identities]
    keys = [credentials.parse(item) for item in await _batch(ledger, "credentials", named)]
    return {key.account_id: key.shown for key in keys if key.state == "live"}


async def _batch(ledger: Ledger, table: str, keys: list[Item]) -> list[Item]:
    """The items of these keys that there are, in no order."""
    name = ledger.table(table)
    found: list[Item] = []
    for begin in range(0, len(keys), BATCH_MAX):
        waiting = keys[begin : begin + BATCH_MAX]
        for attempt in range(READS_MAX):
            asked = {name: {"Keys": waiting, "ConsistentRead": True}}
            answer = await ledger.read("BatchGetItem", {"RequestItems": asked})
            found += answer["Responses"].get(name, [])
            waiting = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
            if not waiting:
                break
            await ledger.pause(attempt)
        if waiting:
            raise LedgerUnavailable("The ledger is busy. Try again.")
    return found


def _number(account_id: str) -> str:
    return account_id.rpartition("/")[2]
