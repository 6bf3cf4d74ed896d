"""The opening of an account: its item, its first journal entry, and its place in its project's list (rule 8)."""

from functions import money
from functions.ledger import account as accounts
from functions.ledger import entries, ids, members
from functions.ledger.store import Item, Ledger


def new_id(ledger: Ledger, project: str) -> str:
    """The id of a new account of a project."""
    return f"{project}/{ids.account_number(ledger)}"


def writes(ledger: Ledger, account_id: str, gift: tuple[int, int], texts: dict[str, str]) -> list[Item]:
    """The parts of a transaction that open an account, the account's first.

    `gift` is what it begins with, in microcredits, and for how long, in seconds, 0 for ever; `texts` says who it is,
    where there is something to say. Raises money.AmountError.
    """
    now, (asked, lasts_s) = int(ledger.clock.now()), gift
    amount = money.amount(asked) if asked else 0
    expires = amount and lasts_s
    lots = {"trial": {"M": {"n": {"N": str(amount)}, "x": {"N": str(now + lasts_s)}}}} if expires else {}
    account: Item = accounts.key(account_id) | {"state": {"S": "open"}, "lots": {"M": lots}, "holds": {"M": {}}}
    account |= {name: {"S": text} for name, text in texts.items() if text}
    numbers = {"created": now, "paid": 0 if expires else amount, "credited": amount, "spent": 0, "expired": 0}
    numbers |= {"credentials_version": 1, "journal_version": 1} | ({"full": amount} if amount else {})
    account |= {name: {"N": str(number)} for name, number in numbers.items()}
    change = entries.Change("trial" if amount else "opened", "", amount)
    entry = entries.to_item(account_id, 1, 0, change, now)
    project, _, number = account_id.rpartition("/")
    listed = [members.put(ledger, *place) for place in members.places(project, number, now)]
    parts = [
        entries.put(ledger, "accounts", account, "account_id"),
        entries.put(ledger, "journal", entry, "account_id"),
    ]
    return parts + listed
