"""Pages that people read: receipts and days, through PynamoDB's queries."""

from dataclasses import dataclass

from pynamodb.exceptions import PynamoDBException

from functions.errors import LedgerUnavailable
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.tables import Days, Receipts


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
    try:
        found = list(Receipts.query(account_id, scan_index_forward=False, limit=count, consistent_read=True))
    except PynamoDBException as error:
        raise LedgerUnavailable("The ledger cannot be reached.") from error
    return [Receipt.from_item(receipt.serialize()) for receipt in found]


def recent_days(account: Account, first: int, last: int) -> list[DayTotals]:
    """The days from `first` to `last` on which something was used, oldest first. Raises LedgerUnavailable.

    A day that is not closed is in the account; a part of it may have been moved to the table already.
    """
    try:
        rows = list(Days.query(account.account_id, Days.day.between(first, last), consistent_read=True))
    except PynamoDBException as error:
        raise LedgerUnavailable("The ledger cannot be reached.") from error
    totals = {int(row.day): DayTotals(int(row.day), *_counts(row)) for row in rows}
    for day, open_totals in account.days.items():
        before = totals.get(day, DayTotals(day))
        added = {name: getattr(before, name) + value for name, value in open_totals.items()}
        unchanged = {name: getattr(before, name) for name in ("requests", "input", "output", "cost")}
        if first <= day <= last:
            totals[day] = DayTotals(day, **unchanged | added)
    return [totals[day] for day in sorted(totals)]


def _counts(row: Days) -> tuple[int, int, int, int]:
    return int(row.requests or 0), int(row.input or 0), int(row.output or 0), int(row.cost or 0)
