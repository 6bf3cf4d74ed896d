"""Pages that people read: receipts, days, a project's users, through PynamoDB's queries."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import PynamoDBException
from pynamodb.pagination import ResultIterator

from functions.errors import LedgerUnavailable
from functions.ledger import members as scopes
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.tables import Accounts, Days, Members, Receipts

READS_MAX = 5
QUERY_MAX = 2_000
"""Receipts of one query: each is to be answered in LEDGER_TIMEOUT_S, and to fit in a small function's memory."""
BATCH_MAX = 100
"""Keys that one BatchGetItem takes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
PAUSE_FIRST_S = 0.02
BEFORE_ALL, AFTER_ALL = "0", "~"
"""Sort below and above every id; DynamoDB takes no empty key."""


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One UTC day of an account: `day` since 1970; tokens; `cost` in microcredits."""

    day: int
    requests: int = 0
    input: int = 0
    output: int = 0
    cost: int = 0


def recent_receipts(account_id: str, count: int) -> list[Receipt]:
    """The newest receipts, newest first. Raises LedgerUnavailable."""
    return receipts_between(account_id, BEFORE_ALL, AFTER_ALL, count)


def receipts_between(account_id: str, first: str, end: str, count: int) -> list[Receipt]:
    """An account's receipts with ids from `first` up to, but not, `end`: the newest so many, newest first.

    Raises LedgerUnavailable.
    """
    if first >= end:  # DynamoDB refuses such a range
        return []
    ids = Receipts.receipt_id.between(first, end)
    # One more than is wanted: BETWEEN includes `end`, and a sort key takes no second condition.
    asked = {"range_key_condition": ids, "scan_index_forward": False, "consistent_read": True}
    asked["limit"] = min(count + 1, QUERY_MAX)
    with _unavailable():
        # As Receipts.query does it, without a model of each on the way: that is half of a long page's time.
        query = Receipts._get_connection().query
        found: list[Receipt] = list(
            ResultIterator(query, (account_id,), asked, map_fn=Receipt.from_item, limit=count + 1)
        )
    return [receipt for receipt in found if receipt.receipt_id != end][:count]


def recent_days(account: Account, first: int, last: int) -> list[DayTotals]:
    """The days from `first` to `last` on which something was used, oldest first. Raises LedgerUnavailable.

    A day that is not closed is in the account; a part of it may have been moved to the table already. A day that is
    in both may also have been moved between the account's read and the query, and would count twice: the account is
    read again, and where it does not say the same of that day, both are read anew.
    """
    for _ in range(READS_MAX):
        closed = _closed_days(account.account_id, first, last)
        doubtful = account.days.keys() & closed.keys()
        again = _read(account) if doubtful else account
        if all(again.days.get(day) == account.days[day] for day in doubtful):
            return _summed(closed, account, first, last)
        account = again
    raise LedgerUnavailable("The account changes too quickly to be summed.")


def members(project_id: str, after: str, limit: int) -> list[str]:
    """The numbers of a project's users, sorted: the first so many after `after`; "" is before all.

    Raises LedgerUnavailable.
    """
    beyond = Members.member > (after or BEFORE_ALL)
    with _unavailable():
        rows = Members.query(scopes.users(project_id), beyond, limit=limit, consistent_read=True)
        return [str(row.member) for row in rows]


def accounts_of(account_ids: Sequence[str]) -> list[Account]:
    """The accounts of these ids, in their order and as they are stored; those that are gone are left out.

    Raises LedgerUnavailable.
    """
    found: dict[str, Account] = {}
    for begin in range(0, len(account_ids), BATCH_MAX):
        found |= _batch(list(dict.fromkeys(account_ids[begin : begin + BATCH_MAX])))
    return [found[account_id] for account_id in account_ids if account_id in found]


def _batch(account_ids: list[str]) -> dict[str, Account]:
    """DynamoDB may answer a part of what was asked, and is asked again for the rest."""
    found: dict[str, Account] = {}
    for attempt in range(READS_MAX):
        if not account_ids:
            return found
        if attempt:
            time.sleep(PAUSE_FIRST_S * 2**attempt)
        with _unavailable():
            connection = Accounts._get_connection()
            keys: list[Any] = [{"account_id": one} for one in account_ids]  # its hints say otherwise
            answer = connection.batch_get_item(keys, consistent_read=True)
        accounts = [Account(item) for item in answer["Responses"].get(Accounts.Meta.table_name, [])]
        found |= {account.account_id: account for account in accounts}
        account_ids = [one for one in account_ids if one not in found] if answer.get("UnprocessedKeys") else []
    if account_ids:
        raise LedgerUnavailable("The ledger cannot be reached.")
    return found


def _closed_days(account_id: str, first: int, last: int) -> dict[int, DayTotals]:
    with _unavailable():
        rows = list(Days.query(account_id, Days.day.between(first, last), consistent_read=True))
    return {int(row.day): DayTotals(int(row.day), *_counts(row)) for row in rows}


def _read(account: Account) -> Account:
    """The account as it is now; as it was where it is gone."""
    with _unavailable():
        answer = Accounts._get_connection().get_item(account.account_id, consistent_read=True)
    return Account(answer["Item"]) if "Item" in answer else account


def _summed(closed: dict[int, DayTotals], account: Account, first: int, last: int) -> list[DayTotals]:
    totals = dict(closed)
    for day, open_totals in account.days.items():
        before = totals.get(day, DayTotals(day))
        added = {name: getattr(before, name) + value for name, value in open_totals.items()}
        unchanged = {name: getattr(before, name) for name in ("requests", "input", "output", "cost")}
        if first <= day <= last:
            totals[day] = DayTotals(day, **unchanged | added)
    return [totals[day] for day in sorted(totals)]


@contextmanager
def _unavailable() -> Iterator[None]:
    """What PynamoDB raises becomes LedgerUnavailable."""
    try:
        yield
    except PynamoDBException as error:
        raise LedgerUnavailable("The ledger cannot be reached.") from error


def _counts(row: Days) -> tuple[int, int, int, int]:
    return int(row.requests or 0), int(row.input or 0), int(row.output or 0), int(row.cost or 0)
