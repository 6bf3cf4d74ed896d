"""Polar, asked through its library and HTTP, in front of a stand-in that adds taxes as it does."""

import base64
import json
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import polar_signature, provider
from functions.payments import with_polar as polar
from functions.payments.provider import Connection, Event, Made, Payment, Wanted, adapter
from tests.payments.standins.base import Delivery, Reply, Request
from tests.payments.standins.polar import Polar

PRODUCT = "6f0f1f0e-3b1c-4f0e-9c1d-2b5a8a1c7d3e"
KEY, SECRET, BEFORE = "polar_oat_canary-9", "polar-secret-canary-9", "polar-secret-canary-8"
WHSEC = "whsec_" + base64.b64encode(b"thirty-two bytes, as Polar makes").decode()
NUMBER = "ord_" + "5" * 32
DAY_S = 86_400
LASTS_S = 3600
WANTED = Wanted(
    order=NUMBER,
    title="5M credits",
    amount=50,
    currency="usd",
    done_url="https://shop.example/done?checkout=done",
    cancel_url="https://shop.example/done?checkout=cancelled",
    webhook_url="https://api.example/polar/webhook",
    email="ana@shop.example",
    expires=int(time.time()) + LASTS_S,
)


@pytest.fixture
def standin() -> Iterator[Polar]:
    with Polar(KEY, SECRET, product=PRODUCT) as running:
        yield running


@pytest.fixture
def connection(standin: Polar) -> Connection:
    return Connection("default", "polar", "test", KEY, (SECRET, BEFORE), standin.url, product=PRODUCT)


@pytest.fixture
def made(connection: Connection) -> Made:
    return polar.create(connection, WANTED)


def receive(connection: Connection, sent: Delivery, **changes: Sequence[str]) -> Event:
    """Take an event; `changes` are other values of its headers, `webhook_id` for `webhook-id`."""
    given = {name: [value] for name, value in sent.headers.items()}
    given |= {name.replace("_", "-"): list(values) for name, values in changes.items()}
    return polar.receive(connection, lambda name: given.get(name, []), sent.body, time.time())


def fetched(connection: Connection, reference: str) -> Payment:
    found = polar.fetch(connection, reference)
    assert found
    return found


def refused(connection: Connection, sent: Delivery, **changes: Sequence[str]) -> str:
    """The field of the refusal."""
    with pytest.raises(BadRequest) as caught:
        receive(connection, sent, **changes)
    assert not any(secret in str(caught.value.body()) for secret in (KEY, SECRET, BEFORE))
    return str(caught.value.param)


def failed(connection: Connection, reference: str) -> PaymentProviderFailed:
    with pytest.raises(PaymentProviderFailed) as caught:
        polar.fetch(connection, reference)
    return caught.value


def test_the_module_is_the_adapter_of_its_name() -> None:
    """provider.adapter("polar") is this module."""
    assert adapter("polar") is polar


def test_a_checkout_is_made_at_the_price_of_the_pack_before_taxes(standin: Polar, made: Made) -> None:
    """One product, a price of its own, no discounts, our number with it, and the pages to go back to."""
    asked = json.loads(standin.requests[0].body)
    assert asked["products"] == [PRODUCT]
    price = {"amount_type": "fixed", "price_amount": 50, "price_currency": "usd", "tax_behavior": "exclusive"}
    assert asked["prices"] == {PRODUCT: [price]}
    assert asked["metadata"] == {"farebox_order": NUMBER}
    assert (asked["success_url"], asked["return_url"]) == (WANTED.done_url, WANTED.cancel_url)
    assert asked["allow_discount_codes"] is asked["allow_trial"] is False
    assert asked["customer_email"] == WANTED.email
    assert standin.references() == [made.reference]
    assert made.url.startswith(standin.url)
    assert 0 < made.expires - time.time() <= LASTS_S + 60


def test_an_address_that_polar_does_not_take_is_left_out(standin: Polar, connection: Connection) -> None:
    """Polar looks mail domains up; who has another one can buy all the same."""
    made = polar.create(connection, replace(WANTED, email="ana@host.invalid"))
    assert standin.references() == [made.reference]
    assert "customer_email" not in json.loads(standin.requests[-1].body)


def test_without_an_address_none_is_given(standin: Polar, connection: Connection) -> None:
    """No empty address is sent."""
    polar.create(connection, replace(WANTED, email=""))
    assert "customer_email" not in json.loads(standin.requests[-1].body)


def test_a_checkout_that_polar_refuses_fails(standin: Polar, connection: Connection) -> None:
    """A product that is not there: 503, asked for once more without the address and then no more."""
    with pytest.raises(PaymentProviderFailed, match=r"^Polar refused what it was asked for\.$"):
        polar.create(replace(connection, product=str(uuid.uuid4())), WANTED)
    assert len(standin.requests) == 2


def test_an_unpaid_checkout_is_open(connection: Connection, made: Made) -> None:
    """The number, the mode of the connection and the price are there before anybody paid."""
    expected = Payment(made.reference, NUMBER, "test", "open", 50, "usd")
    assert polar.fetch(connection, made.reference) == expected
    assert fetched(replace(connection, mode="live"), made.reference).mode == "live"


def test_a_paid_checkout_shows_the_price_before_taxes(standin: Polar, connection: Connection, made: Made) -> None:
    """The buyer pays 60 with taxes; the order of ours was for 50."""
    standin.pay(made.reference)
    assert standin.order_of(made.reference)["total_amount"] == 60
    assert polar.fetch(connection, made.reference) == Payment(made.reference, NUMBER, "test", "paid", 50, "usd")


def test_a_checkout_is_paid_only_when_its_order_is(standin: Polar, connection: Connection, made: Made) -> None:
    """A checkout that succeeded is under way until there is an order, and it is paid."""
    standin.pay(made.reference)
    order = standin.order_of(made.reference)
    order |= {"status": "pending", "paid": False}
    assert fetched(connection, made.reference).state == "processing"
    order |= {"status": "void"}
    assert fetched(connection, made.reference).state == "failed"
    standin.orders.clear()
    assert fetched(connection, made.reference).state == "processing"


def test_another_checkouts_order_pays_nothing(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that lists orders which nobody asked for changes nothing."""
    other = polar.create(connection, WANTED)
    standin.pay(other.reference)
    standin.process(made.reference)
    paid = standin.order_of(other.reference)
    listed = {"items": [paid], "pagination": {"total_count": 1, "max_page": 1}}
    answers(standin, monkeypatch, "/v1/orders/", Reply(200, listed))
    assert fetched(connection, made.reference).state == "processing"


def test_another_orders_refunds_and_disputes_take_nothing(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does an answer that lists what was not asked for."""
    other = polar.create(connection, WANTED)
    for reference in (made.reference, other.reference):
        standin.pay(reference)
    standin.refund(other.reference, 10)
    standin.dispute(other.reference)
    for route, found in (("/v1/refunds/", standin.refunds), ("/v1/disputes/", standin.disputes)):
        listed = {"items": list(found.values()), "pagination": {"total_count": 1, "max_page": 1}}
        answers(standin, monkeypatch, route, Reply(200, listed))
    assert fetched(connection, made.reference) == Payment(made.reference, NUMBER, "test", "paid", 50, "usd")


@pytest.mark.parametrize(("press", "state"), [("process", "processing"), ("fail", "failed"), ("expire", "expired")])
def test_states_of_a_checkout_that_is_not_paid(
    standin: Polar, connection: Connection, made: Made, press: str, state: str
) -> None:
    """Under way, failed, expired: each is told by an event, and is what the API says then."""
    (event,) = [receive(connection, sent) for sent in getattr(standin, press)(made.reference)]
    assert (event.references, event.is_money) == ((made.reference,), False)
    assert fetched(connection, made.reference).state == state


def test_refunds_add_up_without_their_taxes(standin: Polar, connection: Connection, made: Made) -> None:
    """Of two refunds, one fails after all; those on their way count."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    assert fetched(connection, made.reference).refunded == 20
    standin.refund(made.reference, 30)
    assert fetched(connection, made.reference).refunded == 50
    standin.set_refund(made.reference, "pending")
    assert fetched(connection, made.reference).refunded == 50
    assert fetched(connection, made.reference).state == "paid"
    standin.fail_refund(made.reference)
    assert fetched(connection, made.reference).refunded == 20
    standin.set_refund(made.reference, "canceled")
    assert fetched(connection, made.reference).refunded == 20


def test_disputes_are_open_won_or_lost(standin: Polar, connection: Connection, made: Made) -> None:
    """What the buyer's bank takes, without its taxes; a warning took nothing, a prevented one is a refund."""
    standin.pay(made.reference)
    standin.dispute(made.reference)
    (dispute,) = fetched(connection, made.reference).disputes
    assert (dispute.amount, dispute.state) == (50, "open")
    found = {}
    for status in ("early_warning", "prevented", "under_review", "won", "lost"):
        standin.set_dispute(made.reference, status)
        found[status] = [each.state for each in fetched(connection, made.reference).disputes]
    assert found == {
        "early_warning": [],
        "prevented": [],
        "under_review": ["open"],
        "won": ["won"],
        "lost": ["lost"],
    }
    standin.dispute(made.reference, 10)
    assert [each.amount for each in fetched(connection, made.reference).disputes] == [10, 50]


def test_what_is_not_polars_is_none(standin: Polar, connection: Connection) -> None:
    """An unknown checkout is None; what is no id of Polar's is not even asked for."""
    assert polar.fetch(connection, str(uuid.uuid4())) is None
    count = len(standin.requests)
    for reference in ("", "cs_1", "../orders", f"{uuid.uuid4()}/..", f"{uuid.uuid4()}\n", str(uuid.uuid4()).upper()):
        assert polar.fetch(connection, reference) is None
    assert len(standin.requests) == count


def test_a_changed_checkout_is_told_as_it_is(standin: Polar, connection: Connection, made: Made) -> None:
    """Amount, currency and number come from the API; a number that is no text is none."""
    standin.pay(made.reference)
    standin.alter(made.reference, amount=49, currency="eur", order="ord_other")
    found = fetched(connection, made.reference)
    assert (found.amount, found.currency, found.order) == (49, "eur", "ord_other")
    standin.alter(made.reference, order=7)
    assert fetched(connection, made.reference).order == ""


def test_events_of_a_purchase_point_at_its_checkout(standin: Polar, connection: Connection, made: Made) -> None:
    """Orders name the checkout; nothing is asked for that."""
    count = len(standin.requests)
    events = [receive(connection, sent) for sent in standin.pay(made.reference)]
    assert [(event.kind, event.is_money) for event in events] == [
        ("order.created", False),
        ("order.paid", True),
        ("order.updated", False),
        ("checkout.updated", False),
    ]
    assert {event.references for event in events} == {(made.reference,)}
    assert len(standin.requests) == count


def test_events_of_refunds_point_at_the_checkout_of_their_order(
    standin: Polar, connection: Connection, made: Made
) -> None:
    """A refund names only an order: Polar is asked of which checkout that came."""
    standin.pay(made.reference)
    for sent in (*standin.refund(made.reference, 20), *standin.fail_refund(made.reference)):
        event = receive(connection, sent)
        assert event.references == (made.reference,)
        assert event.about == standin.order_of(made.reference)["id"]
        assert event.is_money is (event.kind != "order.updated")


def test_an_event_of_a_dispute_would_point_at_the_checkout(standin: Polar, connection: Connection, made: Made) -> None:
    """Polar has no such events as yet; should it send some, they are understood."""
    standin.pay(made.reference)
    order = standin.order_of(made.reference)["id"]
    event = receive(connection, standin.told("dispute.created", {"id": str(uuid.uuid4()), "order_id": order}))
    assert (event.references, event.is_money) == ((made.reference,), True)


def test_money_of_no_checkout_is_told_all_the_same(standin: Polar, connection: Connection, made: Made) -> None:
    """A subscription's order, and a refund of an order that Polar does not know: no checkout, but money."""
    standin.pay(made.reference)
    order = standin.order_of(made.reference) | {"checkout_id": None}
    event = receive(connection, standin.told("order.paid", order))
    assert (event.references, event.about, event.is_money) == ((), order["id"], True)
    unknown = str(uuid.uuid4())
    event = receive(connection, standin.told("refund.created", {"order_id": unknown}))
    assert (event.references, event.about, event.is_money) == ((), unknown, True)


def test_events_of_no_concern_are_taken_without_asking(standin: Polar, connection: Connection) -> None:
    """A type that nobody knows, and one about something else: verified, about nothing, no money."""
    for sent in (standin.strange(), standin.told("customer.created", {"id": str(uuid.uuid4())})):
        event = receive(connection, sent)
        assert (event.references, event.about, event.is_money) == ((), "", False)
        assert event.event_id == sent.headers["webhook-id"]
    assert standin.requests == []


def test_ids_that_are_none_lead_nowhere(standin: Polar, connection: Connection) -> None:
    """What stands where an id should never becomes part of a URL."""
    for identity in (None, 7, "../../disputes", "x" * 1000, ["a"], {"id": "a"}):
        for kind, data in (
            ("checkout.updated", {"id": identity}),
            ("order.paid", {"id": identity, "checkout_id": identity}),
            ("order.paid", {"id": identity}),
            ("refund.created", {"order_id": identity}),
            ("dispute.created", {"order_id": identity}),
        ):
            event = receive(connection, standin.told(kind, data))
            assert (event.references, event.about) == ((), "")
    assert standin.requests == []


def test_a_forged_event_is_refused(standin: Polar, connection: Connection, made: Made) -> None:
    """Missing, wrong, another's, another id's, another time's signature; each header only once; nothing is asked."""
    sent = standin.pay(made.reference)[1]
    at, signature = sent.headers["webhook-timestamp"], sent.headers["webhook-signature"]
    count = len(standin.requests)
    for name in polar_signature.HEADERS:
        value, field = sent.headers[name], name.replace("-", "_")
        assert refused(connection, sent, **{field: []}) == name
        assert refused(connection, sent, **{field: [""]}) == name
        assert refused(connection, sent, **{field: [value, value]}) == name
        assert refused(connection, sent, **{field: [value + " " * 3000]}) == name
    assert refused(connection, sent, webhook_id=[str(uuid.uuid4())]) == "webhook-signature"
    assert refused(connection, sent, webhook_id=["a.b"]) == "webhook-id"
    assert refused(connection, sent, webhook_timestamp=[str(int(at) - 1)]) == "webhook-signature"
    for time_of in (f"{at}.0", f"+{at}", "nan", "-1", "١٢٣", "1" * 13):
        assert refused(connection, sent, webhook_timestamp=[time_of]) == "webhook-timestamp"
    wrong = "v1," + base64.b64encode(bytes(32)).decode()
    for value in (wrong, signature[3:], signature.replace("v1,", "v1a,"), "v1,", "v1,é", "v1,\ud800", signature + "x"):
        assert refused(connection, sent, webhook_signature=[value]) == "webhook-signature"
    for secret in ("another-secret-of-16", SECRET + "x", SECRET.upper()):
        other = Delivery(standin.sign(sent.body, secret=secret), sent.body)
        assert refused(connection, other) == "webhook-signature"
    assert len(standin.requests) == count


def test_a_signature_among_several_counts(standin: Polar, connection: Connection, made: Made) -> None:
    """Standard Webhooks sends one for each secret, with a space between them."""
    sent = standin.pay(made.reference)[0]
    wrong = "v1," + base64.b64encode(bytes(32)).decode()
    several = f"{wrong} v1a,{wrong} {sent.headers['webhook-signature']}"
    assert receive(connection, sent, webhook_signature=[several]).kind == "order.created"


def test_a_body_written_again_is_refused(standin: Polar, connection: Connection, made: Made) -> None:
    """Equal JSON is not the same bytes; neither is one with a changed amount, or one in no UTF-8."""
    sent = standin.pay(made.reference)[1]
    for body in (json.dumps(json.loads(sent.body), indent=1).encode(), sent.body + b"\n", sent.body + b"\xff", b""):
        assert refused(connection, Delivery(sent.headers, body)) == "webhook-signature"


def test_a_stale_event_is_refused(standin: Polar, connection: Connection, made: Made) -> None:
    """Five minutes to either side, well signed or not."""
    body = standin.pay(made.reference)[1].body
    now = time.time()
    for away_s, is_taken in ((-290, True), (290, True), (-310, False), (310, False), (-DAY_S, False)):
        sent = Delivery(standin.sign(body, now + away_s), body)
        if is_taken:
            assert receive(connection, sent).kind == "order.paid"
        else:
            assert refused(connection, sent) == "webhook-timestamp"


def test_the_secret_and_the_one_before_count(standin: Polar, connection: Connection, made: Made) -> None:
    """During rotation both; afterwards the old one no more."""
    body = standin.pay(made.reference)[1].body
    old = Delivery(standin.sign(body, secret=BEFORE), body)
    assert receive(connection, old).kind == "order.paid"
    assert refused(replace(connection, webhook_secrets=(SECRET,)), old) == "webhook-signature"


def test_secrets_in_base_64_count_as_polar_signs_with_them(standin: Polar, connection: Connection, made: Made) -> None:
    """Newer endpoints sign with what `whsec_…` is in base 64, older ones with the text itself."""
    body = standin.pay(made.reference)[1].body
    sent = Delivery(standin.sign(body, secret=WHSEC), body)
    assert receive(replace(connection, webhook_secrets=(WHSEC,)), sent).kind == "order.paid"
    assert refused(connection, sent) == "webhook-signature"


def test_without_a_secret_nothing_is_taken(standin: Polar, connection: Connection, made: Made) -> None:
    """No secret, or an empty one, verifies nothing: not even what is signed with nothing."""
    import hashlib
    import hmac

    body = standin.pay(made.reference)[1].body
    headers = standin.sign(body)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    empty = base64.b64encode(hmac.new(b"", signed, hashlib.sha256).digest()).decode()
    forged = Delivery(headers | {"webhook-signature": f"v1,{empty}"}, body)
    for secrets in ((), ("",), ("whsec_",)):
        assert refused(replace(connection, webhook_secrets=secrets), forged) == "webhook-signature"
        assert refused(replace(connection, webhook_secrets=secrets), Delivery(headers, body)) == "webhook-signature"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{}", b'{"type": 1, "data": {}}', b'{"type": "order.paid"}', b"[" * 100_000]
)
def test_a_signed_body_that_is_no_event_is_refused(standin: Polar, connection: Connection, body: bytes) -> None:
    """Even Polar's own nonsense is a refusal, not a crash."""
    assert refused(connection, Delivery(standin.sign(body), body)) == "body"


def answers(standin: Polar, monkeypatch: pytest.MonkeyPatch, route: str, said: Reply) -> None:
    """From now on this route gets this answer."""
    usual = standin.reply
    monkeypatch.setattr(standin, "reply", lambda request: said if _is(request, route) else usual(request))


def _is(request: Request, route: str) -> bool:
    return request.route.startswith(route)


def test_a_polar_that_is_down_fails(standin: Polar, connection: Connection, made: Made) -> None:
    """503 by the name of Polar, with when to come back; whatever is asked."""
    sent = standin.told("refund.created", {"order_id": str(uuid.uuid4())})
    standin.down = True
    error = failed(connection, made.reference)
    assert (error.status, error.code, error.message) == (503, "payment_provider_failed", "Polar failed.")
    assert error.headers["retry-after"] == "2"
    for ask in (
        lambda: polar.create(connection, WANTED),
        lambda: receive(connection, sent),
        lambda: list(polar.changed(connection, 0)),
    ):
        with pytest.raises(PaymentProviderFailed):
            ask()


def test_a_polar_that_is_not_there_fails(connection: Connection, made: Made) -> None:
    """Nobody listens at the address, or it is none."""
    for url in ("http://127.0.0.1:9", "http://[::1", "ftp://host"):
        error = failed(replace(connection, url=url), made.reference)
        assert url not in str(error.body())


def test_a_slow_polar_is_not_waited_for(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All calls for one checkout together take no longer than the limit."""
    standin.pay(made.reference)
    monkeypatch.setattr(provider, "TIMEOUT_S", 0.4)
    for delay_s in (0.15, 1.0):
        standin.delay_s = delay_s
        began = time.monotonic()
        error = failed(connection, made.reference)
        assert time.monotonic() - began < 0.8
        assert error.message == "Polar did not answer."


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_fails(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A token that is wrong, or may not do this."""
    answers(standin, monkeypatch, "/", Reply(status, {"error": "insufficient_scope", "detail": "no"}))
    assert failed(connection, made.reference).message == "Polar refused the access token."


def test_a_wrong_key_is_refused_by_the_stand_in(connection: Connection, made: Made) -> None:
    """As Polar does it, with 401."""
    assert failed(replace(connection, key="polar_oat_x"), made.reference).message == "Polar refused the access token."


def test_too_many_requests_say_when_to_come_back(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polar's own time, up to a minute."""
    for given, told in (("7", "7"), ("9000", "60"), ("0", "2"), ("-5", "1"), ("soon", "2")):
        answers(standin, monkeypatch, "/", Reply(429, {}, {"retry-after": given}))
        assert failed(connection, made.reference).headers["retry-after"] == told


@pytest.mark.parametrize("route", ["/v1/checkouts/", "/v1/orders/", "/v1/refunds/", "/v1/disputes/"])
def test_answers_that_are_none_fail(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """Malformed JSON, or of another shape: never half a payment."""
    standin.pay(made.reference)
    for content in (b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"id": 1}', b"null"):
        answers(standin, monkeypatch, route, Reply(200, content))
        failed(connection, made.reference)


def test_a_404_that_is_not_polars_is_no_answer(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's page must not make a checkout unknown."""
    answers(standin, monkeypatch, "/v1/checkouts/", Reply(404, b"<html>not found</html>"))
    failed(connection, made.reference)


def test_a_redirect_is_not_followed(
    standin: Polar, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token goes nowhere else."""
    with Polar(KEY, SECRET, product=PRODUCT) as elsewhere:
        answers(standin, monkeypatch, "/", Reply(302, None, {"location": f"{elsewhere.url}/v1/checkouts/"}))
        failed(connection, made.reference)
        assert elsewhere.requests == []


def test_no_key_and_no_secret_is_in_an_error_or_a_log(
    standin: Polar,
    connection: Connection,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even where the key itself is what cannot be sent, or where Polar repeats it."""
    caplog.set_level(logging.DEBUG)
    sent = standin.pay(made.reference)[0]
    answers(standin, monkeypatch, "/v1/checkouts/", Reply(500, f"token {KEY}".encode()))
    errors = [failed(connection, made.reference)]
    errors += [failed(replace(connection, key=key), made.reference) for key in (KEY + "\n", KEY + "é")]
    answers(standin, monkeypatch, "/v1/checkouts/", Reply(422, {"detail": [{"loc": [KEY], "msg": KEY, "type": KEY}]}))
    errors.append(failed(connection, made.reference))
    refused(connection, Delivery(sent.headers, sent.body + b" "))
    said = caplog.text + "".join(f"{error} {error.__cause__} {error.body()}" for error in errors)
    assert all(secret not in said for secret in (KEY, SECRET, BEFORE, WANTED.email))
    assert "polar checkouts.get: failed (PolarServerError, 500 status)" in caplog.text
    assert repr(connection).find(KEY) < 0


def test_changed_lists_what_was_paid_refunded_or_disputed(standin: Polar, connection: Connection) -> None:
    """Since a time, each checkout once, however long ago it began; what is open, or older, is not listed."""
    now = int(time.time())
    old, late, refunded, disputed, fresh, unpaid, again = (
        polar.create(connection, replace(WANTED, email="")).reference for _ in range(7)
    )
    for reference, days in ((old, 20), (late, 20), (refunded, 50), (disputed, 90), (fresh, 0), (again, 1)):
        standin.clock = lambda days=days: now - days * DAY_S  # type: ignore[misc]
        standin.pay(reference)
    standin.clock = lambda: now - 50 * DAY_S
    standin.refund(old, 10)
    standin.refund(refunded, 10)
    standin.clock = lambda: now - 90 * DAY_S
    standin.dispute(disputed)
    standin.clock = lambda: now - 100
    standin.order_of(late)["modified_at"] = polar_time(now - 100)
    standin.fail_refund(refunded)
    standin.close_dispute(disputed, won=False)
    standin.refund(fresh, 5)
    found = list(polar.changed(connection, now - 2 * DAY_S))
    assert sorted(found) == sorted([late, refunded, disputed, fresh, again])
    assert unpaid not in found


def polar_time(at_s: float) -> str:
    from tests.payments.standins.polar_objects import time_text

    return time_text(at_s)


def test_changed_goes_through_all_pages_one_by_one(
    standin: Polar, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked for before somebody wants it, and no page is left out."""
    monkeypatch.setattr(polar, "PAGE", 2)
    references = [polar.create(connection, replace(WANTED, email="")).reference for _ in range(5)]
    for number, reference in enumerate(references):
        standin.clock = lambda number=number: time.time() + number  # type: ignore[misc]
        standin.pay(reference)
    standin.requests.clear()
    found = polar.changed(connection, int(time.time()) - 60)
    assert standin.requests == []
    assert [next(found), next(found)] == references[:2]
    assert len(standin.requests) == 1
    assert list(found) == references[2:]
