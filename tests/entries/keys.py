"""The operator's key and the providers' secrets, of the gateways under test."""

import hashlib
import hmac
import time
from typing import Any

from tests.stand import Answer, RunningGateway

ADMIN_KEY = "admin-Key-of-these-tests-1234567890"
STRIPE_SECRET = "whsec_of_these_tests"
BTCPAY_SECRET = "btcpay secret of these tests"


def as_admin(key: str = ADMIN_KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def mac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def stripe_signature(body: bytes, *secrets: str, sent_s: float | None = None) -> str:
    """Stripe's header, with a `v1` for each secret."""
    stamp = str(int(time.time() if sent_s is None else sent_s))
    signed = stamp.encode() + b"." + body
    return ",".join([f"t={stamp}", *(f"v1={mac(secret, signed)}" for secret in secrets or (STRIPE_SECRET,))])


def by_stripe(gateway: RunningGateway, body: bytes, signature: str | None = None) -> Answer:
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature or stripe_signature(body)}
    return gateway.request("POST", "/stripe/webhook", body, headers=headers)


def by_btcpay(gateway: RunningGateway, body: bytes, signature: str | None = None) -> Answer:
    headers = {"Content-Type": "application/json", "BTCPay-Sig": signature or f"sha256={mac(BTCPAY_SECRET, body)}"}
    return gateway.request("POST", "/btcpay/webhook", body, headers=headers)


def refused(answer: Answer) -> tuple[int, Any]:
    """Status and code of an error in OpenAI's shape."""
    assert set(answer.error) == {"message", "type", "param", "code"}
    return answer.status, answer.error["code"]
