"""What Stripe is asked has the form that Stripe's own description gives it, and Stripe's own examples can be read."""

import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from functions.errors import PaymentProviderFailed
from functions.payments import stripe_calls, stripe_objects, with_stripe
from functions.payments.provider import Connection, Wanted
from tests.go_tool import Missing
from tests.payments.standins.stripe_mock import KEY, stripe_mock

ORDER = f"ord_{'0a' * 16}"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Skipped, with what is missing, where stripe-mock cannot be built."""
    try:
        with stripe_mock(tmp_path_factory.mktemp("stripe") / "log") as url:
            yield url
    except Missing as missing:
        pytest.skip(f"NO PROOF OF WHAT STRIPE IS ASKED: {missing}")


@pytest.fixture
def connection(url: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(stripe_calls, "RETRIES", 0)
    return Connection("default", "stripe", "test", KEY, ("whsec_1",), url)


def wanted() -> Wanted:
    expires = int(time.time()) + 3600
    urls = "https://app.test/done?a=1", "https://app.test/back", ""
    return Wanted(ORDER, "5M credits", 50, "usd", *urls, "ada@farebox.test", expires)


def test_a_checkout(connection: Connection) -> None:
    """Made, and read."""
    made = with_stripe.create(connection, wanted())
    assert made.url.startswith("https://checkout.stripe.com/")
    payment = with_stripe.fetch(connection, made.reference)
    assert payment
    assert (payment.reference, payment.mode) == (made.reference, "test")


def test_a_card_that_is_saved_and_charged(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its form, but for the one parameter that is newer than what stripe-mock describes."""
    assert with_stripe.CARDS_ONLY == {"allowed_payment_method_types": ["card"]}
    monkeypatch.setattr(with_stripe, "CARDS_ONLY", {})
    assert with_stripe.setup(connection, wanted(), "").reference
    assert with_stripe.setup(connection, wanted(), "cus_1").reference
    charged = with_stripe.charge(
        connection, order=ORDER, saved="cus_1/pm_1", amount=50, currency="usd", title="5M credits"
    )
    assert (charged.amount, charged.currency, charged.mode) == (50, "usd", "test")
    found = with_stripe.fetch(connection, charged.reference)
    assert found
    assert found.reference == charged.reference


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: with_stripe.fetch(connection, ORDER),
        lambda connection: with_stripe._intent_of(connection, {"charge": "ch_1"}),
        lambda connection: with_stripe._checkout_of(connection, "pi_1"),
        lambda connection: list(islice(with_stripe.changed(connection, int(time.time())), 5)),
        lambda connection: list(islice(with_stripe.changed(connection, 1), 5)),
        lambda connection: _money_back(connection),
    ],
    ids=["by its order", "of a charge", "of a payment", "events", "lists", "money back"],
)
def test_what_is_looked_up(connection: Connection, ask: Callable[[Connection], object]) -> None:
    """Every other call that is made."""
    ask(connection)


def _money_back(connection: Connection) -> None:
    with stripe_calls.asking(connection, "money") as api:
        session = api.v1.checkout.sessions.retrieve("cs_test_1").to_dict() | {"payment_status": "paid"}
        with_stripe._with_money_back(api, stripe_objects.of_session, session, "pi_1")


@pytest.mark.parametrize(
    "asked",
    [
        {"mode": "payment", "no_such": "1"},
        {"mode": "nothing"},
        {"mode": "payment", "adaptive_pricing": "yes"},
        {"mode": "payment", "line_items": [{"quantity": "many"}]},
    ],
    ids=str,
)
def test_it_sees_mistakes(connection: Connection, asked: dict[str, object]) -> None:
    """So the tests above say something."""
    with pytest.raises(PaymentProviderFailed, match="refused what it was asked for"):
        with_stripe._make(connection, wanted(), dict(asked))
