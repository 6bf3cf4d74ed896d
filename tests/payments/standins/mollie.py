"""Mollie, written from its public API reference: payments with their refunds and chargebacks, as HAL.

There is no Mollie server to run. Its events are a form with a payment's id, and nobody signs them.
https://docs.mollie.com/reference/payments-api, https://docs.mollie.com/reference/webhooks
"""

import json
import re
import secrets
import string
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.payments.standins.base import Delivery, Reply, Request, StandIn

Object = dict[str, Any]

VALUE = re.compile(r"\d+\.\d{2}", re.ASCII)
CURRENCIES = ("EUR", "USD", "GBP")
KNOWN = {"amount", "description", "redirectUrl", "cancelUrl", "webhookUrl", "metadata"}
LIMIT_MAX = 250
OPEN_FOR_S = 900
LISTS = ("payments", "refunds", "chargebacks")


class Refused(Exception):
    """The request does not fit: the field that is wrong."""


class Mollie(StandIn):
    """A website profile. `secret` signs nothing. A key that begins with `live_` makes live payments."""

    def __init__(self, key: str, secret: str = "", mode: str = "test") -> None:
        super().__init__(key, secret, mode)
        self.objects: dict[str, dict[str, Object]] = {name: {} for name in LISTS}
        self.made: dict[str, str] = {}
        """Payments by the Idempotency-Key that they were made with."""
        self.clock: Callable[[], float] = time.time

    @property
    def payments(self) -> dict[str, Object]:
        return self.objects["payments"]

    def references(self) -> list[str]:
        with self.lock:
            return list(self.payments)

    def pay(self, reference: str) -> list[Delivery]:
        return self._become(reference, "paid", "paidAt")

    def process(self, reference: str) -> list[Delivery]:
        return self._become(reference, "pending", "")

    def fail(self, reference: str) -> list[Delivery]:
        return self._become(reference, "failed", "failedAt")

    def expire(self, reference: str) -> list[Delivery]:
        return self._become(reference, "expired", "expiredAt")

    def cancel(self, reference: str) -> list[Delivery]:
        """The buyer does not want to pay."""
        return self._become(reference, "canceled", "canceledAt")

    def authorize(self, reference: str) -> list[Delivery]:
        """The buyer's money is reserved, and nobody's yet."""
        return self._become(reference, "authorized", "authorizedAt")

    def refund(self, reference: str, amount: int) -> list[Delivery]:
        """Mollie waits with a refund: it is `pending`."""
        with self.lock:
            about = {"amount": self._amount(reference, amount), "status": "pending", "metadata": None}
            self._begin("refunds", "re", reference, about | {"description": "Refund"})
            self._add_up(reference)
            return [self.told(reference)]

    def fail_refund(self, reference: str) -> list[Delivery]:
        return self.set_refund(reference, "failed")

    def set_refund(self, reference: str, status: str) -> list[Delivery]:
        """The newest refund of a payment becomes `queued`, `processing`, `refunded`, `failed` or `canceled`."""
        with self.lock:
            self._of("refunds", reference)[-1]["status"] = status
            self._add_up(reference)
            return [self.told(reference)]

    def dispute(self, reference: str, amount: int | None = None) -> list[Delivery]:
        with self.lock:
            whole = self.payments[reference]["amount"]
            amount_of = whole if amount is None else self._amount(reference, amount)
            about = {"amount": amount_of, "reason": None, "reversedAt": None}
            self._begin("chargebacks", "chb", reference, about)
            self._add_up(reference)
            return [self.told(reference)]

    def close_dispute(self, reference: str, *, won: bool) -> list[Delivery]:
        """A chargeback is reversed, or nothing is heard of it any more."""
        with self.lock:
            if won:
                self._of("chargebacks", reference)[-1]["reversedAt"] = self._now()
                self._add_up(reference)
            return [self.told(reference)]

    def told(self, reference: str) -> Delivery:
        """What Mollie sends whatever became of a payment."""
        body = f"id={reference}".encode()
        return Delivery(self.sign(body), body)

    def strange(self) -> Delivery:
        """An event for a payment that nobody made: Mollie's have no types."""
        return self.told("tr_" + _digits())

    def sign(self, body: bytes, at_s: float | None = None, secret: str | None = None) -> dict[str, str]:
        """Nobody signs."""
        return {"content-type": "application/x-www-form-urlencoded", "user-agent": "Mollie.nl HTTP client/1.0"}

    def alter(self, reference: str, **fields: Any) -> None:
        with self.lock:
            payment = self.payments[reference]
            for name, value in fields.items():
                if name == "order":
                    payment["metadata"] = {"farebox_order": value}
                elif name == "amount":
                    payment["amount"] = payment["amount"] | {"value": _value(value)}
                elif name == "currency":
                    payment["amount"] = payment["amount"] | {"currency": value.upper()}
                else:
                    payment[name] = value

    def reply(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Unauthorized Request", "Missing authentication, or failed to authenticate")
        _, version, name, *rest = request.route.split("/")
        try:
            if version == "v2" and name in LISTS and not rest:
                if request.method == "POST" and name == "payments":
                    return self._paid_for(request)
                return _said(200, self._listed(name, dict(request.query)))
            if version == "v2" and name == "payments" and len(rest) == 1 and rest[0] in self.payments:
                return _said(200, self._shown(rest[0], dict(request.query).get("embed", "")))
        except (Refused, ValueError, KeyError) as error:
            return _error(422, "Unprocessable Entity", "A field is not valid", field=str(error.args[0]))
        return _error(404, "Not Found", "No payment exists with this token.")

    def _paid_for(self, request: Request) -> Reply:
        """A new payment, or the one that this Idempotency-Key made in the last hour."""
        key = request.headers.get("idempotency-key", "")
        if key in self.made:
            made = _said(201, self._shown(self.made[key], ""))
            return Reply(made.status, made.content, dict(made.headers) | {"Idempotent-Replayed": "true"})
        asked = json.loads(request.body)
        if set(asked) - KNOWN:
            raise Refused(*(set(asked) - KNOWN))
        amount = asked["amount"]
        if amount["currency"] not in CURRENCIES or not VALUE.fullmatch(amount["value"]) or float(amount["value"]) <= 0:
            raise Refused("amount")
        if not 0 < len(asked["description"]) <= 255:
            raise Refused("description")
        for name in ("redirectUrl", "cancelUrl", "webhookUrl"):
            if not asked.get(name, "https://").startswith(("https://", "http://")):
                raise Refused(name)
        if len(json.dumps(asked.get("metadata"))) > 1024:
            raise Refused("metadata")
        reference = self._begin("payments", "tr", "", self._payment(asked))
        if key:
            self.made[key] = reference
        return _said(201, self._shown(reference, ""))

    def _payment(self, asked: Object) -> Object:
        expires = datetime.fromtimestamp(self.clock(), UTC) + timedelta(seconds=OPEN_FOR_S)
        return {
            "mode": self.mode,
            "status": "open",
            "isCancelable": False,
            "expiresAt": expires.isoformat(timespec="seconds"),
            "profileId": "pfl_QkEhN94Ba",
            "sequenceType": "oneoff",
            "method": None,
            "metadata": None,
        } | asked

    def _shown(self, reference: str, embed: str) -> Object:
        payment = self.payments[reference]
        checkout = {"href": f"{self.url}/checkout/{reference}", "type": "text/html"}
        here = {"href": f"{self.url}/v2/payments/{reference}", "type": "application/hal+json"}
        links = {"self": here} | ({"checkout": checkout} if payment["status"] == "open" else {})
        wanted = {name: self._of(name, reference) for name in LISTS[1:] if name in embed.split(",")}
        return payment | {"_links": links} | ({"_embedded": wanted} if embed else {})

    def _listed(self, name: str, asked: dict[str, str]) -> Object:
        """The newest first, from the one that `from` names."""
        limit = int(asked.get("limit", "50"))
        if not 1 <= limit <= LIMIT_MAX:
            raise Refused("limit")
        found = list(self.objects[name].values())[::-1]
        if begin := asked.get("from"):
            found = found[[each["id"] for each in found].index(begin) :]
        shown, left = found[:limit], found[limit:]
        more = f"{self.url}/v2/{name}?from={left[0]['id']}&limit={limit}" if left else ""
        links = {"previous": None, "next": {"href": more, "type": "application/hal+json"} if more else None}
        return {"count": len(shown), "_embedded": {name: shown}, "_links": links}

    def _begin(self, name: str, prefix: str, reference: str, about: Object) -> str:
        found = {"resource": name.removesuffix("s"), "id": f"{prefix}_{_digits()}", "createdAt": self._now()}
        found |= {"paymentId": reference} if reference else {}
        self.objects[name][found["id"]] = found | about
        return found["id"]

    def _become(self, reference: str, status: str, at: str) -> list[Delivery]:
        with self.lock:
            self.payments[reference] |= {"status": status} | ({at: self._now()} if at else {})
            return [self.told(reference)]

    def _of(self, name: str, reference: str) -> list[Object]:
        return [found for found in self.objects[name].values() if found["paymentId"] == reference]

    def _add_up(self, reference: str) -> None:
        payment = self.payments[reference]
        back = [found for found in self._of("refunds", reference) if found["status"] not in ("failed", "canceled")]
        taken = [found for found in self._of("chargebacks", reference) if not found["reversedAt"]]
        for name, found in (("amountRefunded", back), ("amountChargedBack", taken)):
            cents = sum(round(float(each["amount"]["value"]) * 100) for each in found)
            payment[name] = payment["amount"] | {"value": _value(cents)}

    def _amount(self, reference: str, cents: int) -> Object:
        return {"currency": self.payments[reference]["amount"]["currency"], "value": _value(cents)}

    def _now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="seconds")


def _value(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _digits() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(22))


def _said(status: int, content: Object) -> Reply:
    """Written while the lock is held: what the object is now."""
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/hal+json"})


def _error(status: int, title: str, detail: str, **more: str) -> Reply:
    return _said(status, {"status": status, "title": title, "detail": detail, "_links": {}} | more)
