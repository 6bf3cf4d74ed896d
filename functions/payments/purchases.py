"""Orders as their users, and owners, see them."""

from datetime import UTC, datetime
from typing import Any

from functions import money
from functions.ledger.orders import Order
from functions.payments.provider import PAID

SHOWN = 20


def order_view(order: Order) -> dict[str, Any]:
    """An order: credits are numbers, amounts in the smallest unit of `currency`, times ISO 8601 in UTC."""
    return {
        "id": order.number,
        "kind": order.kind,
        "pack": order.pack,
        "method": order.connection,
        "mode": order.mode,
        "state": state(order),
        "amount": order.amount,
        "currency": order.currency,
        "credits": money.credits(order.credits),
        "refunded": order.refunded,
        "disputed": order.disputed,
        "credits_taken_back": money.credits(order.reversed),
        "created": _time(order.created),
        "expires": _time(order.expires),
    }


def state(order: Order) -> str:
    """What people call it: a paid order's state is what became of its money since."""
    if order.state != PAID or order.kind == "setup":
        return order.state
    if order.disputed:
        return "disputed"
    if not order.refunded:
        return PAID
    return "refunded" if order.refunded >= order.amount else "partly_refunded"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
