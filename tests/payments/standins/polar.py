"""Polar, written from its public API reference: checkouts, orders, refunds and disputes, its prices before taxes.

There is no Polar server to run. It adds a fifth as tax; a price that does not say so includes it, as it can at Polar.
Its events are signed with `standardwebhooks`, the library that Polar signs with. Polar tells nobody of disputes.
https://polar.sh/docs/api-reference, https://polar.sh/docs/integrate/webhooks/delivery
"""

import base64
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from tests.payments.standins import polar_objects as objects
from tests.payments.standins.base import Delivery, Reply, Request, StandIn
from tests.payments.standins.polar_objects import Object, page, time_text

TAX_PART = 5
MINIMUM = 50
CURRENCIES = ("usd", "eur", "gbp", "jpy")
KNOWN = {"products", "prices", "currency", "metadata", "success_url", "return_url", "customer_email"}
KNOWN |= {"allow_discount_codes", "allow_trial"}
LIMIT_MAX = 100
NOT_FOUND = Reply(404, {"error": "ResourceNotFound", "detail": "Not found"})


class Refused(Exception):
    """The request does not fit: the names of the field that is wrong, from the outside in."""


class Polar(StandIn):
    """An organization with one product."""

    def __init__(self, key: str, secret: str, mode: str = "test", *, product: str) -> None:
        """Secrets that begin with `whsec_` sign as they stand in base 64, all others as text: Polar has both kinds."""
        super().__init__(key, secret, mode)
        self.product = product
        self.checkouts: dict[str, Object] = {}
        self.orders: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.clock: Callable[[], float] = time.time

    def references(self) -> list[str]:
        with self.lock:
            return list(self.checkouts)

    def order_of(self, reference: str) -> Object:
        """The order that came of a checkout."""
        return next(order for order in self.orders.values() if order["checkout_id"] == reference)

    def pay(self, reference: str) -> list[Delivery]:
        with self.lock:
            checkout = self._set(reference, "succeeded")
            order = objects.order(str(uuid.uuid4()), checkout, self.clock())
            self.orders[order["id"]] = order
            told = (("order.created", order), ("order.paid", order), ("order.updated", order))
            return [self._event(*each) for each in (*told, ("checkout.updated", checkout))]

    def process(self, reference: str) -> list[Delivery]:
        with self.lock:
            return [self._event("checkout.updated", self._set(reference, "confirmed"))]

    def fail(self, reference: str) -> list[Delivery]:
        with self.lock:
            return [self._event("checkout.updated", self._set(reference, "failed"))]

    def expire(self, reference: str) -> list[Delivery]:
        with self.lock:
            return [self._event("checkout.expired", self._set(reference, "expired"))]

    def refund(self, reference: str, amount: int) -> list[Delivery]:
        with self.lock:
            order = self.order_of(reference)
            refund = objects.refund(str(uuid.uuid4()), order, amount, self.clock())
            self.refunds[refund["id"]] = refund
            self._add_up(order)
            told = (("refund.created", refund), ("order.updated", order), ("order.refunded", order))
            return [self._event(*each) for each in told]

    def fail_refund(self, reference: str) -> list[Delivery]:
        return self.set_refund(reference, "failed")

    def set_refund(self, reference: str, status: str) -> list[Delivery]:
        """The newest refund of a checkout becomes `pending`, `succeeded`, `failed` or `canceled`."""
        with self.lock:
            order = self.order_of(reference)
            refund = [found for found in self.refunds.values() if found["order_id"] == order["id"]][-1]
            refund |= {"status": status, "modified_at": time_text(self.clock())}
            self._add_up(order)
            return [self._event("refund.updated", refund), self._event("order.updated", order)]

    def dispute(self, reference: str, amount: int | None = None) -> list[Delivery]:
        with self.lock:
            order = self.order_of(reference)
            dispute = objects.dispute(str(uuid.uuid4()), order, amount or order["net_amount"], self.clock())
            self.disputes[dispute["id"]] = dispute
            return []

    def close_dispute(self, reference: str, *, won: bool) -> list[Delivery]:
        return self.set_dispute(reference, "won" if won else "lost")

    def set_dispute(self, reference: str, status: str) -> list[Delivery]:
        """The newest dispute of a checkout becomes what Polar knows: `prevented`, `early_warning`, `won` and so on."""
        with self.lock:
            order = self.order_of(reference)
            dispute = [found for found in self.disputes.values() if found["order_id"] == order["id"]][-1]
            dispute |= {"status": status, "modified_at": time_text(self.clock())}
            dispute |= {"resolved": status in ("won", "lost"), "closed": status in ("won", "lost", "prevented")}
            return []

    def strange(self) -> Delivery:
        return self._event("moon.landed", {"id": str(uuid.uuid4())})

    def told(self, kind: str, data: Object) -> Delivery:
        """An event of any type, with any data."""
        return self._event(kind, data)

    def sign(self, body: bytes, at_s: float | None = None, secret: str | None = None) -> dict[str, str]:
        secret = self.secret if secret is None else secret
        text = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
        event_id, at = str(uuid.uuid4()), int(time.time() if at_s is None else at_s)
        signature = Webhook(text).sign(event_id, datetime.fromtimestamp(at, UTC), body.decode())
        headers = {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": signature}
        return {"content-type": "application/json", "user-agent": "polar.sh webhooks"} | headers

    def alter(self, reference: str, **fields: Any) -> None:
        """Polar's objects do not say their mode: that is another server."""
        with self.lock:
            for found in (self.checkouts[reference], *self._orders(reference)):
                for name, value in fields.items():
                    if name == "order":
                        found["metadata"] = {"farebox_order": value}
                    elif name in ("amount", "currency"):
                        found |= {"net_amount": value} if name == "amount" else {"currency": value}
                    else:
                        raise NotImplementedError(name)

    def reply(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return Reply(401, {"error": "invalid_token", "error_description": "The access token is invalid."})
        _, version, kind, *rest = request.route.split("/")
        found = getattr(self, kind, None) if kind in ("checkouts", "orders", "refunds", "disputes") else None
        if version != "v1" or found is None or request.headers.get("polar-version") != "2026-10":
            return NOT_FOUND
        try:
            if request.method == "POST" and request.route == "/v1/checkouts/":
                return _said(201, self._made(json.loads(request.body)))
            if request.method != "GET":
                return Reply(405, {"detail": "Method Not Allowed"})
            if rest == [""]:
                return _said(200, self._listed(list(found.values()), dict(request.query)))
            (name,) = (str(uuid.UUID(part)) for part in rest)
            return _said(200, found[name]) if name in found else NOT_FOUND
        except (Refused, ValueError) as error:
            said = {"loc": ["body", *error.args], "msg": "Input is not valid", "type": "value_error"}
            return Reply(422, {"detail": [said]})

    def _made(self, asked: Object) -> Object:
        """A checkout; one field that Polar does not know is a mistake here, though Polar would overlook it."""
        if set(asked) - KNOWN:
            raise Refused(*(set(asked) - KNOWN))
        if asked["products"] != [self.product] or set(asked["prices"]) != {self.product}:
            raise Refused("products")
        (price,) = asked["prices"][self.product]
        if price["amount_type"] != "fixed" or price["price_currency"] not in CURRENCIES:
            raise Refused("prices")
        if type(price["price_amount"]) is not int or price["price_amount"] < MINIMUM:
            raise Refused("prices", "price_amount")
        if asked.get("currency", price["price_currency"]) != price["price_currency"]:
            raise Refused("currency")
        if not all(len(name) <= 40 and len(str(value)) <= 500 for name, value in asked.get("metadata", {}).items()):
            raise Refused("metadata")
        if asked.get("customer_email", "").endswith(".invalid"):
            raise Refused("customer_email")
        checkout_id = str(uuid.uuid4())
        made = objects.checkout(checkout_id, self.url, asked, self._amounts(price), self.clock())
        self.checkouts[checkout_id] = made
        return made

    def _amounts(self, price: Object) -> Object:
        amount = price["price_amount"]
        is_added = price.get("tax_behavior") == "exclusive"
        tax = amount // TAX_PART if is_added else amount - amount * TAX_PART // (TAX_PART + 1)
        net = amount if is_added else amount - tax
        found = {"amount": amount, "discount_amount": 0, "net_amount": net, "tax_amount": tax}
        return found | {"total_amount": net + tax, "currency": price["price_currency"]}

    def _listed(self, found: list[Object], asked: dict[str, str]) -> Object:
        limit, number = int(asked.pop("limit", "10")), int(asked.pop("page", "1"))
        if not 1 <= limit <= LIMIT_MAX or number < 1:
            raise Refused("limit")
        sorting = asked.pop("sorting", "-created_at")
        if after := asked.pop("created_after", ""):
            found = [each for each in found if _seconds(each["created_at"]) > _seconds(after)]
        for name, value in asked.items():
            if name not in ("checkout_id", "order_id"):
                raise Refused(name)
            found = [each for each in found if each[name] == str(uuid.UUID(value))]
        found.sort(key=lambda each: _seconds(each["created_at"]), reverse=sorting == "-created_at")
        return page(found, number, limit)

    def _set(self, reference: str, status: str) -> Object:
        checkout = self.checkouts[reference]
        checkout |= {"status": status, "modified_at": time_text(self.clock())}
        return checkout

    def _orders(self, reference: str) -> list[Object]:
        return [order for order in self.orders.values() if order["checkout_id"] == reference]

    def _add_up(self, order: Object) -> None:
        """What Polar's order says of its refunds: those that succeeded."""
        of = [found for found in self.refunds.values() if found["order_id"] == order["id"]]
        done = [found for found in of if found["status"] == "succeeded"]
        order["refunded_amount"] = sum(found["amount"] for found in done)
        order["refunded_tax_amount"] = sum(found["tax_amount"] for found in done)
        left = order["net_amount"] - order["refunded_amount"]
        order["status"] = "paid" if not done else "partially_refunded" if left else "refunded"
        order |= {"refundable_amount": left, "modified_at": time_text(self.clock())}

    def _event(self, kind: str, data: Object) -> Delivery:
        told = {"type": kind, "timestamp": time_text(time.time()), "api_version": "2026-10", "data": data}
        body = json.dumps(told).encode()
        return Delivery(self.sign(body), body)


def _said(status: int, content: Object) -> Reply:
    """Written while the lock is held: what the object is now."""
    return Reply(status, json.dumps(content).encode())


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
