"""Entry of the webhooks function: what payment providers tell, signature first.

Payments are not served yet. Until they are, no event of a payment is acknowledged: the answer is 503, and the provider
sends it again. Any other event is acknowledged and logged (docs/decisions/0013).
"""

import logging
import re
import time
from typing import Any

from functions import settings as settings_module
from functions.entry import App
from functions.errors import BadRequest, NotConfigured, Unavailable
from functions.events import body_of, headers
from functions.forward import body as json_body
from functions.payments import signatures
from functions.settings import Settings

log = logging.getLogger("farebox.webhooks")

STRIPE_PAYMENTS = ("charge.", "checkout.", "credit_note.", "invoice.", "payment_intent.", "refund.")
BTCPAY_PAYMENTS = ("Invoice", "Payout", "Refund")
"""What the types of events begin with that tell of payments. Whole families: one type forgotten here would be
acknowledged without its credits, and never sent again; one too many is only sent again."""

SEND_AGAIN_S = 3600
ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
TYPE = re.compile(r"[A-Za-z0-9_.]{1,100}")

app = App("farebox-webhooks", readable_by_pages=False, service="webhooks")

settings_module.get()  # with an empty secret nothing starts


@app.answers("/stripe/webhook", methods=["POST"], content_types=["*/*"])
def stripe() -> dict[str, bool]:
    """https://docs.stripe.com/api/events/object"""
    secret = _configured("stripe_webhook_secret")
    raw = body_of(app.event)
    signatures.check_stripe(secret, headers(app.event, "stripe-signature"), raw, time.time())
    return _received("stripe", json_body.parse(raw), "id", STRIPE_PAYMENTS)


@app.answers("/btcpay/webhook", methods=["POST"], content_types=["*/*"])
def btcpay() -> dict[str, bool]:
    """https://docs.btcpayserver.org/API/Greenfield/v1/ ("Webhooks")"""
    secret = _configured("btcpay_webhook_secret")
    raw = body_of(app.event)
    signatures.check_btcpay(secret, headers(app.event, "btcpay-sig"), raw)
    return _received("btcpay", json_body.parse(raw), "deliveryId", BTCPAY_PAYMENTS)


def _configured(name: str) -> str:
    """A secret setting. Raises NotConfigured that names it."""
    settings: Settings = settings_module.source().renew()
    secret = str(getattr(settings, name))
    if not secret:
        raise NotConfigured(name.upper())
    return secret


def _received(provider: str, event: dict[str, Any], id_name: str, payments: tuple[str, ...]) -> dict[str, bool]:
    """Acknowledge an event whose signature holds. Raises BadRequest, and Unavailable for one of a payment."""
    identifier, kind = event.get(id_name), event.get("type")
    for name, value, form in ((id_name, identifier, ID), ("type", kind, TYPE)):
        if not isinstance(value, str) or not form.fullmatch(value):
            raise BadRequest(f"{name} is missing or malformed.", param=name)
    if str(kind).startswith(payments):
        log.error("%s event %s of type %s: payments are not served, it is to be sent again", provider, identifier, kind)
        raise Unavailable("Payments are not served yet; this event must be sent again.", SEND_AGAIN_S)
    log.info("%s event %s of type %s: nothing handles it", provider, identifier, kind)
    return {"received": True, "handled": False}
