"""Everything there is about a user, in one document for them to keep. docs/your_data.md"""

import json
from typing import Any

from functions import money
from functions.accounts.view import balance_view, day_view, receipt_view, time_view
from functions.ledger import abuse, entries, orders, own_keys
from functions.ledger.account import Account
from functions.ledger.entries import Written
from functions.ledger.orders import Order
from functions.ledger.pages import AFTER_ALL, BEFORE_ALL, receipts_between, recent_days
from functions.ledger.store import Ledger
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.payments import agreements
from functions.payments.purchases import order_view

RECEIPTS_MAX = 10_000
BYTES_MAX = 5_000_000
"""Of the document as Lambda hands it over, a JSON string; 6,291,556 is what it takes in all."""
ENTRIES_MAX, ORDERS_MAX = 2_000, 2_000
"""The newest of each: a purchase is one of both, and so is a top-up."""
OWNER = "owner"
"""Who entered something, where that is an owner: their address is theirs."""


def export(ledger: Ledger, account: Account) -> tuple[str, dict[str, str]]:
    """Body and headers. `receipts_next` is where GET /account/receipts goes on; null where these are all.

    Raises LedgerUnavailable.
    """
    now_s, account_id = ledger.clock.now(), account.account_id
    today = time_view(int(now_s))
    told: dict[str, Any] = {
        "exported": today,
        "account": _account(account, now_s),
        "balance": balance_view(account, now_s) | {"expiring": _lots(account, now_s)},
        "journal": [_entry(one) for one in drive(entries.history(ledger, account_id, ENTRIES_MAX))],
        "orders": [order_view(one) for one in drive(_orders(ledger, account_id))],
        "top_up": drive(agreements.shown(ledger, account_id)),
        "keys": drive(_keys(ledger, account)),
        "days": [day_view(day) for day in recent_days(account, 0, int(now_s) // DAY_S)],
    }
    told |= _receipts(account_id, BYTES_MAX - _size(told))
    return json.dumps(told), {
        "content-type": "application/json",
        "content-disposition": f'attachment; filename="farebox-account-{today[:10]}.json"',
        "x-content-type-options": "nosniff",
    }


def _account(account: Account, now_s: float) -> dict[str, Any]:
    project, _, number = account.account_id.partition("/")
    is_blocked = account.blocked > now_s
    return {
        "project": project,
        "user_id": int(number),
        "email": account.email or None,
        "known_by": account.identity or "email",
        "known_as": account.shown or None,
        "created": time_view(account.created),
        "blocked": is_blocked,
        "blocked_until": time_view(account.blocked) if is_blocked and account.blocked < abuse.LAST_S else None,
    }


def _lots(account: Account, now_s: float) -> list[dict[str, Any]]:
    lots = account.lots_in_order(now_s)
    return [{"name": name, "left": money.credits(lot.left), "expires": time_view(lot.expires)} for name, lot in lots]


def _entry(one: Written) -> dict[str, Any]:
    return {
        "version": one.version,
        "reason": one.reason,
        "reference": one.reference or None,
        "credits": _signed(one.amount),
        "debt": _signed(one.debt),
        "by": OWNER if "@" in one.by else one.by or None,
        "why": one.why or None,
        "created": time_view(one.created),
    }


async def _orders(ledger: Ledger, account_id: str) -> list[Order]:
    scope = orders.of_account(account_id)
    found, following = await orders.newest(ledger, scope, orders.BATCH_MAX)
    while following and len(found) < ORDERS_MAX:
        more, following = await orders.newest(ledger, scope, orders.BATCH_MAX, following)
        found += more
    return found


async def _keys(ledger: Ledger, account: Account) -> list[dict[str, Any]]:
    """The keys that work, by how they begin: no key is stored."""
    return [
        {
            "id": key.key_id,
            "label": key.label,
            "shown": key.shown,
            "created": time_view(key.created),
            "ends": time_view(key.ends) if key.ends else None,
            "waiting": state == own_keys.PENDING,
        }
        for key, state in await own_keys.listed(ledger, account)
    ]


def _receipts(account_id: str, most: int) -> dict[str, Any]:
    """The newest receipts, as many as the document has room for."""
    found, shown = receipts_between(account_id, BEFORE_ALL, AFTER_ALL, RECEIPTS_MAX + 1), list[dict[str, Any]]()
    for receipt in found[:RECEIPTS_MAX]:
        view = receipt_view(receipt)
        most -= _size(view)
        if most < 0:
            break
        shown.append(view)
    is_all = len(shown) == len(found)
    return {"receipts": shown, "receipts_next": None if is_all else shown[-1]["id"] if shown else AFTER_ALL}


def _size(part: object) -> int:
    """In bytes, as a part of a JSON string, and with what stands before the next."""
    return len(json.dumps(json.dumps(part)))


def _signed(microcredits: int) -> float:
    return -money.credits(-microcredits) if microcredits < 0 else money.credits(microcredits)
