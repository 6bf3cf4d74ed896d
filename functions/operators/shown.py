"""What the operator is shown of users: balances, keys by their beginning, the journal. No key, prompt or answer."""

from collections.abc import Sequence
from typing import Any

from functions import money
from functions.accounts.view import DAYS_SHOWN, balance_view, receipt_view
from functions.ledger.account import Account
from functions.ledger.credentials import UserKey
from functions.ledger.entries import Written
from functions.ledger.pages import recent_days
from functions.ledger.receipts import Receipt
from functions.ledger.windows import DAY_S
from functions.owners.shown import YEAR_9999_S, time_text, user_id

COUNTED = {"requests": "requests", "input_tokens": "input", "output_tokens": "output"}


def row(account: Account, now_s: float, key_shown: str) -> dict[str, Any]:
    """A user in the list, with the use of the last DAYS_SHOWN days."""
    today = int(now_s) // DAY_S
    days = recent_days(account, today - DAYS_SHOWN + 1, today)
    use: dict[str, Any] = {name: sum(getattr(day, field) for day in days) for name, field in COUNTED.items()}
    use["credits"] = money.credits(sum(day.cost for day in days))
    return balances(account, now_s) | {"key_shown": key_shown, "use": use}


def balances(account: Account, now_s: float) -> dict[str, Any]:
    """A user, and what they have."""
    blocked = account.blocked > now_s
    who = {
        "user_id": user_id(account.account_id),
        "email": account.email,
        "created": time_text(account.created),
        "blocked": blocked,
        "blocked_until": time_text(account.blocked) if blocked and account.blocked < YEAR_9999_S else None,
    }
    return who | balance_view(account, now_s)


def key(found: UserKey, state: str) -> dict[str, Any]:
    """A key by its beginning; one that is `pending` takes the place of the mailed one when it is first used."""
    return {
        "id": found.key_id,
        "label": found.label,
        "shown": found.shown,
        "created": time_text(found.created),
        "ends": time_text(found.ends) if found.ends else None,
        "state": state,
    }


def entry(written: Written) -> dict[str, Any]:
    """A journal entry; `amount` is what came, below 0 what went, and `debt` what is owed since."""
    return {
        "version": written.version,
        "created": time_text(written.created),
        "reason": written.reason,
        "reference": written.reference,
        "amount": signed(written.amount),
        "debt": signed(written.debt),
        "by": written.by,
        "why": written.why,
    }


def event(receipt: Receipt, account: Account) -> dict[str, Any]:
    """A receipt among those of many."""
    return receipt_view(receipt) | {"user_id": user_id(account.account_id), "email": account.email}


def totals(accounts: Sequence[Account], now_s: float) -> dict[str, Any]:
    """Sums over some accounts. A trial is active as long as there is something of it to spend."""
    lots = [account.lots_in_order(now_s) for account in accounts]
    return {
        "users": len(accounts),
        "active_trials": sum(1 for some in lots if some),
        "trial": money.credits(sum(lot.left for some in lots for _, lot in some)),
        "paid": money.credits(sum(account.paid for account in accounts)),
        "held": money.credits(sum(account.held() for account in accounts)),
        "debt": money.credits(sum(account.debt for account in accounts)),
        "spent": money.credits(sum(account.spent for account in accounts)),
    }


def signed(microcredits: int) -> float:
    return -money.credits(-microcredits) if microcredits < 0 else money.credits(microcredits)
