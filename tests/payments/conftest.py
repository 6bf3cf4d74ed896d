"""Two gateways on the same tables, in front of stand-ins of the payment providers."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests import stand
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.issuer import local_issuer
from tests.payments.shop import (
    BTCPAY_KEY,
    BTCPAY_SECRET,
    MOLLIE_KEY,
    POLAR_KEY,
    POLAR_SECRET,
    PRODUCT,
    STORE,
    STRIPE_KEY,
    STRIPE_SECRET,
    Market,
)
from tests.payments.standins.base import StandIn
from tests.payments.standins.btcpay import BTCPay
from tests.payments.standins.mollie import Mollie
from tests.payments.standins.polar import Polar
from tests.payments.standins.stripe import Stripe
from tests.projects.conftest import SETTINGS
from tests.projects.shop import Shop as ProjectShop


def stand_ins(running: ExitStack) -> dict[str, StandIn]:
    """All four, running."""
    return {
        "stripe": running.enter_context(Stripe(STRIPE_KEY, STRIPE_SECRET)),
        "polar": running.enter_context(Polar(POLAR_KEY, POLAR_SECRET, product=PRODUCT)),
        "mollie": running.enter_context(Mollie(MOLLIE_KEY, "")),
        "btcpay": running.enter_context(BTCPay(BTCPAY_KEY, BTCPAY_SECRET, store=STORE)),
    }


def settings_of(found: dict[str, StandIn]) -> dict[str, str]:
    """Settings of a gateway that asks them."""
    return {
        "STRIPE_SECRET_KEY": found["stripe"].key,
        "STRIPE_WEBHOOK_SECRET": found["stripe"].secret,
        "STRIPE_URL": found["stripe"].url,
        "POLAR_ACCESS_TOKEN": found["polar"].key,
        "POLAR_WEBHOOK_SECRET": found["polar"].secret,
        "POLAR_PRODUCT_ID": PRODUCT,
        "POLAR_MODE": "test",
        "POLAR_URL": "http://127.0.0.1:9",
        "POLAR_SANDBOX_URL": found["polar"].url,
        "MOLLIE_API_KEY": found["mollie"].key,
        "MOLLIE_URL": found["mollie"].url,
        "BTCPAY_URL": found["btcpay"].url,
        "BTCPAY_API_KEY": found["btcpay"].key,
        "BTCPAY_STORE_ID": STORE,
        "BTCPAY_WEBHOOK_SECRET": found["btcpay"].secret,
        "BTCPAY_MODE": "test",
        "CHECKOUT_RATE_LIMIT": "1000",
    }


@pytest.fixture(scope="package")
def opened(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("payments")
    with ExitStack() as running:
        upstream = running.enter_context(scripted_upstream())
        issuer = running.enter_context(local_issuer())
        start = running.enter_context(stand.gateways(dynamodb_url, folder))
        found = stand_ins(running)
        settings = {**SETTINGS, **settings_of(found), "LLAMA_BASE_URL": upstream.url}
        gateway, other = start(**settings), start(**settings)
        ledger = gateway.ledger()
        projects = ProjectShop(gateway, other, upstream, upstream, issuer, ledger)

        yield Market(gateway, other, found, ledger, projects, start, settings)


@pytest.fixture
def market(opened: Market) -> Market:
    """Everybody is in good health until the test says otherwise."""
    opened.projects.first.play(plain)
    for standin in opened.standins.values():
        standin.down, standin.delay_s = False, 0.0
    return opened
