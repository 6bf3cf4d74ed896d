"""Mollie, asked through its library and HTTP, in front of a stand-in."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import provider
from functions.payments import with_mollie as mollie
from functions.payments.provider import Connection, Event, Made, Payment, Wanted
from tests.payments.standins.base import Delivery, Reply
from tests.payments.standins.mollie import Mollie

KEY = "test_canary9canary9canary9canary"
NUMBER = "ord_" + "5" * 32
DAY_S = 86_400
WANTED = Wanted(
    order=NUMBER,
    title="5M credits",
    amount=50,
    currency="eur",
    done_url="https://shop.example/done?checkout=done",
    cancel_url="https://shop.example/done?checkout=cancelled",
    webhook_url="https://api.example/mollie/webhook",
    email="ana@shop.example",
    expires=int(time.time()) + 3600,
)


@pytest.fixture
def standin() -> Iterator[Mollie]:
    with Mollie(KEY) as running:
        yield running


@pytest.fixture
def connection(standin: Mollie) -> Connection:
    return Connection("default", "mollie", "test", KEY, (), standin.url)


@pytest.fixture
def made(connection: Connection) -> Made:
    return mollie.create(connection, WANTED)


def receive(connection: Connection, sent: Delivery) -> Event:
    given = {name: [value] for name, value in sent.headers.items()}
    return mollie.receive(connection, lambda name: given.get(name, []), sent.body, time.time())


def fetched(connection: Connection, reference: str) -> Payment:
    found = mollie.fetch(connection, reference)
    assert found
    return found


def failed(connection: Connection, reference: str) -> PaymentProviderFailed:
    with pytest.raises(PaymentProviderFailed) as caught:
        mollie.fetch(connection, reference)
    return caught.value


def another(number: int) -> Wanted:
    """A checkout of another order."""
    return replace(WANTED, order=f"ord_{number:032}")


def answers(standin: Mollie, monkeypatch: pytest.MonkeyPatch, said: Reply) -> None:
    """From now on everybody gets this answer."""
    monkeypatch.setattr(standin, "reply", lambda request: said)


def test_the_module_is_the_adapter_of_its_name() -> None:
    """provider.adapter("mollie") is this module."""
    assert provider.adapter("mollie") is mollie


def test_a_payment_is_made_with_the_price_of_the_pack(standin: Mollie, made: Made) -> None:
    """The price with two digits, our number with it, where to go back to, and where Mollie is to tell of it."""
    (request,) = standin.requests
    assert json.loads(request.body) == {
        "amount": {"currency": "EUR", "value": "0.50"},
        "description": "5M credits",
        "redirectUrl": WANTED.done_url,
        "cancelUrl": WANTED.cancel_url,
        "webhookUrl": WANTED.webhook_url,
        "metadata": {"farebox_order": NUMBER},
    }
    assert request.headers["idempotency-key"] == NUMBER
    assert standin.references() == [made.reference]
    assert made.url == f"{standin.url}/checkout/{made.reference}"
    assert abs(made.expires - time.time() - 900) < 60


def test_the_same_order_makes_one_payment(standin: Mollie, connection: Connection, made: Made) -> None:
    """Asked again after an answer that got lost, Mollie gives the payment that it made."""
    assert mollie.create(connection, WANTED) == made
    assert mollie.create(connection, another(1)) != made
    assert len(standin.references()) == 2


def test_what_mollie_does_not_say_of_the_end_is_as_wanted(
    standin: Mollie, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some payments have no end."""
    usual = standin._payment
    monkeypatch.setattr(standin, "_payment", lambda asked: usual(asked) | {"expiresAt": None})
    assert mollie.create(connection, WANTED).expires == WANTED.expires


def test_without_an_address_for_events_none_is_given(standin: Mollie, connection: Connection) -> None:
    """Mollie refuses an empty one."""
    mollie.create(connection, replace(WANTED, webhook_url=""))
    assert "webhookUrl" not in json.loads(standin.requests[0].body)


def test_a_payment_that_mollie_refuses_fails(connection: Connection) -> None:
    """A currency that it does not take."""
    with pytest.raises(PaymentProviderFailed, match=r"^Mollie refused what it was asked for\.$"):
        mollie.create(connection, replace(WANTED, currency="jpy"))


def test_an_unpaid_payment_is_open(connection: Connection, made: Made) -> None:
    """Number, mode and price are there before anybody paid."""
    assert mollie.fetch(connection, made.reference) == Payment(made.reference, NUMBER, "test", "open", 50, "eur")


def test_the_mode_is_that_of_the_payment(standin: Mollie, connection: Connection, made: Made) -> None:
    """A payment says itself whether its money is real."""
    standin.alter(made.reference, mode="live")
    assert fetched(connection, made.reference).mode == "live"


@pytest.mark.parametrize(
    ("press", "state"),
    [
        ("pay", "paid"),
        ("process", "processing"),
        ("authorize", "processing"),
        ("fail", "failed"),
        ("cancel", "failed"),
        ("expire", "expired"),
    ],
)
def test_states_of_a_payment(standin: Mollie, connection: Connection, made: Made, press: str, state: str) -> None:
    """Each is told by the same event; paid is only what is `paid`, not what is authorized."""
    (event,) = [receive(connection, sent) for sent in getattr(standin, press)(made.reference)]
    assert (event.references, event.is_money) == ((made.reference,), False)
    assert fetched(connection, made.reference) == Payment(made.reference, NUMBER, "test", state, 50, "eur")


def test_a_state_that_nobody_knows_fails(standin: Mollie, connection: Connection, made: Made) -> None:
    """What it means nobody can say; Mollie sends its event again."""
    standin.alter(made.reference, status="teleported")
    assert failed(connection, made.reference).message == "Mollie answered what cannot be read."


def test_refunds_add_up(standin: Mollie, connection: Connection, made: Made) -> None:
    """Whatever is queued, pending, processing or refunded counts; what failed or was canceled does not."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    assert fetched(connection, made.reference).refunded == 20
    assert standin.requests[-1].query == [("embed", "refunds,chargebacks")]
    standin.refund(made.reference, 30)
    for status in ("queued", "pending", "processing", "refunded"):
        standin.set_refund(made.reference, status)
        assert fetched(connection, made.reference).refunded == 50
    assert fetched(connection, made.reference).state == "paid"
    standin.fail_refund(made.reference)
    assert fetched(connection, made.reference).refunded == 20
    standin.set_refund(made.reference, "canceled")
    assert fetched(connection, made.reference).refunded == 20


def test_more_than_all_cannot_go_back(standin: Mollie, connection: Connection, made: Made) -> None:
    """Mollie refunds up to 25 euros more than was paid: what of the price went back is all of it."""
    standin.pay(made.reference)
    standin.refund(made.reference, 80)
    assert fetched(connection, made.reference).refunded == 50


def test_without_its_refunds_the_payments_own_sum_counts(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should Mollie leave them out, nothing that went back is overlooked."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    shown = standin._shown
    monkeypatch.setattr(standin, "_shown", lambda reference, embed: shown(reference, ""))
    assert fetched(connection, made.reference).refunded == 20


def test_chargebacks_are_lost_until_they_are_reversed(standin: Mollie, connection: Connection, made: Made) -> None:
    """The money is gone at once; the payment stays paid."""
    standin.pay(made.reference)
    standin.dispute(made.reference, 30)
    (dispute,) = fetched(connection, made.reference).disputes
    assert (dispute.amount, dispute.state) == (30, "lost")
    assert dispute.dispute_id.startswith("chb_")
    standin.close_dispute(made.reference, won=True)
    assert fetched(connection, made.reference).disputes == (replace(dispute, state="won"),)
    standin.dispute(made.reference)
    found = fetched(connection, made.reference)
    assert [(each.amount, each.state) for each in found.disputes] == [(30, "won"), (50, "lost")]
    assert (found.state, found.refunded) == ("paid", 0)


def test_what_is_not_mollies_is_none(standin: Mollie, connection: Connection) -> None:
    """An unknown payment is None; what is no id of a payment is not even asked for."""
    assert mollie.fetch(connection, "tr_unknown") is None
    count = len(standin.requests)
    for reference in ("", "tr_", "re_1", "tr_../refunds", "tr_a/b", "tr_a?b", "tr_a\n", "tr_é", "tr_" + "a" * 65):
        assert mollie.fetch(connection, reference) is None
    assert len(standin.requests) == count


def test_a_changed_payment_is_told_as_it_is(standin: Mollie, connection: Connection, made: Made) -> None:
    """Amount, currency and number come from the API; metadata of another shape has no number."""
    standin.pay(made.reference)
    standin.alter(made.reference, amount=49, currency="usd", order="ord_other")
    found = fetched(connection, made.reference)
    assert (found.amount, found.currency, found.order) == (49, "usd", "ord_other")
    standin.alter(made.reference, currency="xxx")
    assert fetched(connection, made.reference).currency == "xxx"
    for metadata in (None, "text", ["a"], {}, {"farebox_order": 7}):
        standin.alter(made.reference, metadata=metadata)
        assert fetched(connection, made.reference).order == ""


@pytest.mark.parametrize("value", ["1e1", "-0.50", "0.505", "", "0,50", 0.5, None, "٠.٥٠"])
def test_an_amount_that_is_none_fails(standin: Mollie, connection: Connection, made: Made, value: Any) -> None:
    """Neither a number, nor a negative one, nor one finer than a cent is ever an amount."""
    standin.alter(made.reference)
    standin.payments[made.reference]["amount"] = {"currency": "EUR", "value": value}
    failed(connection, made.reference)


def test_a_refund_in_another_currency_fails(standin: Mollie, connection: Connection, made: Made) -> None:
    """What of the price that is nobody can say."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    standin._of("refunds", made.reference)[0]["amount"] = {"currency": "USD", "value": "0.20"}
    failed(connection, made.reference)


def test_an_event_names_a_payment_and_asks_nothing(standin: Mollie, connection: Connection) -> None:
    """Whether it is one of ours is looked up first, by the caller; anybody can send this, so it is no money."""
    event = receive(connection, standin.strange())
    reference = event.references[0]
    assert event == Event(reference, "payment", (reference,), about=reference, is_money=False)
    body = f"id={reference}&testByMollie=1".encode()
    assert receive(connection, Delivery({}, body)) == event
    assert standin.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"id=",
        b"id=tr_",
        b"tr_abc",
        b"id=re_abc",
        b"ID=tr_abc",
        b"id=tr_abc&id=tr_abd",
        b"id=tr_abc&id=",
        b"id=tr_abc%0a",
        b"id=tr_abc%2F..%2Frefunds",
        b"id=tr_abc\xff",
        "id=tr_é".encode(),
        b"id=tr_" + b"a" * 65,
        b"id=tr_abc&" + b"x=1&" * 20,
        b"id=tr_abc&x=" + b"a" * 1000,
        b'{"id": "tr_abc"}',
        b'{"resource": "event", "entityId": "tr_abc"}',
    ],
)
def test_an_event_that_names_no_payment_is_refused(standin: Mollie, connection: Connection, body: bytes) -> None:
    """None, two, another kind of id, or what would change a URL: 400, and nobody is asked."""
    with pytest.raises(BadRequest) as caught:
        receive(connection, Delivery({}, body))
    assert caught.value.param == "id"
    assert standin.requests == []


def test_a_mollie_that_is_down_fails(standin: Mollie, connection: Connection, made: Made) -> None:
    """503 by the name of Mollie, with when to come back; whatever is asked."""
    standin.down = True
    error = failed(connection, made.reference)
    assert (error.status, error.code, error.message) == (503, "payment_provider_failed", "Mollie failed.")
    assert error.headers["retry-after"] == "2"
    with pytest.raises(PaymentProviderFailed):
        mollie.create(connection, WANTED)
    with pytest.raises(PaymentProviderFailed):
        list(mollie.changed(connection, 0))


def test_a_failure_that_mollie_words_fails(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own fault, and too many requests."""
    for status, how in (
        (500, "failed"),
        (429, "refused what it was asked for"),
        (403, "refused what it was asked for"),
    ):
        answers(standin, monkeypatch, Reply(status, {"status": status, "title": "t", "detail": "d"}))
        assert failed(connection, made.reference).message == f"Mollie {how}."


def test_a_mollie_that_is_not_there_fails(connection: Connection, made: Made) -> None:
    """Nobody listens at the address, or it is none."""
    for url in ("http://127.0.0.1:9", "http://[::1", "ftp://host", "nonsense"):
        error = failed(replace(connection, url=url), made.reference)
        assert url not in str(error.body())


def test_a_slow_mollie_is_not_waited_for(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer has what connecting leaves of the limit."""
    monkeypatch.setattr(provider, "TIMEOUT_S", 0.4)
    monkeypatch.setattr(provider, "CONNECT_TIMEOUT_S", 0.2)
    standin.delay_s = 1.0
    began = time.monotonic()
    assert failed(connection, made.reference).message == "Mollie did not answer."
    assert time.monotonic() - began < 0.8


def test_a_wrong_key_fails(connection: Connection, made: Made) -> None:
    """One that Mollie does not know, and one that is none."""
    for key in ("test_another1another1another1another", "", "sk_test_1", "test_" + "é" * 30):
        error = failed(replace(connection, key=key), made.reference)
        assert error.message == "Mollie refused the API key." or key.endswith("é")
        assert not key or key not in str(error.body())


@pytest.mark.parametrize("status", [200, 201, 401, 404, 500])
def test_answers_that_are_none_fail(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Malformed JSON, or of another shape: never half a payment, and never an unknown one."""
    contents = (b"", b"{", b"[]", b"{}", b"null", b"\xff", b"7", b"[" * 100_000, b'{"status": "x"}', b'{"status": 404}')
    for content in contents:
        answers(standin, monkeypatch, Reply(status, content, {"content-type": "application/hal+json"}))
        failed(connection, made.reference)


@pytest.mark.parametrize("name", ["id", "amount", "mode", "status"])
def test_a_payment_that_lacks_something_fails(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing is guessed; and an id of another shape is none."""
    shown = {key: value for key, value in standin._shown(made.reference, "").items() if key != name}
    for lacking in (shown, shown | {name: None}, shown | {name: 7}, shown | {name: "x"}):
        if name != "mode" or "x" not in lacking.values():
            answers(standin, monkeypatch, Reply(200, lacking))
            failed(connection, made.reference)


def test_a_redirect_is_not_followed(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key goes nowhere else."""
    with Mollie(KEY) as elsewhere:
        answers(standin, monkeypatch, Reply(302, None, {"location": f"{elsewhere.url}/v2/payments/{made.reference}"}))
        failed(connection, made.reference)
        assert elsewhere.requests == []


def test_a_next_page_elsewhere_is_not_asked_for(
    standin: Mollie, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link out of a list cannot lead the key away."""
    with Mollie(KEY) as elsewhere:
        links = {"next": {"href": f"{elsewhere.url}/v2/payments?from=tr_1"}}
        first = Reply(200, {"_embedded": {"payments": []}, "_links": links})
        usual = standin.reply
        is_first = "/v2/payments?limit=250".__eq__
        monkeypatch.setattr(standin, "reply", lambda asked: first if is_first(asked.path) else usual(asked))
        with pytest.raises(PaymentProviderFailed):
            list(mollie.changed(connection, 0))
        assert elsewhere.requests == []


def test_the_environment_gives_no_keys_and_no_proxies(
    connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A .netrc would replace the key, and a proxy would see it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetched(connection, made.reference).state == "open"


def test_no_key_is_in_an_error_or_a_log(
    standin: Mollie,
    connection: Connection,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even one of a wrong shape, which the library quotes, or where Mollie repeats it."""
    caplog.set_level(logging.DEBUG)
    mollie.create(connection, WANTED)
    errors = [failed(replace(connection, key=key), made.reference) for key in (f"x{KEY}", KEY + "é", f"{KEY} {KEY}")]
    for status in (200, 400, 500):
        answers(standin, monkeypatch, Reply(status, f"token {KEY}".encode()))
        errors.append(failed(connection, made.reference))
        answers(standin, monkeypatch, Reply(status, {"status": status, "title": KEY, "detail": KEY, "field": KEY}))
        errors.append(failed(connection, made.reference))
    said = caplog.text + "".join(f"{error} {error.__cause__} {error.body()}" for error in errors)
    assert all(secret not in said for secret in (KEY, WANTED.email))
    assert "mollie payments.get: failed (ResponseError, 500 status)" in caplog.text


def test_changed_lists_what_was_paid_refunded_or_charged_back(standin: Mollie, connection: Connection) -> None:
    """Since a time, each payment once, however long ago it began; what is open, or older, is not listed."""
    now = int(time.time())
    found = {}
    for number, (name, days) in enumerate(
        {"reversed": 120, "charged": 100, "refunded": 50, "old": 20, "late": 10, "fresh": 1, "open": 0}.items()
    ):
        standin.clock = lambda days=days: now - days * DAY_S  # type: ignore[misc]
        found[name] = mollie.create(connection, another(number)).reference
        if name not in ("late", "open"):
            standin.pay(found[name])
    for name, days in (("reversed", 110), ("old", 19)):
        standin.clock = lambda days=days: now - days * DAY_S  # type: ignore[misc]
        standin.dispute(found[name])
    standin.clock = lambda: now - 100
    standin.pay(found["late"])
    standin.refund(found["refunded"], 10)
    standin.refund(found["fresh"], 10)
    standin.dispute(found["charged"])
    standin.payments[found["reversed"]]["paidAt"] = None
    standin._of("chargebacks", found["reversed"])[0]["reversedAt"] = standin._now()
    told = list(mollie.changed(connection, now - 2 * DAY_S))
    assert sorted(told) == sorted(found[name] for name in ("reversed", "charged", "refunded", "late", "fresh"))


def test_a_refund_that_failed_late_is_listed(standin: Mollie, connection: Connection, made: Made) -> None:
    """When a refund failed nobody says; so those of two months are listed."""
    standin.pay(made.reference)
    standin.clock = lambda: time.time() - 30 * DAY_S
    standin.refund(made.reference, 10)
    standin.fail_refund(made.reference)
    standin.payments[made.reference]["paidAt"] = None
    assert list(mollie.changed(connection, int(time.time()) - DAY_S)) == [made.reference]


def test_changed_goes_through_all_pages_one_by_one(
    standin: Mollie, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked for before somebody wants it, no page is left out, and none too old is asked for."""
    monkeypatch.setattr(mollie, "PAGE", 2)
    for number in range(7):
        days = 90 if number < 2 else 0
        standin.clock = lambda days=days: time.time() - days * DAY_S  # type: ignore[misc]
        standin.pay(mollie.create(connection, another(number)).reference)
    newest = standin.references()[:1:-1]
    standin.requests.clear()
    found = mollie.changed(connection, int(time.time()) - 60)
    assert standin.requests == []
    assert [next(found), next(found)] == newest[:2]
    assert len(standin.requests) == 1
    assert list(found) == newest[2:]
    assert [request.route for request in standin.requests].count("/v2/payments") == 3
