"""People with e-mail addresses, and what must be true of each whatever happened."""

import secrets

from functions.ledger import grants
from functions.ledger.store import Item
from tests.ledger.arrange import Books

TRIAL = grants.Trial(5000, 7 * 86400)


def someone(mailbox: str = "") -> grants.Address:
    """An address that nobody has used."""
    return grants.Address("default", f"{secrets.token_hex(6)}@farebox.test", mailbox)


async def keys_of(books: Books, address: grants.Address) -> dict[str, str]:
    """Every stored key of an address and its state; those that are revoked do not say the address any more."""
    (account,) = await books.scan("accounts", "email", address.email)
    found = await books.scan("credentials", "account_id", account["account_id"]["S"])
    assert all(item["state"]["S"] == "revoked" for item in found if "email" not in item)
    return {item["credential_id"]["S"]: item["state"]["S"] for item in found}


async def identity(books: Books, address: grants.Address) -> Item:
    """The item that says which account and which keys an address has."""
    request = {"TableName": books.ledger.table("identities"), "Key": address.key, "ConsistentRead": True}
    item: Item = (await books.ledger.store.call("GetItem", request))["Item"]
    return item


async def one_account_one_key(books: Books, address: grants.Address, trial: int = TRIAL.amount) -> None:
    """What must be true of an address, whatever happened: one account with its trial, one live key, and named."""
    (account,) = await books.scan("accounts", "email", address.email)
    assert (account["credited"]["N"], account["paid"]["N"]) == (str(trial), "0")
    (entry,) = await books.scan("journal", "account_id", account["account_id"]["S"])
    assert (entry["amount"]["N"], entry["credited_after"]["N"]) == (str(trial), str(trial))
    states = await keys_of(books, address)
    (live,) = [key for key, state in states.items() if state == "live"]
    named = await identity(books, address)
    assert (named["live"]["S"], named["account_id"]["S"]) == (live, account["account_id"]["S"])
    assert {key["S"] for key in named["pending"]["L"]} == {key for key, state in states.items() if state == "pending"}
