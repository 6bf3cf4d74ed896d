"""What an account shows its user: balance, use by day, receipts, packs, orders."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from functions import money
from functions.ledger.account import Account
from functions.ledger.orders import Order
from functions.ledger.pages import DayTotals, recent_days, recent_receipts
from functions.ledger.receipts import Receipt
from functions.ledger.windows import DAY_S
from functions.payments.packs import Offer
from functions.payments.purchases import order_view

DAYS_SHOWN = 30
RECEIPTS_SHOWN = 20


def account_view(
    account: Account,
    now_s: float,
    *,
    offers: Sequence[Offer] = (),
    bought: Sequence[Order] = (),
    methods: Sequence[str] = (),
) -> dict[str, Any]:
    """The answer to GET /account; credits are numbers, times are ISO 8601 in UTC."""
    project, _, number = account.account_id.partition("/")
    today = int(now_s) // DAY_S
    return {
        "project": project,
        "user_id": int(number),
        "email": account.email or None,
        "created": time_view(account.created),
        "balance": balance_view(account, now_s),
        "use": [day_view(totals) for totals in recent_days(account, today - DAYS_SHOWN + 1, today)],
        "receipts": [receipt_view(receipt) for receipt in recent_receipts(account.account_id, RECEIPTS_SHOWN)],
        "packs": [offer.view() for offer in offers],
        "methods": list(methods),
        "orders": [order_view(order) for order in bought],
    }


def balance_view(account: Account, now_s: float) -> dict[str, Any]:
    """What there is, in credits: to spend, of it what expires and when the first of it does, held, spent, owed."""
    lots = [lot for _, lot in account.lots_in_order(now_s)]
    first = lots[0] if lots else account.lots.get("trial")
    return {
        "available": money.credits(account.available(now_s)),
        "trial": money.credits(sum(lot.left for lot in lots)),
        "trial_expires": time_view(first.expires) if first else None,
        "paid": money.credits(account.paid),
        "held": money.credits(account.held()),
        "spent": money.credits(account.spent),
        "debt": money.credits(account.debt),
    }


def day_view(totals: DayTotals) -> dict[str, Any]:
    """What was used on a UTC day."""
    return {
        "day": datetime.fromtimestamp(totals.day * DAY_S, UTC).date().isoformat(),
        "requests": totals.requests,
        "input_tokens": totals.input,
        "output_tokens": totals.output,
        "credits": money.credits(totals.cost),
    }


def receipt_view(receipt: Receipt) -> dict[str, Any]:
    """A receipt as its user sees it; docs/receipts.md says what each field is. Who was asked is the owner's to know."""
    return {
        "id": receipt.receipt_id,
        "created": time_view(receipt.created),
        "endpoint": receipt.endpoint,
        "model": receipt.model,
        "outcome": receipt.outcome,
        "input_tokens": receipt.input,
        "cached_tokens": receipt.cached,
        "output_tokens": receipt.output,
        "credits": money.credits(receipt.cost),
        "held": money.credits(receipt.hold),
        "shortfall": money.credits(receipt.shortfall),
        "price": receipt.price,
        "abort": receipt.abort,
        "anomalies": list(receipt.anomalies),
        "reasoning_tokens": receipt.reasoning,
        "method": receipt.method,
        "project_version": receipt.project_version,
        "blocked": receipt.blocked,
    }


def time_view(seconds: int) -> str:
    """ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
