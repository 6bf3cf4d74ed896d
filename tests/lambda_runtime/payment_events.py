"""Events of payment providers that concern nothing that we sold, signed as theirs are, and their settings."""

import base64
import hmac
import json
import time
from typing import Any

from tests.lambda_runtime.events import event

SECRET = "whsec_YS1zZWNyZXQtZm9yLWV2ZW50cw=="
SETTINGS = {
    "STRIPE_SECRET_KEY": "sk_test_for_events",
    "STRIPE_WEBHOOK_SECRET": SECRET,
    "POLAR_ACCESS_TOKEN": "polar_oat_for_events",
    "POLAR_WEBHOOK_SECRET": SECRET,
    "POLAR_PRODUCT_ID": "6f0f1f0e-3b1c-4f0e-9c1d-2b5a8a1c7d3e",
    "POLAR_MODE": "test",
    "MOLLIE_API_KEY": "test_for_events_for_events_for_events",
    "BTCPAY_URL": "http://127.0.0.1:9",
    "BTCPAY_API_KEY": "a key for events",
    "BTCPAY_STORE_ID": "9Cd1mVq2Xk7sTzYw4bLhRn5pQaGfJeUo6Bt8Mi3WxKyZ",
    "BTCPAY_WEBHOOK_SECRET": SECRET,
    "BTCPAY_MODE": "test",
}


def ignored() -> dict[str, dict[str, Any]]:
    """By provider, what API Gateway gives the webhooks function. None asks its provider; Mollie's asks for an order."""
    now = int(time.time())
    stripe = json.dumps({"id": "evt_1", "object": "event", "type": "product.created", "data": {"object": {"id": "p"}}})
    polar = json.dumps({"type": "product.created", "timestamp": "2026-11-22T12:00:00Z", "data": {"id": "p"}})
    btcpay = json.dumps({"deliveryId": "1", "type": "Ping"})
    by_polar = base64.b64encode(hmac.digest(SECRET.encode(), f"msg_1.{now}.{polar}".encode(), "sha256")).decode()
    signed_by_polar = {
        "webhook_id": "msg_1",
        "webhook_timestamp": str(now),
        "webhook_signature": f"v1,{by_polar}",
    }
    signed_by_stripe = f"t={now},v1={_mac(f'{now}.{stripe}')}"
    return {
        "stripe": event(stripe, path="/stripe/webhook", Stripe_Signature=signed_by_stripe),
        "polar": event(polar, path="/polar/webhook", **signed_by_polar),
        "mollie": event("id=tr_7UhSN1zuXS", path="/mollie/webhook"),
        "btcpay": event(btcpay, path="/btcpay/webhook", BTCPay_Sig=f"sha256={_mac(btcpay)}"),
    }


def _mac(text: str) -> str:
    return hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()
