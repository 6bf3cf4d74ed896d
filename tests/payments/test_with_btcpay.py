"""BTCPay Server, asked through HTTP, in front of a stand-in."""

import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest

from functions import outbound
from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import btcpay_server, provider
from functions.payments import with_btcpay as btcpay
from functions.payments.provider import Connection, Event, Made, Payment, Wanted
from tests.payments.standins.base import Delivery, Reply, Request
from tests.payments.standins.btcpay import BTCPay

KEY, SECRET, BEFORE = "canary-key-of-btcpay", "canary-secret-of-btcpay", "canary-secret-before"
STORE = "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776"
NUMBER = "ord_" + "b" * 32
DAY_S = 86_400
LASTS_S = 3600
LOOPBACK = (ip_network("127.0.0.0/8"),)
WANTED = Wanted(
    order=NUMBER,
    title="5M credits",
    amount=50,
    currency="usd",
    done_url="https://shop.example/done?checkout=done",
    cancel_url="https://shop.example/done?checkout=cancelled",
    webhook_url="https://api.example/btcpay/webhook",
    email="ana@shop.example",
)


@pytest.fixture
def standin() -> Iterator[BTCPay]:
    with BTCPay(KEY, SECRET, store=STORE) as running:
        yield running


@pytest.fixture
def connection(standin: BTCPay) -> Connection:
    """The operator's: plain http, to wherever its setting says."""
    return Connection("default", "btcpay", "test", KEY, (SECRET, BEFORE), standin.url, STORE)


@pytest.fixture
def made(connection: Connection) -> Made:
    return btcpay.create(connection, replace(WANTED, expires=int(time.time()) + LASTS_S))


def receive(connection: Connection, sent: Delivery) -> Event:
    given = {name.lower(): [value] for name, value in sent.headers.items()}
    return btcpay.receive(connection, lambda name: given.get(name, []), sent.body, time.time())


def received(connection: Connection, deliveries: list[Delivery]) -> list[tuple[str, bool]]:
    """Kind, and whether it is money, of events that are all about the only invoice there is."""
    events = [receive(connection, sent) for sent in deliveries]
    assert len({event.references for event in events}) == 1
    assert all(event.about == event.references[0] for event in events)
    return [(event.kind, event.is_money) for event in events]


def fetched(connection: Connection, reference: str) -> Payment:
    found = btcpay.fetch(connection, reference)
    assert found
    return found


def failed(connection: Connection, reference: str) -> PaymentProviderFailed:
    with pytest.raises(PaymentProviderFailed) as caught:
        btcpay.fetch(connection, reference)
    return caught.value


def answers(standin: BTCPay, monkeypatch: pytest.MonkeyPatch, said: Reply, to: str = "") -> None:
    """From now on this answer to every request whose path ends so."""
    usual = standin.reply
    monkeypatch.setattr(standin, "reply", lambda asked: said if asked.route.endswith(to) else usual(asked))


def test_the_module_is_the_adapter_of_its_name() -> None:
    """provider.adapter("btcpay") is this module."""
    assert provider.adapter("btcpay") is btcpay


def test_an_invoice_is_made_with_the_price_of_the_pack(standin: BTCPay, made: Made) -> None:
    """The price as text, our number with it, where to go back to, and how long it lasts; the key is in its header."""
    (request,) = standin.requests
    assert (request.method, request.path) == ("POST", f"/api/v1/stores/{STORE}/invoices")
    assert request.headers["authorization"] == f"token {KEY}"
    assert json.loads(request.body) == {
        "amount": "0.50",
        "currency": "USD",
        "metadata": {
            "orderId": NUMBER,
            "farebox_order": NUMBER,
            "itemDesc": "5M credits",
            "buyerEmail": "ana@shop.example",
        },
        "checkout": {"redirectURL": WANTED.done_url, "redirectAutomatically": True, "expirationMinutes": 60},
    }
    assert standin.references() == [made.reference]
    assert made.url == f"{standin.url}/i/{made.reference}"
    assert 0 < made.expires - time.time() <= LASTS_S + 60


def test_an_invoice_ends_when_it_is_to_end(standin: BTCPay, connection: Connection) -> None:
    """In minutes, at least one; without an end of ours it is the store's. An address that is empty is not told."""
    btcpay.create(connection, replace(WANTED, expires=int(time.time()), email=""))
    btcpay.create(connection, replace(WANTED, expires=0))
    short, usual = [json.loads(request.body) for request in standin.requests]
    assert short["checkout"]["expirationMinutes"] == 1
    assert "buyerEmail" not in short["metadata"]
    assert "expirationMinutes" not in usual["checkout"]


def test_currencies_have_their_own_digits(standin: BTCPay, connection: Connection) -> None:
    """500 yen are 500, and come back as 500."""
    made = btcpay.create(connection, replace(WANTED, amount=500, currency="jpy"))
    assert json.loads(standin.requests[0].body)["amount"] == "500"
    assert (fetched(connection, made.reference).amount, fetched(connection, made.reference).currency) == (500, "jpy")


def test_an_invoice_that_btcpay_refuses_fails(connection: Connection) -> None:
    """A currency that it does not know."""
    with pytest.raises(PaymentProviderFailed, match=r"^BTCPay Server refused what it was asked for\.$"):
        btcpay.create(connection, replace(WANTED, currency="zar"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../x"},
        {"id": 7},
        {"id": ""},
        {"checkoutLink": "javascript:alert(1)"},
        {"checkoutLink": "https://pay.example/i/1\r\nx: y"},
        {"checkoutLink": None},
        {"checkoutLink": "https://pay.example/" + "a" * 3000},
        {"expirationTime": "soon"},
        {"expirationTime": None},
    ],
    ids=str,
)
def test_an_answer_that_is_no_invoice_fails(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """Somebody is sent to that address: only http leads there, and nothing that would end a header."""
    answers(standin, monkeypatch, Reply(200, standin.invoices[made.reference] | change))
    with pytest.raises(PaymentProviderFailed, match="cannot be read"):
        btcpay.create(connection, WANTED)


def test_an_unpaid_invoice_is_open(connection: Connection, made: Made) -> None:
    """Number and price are there before anybody paid; the mode is the connection's, BTCPay has none."""
    assert btcpay.fetch(connection, made.reference) == Payment(made.reference, NUMBER, "test", "open", 50, "usd")
    assert fetched(replace(connection, mode="live"), made.reference).mode == "live"


def test_a_settled_invoice_is_paid(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Each event points at it; those that tell of confirmed money say so."""
    assert received(connection, standin.pay(made.reference)) == [
        ("InvoiceReceivedPayment", False),
        ("InvoiceProcessing", False),
        ("InvoicePaymentSettled", True),
        ("InvoiceSettled", True),
    ]
    assert fetched(connection, made.reference) == Payment(made.reference, NUMBER, "test", "paid", 50, "usd")


@pytest.mark.parametrize(("press", "state"), [("process", "processing"), ("fail", "failed"), ("expire", "expired")])
def test_states_of_an_invoice(standin: BTCPay, connection: Connection, made: Made, press: str, state: str) -> None:
    """Money without its confirmations is none, and what never got them failed."""
    assert not any(is_money for _, is_money in received(connection, getattr(standin, press)(made.reference)))
    assert fetched(connection, made.reference).state == state


def test_what_was_paid_in_part_or_too_late_is_not_paid(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Until the merchant marks the invoice as settled."""
    standin.pay(made.reference, Decimal("0.6"))
    assert fetched(connection, made.reference).state == "open"
    standin.expire(made.reference)
    assert fetched(connection, made.reference).state == "expired"
    assert ("InvoicePaymentSettled", True) in received(connection, standin.pay(made.reference, Decimal("0.4")))
    assert fetched(connection, made.reference).state == "expired"
    assert received(connection, standin.mark(made.reference, "Settled")) == [("InvoiceSettled", True)]
    assert fetched(connection, made.reference).state == "paid"


@pytest.mark.parametrize(
    ("status", "additional", "state"),
    [
        ("New", "None", "open"),
        ("New", "PaidPartial", "open"),
        ("Processing", "PaidOver", "processing"),
        ("Settled", "Marked", "paid"),
        ("Settled", "PaidLate", "paid"),
        ("Settled", "PaidOver", "paid"),
        ("Settled", "PaidPartial", "processing"),
        ("Expired", "PaidLate", "expired"),
        ("Expired", "PaidPartial", "expired"),
        ("Invalid", "Marked", "failed"),
        ("Invalid", "Invalid", "failed"),
    ],
)
def test_only_settled_is_paid(
    standin: BTCPay, connection: Connection, made: Made, status: str, additional: str, state: str
) -> None:
    """Why it is settled makes no difference, unless it says that a part is lacking."""
    standin.pay(made.reference)
    standin.alter(made.reference, status=status, additionalStatus=additional)
    assert fetched(connection, made.reference).state == state


def test_a_status_that_nobody_knows_fails(standin: BTCPay, connection: Connection, made: Made) -> None:
    """What it means nobody can say; BTCPay sends its event again."""
    standin.alter(made.reference, status="Teleported")
    assert failed(connection, made.reference).message == "BTCPay Server answered what cannot be read."


def test_an_invoice_marked_invalid_is_refunded(standin: BTCPay, connection: Connection, made: Made) -> None:
    """All of it, whatever went back before; marked as settled again, none but that."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    standin.mark(made.reference, "Invalid")
    found = fetched(connection, made.reference)
    assert (found.state, found.refunded) == ("failed", 50)
    standin.mark(made.reference, "Settled")
    found = fetched(connection, made.reference)
    assert (found.state, found.refunded) == ("paid", 20)


@pytest.mark.parametrize("before_2", [False, True], ids=["2", "1"])
@pytest.mark.parametrize("currency", ["", "BTC", "SATS", "EUR"])
def test_refunds_add_up(standin: BTCPay, connection: Connection, made: Made, currency: str, before_2: bool) -> None:
    """In the invoice's currency as they are; in bitcoin, or sent as bitcoin, at the invoice's rate."""
    standin.before_2 = before_2
    standin.pay(made.reference)
    told = received(connection, standin.refund(made.reference, 20, currency=currency))
    assert told == [("PayoutCreated", False), ("PayoutApproved", False), ("PayoutUpdated", True)]
    assert fetched(connection, made.reference).refunded == 20
    standin.refund(made.reference, 10)
    found = fetched(connection, made.reference)
    assert (found.state, found.refunded) == ("paid", 30)


@pytest.mark.parametrize("variant", ["RateThen", "Fiat"])
def test_btcpays_own_refunds_are_of_everything(
    standin: BTCPay, connection: Connection, made: Made, variant: str
) -> None:
    """Its two that are exact, whatever was rounded on the way."""
    standin.pay(made.reference)
    standin.refund(made.reference, 50, variant=variant)
    assert fetched(connection, made.reference).refunded == 50


def test_the_rate_is_that_of_what_was_paid(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another way to pay in bitcoin was shown later, at another rate; one without a rate has none."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20, currency="BTC")
    (*_, paid) = standin._methods(standin.invoices[made.reference])
    later = {"paymentMethodId": "BTC-LN", "currency": "BTC", "rate": "32000", "paymentMethodPaid": "0"}
    for methods in ([later, paid], [paid, later], [later | {"rate": None, "paymentMethodPaid": None}, paid]):
        answers(standin, monkeypatch, Reply(200, methods), "/payment-methods")
        assert fetched(connection, made.reference).refunded == 20
    answers(standin, monkeypatch, Reply(200, [later | {"rate": "0"}]), "/payment-methods")
    assert fetched(connection, made.reference).refunded == 50


def test_more_than_all_cannot_go_back(standin: BTCPay, connection: Connection, made: Made) -> None:
    """A merchant may send more: of the price it is all."""
    standin.pay(made.reference)
    standin.refund(made.reference, 40)
    standin.refund(made.reference, 40)
    assert fetched(connection, made.reference).refunded == 50


def test_what_was_paid_over_goes_back_first(standin: BTCPay, connection: Connection, made: Made) -> None:
    """It bought nothing, so sending it back takes nothing; what goes back beyond it does."""
    assert ("InvoiceSettled", True) in received(connection, standin.pay(made.reference, Decimal("1.2")))
    standin.refund(made.reference, 4, state="InProgress")
    assert fetched(connection, made.reference).refunded == 0
    standin.fail_refund(made.reference)
    standin.refund(made.reference, 0, variant="OverpaidAmount")
    assert fetched(connection, made.reference).refunded == 0
    standin.refund(made.reference, 15)
    assert fetched(connection, made.reference).refunded == 15
    standin.refund(made.reference, 60, variant="RateThen")
    assert fetched(connection, made.reference).refunded == 50


@pytest.mark.parametrize(
    ("state", "refunded"),
    [("AwaitingApproval", 0), ("AwaitingPayment", 0), ("InProgress", 20), ("Completed", 20), ("Cancelled", 0)],
)
def test_a_refund_counts_once_it_is_sent(
    standin: BTCPay, connection: Connection, made: Made, state: str, refunded: int
) -> None:
    """One that nobody claimed, approved or paid yet took no money."""
    standin.pay(made.reference)
    told = received(connection, standin.refund(made.reference, 20, state=state))
    assert told[-1] == ("PayoutUpdated", bool(refunded))
    assert fetched(connection, made.reference).refunded == refunded


def test_a_refund_that_never_arrives_is_none(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Its payout waits again; the event points at the invoice."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    standin.refund(made.reference, 30, state="InProgress")
    assert fetched(connection, made.reference).refunded == 50
    assert received(connection, standin.fail_refund(made.reference)) == [("PayoutUpdated", False)]
    assert fetched(connection, made.reference).refunded == 20


def test_an_archived_refund_counts(standin: BTCPay, connection: Connection, made: Made) -> None:
    """A merchant archives what is done."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    for pull_payment in standin.pull_payments.values():
        pull_payment["archived"] = True
    assert fetched(connection, made.reference).refunded == 20
    assert list(btcpay.changed(connection, int(time.time()) - DAY_S)) == [made.reference]


def test_a_refund_that_nobody_can_count_is_one_of_everything(
    standin: BTCPay, connection: Connection, made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a currency without a rate: the money is gone, and the log says so."""
    standin.pay(made.reference)
    standin.refund(made.reference, 1, currency="EUR")
    for payout in standin.payouts.values():
        payout["payoutCurrency"] = "XMR"
    assert fetched(connection, made.reference).refunded == 50
    assert "counts as one of everything" in caplog.text


def test_other_pull_payments_refund_nothing(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Of another name, or another invoice; their events are about nothing of ours."""
    standin.pay(made.reference)
    other = btcpay.create(connection, WANTED).reference
    standin.pay(other)
    standin.refund(other, 30)
    names = ("Salary", f"Refund {made.reference} again", f"refund {made.reference}", made.reference, "Refund ../x", "")
    for name in names:
        (event,) = [receive(connection, sent) for sent in standin.pull_payment(name)]
        assert (event.references, event.is_money) == ((), False), name
    assert fetched(connection, made.reference).refunded == 0
    assert fetched(connection, other).refunded == 30


def test_refunds_are_asked_for_only_where_something_was_paid(
    standin: BTCPay, connection: Connection, made: Made
) -> None:
    """One request for an open invoice, two for a paid one, four for one with a refund."""

    def count() -> int:
        standin.requests.clear()
        btcpay.fetch(connection, made.reference)
        return len(standin.requests)

    assert count() == 1
    standin.pay(made.reference)
    assert count() == 2
    standin.refund(made.reference, 20)
    assert count() == 4


def test_a_key_that_may_not_see_refunds_credits_nothing(
    standin: BTCPay, connection: Connection, made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody could say what went back: that fails until the key may, rather than to lose every refund in silence."""
    standin.pay(made.reference)
    standin.permissions.discard("canviewpullpayments")
    assert failed(connection, made.reference).message == "BTCPay Server refused the API key."
    assert "get invoice: refused the API key (status 403)" in caplog.text


def test_what_is_not_the_stores_is_none(standin: BTCPay, connection: Connection) -> None:
    """An unknown invoice is None; what is no id of one is not even asked for."""
    assert btcpay.fetch(connection, "A" * 22) is None
    count = len(standin.requests)
    for reference in ("", "a/b", "../x", "a?b", "a%2Fb", "A\n", "é", "a" * 65, "__test__1__test__"):
        assert btcpay.fetch(connection, reference) is None
    assert len(standin.requests) == count


@pytest.mark.parametrize("content", [b"", b"<html>Not Found</html>", {"title": "Not Found", "status": 404}, [], 7])
def test_a_404_that_is_not_the_invoices_fails(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, content: Any
) -> None:
    """Of another server at that address, say: an order must not seem unknown for that."""
    answers(standin, monkeypatch, Reply(404, content))
    failed(connection, made.reference)


def test_a_changed_invoice_is_told_as_it_is(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Amount, currency and number come from the API; metadata of another shape has no number."""
    standin.pay(made.reference)
    standin.alter(made.reference, amount=4900, currency="eur", order="ord_other")
    found = fetched(connection, made.reference)
    assert (found.amount, found.currency, found.order) == (4900, "eur", "ord_other")
    for metadata in (None, "text", ["a"], {}, {"farebox_order": 7}):
        standin.alter(made.reference, metadata=metadata)
        assert fetched(connection, made.reference).order == ""


@pytest.mark.parametrize("amount", ["0.505", "-0.50", "1e1", "", "0,50", "٠.٥٠"])
def test_an_amount_that_is_none_of_ours_is_nothing(
    standin: BTCPay, connection: Connection, made: Made, amount: str
) -> None:
    """It fits no order; and with it fail no others, for the store may sell other things in other currencies."""
    standin.pay(made.reference)
    standin.invoices[made.reference]["amount"] = amount
    assert (fetched(connection, made.reference).amount, fetched(connection, made.reference).refunded) == (0, 0)
    standin.invoices[made.reference] |= {"amount": "0.00012", "currency": "BTC"}
    assert (fetched(connection, made.reference).amount, fetched(connection, made.reference).currency) == (0, "btc")


@pytest.mark.parametrize(
    "change",
    [
        {"id": "B" * 22},
        {"storeId": "A" * 44},
        {"id": None},
        {"currency": 7},
        {"currency": None},
        {"amount": 0.5},
        {"amount": None},
    ],
    ids=str,
)
def test_an_answer_about_something_else_fails(
    standin: BTCPay, connection: Connection, made: Made, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another invoice, another store's, or one that lacks something."""
    invoice = standin.invoices[made.reference]
    if change == {"amount": 0.5}:
        answers(standin, monkeypatch, Reply(200, invoice | change))
        assert fetched(connection, made.reference).amount == 50
        return
    answers(standin, monkeypatch, Reply(200, invoice | change))
    failed(connection, made.reference)
    answers(standin, monkeypatch, Reply(200, {name: value for name, value in invoice.items() if name not in change}))
    if "storeId" not in change:
        failed(connection, made.reference)


def test_case_11_a_forged_event_is_refused(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Unsigned, of another secret, in another form, of another body: 400 that names the header; nobody is asked."""
    real = standin.pay(made.reference)[-1]
    right = real.headers["BTCPay-Sig"].removeprefix("sha256=")
    other = standin.sign(real.body, secret="somebody's")
    empty = standin.sign(real.body, secret="")
    anew = json.dumps(json.loads(real.body), indent=1).encode()
    forms = [right, f"sha1={right}", f"sha256={right.upper()}", f"sha256={right},sha256={right}", f"sha256=={right}"]
    forms += [
        "",
        "sha256",
        "sha256=",
        f"sha256={right[:-1]}",
        f"sha256={right}0",
        f"SHA256={right}",
        "sha256=" + "é" * 64,
    ]
    forms += [f"sha256={right}" + " " * 3000]
    forged = [Delivery(other, real.body), Delivery(empty, real.body), Delivery({}, real.body)]
    forged += [Delivery(real.headers, body) for body in (real.body + b" ", real.body[:-1], anew, b"")]
    forged += [Delivery({"BTCPay-Sig": form}, real.body) for form in forms]
    standin.requests.clear()
    for number, sent in enumerate(forged):
        with pytest.raises(BadRequest) as caught:
            receive(connection, sent)
        assert (caught.value.param, caught.value.message) == ("btcpay-sig", "The btcpay-sig is missing or wrong."), (
            number
        )
    assert standin.requests == []


def test_case_11_two_signatures_are_none(standin: BTCPay, connection: Connection, made: Made) -> None:
    """Of two, which one counts must never be a question, should both be right."""
    real = standin.pay(made.reference)[-1]
    right, wrong = real.headers["BTCPay-Sig"], standin.sign(real.body, secret="x")["BTCPay-Sig"]
    for values in ([right, right], [right, wrong], [wrong, right], []):
        with pytest.raises(BadRequest):
            btcpay.receive(connection, lambda name, values=values: values, real.body, 0)  # type: ignore[misc]


def test_case_11_both_secrets_count(standin: BTCPay, connection: Connection, made: Made) -> None:
    """The newest and the one before; no third, and of none and of an empty one nothing."""
    body = standin.pay(made.reference)[-1].body
    for secret in (SECRET, BEFORE):
        assert receive(connection, Delivery(standin.sign(body, secret=secret), body)).references == (made.reference,)
    for secrets, signed in (((SECRET,), BEFORE), ((), ""), (("",), ""), (("", SECRET), ""), ((), SECRET)):
        with pytest.raises(BadRequest):
            receive(replace(connection, webhook_secrets=secrets), Delivery(standin.sign(body, secret=signed), body))


@pytest.mark.parametrize("kind", ["InvoiceSettled", "PayoutUpdated", "PaymentRequestCreated", "Strange"])
def test_an_event_of_another_store_is_refused(standin: BTCPay, connection: Connection, made: Made, kind: str) -> None:
    """400 that names the field: two stores' webhooks may share a secret. What tells of money has to say whose."""
    about = {"type": kind, "invoiceId": made.reference, "pullPaymentId": "A" * 22}
    standin.requests.clear()
    stores: list[dict[str, Any]] = [{"storeId": "A" * 44}, {"storeId": ""}, {"storeId": None}, {"storeId": [STORE]}]
    for store in stores + ([{}] if kind.startswith(("Invoice", "Payout")) else []):
        with pytest.raises(BadRequest) as caught:
            receive(connection, standin.told(about | store))
        assert caught.value.param == "storeId"
    assert standin.requests == []


def test_an_event_of_an_unknown_type_is_about_nothing(standin: BTCPay, connection: Connection) -> None:
    """It is received, and that is all; so are those that a merchant sends to test, whose ids are none."""
    assert receive(connection, standin.strange()).references == ()
    assert receive(connection, standin.told({"type": "PaymentRequestCompleted"})).is_money is False
    test = "__test__0b5e__test__"
    for sent in ({"type": "InvoiceSettled", "invoiceId": test}, {"type": "PayoutUpdated", "payoutId": test}):
        event = receive(connection, standin.told(sent | {"storeId": STORE}))
        assert (event.references, event.is_money, event.about) == ((), False, "")
    assert standin.requests == []


def test_an_event_has_its_own_number(standin: BTCPay, connection: Connection, made: Made) -> None:
    """That of its delivery, with the kind as BTCPay calls it."""
    real = standin.pay(made.reference)[-1]
    event = receive(connection, real)
    assert (event.event_id, event.kind) == (json.loads(real.body)["deliveryId"], "InvoiceSettled")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b"7", b"null", b"\xff\xfe", b"{", b"[" * 100_000, b'"x"'),
        *(b'{"type": "InvoiceSettled"}', b'{"deliveryId": "d"}', b'{"deliveryId": "d", "type": 7}'),
        *(b'{"deliveryId": 7, "type": "InvoiceSettled"}', b'{"deliveryId": "d", "type": null}'),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_signed_body_that_is_no_event_is_refused(standin: BTCPay, connection: Connection, body: bytes) -> None:
    """400 all the same."""
    with pytest.raises(BadRequest):
        receive(connection, Delivery(standin.sign(body), body))


@pytest.mark.parametrize("pull_payment", [None, 7, "", "../x", "a/b", "A" * 65, ["A"], "A" * 22])
def test_a_payout_of_no_refund_is_about_nothing(standin: BTCPay, connection: Connection, pull_payment: Any) -> None:
    """Made without a pull payment, or with one that is not there: nothing of ours."""
    told = {"type": "PayoutUpdated", "storeId": STORE, "pullPaymentId": pull_payment, "payoutState": "Completed"}
    assert receive(connection, standin.told(told)).references == ()
    assert len(standin.requests) == (pull_payment == "A" * 22)


def test_a_payout_that_cannot_be_asked_about_comes_again(standin: BTCPay, connection: Connection, made: Made) -> None:
    """503, so that its event is sent once more."""
    standin.pay(made.reference)
    sent = standin.refund(made.reference, 20)[-1]
    standin.down = True
    with pytest.raises(PaymentProviderFailed):
        receive(connection, sent)


def test_changed_tells_what_was_paid_and_refunded(standin: BTCPay, connection: Connection) -> None:
    """Settled and invalid, the oldest first; then what was refunded, however old. Each once, nothing that is open."""
    now = int(time.time())
    references = [btcpay.create(connection, WANTED).reference for _ in range(7)]
    unpaid, older, old, paid, marked, late, newest = references
    for reference, age_days in ((older, 31), (old, 30), (paid, 3), (marked, 2), (late, 1)):
        standin.alter(reference, createdTime=now - age_days * DAY_S)
    for reference in (older, old, paid, marked, newest):
        standin.pay(reference)
    standin.mark(marked, "Invalid")
    standin.alter(paid, archived=True)
    standin.expire(late)
    standin.refund(newest, 10)
    standin.refund(old, 10)
    standin.refund(older, 10)
    standin.pull_payment("Salary")
    assert list(btcpay.changed(connection, now - DAY_S)) == [paid, marked, newest, old, older]
    for pull_payment in standin.pull_payments.values():
        pull_payment["startsAt"] = now - 100 * DAY_S
    assert list(btcpay.changed(connection, now - DAY_S)) == [paid, marked, newest]
    assert unpaid not in list(btcpay.changed(connection, 0))


def test_changed_asks_page_by_page(standin: BTCPay, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left out, none told twice, where one begins while the pages are read; the oldest comes first."""
    monkeypatch.setattr(btcpay, "PAGE", 3)
    references = [btcpay.create(connection, WANTED).reference for _ in range(8)]
    for age, reference in enumerate(reversed(references)):
        standin.pay(reference)
        standin.alter(reference, createdTime=int(time.time()) - 100 - age)
    usual, late = standin.reply, list[str]()

    def reply(asked: Request) -> Reply:
        said = usual(asked)
        if not late and asked.method == "GET":
            late.append("")
            usual(replace(asked, method="POST", path=f"/api/v1/stores/{STORE}/invoices", body=standin.requests[0].body))
        return said

    monkeypatch.setattr(standin, "reply", reply)
    assert list(btcpay.changed(connection, int(time.time()))) == references


def test_a_list_without_an_end_fails(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that always has one page more, or takes its time for each, holds up nobody else's reconciliation."""
    page = [standin.invoices[made.reference]] * 200
    answers(standin, monkeypatch, Reply(200, page), "/invoices")
    monkeypatch.setattr(btcpay, "PAGES_MAX", 5)
    with pytest.raises(PaymentProviderFailed, match="cannot be read"):
        list(btcpay.changed(connection, 0))
    assert len([sent for sent in standin.requests if sent.route.endswith("/invoices") and sent.method == "GET"]) == 5
    monkeypatch.setattr(btcpay, "PAGES_MAX", 500)
    monkeypatch.setattr(btcpay, "LIST_WITHIN_S", 0.3)
    standin.delay_s, began = 0.1, time.monotonic()
    with pytest.raises(PaymentProviderFailed, match="did not answer"):
        list(btcpay.changed(connection, 0))
    assert time.monotonic() - began < 1


def test_a_page_longer_than_asked_for_is_refused(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks at a hundred thousand invoices because a server lists them in one piece."""
    answers(standin, monkeypatch, Reply(200, [standin.invoices[made.reference]] * 201), "/invoices")
    with pytest.raises(PaymentProviderFailed, match="cannot be read") as caught:
        list(btcpay.changed(connection, 0))
    assert not caught.value.is_of_all
    assert [sent.method for sent in standin.requests] == ["POST", "GET"]


def test_nothing_is_asked_after_a_connections_time(standin: BTCPay, connection: Connection, made: Made) -> None:
    """A list ends in the middle, and what would be asked then is as if the server did not answer."""
    asked, over = len(standin.requests), replace(connection, ends_s=time.monotonic())
    for ask in (lambda: btcpay.fetch(over, made.reference), lambda: list(btcpay.changed(over, 0))):
        with pytest.raises(PaymentProviderFailed, match="did not answer") as caught:
            ask()
        assert caught.value.is_of_all
    assert len(standin.requests) == asked


def test_a_server_that_is_down_fails(standin: BTCPay, connection: Connection, made: Made) -> None:
    """503 by the name of BTCPay Server, with when to come back; whatever is asked."""
    standin.down = True
    error = failed(connection, made.reference)
    assert (error.status, error.code, error.message) == (503, "payment_provider_failed", "BTCPay Server failed.")
    assert error.headers["retry-after"] == "2"
    with pytest.raises(PaymentProviderFailed):
        btcpay.create(connection, WANTED)
    with pytest.raises(PaymentProviderFailed):
        list(btcpay.changed(connection, 0))


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (401, "refused the API key"),
        (403, "refused the API key"),
        (400, "refused what it was asked for"),
        (422, "refused what it was asked for"),
        (429, "failed"),
        (500, "failed"),
        (204, "failed"),
        (302, "failed"),
    ],
)
def test_failures_are_named_by_their_kind(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, status: int, how: str
) -> None:
    """Nothing of what the server says is told on."""
    answers(standin, monkeypatch, Reply(status, None if status == 204 else {"code": "canary", "message": "canary"}))
    assert failed(connection, made.reference).message == f"BTCPay Server {how}."


def test_a_server_that_is_not_there_fails(connection: Connection, made: Made) -> None:
    """Nobody listens at the address, or it is none; a store that is none is not asked for."""
    for url in ("http://127.0.0.1:9", "http://[::1", "ftp://127.0.0.1", "nonsense", ""):
        assert not url or url not in str(failed(replace(connection, url=url), made.reference).body())
    for store in ("", "../stores", "a/b", "A\n"):
        assert "may not be asked" in failed(replace(connection, store=store), made.reference).message


def test_a_slow_server_is_not_waited_for(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for all requests of one question together."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    monkeypatch.setattr(provider, "TIMEOUT_S", 1.0)
    for delay_s in (0.8, 3.0):
        standin.delay_s, began = delay_s, time.monotonic()
        assert failed(connection, made.reference).message == "BTCPay Server did not answer."
        assert time.monotonic() - began < 1.4


def test_a_huge_answer_is_not_read(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large a server says that its invoice is."""
    monkeypatch.setattr(btcpay_server, "ANSWER_BYTES_MAX", 100_000)
    answers(standin, monkeypatch, Reply(200, standin.invoices[made.reference] | {"type": "x" * 200_000}))
    assert failed(connection, made.reference).message == "BTCPay Server did not answer."


def test_a_wrong_key_fails(connection: Connection, made: Made) -> None:
    """One that BTCPay does not know, and one that is none."""
    for key in ("canary-of-another", "", "canary\r\nx: y", "canary-é", "canary-\udc80"):
        error = failed(replace(connection, key=key), made.reference)
        assert "canary" not in str(error.body())


@pytest.mark.parametrize("path", ["/invoices", "/pull-payments", "/payouts", "/payment-methods"])
def test_answers_that_are_none_fail(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Malformed JSON, or of another shape, at any of the questions: never half a payment."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    to = made.reference if path == "/invoices" else path
    for content in (b"", b"{", b"7", b"null", b"\xff", b"[" * 100_000, b"[7]", b"[null]", b"[[]]"):
        answers(standin, monkeypatch, Reply(200, content), to)
        failed(connection, made.reference)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/pull-payments", {"name": 7}),
        ("/pull-payments", {"id": "../x"}),
        ("/pull-payments", {"id": None}),
        ("/payouts", {"state": None}),
        ("/payouts", {"originalAmount": "much"}),
        ("/payment-methods", {"rate": "much"}),
        ("/payment-methods", {"paymentMethodPaid": -1}),
        ("/payment-methods", {"currency": 7}),
    ],
)
def test_refunds_that_are_told_otherwise_fail(
    standin: BTCPay,
    connection: Connection,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    change: dict[str, Any],
) -> None:
    """Nothing is guessed where money went; an id goes into an address, so it is one."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20, currency="BTC")
    found = {
        "/pull-payments": [*standin.pull_payments.values()],
        "/payouts": [*standin.payouts.values()],
        "/payment-methods": standin._methods(standin.invoices[made.reference])[1:],
    }
    answers(standin, monkeypatch, Reply(200, [found[path][0] | change]), path)
    failed(connection, made.reference)


@pytest.mark.parametrize("amount", ["1e999999999", "1e1", "-1", "NaN", "Infinity", "", 1e400, "9" * 100, [], True])
def test_amounts_of_refunds_that_are_none_fail(
    standin: BTCPay, connection: Connection, made: Made, amount: Any
) -> None:
    """Neither not a number, nor one that fills all memory; nothing is guessed where money went."""
    standin.pay(made.reference)
    standin.refund(made.reference, 20)
    for payout in standin.payouts.values():
        payout["originalAmount"] = amount
    failed(connection, made.reference)


def test_case_22_a_redirect_is_not_followed(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key goes nowhere else, whoever's URL it is."""
    with BTCPay(KEY, SECRET, store=STORE) as elsewhere:
        elsewhere.invoices = standin.invoices
        path = f"/api/v1/stores/{STORE}/invoices/{made.reference}"
        for status in (301, 302, 303, 307, 308):
            answers(standin, monkeypatch, Reply(status, None, {"location": elsewhere.url + path}))
            for each in (connection, replace(connection, guarded=True, allowed=LOOPBACK)):
                failed(each, made.reference)
        assert elsewhere.requests == []


def test_case_22_an_owners_url_leads_to_public_addresses_only(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by the address at the moment of connecting, each time; where the operator allows a network it is asked."""
    standin.requests.clear()
    port, true = standin.url.rpartition(":")[2], socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        return true("127.0.0.1" if host == "pay.example" else host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    owners = replace(connection, guarded=True)
    for url in (f"https://pay.example:{port}", standin.url, "https://169.254.169.254", "https://u:p@pay.example"):
        with pytest.raises(PaymentProviderFailed):
            btcpay.create(replace(owners, url=url), WANTED)
        failed(replace(owners, url=url), made.reference)
        with pytest.raises(PaymentProviderFailed):
            list(btcpay.changed(replace(owners, url=url), 0))
        told = {"type": "PayoutUpdated", "storeId": STORE, "pullPaymentId": "A" * 22}
        with pytest.raises(PaymentProviderFailed):
            receive(replace(owners, url=url), standin.told(told))
    assert standin.requests == []
    assert fetched(replace(owners, allowed=LOOPBACK), made.reference).order == NUMBER


def test_the_operators_url_may_lead_anywhere(
    standin: BTCPay, connection: Connection, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name inside the operator's own network, in plain http; and no proxy of the environment is asked."""
    true = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **options: true(host.replace("pay.internal", "127.0.0.1"), *more, **options),
    )
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    internal = replace(connection, url=standin.url.replace("127.0.0.1", "pay.internal"))
    assert fetched(internal, made.reference).order == NUMBER


def test_case_33_no_secret_is_in_an_error_or_a_log(
    standin: BTCPay,
    connection: Connection,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither key nor secret, nor the server's address, nor what it says, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    failures = [failed(replace(connection, key=KEY + "\r\n"), made.reference)]
    said = json.dumps({"message": f"{KEY} {SECRET} canary"}).encode()
    for status in (200, 302, 401, 404, 500):
        answers(standin, monkeypatch, Reply(status, said))
        failures.append(failed(connection, made.reference))
    failures.append(failed(replace(connection, guarded=True), made.reference))
    with pytest.raises(BadRequest) as caught:
        receive(connection, Delivery({"BTCPay-Sig": "sha256=" + "0" * 64}, b"canary"))
    texts = [f"{error!r} {error.__cause__!r} {error.body()}" for error in (*failures, caught.value)]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("farebox")]
    assert len(ours) == len(failures)
    for text in (*texts, caplog.text, f"{connection!r}"):
        assert "canary" not in text
    for text in (*texts, *ours):
        assert not re.search(r"127\.0\.0\.1|https?:", text)


def test_a_request_says_no_more_than_it_must(standin: BTCPay, connection: Connection, made: Made) -> None:
    """No header but these goes to a server that an owner names."""
    btcpay.fetch(connection, made.reference)
    usual = {"accept", "accept-encoding", "authorization", "host", "user-agent"}
    posted, asked = ({*request.headers} for request in standin.requests)
    assert asked == usual
    assert posted == usual | {"content-type", "content-length"}


def test_an_answer_has_no_repr() -> None:
    """Bodies hold secrets."""
    assert "canary" not in repr(outbound.Answer(200, b"canary"))
