"""Stripe's objects as its API reference shows them, with all fields that somebody here may read."""

import secrets
import string
from typing import Any

Object = dict[str, Any]
LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


def session(asked: Object, url: str, mode: str, now_s: float) -> Object:
    """A Checkout Session that was just made: https://docs.stripe.com/api/checkout/sessions/object"""
    found = new_id(f"cs_{mode}_a1", 58)
    items = asked.get("line_items", [])
    total = sum(int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in items)
    is_payment = asked["mode"] == "payment"
    return {
        "id": found,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": asked.get("adaptive_pricing", {}).get("enabled") != "false"},
        "allow_promotion_codes": None,
        "amount_subtotal": total if is_payment else None,
        "amount_total": total if is_payment else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": asked.get("cancel_url"),
        "client_reference_id": asked.get("client_reference_id"),
        "created": int(now_s),
        "currency": items[0]["price_data"]["currency"] if is_payment else asked.get("currency"),
        "customer": asked.get("customer"),
        "customer_creation": asked.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": asked.get("customer_email"),
        "expires_at": int(asked.get("expires_at", now_s + 86_400)),
        "invoice": None,
        "livemode": mode == "live",
        "metadata": asked.get("metadata", {}),
        "mode": asked["mode"],
        "payment_intent": None,
        "payment_link": None,
        "payment_status": "unpaid" if is_payment else "no_payment_required",
        "setup_intent": None if is_payment else new_id("seti_"),
        "status": "open",
        "subscription": None,
        "success_url": asked["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if is_payment else None,
        "ui_mode": "hosted_page",
        "url": f"{url}/c/pay/{found}",
    }


def intent(amount: int, currency: str, metadata: Object, mode: str, now_s: float) -> Object:
    """A PaymentIntent: https://docs.stripe.com/api/payment_intents/object"""
    return {
        "id": new_id("pi_3"),
        "object": "payment_intent",
        "amount": amount,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": new_id("pi_3_secret_"),
        "created": int(now_s),
        "currency": currency,
        "customer": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": mode == "live",
        "metadata": dict(metadata),
        "payment_method": None,
        "status": "requires_payment_method",
    }


def charge(paid: Object, now_s: float) -> Object:
    """The Charge of a PaymentIntent that succeeded: https://docs.stripe.com/api/charges/object"""
    return {
        "id": new_id("ch_3"),
        "object": "charge",
        "amount": paid["amount"],
        "amount_captured": paid["amount"],
        "amount_refunded": 0,
        "captured": True,
        "created": int(now_s),
        "currency": paid["currency"],
        "disputed": False,
        "livemode": paid["livemode"],
        "metadata": dict(paid["metadata"]),
        "paid": True,
        "payment_intent": paid["id"],
        "refunded": False,
        "status": "succeeded",
    }


def refund(of: Object, amount: int, now_s: float) -> Object:
    """A Refund of a Charge: https://docs.stripe.com/api/refunds/object"""
    return {
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "charge": of["id"],
        "created": int(now_s),
        "currency": of["currency"],
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": None,
        "status": "succeeded",
    }


def dispute(of: Object, amount: int, now_s: float) -> Object:
    """A Dispute of a Charge: https://docs.stripe.com/api/disputes/object"""
    return {
        "id": new_id("du_1"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [moved(-amount, of["currency"])],
        "charge": of["id"],
        "created": int(now_s),
        "currency": of["currency"],
        "is_charge_refundable": False,
        "livemode": of["livemode"],
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }


def moved(amount: int, currency: str) -> Object:
    """What a dispute did to the account's balance."""
    return {"id": new_id("txn_1"), "object": "balance_transaction", "amount": amount, "currency": currency}


def event(kind: str, thing: Object, mode: str, version: str, now_s: float) -> Object:
    """https://docs.stripe.com/api/events/object"""
    return {
        "id": new_id("evt_1"),
        "object": "event",
        "api_version": version,
        "created": int(now_s),
        "data": {"object": thing},
        "livemode": mode == "live",
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
