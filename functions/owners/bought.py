"""The orders of a project, as its owner sees them."""

import re
from collections.abc import Mapping
from typing import Any

from functions.errors import BadRequest
from functions.ledger import orders
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.owners import asked
from functions.owners.shown import time_text, user_id
from functions.payments.purchases import order_view

LIMIT, LIMIT_MAX = 50, 100
AFTER = re.compile(r"[0-9]{11}-[A-Za-z0-9_-]{1,100}", re.ASCII)


async def listed(ledger: Ledger, project_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of orders, the newest first. Raises BadRequest, LedgerUnavailable."""
    limit = asked.digits(query["limit"], "limit", 1, LIMIT_MAX) if "limit" in query else LIMIT
    after = query.get("after", "")
    if after and not AFTER.fullmatch(after):
        raise BadRequest("after must be the next of the page before.", param="after")
    found, end = await orders.newest(ledger, orders.of_project(project_id), limit, after)
    data = [_view(order) for order in found]
    return {"object": "list", "data": data, "has_more": bool(end), "next": end or None}


def _view(order: Order) -> dict[str, Any]:
    """What its user sees of an order, and what is the owner's to know: whose, and what happened when."""
    return order_view(order) | {
        "user_id": user_id(order.account_id),
        "user_method": order.method,
        "reference": order.reference,
        "disputes": [
            {"id": name, "amount": amount, "state": state} for name, (amount, state) in order.disputes.items()
        ],
        "history": [{"at": time_text(at), "what": what} for at, what in order.history],
    }
