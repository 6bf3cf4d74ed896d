"""Stripe, written from its public API reference: sessions, payment intents, refunds, disputes, events, saved cards.

There is no Stripe server to run whose payments have a life; that what is asked has Stripe's form, stripe-mock says
(test_stripe_mock.py). Its events are signed by Stripe's own library. https://docs.stripe.com/api
"""

import copy
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import stripe

from tests.payments.standins import stripe_objects as objects
from tests.payments.standins.base import Delivery, Reply, Request, StandIn
from tests.payments.standins.stripe_objects import Object

MINIMUM = 50
CURRENCIES = ("usd", "eur", "gbp", "jpy", "chf", "kwd")
LIMIT_MAX = 100
SESSION_FIELDS = {
    "mode",
    "success_url",
    "cancel_url",
    "expires_at",
    "client_reference_id",
    "metadata",
    "customer_email",
}
PAYMENT_FIELDS = SESSION_FIELDS | {"line_items", "payment_intent_data", "adaptive_pricing", "customer", "currency"}
SETUP_FIELDS = SESSION_FIELDS | {"setup_intent_data", "customer_creation", "customer", "currency"}
SETUP_FIELDS |= {"allowed_payment_method_types"}
INTENT_FIELDS = {"amount", "currency", "customer", "payment_method", "automatic_payment_methods", "confirm"}
INTENT_FIELDS |= {"off_session", "description", "metadata"}
LISTS = {
    "/v1/checkout/sessions": ("sessions", {"payment_intent", "status"}),
    "/v1/payment_intents": ("intents", {"customer"}),
    "/v1/refunds": ("refunds", {"payment_intent", "charge"}),
    "/v1/disputes": ("disputes", {"payment_intent", "charge"}),
    "/v1/events": ("events", {"type", "types"}),
}
QUERY = re.compile(r"metadata\['([a-z_]+)'\]:'([^']*)'")


class Refused(Exception):
    """An answer that is an error: status, code, the field that is wrong."""

    def __init__(self, status: int, code: str, param: str = "", **more: Any) -> None:
        super().__init__(code)
        kind = {401: "invalid_request_error", 402: "card_error"}.get(status, "invalid_request_error")
        error = {"type": kind, "code": code, "message": f"Canary words of Stripe's: {code}", "param": param} | more
        self.reply = Reply(status, {"error": error}, {"Request-Id": objects.new_id("req_", 14)})


class Stripe(StandIn):
    """One account."""

    def __init__(self, key: str, secret: str, mode: str = "test") -> None:
        super().__init__(key, secret, mode)
        self.sessions: dict[str, Object] = {}
        self.intents: dict[str, Object] = {}
        self.charges: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.events: dict[str, Object] = {}
        self.setups: dict[str, Object] = {}
        self.declines: dict[str, str] = {}
        """Saved cards, `pm_…`, and the code with which a charge of each is declined."""
        self.tags: dict[str, Object] = {}
        self.answered: dict[str, tuple[str, Reply]] = {}
        self.clock: Callable[[], float] = time.time

    def references(self) -> list[str]:
        with self.lock:
            return list(self.sessions)

    def top_ups(self) -> list[str]:
        """The payment intents that no session made, oldest first."""
        with self.lock:
            of_sessions = {session["payment_intent"] for session in self.sessions.values()}
            return [found for found in self.intents if found not in of_sessions]

    def pay(self, reference: str) -> list[Delivery]:
        """A checkout in which a card is saved is finished by this."""
        with self.lock:
            session = self.sessions[reference]
            kind = "async_payment_succeeded" if session["status"] == "complete" else "completed"
            session["status"] = "complete"
            if session["mode"] == "setup":
                self._save_card(session)
            else:
                self._succeed(self._intent(session))
                session["payment_status"] = "paid"
            return [self.told(f"checkout.session.{kind}", session)]

    def process(self, reference: str) -> list[Delivery]:
        with self.lock:
            session = self.sessions[reference]
            self._intent(session)["status"] = "processing"
            session["status"] = "complete"
            return [self.told("checkout.session.completed", session)]

    def fail(self, reference: str) -> list[Delivery]:
        """A payment that takes days fails in the end."""
        with self.lock:
            session = self.sessions[reference]
            self._intent(session)["status"] = "requires_payment_method"
            session["status"] = "complete"
            return [self.told("checkout.session.async_payment_failed", session)]

    def expire(self, reference: str) -> list[Delivery]:
        with self.lock:
            session = self.sessions[reference]
            session |= {"status": "expired", "url": None}
            return [self.told("checkout.session.expired", session)]

    def refund(self, reference: str, amount: int) -> list[Delivery]:
        with self.lock:
            charge = self.charge_of(reference)
            refund = objects.refund(charge, amount, self.clock())
            self.refunds[refund["id"]] = refund
            self._add_up(charge)
            return [self.told("refund.created", refund), self.told("charge.refunded", charge)]

    def fail_refund(self, reference: str) -> list[Delivery]:
        return self.set_refund(reference, "failed")

    def set_refund(self, reference: str, status: str) -> list[Delivery]:
        """The newest refund becomes `pending`, `requires_action`, `succeeded`, `failed` or `canceled`."""
        with self.lock:
            charge = self.charge_of(reference)
            refund = [found for found in self.refunds.values() if found["charge"] == charge["id"]][-1]
            refund["status"] = status
            self._add_up(charge)
            return [self.told("refund.failed" if status == "failed" else "refund.updated", refund)]

    def dispute(self, reference: str, amount: int | None = None) -> list[Delivery]:
        with self.lock:
            charge = self.charge_of(reference)
            dispute = objects.dispute(charge, charge["amount"] if amount is None else amount, self.clock())
            self.disputes[dispute["id"]] = dispute
            charge["disputed"] = True
            kinds = ("charge.dispute.created", "charge.dispute.funds_withdrawn")
            return [self.told(kind, dispute) for kind in kinds]

    def close_dispute(self, reference: str, *, won: bool) -> list[Delivery]:
        return self.set_dispute(reference, "won" if won else "lost")

    def set_dispute(self, reference: str, status: str) -> list[Delivery]:
        """The newest dispute gets a status of Stripe's; one that is won has its money back, an inquiry took none."""
        with self.lock:
            charge = self.charge_of(reference)
            dispute = [found for found in self.disputes.values() if found["charge"] == charge["id"]][-1]
            dispute["status"] = status
            if status.startswith("warning_"):
                dispute["balance_transactions"] = []
            if status == "won":
                dispute["balance_transactions"].append(objects.moved(dispute["amount"], dispute["currency"]))
            closed = status in ("won", "lost", "warning_closed", "prevented")
            return [self.told(f"charge.dispute.{'closed' if closed else 'updated'}", dispute)]

    def strange(self) -> Delivery:
        return self.told("moon.landed", {"id": objects.new_id("moon_"), "object": "moon"})

    def sign(self, body: bytes, at_s: float | None = None, secret: str | None = None) -> dict[str, str]:
        at, secret = int(time.time() if at_s is None else at_s), self.secret if secret is None else secret
        signature = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
        return {"Content-Type": "application/json", "Stripe-Signature": signature}

    def told(self, kind: str, thing: Object) -> Delivery:
        """An event of any type about any object as it is now; Stripe lists it from now on."""
        with self.lock:
            event = objects.event(kind, copy.deepcopy(thing), self.mode, stripe.api_version, self.clock())
            self.events[event["id"]] = event
            body = json.dumps(event).encode()
            return Delivery(self.sign(body), body)

    def alter(self, reference: str, **fields: Any) -> None:
        with self.lock:
            things = [found for found in (self.sessions.get(reference), self._found_intent(reference)) if found]
            for thing in things:
                for name, value in fields.items():
                    if name == "order":
                        thing["metadata"] = {"farebox_order": value} if value else {}
                    elif name == "mode":
                        thing["livemode"] = value == "live"
                    elif name == "currency":
                        thing["currency"] = value
                    elif name == "amount":
                        names = [each for each in thing if each in ("amount_subtotal", "amount_total", "amount")]
                        thing |= dict.fromkeys(names, value)
                        thing |= {"amount_received": value} if thing.get("amount_received") else {}
                    else:
                        raise NotImplementedError(name)

    def charge_of(self, reference: str) -> Object:
        """Of a session or a payment intent that was paid."""
        intent = self._found_intent(reference)
        assert intent, "nothing was paid"
        return self.charges[intent["latest_charge"]]

    def reply(self, request: Request) -> Reply:
        """Errors say words that must not get out."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return Refused(401, "api_key_invalid").reply
        try:
            if not request.headers.get("stripe-version"):
                raise Refused(400, "version_missing")
            if request.method == "POST":
                return self._once(request)
            found = self._read(request.route, nested(request.query))
            return Reply(200, json.dumps(found).encode(), {"Request-Id": objects.new_id("req_", 14)})
        except Refused as refused:
            return refused.reply

    def _once(self, request: Request) -> Reply:
        """What a request brought, once for each idempotency key. Those that do not pass the first look do not count."""
        key, body = request.headers["idempotency-key"], request.body.decode()
        if key in self.answered:
            before, reply = self.answered[key]
            if before != body:
                raise Refused(400, "idempotency_key_reused", type="idempotency_error")
            return Reply(reply.status, reply.content, {**reply.headers, "Idempotent-Replayed": "true"})
        asked = nested(parse_qsl(body, keep_blank_values=True))
        make = {"/v1/checkout/sessions": self._make_session, "/v1/payment_intents": self._make_intent}
        if request.route not in make:
            raise Refused(404, "", type="invalid_request_error")
        made = make[request.route](asked)
        self.answered[key] = body, made
        return made

    def _make_session(self, asked: Object) -> Reply:
        is_setup = asked.get("mode") == "setup"
        _only(asked, SETUP_FIELDS if is_setup else PAYMENT_FIELDS)
        for name in ("success_url", "cancel_url"):
            if not re.match(r"https?://[^\s]+$", asked.get(name, "")):
                raise Refused(400, "url_invalid", name)
        now_s = self.clock()
        if not now_s + 1790 <= int(asked.get("expires_at", now_s + 3600)) <= now_s + 86_410:
            raise Refused(400, "", "expires_at")
        if "customer_email" in asked and ("customer" in asked or asked["customer_email"].endswith(".invalid")):
            raise Refused(400, "email_invalid", "customer_email")
        if is_setup:
            if not asked.get("currency") and not asked.get("allowed_payment_method_types"):
                raise Refused(400, "parameter_missing", "currency")
            if "customer" in asked and ("customer_creation" in asked or not self._customer(asked["customer"])):
                raise Refused(400, "resource_missing", "customer")
        elif asked.get("mode") == "payment":
            for number, item in enumerate(asked.get("line_items", [])):
                price = item["price_data"]
                _only(price, {"currency", "unit_amount", "product_data"})
                _price(price["unit_amount"], price["currency"], f"line_items[{number}][price_data][unit_amount]")
                if not price["product_data"]["name"]:
                    raise Refused(400, "parameter_missing", "name")
            if not asked.get("line_items"):
                raise Refused(400, "parameter_missing", "line_items")
        else:
            raise Refused(400, "parameter_missing", "mode")
        session = objects.session(asked, self.url, self.mode, now_s)
        self.sessions[session["id"]] = session
        self.tags[session["id"]] = asked.get("payment_intent_data", {}).get("metadata", {})
        if is_setup:
            self.setups[session["setup_intent"]] = {"id": session["setup_intent"], "status": "requires_payment_method"}
            self.setups[session["setup_intent"]] |= {"object": "setup_intent", "customer": None, "payment_method": None}
        return Reply(200, json.dumps(session).encode())

    def _make_intent(self, asked: Object) -> Reply:
        _only(asked, INTENT_FIELDS)
        if asked.get("off_session") == "true" and asked.get("confirm") != "true":
            raise Refused(400, "", "off_session")
        if asked.get("automatic_payment_methods", {}).get("allow_redirects") != "never":
            raise Refused(400, "", "return_url")
        _price(asked["amount"], asked["currency"], "amount")
        if not self._customer(asked["customer"]):
            raise Refused(400, "resource_missing", "customer")
        cards = [found["payment_method"] for found in self.setups.values() if found["customer"] == asked["customer"]]
        if asked["payment_method"] not in cards:
            raise Refused(400, "resource_missing", "payment_method")
        tags, now_s = asked.get("metadata", {}), self.clock()
        intent = objects.intent(int(asked["amount"]), asked["currency"], tags, self.mode, now_s)
        intent |= {"customer": asked["customer"]}
        self.intents[intent["id"]] = intent
        if code := self.declines.get(asked["payment_method"]):
            intent["last_payment_error"] = {"type": "card_error", "code": code}
            self.told("payment_intent.payment_failed", intent)
            return Refused(402, code, payment_intent=copy.deepcopy(intent)).reply
        intent["payment_method"] = asked["payment_method"]
        self._succeed(intent)
        return Reply(200, json.dumps(intent).encode())

    def _read(self, route: str, asked: Object) -> Object:
        if route == "/v1/payment_intents/search":
            return self._search(asked)
        if route in LISTS:
            return self._listed(route, asked)
        kind, _, name = route.rpartition("/")
        named = {"/v1/checkout/sessions": self.sessions, "/v1/payment_intents": self.intents}
        named["/v1/charges"] = self.charges
        if kind not in named or name not in named[kind]:
            raise Refused(404, "resource_missing" if kind in named else "", "id")
        found = dict(named[kind][name])
        for expanded in asked.get("expand", []):
            place = {"payment_intent": self.intents, "setup_intent": self.setups}[expanded]
            found[expanded] = place[found[expanded]] if found.get(expanded) else None
        return found

    def _listed(self, route: str, asked: Object) -> Object:
        name, filters = LISTS[route]
        _only(asked, filters | {"limit", "starting_after", "created"})
        limit, after = int(asked.pop("limit", "10")), asked.pop("starting_after", "")
        if not 1 <= limit <= LIMIT_MAX:
            raise Refused(400, "parameter_invalid_integer", "limit")
        found = list(reversed(getattr(self, name).values()))
        since = int(asked.pop("created", {}).get("gte", "0"))
        types = asked.pop("types", None)
        if types and len(types) > 20:
            raise Refused(400, "", "types")
        found = [each for each in found if each["created"] >= since and (not types or each["type"] in types)]
        found = [each for each in found if all(each.get(key) == value for key, value in asked.items())]
        if after:
            ids = [each["id"] for each in found]
            if after not in ids:
                raise Refused(400, "resource_missing", "starting_after")
            found = found[ids.index(after) + 1 :]
        return {"object": "list", "url": route, "data": found[:limit], "has_more": len(found) > limit}

    def _search(self, asked: Object) -> Object:
        query = QUERY.fullmatch(asked["query"])
        if not query:
            raise Refused(400, "", "query")
        key, value = query.groups()
        found = [each for each in self.intents.values() if each["metadata"].get(key) == value]
        return {"object": "search_result", "url": "/v1/payment_intents/search", "data": found[::-1], "has_more": False}

    def _customer(self, name: str) -> bool:
        return any(found["customer"] == name for found in self.setups.values())

    def _found_intent(self, reference: str) -> Object | None:
        session = self.sessions.get(reference)
        return self.intents.get(str(session["payment_intent"]) if session else reference)

    def _intent(self, session: Object) -> Object:
        """That of a session: Stripe makes it when somebody begins to pay."""
        if session["payment_intent"] is None:
            tags = self.tags[session["id"]]
            intent = objects.intent(session["amount_total"], session["currency"], tags, self.mode, self.clock())
            self.intents[intent["id"]] = intent
            session["payment_intent"] = intent["id"]
        return self.intents[session["payment_intent"]]

    def _succeed(self, intent: Object) -> None:
        charge = objects.charge(intent, self.clock())
        self.charges[charge["id"]] = charge
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
        self.told("payment_intent.succeeded", intent)
        self.told("charge.succeeded", charge)

    def _save_card(self, session: Object) -> None:
        setup = self.setups[session["setup_intent"]]
        session["customer"] = session["customer"] or objects.new_id("cus_", 14)
        setup |= {"status": "succeeded", "customer": session["customer"], "payment_method": objects.new_id("pm_1")}

    def _add_up(self, charge: Object) -> None:
        """What Stripe's charge says of its refunds."""
        of = [found for found in self.refunds.values() if found["charge"] == charge["id"]]
        total = sum(found["amount"] for found in of if found["status"] not in ("failed", "canceled"))
        charge |= {"amount_refunded": total, "refunded": total >= charge["amount"]}


def nested(pairs: list[tuple[str, str]]) -> Object:
    """Form fields such as `a[b][0][c]` as the object that they stand for; what has only numbers is a list."""
    found: Object = {}
    for name, value in pairs:
        first, *rest = re.findall(r"[^\[\]]+", name)
        here = found
        for before, part in zip([first, *rest], rest, strict=False):
            here = here.setdefault(before, {})
            first = part
        here[first] = value
    return {name: _lists(value) for name, value in found.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


def _only(asked: Object, known: set[str]) -> None:
    for name in asked:
        if name not in known:
            raise Refused(400, "parameter_unknown", name)


def _price(amount: str, currency: str, param: str) -> None:
    if currency not in CURRENCIES:
        raise Refused(400, "", "currency")
    if not re.fullmatch(r"[0-9]{1,8}", amount) or int(amount) < MINIMUM:
        raise Refused(400, "amount_too_small", param)
