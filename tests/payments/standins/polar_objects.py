"""The objects of Polar's API as its reference describes them (version 2026-10), all required fields among them.

https://polar.sh/docs/api-reference
"""

from datetime import UTC, datetime
from typing import Any

ORGANIZATION = "1dbfc517-0bbf-4301-9ba8-555ca42b9737"
PRICE = "a8e1c2b4-6d3f-4a51-9b0e-7c2d1e4f5a60"

Object = dict[str, Any]


def time_text(at_s: float) -> str:
    """As Polar writes times."""
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def page(items: list[Object], number: int, limit: int) -> Object:
    """One page of a list."""
    pages = -(-len(items) // limit)
    shown = items[(number - 1) * limit : number * limit]
    return {"items": shown, "pagination": {"total_count": len(items), "max_page": pages}}


def fixed_price(product: str, amount: int, currency: str, tax: str | None, created: str) -> Object:
    """A price made for one checkout."""
    return {
        "id": PRICE,
        "created_at": created,
        "modified_at": None,
        "source": "ad_hoc",
        "amount_type": "fixed",
        "price_currency": currency,
        "tax_behavior": tax,
        "is_archived": False,
        "product_id": product,
        "price_amount": amount,
    }


def product_of(product: str, created: str) -> Object:
    """What is sold once, as an order shows it."""
    trial = {"trial_interval": None, "trial_interval_count": None}
    recurring = {"recurring_interval": None, "recurring_interval_count": None, "is_recurring": False}
    meter = {"meter_interval": None, "meter_interval_count": None}
    return {
        "id": product,
        "created_at": created,
        "modified_at": None,
        "name": "Credits",
        "description": None,
        "visibility": "private",
        "is_archived": False,
        "organization_id": ORGANIZATION,
        **trial,
        **recurring,
        **meter,
    }


def checkout(checkout_id: str, base: str, asked: Object, amounts: Object, created_s: float) -> Object:
    """A checkout that was made just now and lasts an hour."""
    created = time_text(created_s)
    (product,) = asked["products"]
    (price,) = asked["prices"][product]
    shown = fixed_price(product, price["price_amount"], amounts["currency"], price.get("tax_behavior"), created)
    sold = product_of(product, created) | {"prices": [shown], "benefits": [], "medias": []}
    empty: tuple[str, ...] = (
        "customer_id",
        "customer_name",
        "customer_ip_address",
        "customer_billing_name",
        "customer_tax_id",
    )
    empty += ("customer_billing_address", "external_customer_id", "payment_method_type", "trial_interval")
    empty += ("trial_interval_count", "active_trial_interval", "active_trial_interval_count", "trial_end", "discount")
    empty += ("discount_id", "subscription_id", "embed_origin", "units", "min_units", "max_units", "modified_at")
    fields = ("country", "state", "city", "postal_code", "line1", "line2")
    return dict.fromkeys(empty) | {
        "id": checkout_id,
        "created_at": created,
        "payment_processor": "stripe",
        "status": "open",
        "client_secret": f"polar_c_{checkout_id}",
        "url": f"{base}/checkout/polar_c_{checkout_id}",
        "expires_at": time_text(created_s + 3600),
        "success_url": asked["success_url"],
        "return_url": asked.get("return_url"),
        "tax_behavior": price.get("tax_behavior"),
        "allow_trial": asked.get("allow_trial"),
        "organization_id": ORGANIZATION,
        "product_id": product,
        "product_price_id": PRICE,
        "allow_discount_codes": asked.get("allow_discount_codes", True),
        "require_billing_address": False,
        "is_discount_applicable": True,
        "is_free_product_price": False,
        "is_payment_required": True,
        "is_payment_setup_required": False,
        "is_payment_form_required": True,
        "is_business_customer": False,
        "customer_email": asked.get("customer_email"),
        "payment_processor_metadata": {},
        "billing_address_fields": dict.fromkeys(fields, "optional"),
        "metadata": asked.get("metadata", {}),
        "products": [sold],
        "product": sold,
        "product_price": shown,
        "prices": {product: [shown]},
        "attached_custom_fields": [],
        "customer_metadata": {},
        **amounts,
    }


def order(order_id: str, of: Object, created_s: float) -> Object:
    """The order that comes of a checkout, paid."""
    created = time_text(created_s)
    amounts = {name: of[name] for name in ("discount_amount", "net_amount", "tax_amount", "total_amount", "currency")}
    empty: tuple[str, ...] = (
        "billing_name",
        "billing_address",
        "receipt_number",
        "units",
        "discount_id",
        "subscription_id",
    )
    empty += ("discount", "subscription", "platform_fee_currency", "modified_at")
    return dict.fromkeys(empty) | {
        "id": order_id,
        "created_at": created,
        "status": "paid",
        "paid": True,
        "subtotal_amount": of["amount"],
        "applied_balance_amount": 0,
        "due_amount": of["total_amount"],
        "refunded_amount": 0,
        "refunded_tax_amount": 0,
        "refundable_amount": of["net_amount"],
        "refundable_tax_amount": of["tax_amount"],
        "billing_reason": "purchase",
        "invoice_number": "FAREBOX-0001",
        "is_invoice_generated": False,
        "customer_id": order_id,
        "product_id": of["product_id"],
        "checkout_id": of["id"],
        "metadata": of["metadata"],
        "platform_fee_amount": 0,
        "customer": customer(order_id, created),
        "product": {"metadata": {}} | product_of(of["product_id"], created),
        "items": [],
        "description": "Credits",
        **amounts,
    }


def customer(customer_id: str, created: str) -> Object:
    """Who bought."""
    empty = ("modified_at", "name", "billing_name", "billing_address", "tax_id", "deleted_at", "first_user_event_at")
    return dict.fromkeys((*empty, "avatar_url")) | {
        "id": customer_id,
        "created_at": created,
        "metadata": {},
        "email": "buyer@example.com",
        "email_verified": False,
        "type": "individual",
        "organization_id": ORGANIZATION,
    }


def refund(refund_id: str, of: Object, amount: int, created_s: float) -> Object:
    """A part of an order that goes back, and as much of its tax."""
    return {
        "id": refund_id,
        "created_at": time_text(created_s),
        "modified_at": None,
        "metadata": {},
        "status": "succeeded",
        "reason": "customer_request",
        "amount": amount,
        "tax_amount": of["tax_amount"] * amount // of["net_amount"],
        "currency": of["currency"],
        "organization_id": ORGANIZATION,
        "order_id": of["id"],
        "subscription_id": None,
        "customer_id": of["customer_id"],
        "revoke_benefits": False,
        "dispute": None,
    }


def dispute(dispute_id: str, of: Object, amount: int, created_s: float) -> Object:
    """What a buyer's bank takes back."""
    return {
        "id": dispute_id,
        "created_at": time_text(created_s),
        "modified_at": None,
        "status": "needs_response",
        "resolved": False,
        "closed": False,
        "amount": amount,
        "tax_amount": of["tax_amount"] * amount // of["net_amount"],
        "currency": of["currency"],
        "reason": "fraudulent",
        "evidence_due_by": None,
        "past_due": False,
        "order_id": of["id"],
        "payment_id": of["id"],
        "customer": customer(of["customer_id"], time_text(created_s)),
        "case_id": None,
    }
