"""docs/payments.md and docs/payment_providers.md: examples run, and tables name what there is."""

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from functions import settings as settings_module
from functions import webhooks
from functions.ledger.orders import Order
from functions.owners import bought
from functions.payments import connections, given, gone, provider, purchases, synchronize, with_polar, with_stripe
from tests.docs.blocks import special
from tests.owners.owner import new_owner
from tests.payments.shop import Market
from tests.stand import ROOT

PAGE = (ROOT / "docs/payments.md").read_text()
PROVIDERS = (ROOT / "docs/payment_providers.md").read_text()
PLAIN: dict[str, Any] = dict.fromkeys(("project_id", "connection", "reference", "number", "account_id", "pack"), "")
PLAIN |= {
    "kind": "pack",
    "currency": "usd",
    "mode": "test",
    "credits": 1000,
    "amount": 1000,
    "created": 0,
    "expires": 0,
}


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def first_cells(title: str) -> list[str]:
    """The names in the first column of the table that follows a headline."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return re.findall(r"`([^`]+)`", " ".join(rows))


def test_the_purchase_on_the_page_is_begun(market: Market) -> None:
    """With a user's key, as it stands there: it prints where to pay."""
    example = special("a purchase").code.replace("http://127.0.0.1:8503", market.gateway.url)
    told = run(example.replace("sk-…", market.gateway.key()))
    assert told.startswith("pay 50 usd at http")


def test_the_connection_on_the_page_is_ready(market: Market) -> None:
    """With an owner's session: key and secret are given, and the address for events is that of the new project."""
    owner = new_owner(market.gateway)
    example = special("a connection").code.replace("http://127.0.0.1:8503", market.gateway.url)
    told = run(example.replace("os-…", owner.session))
    (project,) = owner.told("GET", "/projects")["data"]
    assert told.startswith("ready: True")
    assert told.strip().endswith(f"/projects/{project['id']}/stripe/webhook")


def test_the_page_names_every_state_of_an_order() -> None:
    """Those of a checkout, and those that a paid order comes to when money goes back."""
    after: tuple[dict[str, Any], ...] = ({}, {"refunded": 1}, {"refunded": 1000}, {"disputes": {"d": (1000, "open")}})
    states = {purchases.state(Order(**PLAIN, state=provider.PAID, **more)) for more in after}
    states |= {provider.OPEN, provider.PROCESSING, provider.FAILED, provider.EXPIRED}
    assert set(first_cells("Orders")) == states
    assert len(first_cells("Orders")) == len(states)


def test_the_page_names_every_field_of_an_order() -> None:
    """Those that its user sees, and those that its owner sees also."""
    seen = bought._view(Order(**PLAIN | {"account_id": "default/1"}))
    assert set(first_cells("The fields of an order")) == set(seen)
    assert len(first_cells("The fields of an order")) == len(seen)


def test_the_page_names_every_reason_why_money_fits_no_order() -> None:
    """Those that events and the mismatches of a payment are kept under."""
    kept = {synchronize.NO_ORDER, synchronize.NOT_OURS, gone.CONNECTION_GONE}
    kept |= set(re.findall(r'unmatched="(\w+)"', inspect.getsource(synchronize)))
    kept |= set(re.findall(r'return "(\w+)"', inspect.getsource(synchronize.mismatch)))
    assert set(first_cells("Money that fits no order")) - {"why"} == kept


@pytest.mark.parametrize("name", provider.PROVIDERS)
def test_the_page_says_where_events_go(name: str) -> None:
    """Each address that the webhooks function serves, by the name that the page gives to the part before it."""
    assert f"`<webhooks>/{name}/webhook`" in PROVIDERS
    assert {f"/{name}/webhook", f"/projects/{{project_id}}/{name}/webhook"} <= set(webhooks.app.routes)


def test_the_page_names_every_event_to_subscribe_to() -> None:
    """All of Stripe's that change what came of a checkout; those of Polar's that are about money, or a checkout."""
    named = set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", PROVIDERS))
    assert set(with_stripe.CHANGES) <= named
    assert set(with_polar.MONEY) <= named


def test_the_page_names_what_a_connection_needs() -> None:
    """Every setting without which a provider is not ready, and no setting that there is not."""
    needed = {name.upper() for names in connections.SETTINGS.values() for name in names}
    named = set(re.findall(r"\b(?:STRIPE|POLAR|MOLLIE|BTCPAY|CHECKOUT)_[A-Z_]*[A-Z]\b", PAGE + PROVIDERS))
    assert needed <= named <= set(settings_module.names())


def test_the_page_says_how_long_a_secret_before_counts() -> None:
    """As the code has it."""
    assert given.BEFORE_COUNTS_S == 3 * 86_400
    assert "three days" in PAGE
