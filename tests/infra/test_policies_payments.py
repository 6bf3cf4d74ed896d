"""What is asked of the tables for payments and notices, heard between a gateway and its tables, against the roles."""

import dataclasses
from collections.abc import Iterator

import pytest

from functions import errands
from functions.payments.till import Till
from infra.aws.template import access
from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.infra.project_life import Life
from tests.infra.test_policies_projects import Listener, Lived, Pairs, pairs
from tests.ledger.faulty_proxy import faulty_proxy
from tests.owners.owner import mails_to
from tests.payments.standins.mollie import Mollie
from tests.payments.standins.stripe import Stripe

TIME_LEFT_MS = 300_000
BELOW = 5_000_000
MOLLIE_KEY = "test_ofpoliciesofpoliciesofpolicies"
STRIPE_KEY, STRIPE_SECRET = "sk_test_of_policies_1", "whsec_of-policies-0123456789"


@pytest.fixture(scope="module")
def lived(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Purchases in the built-in project and in one of an owner's, all that can become of them, and an errand's day."""
    folder = tmp_path_factory.mktemp("paid")
    with (
        scripted_upstream() as upstream,
        faulty_proxy(dynamodb_url) as proxy,
        Stripe(STRIPE_KEY, STRIPE_SECRET) as stripe,
        Mollie(MOLLIE_KEY) as mollie,
        stand.gateways(dynamodb_url, folder) as start,
    ):
        upstream.play(plain)
        gateway = start(
            LLAMA_BASE_URL=upstream.url,
            DYNAMODB_ENDPOINT_URL=proxy.url,
            ADMIN_KEY=ADMIN_KEY,
            PROJECTS_SECRET="a secret for projects, which is quite long enough",
            PROJECT_MAX_AGE_S="0",
            STRIPE_SECRET_KEY=stripe.key,
            STRIPE_WEBHOOK_SECRET=stripe.secret,
            STRIPE_URL=stripe.url,
            MOLLIE_API_KEY=mollie.key,
            MOLLIE_URL=mollie.url,
        )
        life = Life(gateway, lambda email: stand.text_of(mails_to(gateway, email)[-1]), ADMIN_KEY)
        settings = dataclasses.replace(gateway.settings, dynamodb_endpoint_url=proxy.url)
        listener = Listener(proxy, gateway.settings.table_prefix)
        _live(life, stripe, listener, Till(settings))
        _unsigned(gateway, mollie, listener)
        yield Lived(life, listener.used)


def _live(life: Life, stripe: Stripe, listener: Listener, till: Till) -> None:
    life.sign_in()
    life.make()
    life.grant()
    with listener.of("console"):
        of_project = life.sell(stripe.key, stripe.secret)
    buyer, saver, late = (life.gateway.key() for _ in range(3))
    pack = {"pack": "starter", "method": "stripe"}
    with listener.of("api"):
        life.gateway.account(buyer)
        bought = life.buy(stripe, buyer, **pack)
        odd = life.buy(stripe, of_project, life.project)
        life.gateway.account(buyer)
        agreed = {"pack": "starter", "below": BELOW, "per_day": 1}
        assert life.gateway.request("PUT", "/account/top-up", agreed, key=saver).status == 200
        assert life.gateway.request("GET", "/account/top-up", key=saver).status == 200
    setup = stripe.references()[-1]
    with listener.of("webhooks"):
        life.deliver(stripe.pay(bought))
        life.deliver(stripe.refund(bought, 10))
        life.deliver(stripe.dispute(bought, 20))
        life.deliver(stripe.close_dispute(bought, won=True))
        life.deliver(stripe.pay(setup))
        stripe.alter(odd, amount=1)
        life.deliver(stripe.pay(odd), life.project)
    with listener.of("console"):
        (unmatched,) = life.of_project("GET", "/payments")["unmatched"]
        life.of_project("POST", "/payments/stripe/looked-at", {"about": unmatched["about"]})
        assert life.of_project("GET", "/orders")["data"]
    stripe.pay(life.buy(stripe, buyer, **pack))  # of which nobody hears
    assert life.gateway.request("PUT", "/account/top-up", agreed, key=late).status == 200
    stripe.pay(stripe.references()[-1])  # nor of this
    life.deliver(stripe.pay(odd), life.project)
    stripe.alter(odd, amount=100)
    with listener.of("errands"):
        for task in errands.TASKS:
            errands.TASKS[task](till, {"task": task}, lambda: TIME_LEFT_MS)
    assert life.gateway.account(buyer)["balance"]["paid"] == 9_000_000
    assert life.gateway.account(saver)["balance"]["paid"] == 5_000_000
    with listener.of("api"):
        assert life.gateway.request("DELETE", "/account/top-up", {}, key=saver).status == 200


def _unsigned(gateway: stand.RunningGateway, mollie: Mollie, listener: Listener) -> None:
    """An event that nobody signed, of one of our orders."""
    asked = {"pack": "starter", "method": "mollie"}
    assert gateway.request("POST", "/checkout", asked, key=gateway.key()).status == 200
    with listener.of("webhooks"):
        for sent in mollie.pay(mollie.references()[-1]):
            assert gateway.request("POST", "/mollie/webhook", sent.body, headers=dict(sent.headers)).status == 200


def test_the_webhooks_function_may_do_what_it_does_and_no_more(lived: Lived) -> None:
    """Purchases, refunds, disputes, a saved card, and money that fits no order: what that takes is what is allowed."""
    assert lived.used["webhooks"] <= pairs("webhooks")
    assert pairs("webhooks") == lived.used["webhooks"] | _of(access.TIDIED)


def test_errands_may_do_what_they_do_and_no_more(lived: Lived) -> None:
    """Notices are told, a card is charged, and a lost event is made good for: what that takes is what is allowed."""
    assert lived.used["errands"] <= pairs("errands")
    assert pairs("errands") == lived.used["errands"] | _of(access.TIDIED)


def test_the_api_may_sell(lived: Lived) -> None:
    """A checkout, what was bought, and agreeing to automatic top-ups."""
    assert access.SOLD
    assert _of(access.SOLD) <= lived.used["api"] <= pairs("api")


def test_the_console_may_show_what_was_sold(lived: Lived) -> None:
    """Orders, and money that fits none, until somebody has looked at it."""
    assert ("orders", "BatchGetItem") in lived.used["console"]
    assert lived.used["console"] <= pairs("console")


def _of(use: dict[str, tuple[str, ...]]) -> Pairs:
    return {(table, action) for table, actions in use.items() for action in actions}
