"""Stripe's adapter, against a stand-in: what is asked, what is believed, and what gets out when it fails."""

import json
import logging
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import stripe

from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import provider, stripe_calls, with_stripe
from functions.payments.provider import Connection, Dispute, Event, Made, Payment, Wanted
from tests.payments.standins.base import Delivery, Reply, Request
from tests.payments.standins.stripe import Stripe, nested
from tests.stand import ROOT

KEY, SECRET = "sk_test_canary_of_stripe", "whsec_canary_of_stripe"
ORDER = f"ord_{'0a' * 16}"


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """An account; no call is made again, which would take half a second."""
    monkeypatch.setattr(stripe_calls, "RETRIES", 0)
    with Stripe(KEY, SECRET) as standin:
        yield standin


@pytest.fixture
def connection(standin: Stripe) -> Connection:
    return Connection("default", "stripe", "test", KEY, (SECRET, "whsec_before"), standin.url)


def wanted(**changes: object) -> Wanted:
    known = Wanted(ORDER, "5M credits", 50, "usd", "https://app.test/done?a=1&b=2", "https://app.test/back", "")
    return replace(known, email="ada@farebox.test", **changes)  # type: ignore[arg-type]


def fetched(connection: Connection, reference: str) -> Payment:
    payment = with_stripe.fetch(connection, reference)
    assert payment
    return payment


def received(connection: Connection, delivery: Delivery, **headers: str) -> Event:
    told = {name.lower(): value for name, value in (delivery.headers | headers).items()}
    return with_stripe.receive(
        connection, lambda name: [told[name]] if name in told else [], delivery.body, time.time()
    )


def form(request: Request) -> dict[str, object]:
    return nested(parse_qsl(request.body.decode(), keep_blank_values=True))


def saved_card(connection: Connection, standin: Stripe) -> str:
    reference = with_stripe.setup(connection, wanted(order=f"ord_{'f' * 32}", amount=0), "").reference
    standin.pay(reference)
    return fetched(connection, reference).saved


def charged(connection: Connection, saved: str, order: str = ORDER, amount: int = 50) -> Payment:
    return with_stripe.charge(connection, order=order, saved=saved, amount=amount, currency="usd", title="5M credits")


class TestCreate:
    """A checkout session that sells one pack."""

    def test_what_is_asked(self, standin: Stripe, connection: Connection) -> None:
        """The price as it is, our order's number in all places, no other way to pay less, and nothing about us."""
        expires = int(time.time()) + 3600
        made = with_stripe.create(connection, wanted(expires=expires))
        (session,) = standin.sessions.values()
        assert made == Made(session["id"], session["url"], expires)
        (request,) = standin.requests
        assert form(request) == {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {"currency": "usd", "unit_amount": "50", "product_data": {"name": "5M credits"}},
                    "quantity": "1",
                }
            ],
            "payment_intent_data": {"description": "5M credits", "metadata": {"farebox_order": ORDER}},
            "adaptive_pricing": {"enabled": "false"},
            "client_reference_id": ORDER,
            "metadata": {"farebox_order": ORDER},
            "success_url": "https://app.test/done?a=1&b=2",
            "cancel_url": "https://app.test/back",
            "expires_at": str(expires),
            "customer_email": "ada@farebox.test",
        }
        assert (request.method, request.path) == ("POST", "/v1/checkout/sessions")
        assert request.headers["idempotency-key"] == ORDER
        assert request.headers["user-agent"] == "farebox"
        assert not [name for name in request.headers if name.startswith("x-") or "telemetry" in name]

    def test_the_same_order_is_one_checkout(self, standin: Stripe, connection: Connection) -> None:
        """Asked again because an answer was lost, it is the same session."""
        assert with_stripe.create(connection, wanted()) == with_stripe.create(connection, wanted())
        assert len(standin.sessions) == 1

    def test_an_address_that_stripe_does_not_take(self, standin: Stripe, connection: Connection) -> None:
        """The checkout is made without it: the buyer gives one there."""
        made = with_stripe.create(connection, replace(wanted(), email="ada@nowhere.invalid"))
        assert standin.sessions[made.reference]["customer_email"] is None
        assert len(standin.sessions) == 1

    def test_a_call_that_gets_no_answer_is_made_again(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once, with the same idempotency key."""
        monkeypatch.setattr(stripe_calls, "RETRIES", 1)
        monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
        replies = iter([Reply(500, {"error": {"type": "api_error"}}), None])
        real = standin.reply
        monkeypatch.setattr(standin, "reply", lambda request: next(replies) or real(request))
        with_stripe.create(connection, wanted())
        assert [request.headers["idempotency-key"] for request in standin.requests] == [ORDER, ORDER]


class TestFetch:
    """What is believed of a checkout."""

    @pytest.fixture
    def reference(self, connection: Connection) -> str:
        return with_stripe.create(connection, wanted()).reference

    def test_states(self, standin: Stripe, connection: Connection) -> None:
        """Paid is only what is paid: a transfer under way is not, and may fail in the end."""
        states = []
        for number, ways in enumerate(
            [(), ("process",), ("process", "pay"), ("process", "fail"), ("pay",), ("expire",)]
        ):
            reference = with_stripe.create(connection, wanted(order=f"ord_{number:032x}")).reference
            for way in ways:
                getattr(standin, way)(reference)
            states.append(fetched(connection, reference).state)
        assert states == ["open", "processing", "paid", "failed", "paid", "expired"]

    def test_a_payment(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """With the order, price and mode that Stripe says; one call for each of three things."""
        standin.pay(reference)
        asked = len(standin.requests)
        assert fetched(connection, reference) == Payment(reference, ORDER, "test", "paid", 50, "usd")
        assert [request.route for request in standin.requests[asked:]] == [
            f"/v1/checkout/sessions/{reference}",
            "/v1/refunds",
            "/v1/disputes",
        ]

    def test_what_is_not_paid_has_no_money_to_go_back(
        self, standin: Stripe, connection: Connection, reference: str
    ) -> None:
        """Nobody asks for it."""
        standin.process(reference)
        asked = len(standin.requests)
        assert fetched(connection, reference).state == "processing"
        assert len(standin.requests) == asked + 1

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"amount": 51}, {"amount": 51}),
            ({"currency": "eur"}, {"currency": "eur"}),
            ({"mode": "live"}, {"mode": "live"}),
            ({"order": ""}, {"order": ""}),
        ],
    )
    def test_it_is_told_as_it_is(
        self,
        standin: Stripe,
        connection: Connection,
        reference: str,
        fields: dict[str, object],
        expected: dict[str, object],
    ) -> None:
        """Another amount, currency, mode or order is for others to judge."""
        standin.pay(reference)
        standin.alter(reference, **fields)
        payment = fetched(connection, reference)
        assert {name: getattr(payment, name) for name in expected} == expected

    def test_a_discount_is_another_price(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """A code that somebody made at Stripe buys no credits for less."""
        standin.pay(reference)
        standin.sessions[reference] |= {"amount_total": 20, "total_details": {"amount_discount": 30}}
        assert fetched(connection, reference).amount == 20

    def test_a_checkout_that_costs_nothing_is_not_paid(
        self, standin: Stripe, connection: Connection, reference: str
    ) -> None:
        """Whatever it says of its state, nothing was paid."""
        free = {"status": "complete", "payment_status": "no_payment_required", "amount_total": 0}
        standin.sessions[reference] |= free | {"total_details": {"amount_discount": 50}}
        payment = fetched(connection, reference)
        assert (payment.state, payment.amount) == ("failed", 0)

    def test_tax_on_top_is_not_the_price(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """Of what goes back, the same part is of the price: of all, all of it."""
        standin.sessions[reference]["amount_total"] = 60
        standin.pay(reference)
        standin.refund(reference, 30)
        assert (fetched(connection, reference).amount, fetched(connection, reference).refunded) == (50, 25)
        standin.refund(reference, 30)
        standin.dispute(reference)
        payment = fetched(connection, reference)
        assert (payment.refunded, [dispute.amount for dispute in payment.disputes]) == (50, [50])

    def test_refunds_add_up(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """Those on their way count, those that failed or were cancelled do not."""
        standin.pay(reference)
        found = []
        for amount, status in (
            (5, "succeeded"),
            (6, "pending"),
            (7, "requires_action"),
            (8, "failed"),
            (9, "canceled"),
        ):
            standin.refund(reference, amount)
            standin.set_refund(reference, status)
            found.append(fetched(connection, reference).refunded)
        assert found == [5, 11, 18, 18, 18]

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("needs_response", "open"),
            ("under_review", "open"),
            ("appeal_needs_response", "open"),
            ("appeal_under_review", "open"),
            ("won", "won"),
            ("lost", "lost"),
            ("prevented", "lost"),
            ("warning_needs_response", ""),
            ("warning_under_review", ""),
            ("warning_closed", ""),
        ],
    )
    def test_disputes(self, standin: Stripe, connection: Connection, reference: str, status: str, state: str) -> None:
        """An inquiry took no money; of a dispute that was prevented its money says what it came to."""
        standin.pay(reference)
        standin.dispute(reference, 20)
        standin.set_dispute(reference, status)
        (name,) = standin.disputes
        expected = (Dispute(name, 20, state),) if state else ()
        assert fetched(connection, reference).disputes == expected

    def test_a_prevented_dispute_that_took_nothing(
        self, standin: Stripe, connection: Connection, reference: str
    ) -> None:
        """Its money went back as a refund, which counts once."""
        standin.pay(reference)
        standin.dispute(reference)
        standin.set_dispute(reference, "prevented")
        next(iter(standin.disputes.values()))["balance_transactions"] = []
        assert fetched(connection, reference).disputes == ()

    def test_a_dispute_in_another_currency(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """Its amount says nothing of ours: it is one of everything."""
        standin.pay(reference)
        standin.dispute(reference, 7)
        next(iter(standin.disputes.values()))["currency"] = "eur"
        (dispute,) = fetched(connection, reference).disputes
        assert dispute.amount == 50

    def test_refunds_and_disputes_of_others(
        self, standin: Stripe, connection: Connection, reference: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Do not count, should a list ever hold more than was asked for."""
        standin.pay(reference)
        standin.refund(reference, 5)
        standin.dispute(reference, 5)
        for found in (*standin.refunds.values(), *standin.disputes.values()):
            found["payment_intent"] = "pi_of_others"
        real = standin._listed
        monkeypatch.setattr(standin, "_listed", lambda route, asked: real(route, {}))
        payment = fetched(connection, reference)
        assert (payment.refunded, payment.disputes) == (0, ())

    def test_many_refunds(self, standin: Stripe, connection: Connection, reference: str) -> None:
        """All pages of them count."""
        standin.alter(reference, amount=200)
        standin.pay(reference)
        for _ in range(101):
            standin.refund(reference, 1)
        assert fetched(connection, reference).refunded == 101

    def test_what_stripe_does_not_have(self, connection: Connection) -> None:
        """None, as of another account or mode."""
        assert with_stripe.fetch(connection, "cs_test_nobody") is None
        assert with_stripe.fetch(connection, "pi_nobody") is None
        assert with_stripe.fetch(connection, ORDER) is None

    @pytest.mark.parametrize(
        "reference",
        ["", "cs_", "cs_../v1/refunds", "cs_a?b", "cs_a/b", "cs_é", "cs_a\n", "ch_1", "pi_", "pi_a#", "ord_1'", "tr_1"],
    )
    def test_what_is_no_id_of_theirs_is_not_asked_about(
        self, standin: Stripe, connection: Connection, reference: str
    ) -> None:
        """It goes into an address."""
        assert with_stripe.fetch(connection, reference) is None
        assert standin.requests == []


class TestReceive:
    """What is believed of an event: who sent it, and what to ask about."""

    def test_an_event_of_a_checkout(self, standin: Stripe, connection: Connection) -> None:
        """Points at its session; nothing is asked, for synchronizing will."""
        reference = with_stripe.create(connection, wanted()).reference
        asked = len(standin.requests)
        (paid,) = standin.pay(reference)
        event = received(connection, paid)
        assert (event.kind, event.references) == ("checkout.session.completed", (reference,))
        assert (event.about, event.is_money) == (reference, True)
        assert event.event_id == json.loads(paid.body)["id"]
        assert len(standin.requests) == asked

    @pytest.mark.parametrize("way", ["process", "fail", "expire"])
    def test_no_money_came(self, standin: Stripe, connection: Connection, way: str) -> None:
        """Then nobody has to look at one that is no order of ours."""
        reference = with_stripe.create(connection, wanted()).reference
        (told,) = getattr(standin, way)(reference)
        assert (received(connection, told).references, received(connection, told).is_money) == ((reference,), False)

    def test_money_that_goes_back_leads_to_the_session(self, standin: Stripe, connection: Connection) -> None:
        """Charges, refunds, disputes and payment intents name no session: Stripe is asked for it."""
        reference = with_stripe.create(connection, wanted()).reference
        standin.pay(reference)
        told = [*standin.refund(reference, 5), *standin.fail_refund(reference), *standin.dispute(reference)]
        told += standin.close_dispute(reference, won=True)
        told.append(standin.told("payment_intent.succeeded", next(iter(standin.intents.values()))))
        told.append(standin.told("charge.succeeded", standin.charge_of(reference)))
        events = [received(connection, delivery) for delivery in told]
        assert {event.references for event in events} == {(reference,)}
        assert all(event.is_money for event in events)
        assert {event.kind.partition(".")[0] for event in events} == {"charge", "refund", "payment_intent"}

    def test_a_refund_that_names_its_charge_only(self, standin: Stripe, connection: Connection) -> None:
        """The charge is asked for its payment."""
        reference = with_stripe.create(connection, wanted()).reference
        standin.pay(reference)
        standin.refund(reference, 5)
        (refund,) = standin.refunds.values()
        told = standin.told("refund.created", {**refund, "payment_intent": None})
        assert received(connection, told).references == (reference,)

    def test_a_session_of_another_payment_is_not_its(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Should a list ever hold more than was asked for."""
        reference = with_stripe.create(connection, wanted()).reference
        standin.pay(reference)
        top_up = charged(connection, saved_card(connection, standin), f"ord_{'2' * 32}")
        listed = {"object": "list", "data": [standin.sessions[reference]], "has_more": False, "url": "/v1"}
        real = standin.reply
        monkeypatch.setattr(
            standin,
            "reply",
            lambda request: Reply(200, listed) if request.route == "/v1/checkout/sessions" else real(request),
        )
        told = standin.told("payment_intent.succeeded", standin.intents[top_up.reference])
        assert received(connection, told).references == (top_up.reference,)

    def test_a_top_up_goes_by_its_payment(self, standin: Stripe, connection: Connection) -> None:
        """What was charged without a session points at itself, and so do its refunds."""
        top_up = charged(connection, saved_card(connection, standin))
        told = [standin.told("payment_intent.succeeded", standin.intents[top_up.reference])]
        told += [*standin.refund(top_up.reference, 5), *standin.dispute(top_up.reference, 5)]
        assert {received(connection, each).references for each in told} == {(top_up.reference,)}

    def test_money_that_is_no_checkout_of_ours(self, standin: Stripe, connection: Connection) -> None:
        """Points nowhere, and says what it is about, for people to look at."""
        top_up = charged(connection, saved_card(connection, standin))
        standin.alter(top_up.reference, order="")
        refunded, of_charge = standin.refund(top_up.reference, 5)
        (refund,) = standin.refunds
        events = [received(connection, each) for each in (refunded, of_charge)]
        assert [event.references for event in events] == [(), ()]
        assert [event.about for event in events] == [refund, top_up.reference]
        unknown = standin.told("charge.succeeded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_unknown"})
        assert received(connection, unknown).references == ()

    def test_other_types(self, standin: Stripe, connection: Connection) -> None:
        """Are received, and nothing is done."""
        asked = len(standin.requests)
        event = received(connection, standin.strange())
        assert (event.kind, event.references, event.about, event.is_money) == ("moon.landed", (), "", False)
        assert len(standin.requests) == asked

    def test_families_of_types_end_where_a_word_ends(self) -> None:
        """`charge.` and not `charge`; and none of what is listed afterwards is missing from them."""
        families = (with_stripe.SESSIONS, *with_stripe.FAMILIES)
        assert all(family.endswith(".") for family in families)
        assert all(kind.startswith(families) for kind in with_stripe.CHANGES)
        assert len(with_stripe.CHANGES) <= 20

    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            [],
            {"object": None},
            {"object": {}},
            {"object": "cs_1"},
            {"object": {"id": 5}},
            {"object": {"id": "a b"}},
        ],
        ids=repr,
    )
    def test_an_event_of_a_payment_that_cannot_be_read(
        self, standin: Stripe, connection: Connection, data: object
    ) -> None:
        """Is refused, and so sent again: acknowledged, it would be lost."""
        for kind in ("checkout.session.completed", "charge.refunded", "refund.created"):
            body = json.dumps({"id": "evt_1", "type": kind, "data": data}).encode()
            with pytest.raises(BadRequest):
                received(connection, Delivery(standin.sign(body), body))

    def test_while_stripe_does_not_answer_an_event_waits(self, standin: Stripe, connection: Connection) -> None:
        """It is not known what it points at: it must come again."""
        reference = with_stripe.create(connection, wanted()).reference
        standin.pay(reference)
        refunded, _ = standin.refund(reference, 5)
        standin.down = True
        with pytest.raises(PaymentProviderFailed):
            received(connection, refunded)


class TestSignature:
    """`stripe-signature`: whether an event is Stripe's."""

    BODY = b'{"id": "evt_1", "type": "customer.created", "data": {"name": "gr\xc3\xbc\xc3\x9fe"}}'
    NOW = 10_000

    def check(self, *values: str, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: float = NOW) -> bool:
        try:
            with_stripe.check_signature(secrets, values, body, now)
        except BadRequest as refused:
            return {"stripe-signature": False}[str(refused.param)]
        return True

    def header(self, secret: str = SECRET, body: bytes = BODY, at: int = NOW) -> str:
        return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))

    def test_the_right_one(self) -> None:
        """Alone, or among those of other schemes and secrets, in any order."""
        right = self.header()
        value = right.partition(",v1=")[2]
        assert self.check(right)
        assert self.check(f"t={self.NOW},v0={'0' * 64},v1={value}")
        assert self.check(f"t={self.NOW}, v1={'0' * 64}, v1={value}")
        assert self.check(f"v1={value},t={self.NOW}") is False

    def test_both_secrets_count_while_one_replaces_the_other(self) -> None:
        """Whichever of ours Stripe signs with, and whichever of Stripe's is ours."""
        assert self.check(self.header("whsec_old"), secrets=("whsec_new", "whsec_old"))
        assert self.check(self.header("whsec_new"), secrets=("whsec_new", "whsec_old"))
        assert not self.check(self.header("whsec_third"), secrets=("whsec_new", "whsec_old"))

    def test_an_empty_secret_signs_nothing(self) -> None:
        """Anybody could."""
        for secret in ("", " "):
            assert not self.check(self.header(secret), secrets=(secret,))
        assert not self.check(self.header(), secrets=())

    @pytest.mark.parametrize(
        ("age_s", "taken"), [(0, True), (299, True), (300, True), (301, False), (-300, True), (-301, False)]
    )
    def test_it_is_good_for_five_minutes(self, age_s: int, taken: bool) -> None:
        """Stripe's own tolerance, to the second; a clock that is ahead gets no more."""
        assert self.check(self.header(at=self.NOW - age_s)) is taken

    def test_forgeries(self) -> None:
        """In whatever form: refused, in the same words, and never with an error of another kind."""
        right = self.header().partition(",v1=")[2]
        wrong = [
            self.header("whsec_guessed"),
            f"t={self.NOW - 1},v1={right}",
            f"t={self.NOW},v0={right}",
            f"t={self.NOW}",
            f"v1={right}",
            f"t={self.NOW},t={self.NOW},v1={right}",
            f"t=now,v1={right}",
            f"t={self.NOW}.0,v1={right}",
            f"t=１００００,v1={right}",
            f"t={self.NOW},v1={right.upper()}",
            f"t={self.NOW},v1={right[:-1]}",
            f"t={self.NOW},v1={right}é",
            f"t={self.NOW},v1=",
            f"{self.header()},v1={'0' * 5000}",
            f"sha256={right}",
            "===,,,",
            "",
        ]
        assert [value for value in wrong if self.check(value)] == []

    def test_a_body_written_anew_is_another_body(self) -> None:
        """The signature is of the bytes that were sent."""
        for body in (self.BODY + b"\n", self.BODY[:-1], json.dumps(json.loads(self.BODY)).encode(), b"", b"\xff\xfe"):
            assert not self.check(self.header(), body=body)

    def test_two_headers_are_none(self) -> None:
        """Which of them counts must never be a question."""
        assert not self.check(self.header(), self.header())
        assert not self.check()

    def test_it_comes_before_everything(self, standin: Stripe, connection: Connection) -> None:
        """A forgery whose body is no event is a forgery, and asks Stripe nothing."""
        for body in (b"{", b"[" * 100_000, b'{"type": "charge.refunded", "data": {"object": {"id": "ch_1"}}}'):
            with pytest.raises(BadRequest, match="stripe-signature"):
                received(connection, Delivery(standin.sign(body, secret="whsec_guessed"), body))
        assert standin.requests == []


class TestChanged:
    """What is found without events."""

    def test_each_once(self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        """Paid, refunded, disputed checkouts and top-ups, page by page; not what is open, nor what was long ago."""
        monkeypatch.setattr(stripe_calls, "PAGE", 2)
        now_s = int(time.time())
        references = [with_stripe.create(connection, wanted(order=f"ord_{n:032x}")).reference for n in range(6)]
        standin.clock = lambda: now_s - 5000
        for reference in references[:4]:
            standin.pay(reference)
        standin.dispute(references[2])
        standin.clock = lambda: float(now_s)
        standin.refund(references[1], 5)
        standin.close_dispute(references[2], won=True)
        standin.pay(references[4])
        top_up = charged(connection, saved_card(connection, standin)).reference
        standin.refund(top_up, 5)
        found = list(with_stripe.changed(connection, now_s - 10))
        setup = next(found for found in standin.references() if standin.sessions[found]["mode"] == "setup")
        assert sorted(found) == sorted([references[1], references[2], references[4], top_up, setup])

    def test_what_has_no_payment_is_nobodys(self, standin: Stripe, connection: Connection) -> None:
        """A refund of a charge that no payment intent made is not that of a session without one."""
        with_stripe.setup(connection, wanted(amount=0), "")
        (setup,) = standin.sessions
        standin.told("refund.created", {"id": "re_1", "object": "refund", "payment_intent": None, "charge": None})
        standin.pay(setup)
        standin.told("refund.created", {"id": "re_2", "object": "refund", "payment_intent": None, "charge": None})
        found = with_stripe.changed(connection, 0)
        assert list(found) == [setup]

    def test_pages_are_asked_for_when_they_are_needed(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody whose time is up goes on another time."""
        monkeypatch.setattr(stripe_calls, "PAGE", 1)
        for number in range(4):
            standin.pay(with_stripe.create(connection, wanted(order=f"ord_{number:032x}")).reference)
        asked = len(standin.requests)
        assert len(list(islice(with_stripe.changed(connection, 0), 1))) == 1
        assert len(standin.requests) - asked == 1

    def test_longer_ago_than_stripe_keeps_events(self, standin: Stripe, connection: Connection) -> None:
        """Sessions, payments, refunds and disputes are lists of their own."""
        card = saved_card(connection, standin)
        paid, refunded = (with_stripe.create(connection, wanted(order=f"ord_{n:032x}")).reference for n in range(2))
        standin.pay(paid)
        standin.pay(refunded)
        standin.refund(refunded, 5)
        top_up = charged(connection, card).reference
        standin.events.clear()
        assert set(with_stripe.changed(connection, int(time.time()) - 40 * 86_400)) >= {paid, refunded, top_up}
        assert list(with_stripe.changed(connection, int(time.time()) - 86_400)) == []


class TestSavedCards:
    """Cards that are saved once and charged later."""

    def test_what_is_asked_to_save_one(self, standin: Stripe, connection: Connection) -> None:
        """A customer to save it with, cards only, and our order's number."""
        with_stripe.setup(connection, wanted(amount=0), "")
        (request,) = standin.requests
        asked = form(request)
        assert (asked["mode"], asked["customer_creation"], asked["currency"]) == ("setup", "always", "usd")
        assert asked["allowed_payment_method_types"] == ["card"]
        assert asked["metadata"] == {"farebox_order": ORDER}
        assert asked["setup_intent_data"] == {"description": "5M credits", "metadata": {"farebox_order": ORDER}}
        assert not {"line_items", "payment_intent_data"} & set(asked)
        assert request.headers["idempotency-key"] == ORDER

    def test_a_card_that_was_saved(self, standin: Stripe, connection: Connection) -> None:
        """Is `cus_…/pm_…`, once the checkout is complete; nothing was paid."""
        reference = with_stripe.setup(connection, wanted(amount=0), "").reference
        assert fetched(connection, reference) == Payment(reference, ORDER, "test", "open", 0, "usd")
        (told,) = standin.pay(reference)
        assert received(connection, told).is_money
        payment = fetched(connection, reference)
        assert payment.state == "paid"
        assert re.fullmatch(r"cus_\w+/pm_\w+", payment.saved)
        again = with_stripe.setup(connection, wanted(order=f"ord_{'1' * 32}"), payment.saved.split("/")[0]).reference
        standin.pay(again)
        assert fetched(connection, again).saved.split("/")[0] == payment.saved.split("/")[0]

    @pytest.mark.parametrize(
        ("session", "setup", "state"),
        [
            ({"status": "expired"}, {}, "expired"),
            ({"status": "complete"}, {"status": "processing"}, "processing"),
            ({"status": "complete"}, {"status": "canceled"}, "failed"),
            ({"status": "complete"}, {"status": "succeeded", "customer": None, "payment_method": "pm_1"}, "failed"),
        ],
    )
    def test_a_card_that_was_not(
        self, standin: Stripe, connection: Connection, session: dict[str, str], setup: dict[str, str], state: str
    ) -> None:
        """Nothing is saved, and it says why."""
        reference = with_stripe.setup(connection, wanted(amount=0), "").reference
        standin.sessions[reference] |= session
        standin.setups[standin.sessions[reference]["setup_intent"]] |= setup
        payment = fetched(connection, reference)
        assert (payment.state, payment.saved) == (state, "")

    def test_a_charge(self, standin: Stripe, connection: Connection) -> None:
        """Of what was agreed, for the order, while nobody is there; its reference is its payment intent."""
        saved = saved_card(connection, standin)
        payment = charged(connection, saved)
        assert payment == Payment(payment.reference, ORDER, "test", "paid", 50, "usd")
        asked = form(standin.requests[-1])
        assert (asked["confirm"], asked["off_session"]) == ("true", "true")
        assert f"{asked['customer']}/{asked['payment_method']}" == saved
        assert asked["metadata"] == {"farebox_order": ORDER}
        assert standin.requests[-1].headers["idempotency-key"] == ORDER
        standin.refund(payment.reference, 20)
        standin.dispute(payment.reference, 30)
        found = fetched(connection, payment.reference)
        assert (found.refunded, [dispute.amount for dispute in found.disputes]) == (20, [30])
        assert fetched(connection, ORDER) == found

    def test_a_card_is_charged_once_for_an_order(self, standin: Stripe, connection: Connection) -> None:
        """However often somebody asks who got no answer; for another amount it is refused."""
        saved = saved_card(connection, standin)
        assert charged(connection, saved) == charged(connection, saved)
        with pytest.raises(PaymentProviderFailed):
            charged(connection, saved, amount=60)
        assert len(standin.charges) == 1

    @pytest.mark.parametrize("code", ["card_declined", "authentication_required", "expired_card"])
    def test_a_card_that_is_declined(self, standin: Stripe, connection: Connection, code: str) -> None:
        """Is a payment that failed: now, asked again, and looked up."""
        saved = saved_card(connection, standin)
        standin.declines[saved.split("/")[1]] = code
        payment = charged(connection, saved)
        assert payment == Payment(payment.reference, ORDER, "test", "failed", 50, "usd")
        assert charged(connection, saved) == fetched(connection, payment.reference) == payment

    def test_a_card_that_is_there_no_more(self, standin: Stripe, connection: Connection) -> None:
        """Failed as well, though Stripe made nothing of it."""
        customer, _, _ = saved_card(connection, standin).partition("/")
        for saved in (f"{customer}/pm_gone", "cus_gone/pm_gone"):
            assert charged(connection, saved) == Payment("", ORDER, "test", "failed", 50, "usd")

    def test_less_than_was_asked_for_is_another_amount(self, standin: Stripe, connection: Connection) -> None:
        """A payment of which somebody captured a part."""
        payment = charged(connection, saved_card(connection, standin))
        standin.intents[payment.reference]["amount_received"] = 30
        assert fetched(connection, payment.reference).amount == 30


CANARY = "Canary words"


class TestFailures:
    """A provider that fails gets a 503, and says nothing to anybody."""

    @pytest.mark.parametrize(
        ("reply", "said"),
        [
            (Reply(500, {"error": {"type": "api_error", "message": CANARY}}), "failed"),
            (Reply(500, CANARY.encode()), "failed"),
            (Reply(200, CANARY.encode()), "failed"),
            (Reply(200, b""), "failed"),
            (Reply(200, {"id": CANARY}), "answered what cannot be read"),
            (Reply(200, [CANARY]), "answered what cannot be read"),
            (Reply(401, {"error": {"message": CANARY}}), "refused the API key"),
            (Reply(403, {"error": {"message": CANARY}}), "refused the API key"),
            (Reply(429, {"error": {"message": CANARY}}), "is busy"),
            (Reply(400, {"error": {"message": CANARY, "param": CANARY}}), "refused what it was asked for"),
            (Reply(404, {"error": {"message": CANARY, "code": CANARY}}), "refused what it was asked for"),
            (Reply(302, b"", {"Location": "http://127.0.0.1:9/canary"}), "failed"),
            (Reply(200, b" " * 9_000_000), "did not answer"),
        ],
        ids=lambda value: f"{value.status}-{value.body[:12]!r}" if isinstance(value, Reply) else value,
    )
    def test_of_every_kind(
        self,
        standin: Stripe,
        connection: Connection,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        reply: Reply,
        said: str,
    ) -> None:
        """The message names the kind; neither it nor the log has the key, the address, or words of Stripe's."""
        caplog.set_level(logging.DEBUG, "stripe")
        caplog.set_level(logging.INFO)
        noisy = replace(reply, headers={**reply.headers, "Stripe-Notice": CANARY, "Request-Id": CANARY})
        monkeypatch.setattr(standin, "reply", lambda request: noisy)
        for ask in (
            lambda: with_stripe.create(connection, wanted()),
            lambda: with_stripe.fetch(connection, "cs_test_1"),
            lambda: charged(connection, "cus_1/pm_1"),
            lambda: list(with_stripe.changed(connection, 0)),
        ):
            with pytest.raises(PaymentProviderFailed) as raised:
                ask()
            assert raised.value.message == f"Stripe {said}."
        told = caplog.text + "".join(capfd.readouterr())
        for canary in (KEY, SECRET, standin.url, CANARY, "ada@"):
            assert canary not in told
        assert "Stripe" in raised.value.message

    def test_time(self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many calls it takes, and however slowly it answers, what is asked ends."""
        reference = with_stripe.create(connection, wanted()).reference
        standin.pay(reference)
        monkeypatch.setattr(provider, "TIMEOUT_S", 0.5)
        standin.delay_s = 0.3
        began = time.monotonic()
        with pytest.raises(PaymentProviderFailed, match="did not answer"):
            with_stripe.fetch(connection, reference)
        assert time.monotonic() - began < 1

    def test_an_answer_that_trickles(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Byte after byte, each in time: it ends all the same."""
        monkeypatch.setattr(provider, "TIMEOUT_S", 0.4)
        monkeypatch.setattr(standin, "reply", lambda request: Reply(200, b" " * 40))
        standin.trickle_s = 0.05
        began = time.monotonic()
        with pytest.raises(PaymentProviderFailed, match="did not answer"):
            with_stripe.fetch(connection, "cs_test_1")
        assert time.monotonic() - began < 1

    def test_nobody_listens(self, connection: Connection) -> None:
        """As when a setting is wrong."""
        for url in ("http://127.0.0.1:9", "http://[", "nowhere"):
            with pytest.raises(PaymentProviderFailed):
                with_stripe.fetch(replace(connection, url=url), "cs_test_1")

    def test_a_key_that_is_no_header(self, connection: Connection) -> None:
        """Nothing of it is said."""
        with pytest.raises(PaymentProviderFailed) as raised:
            with_stripe.fetch(replace(connection, key="sk_test_\r\nX-Evil: 1"), "cs_test_1")
        assert "Evil" not in str(raised.value)

    def test_the_environment_does_not_count(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """No proxy, and no password of a .netrc in place of the key."""
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password evil\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with_stripe.create(connection, wanted())
        assert standin.requests[0].headers["authorization"] == f"Bearer {KEY}"

    def test_the_library_says_nothing(self) -> None:
        """No telemetry, no log: it would tell what is asked."""
        assert stripe.enable_telemetry is False
        assert not logging.getLogger("stripe").filter(logging.makeLogRecord({"levelno": logging.CRITICAL}))

    def test_it_repeats_nothing_of_stripes(
        self, standin: Stripe, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a header tells developers, it would write where the log is."""
        real = standin.reply

        def noisy(request: Request) -> Reply:
            reply = real(request)
            return replace(reply, headers={**reply.headers, "Stripe-Notice": CANARY})

        monkeypatch.setattr(standin, "reply", noisy)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = with_stripe.create(connection, wanted())
            assert fetched(connection, made.reference).state == "open"

    def test_only_stripes_modules_load_it(self) -> None:
        """It takes a tenth of a second, which only those pay who use it."""
        users = [
            path.stem
            for path in (ROOT / "functions").rglob("*.py")
            if re.search(r"^\s*(import|from) (stripe\b|functions\.payments\.(with_)?stripe)", path.read_text(), re.M)
        ]
        assert sorted(users) == ["stripe_calls", "stripe_objects", "with_stripe"]
