"""A gateway with the site in front of a real model, a shop that sells there, and a browser."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.pages import looking
from tests.pages.looking import Looking
from tests.payments.standins.base import StandIn
from tests.payments.standins.stripe import Stripe

STRIPE_KEY, STRIPE_SECRET = "sk_test_canary_pages", "whsec_canary-of-stripe-pages"


@pytest.fixture(scope="session")
def stripe() -> Iterator[StandIn]:
    """A stand-in of Stripe, which the site sells by."""
    with ExitStack() as running:
        yield running.enter_context(Stripe(STRIPE_KEY, STRIPE_SECRET))


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    """A provider that does what a test says, for projects."""
    with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def site(
    dynamodb_url: str, llama_url: str, stripe: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A gateway in front of a real model, with the site at its address."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("pages")) as start:
        yield start(
            LLAMA_BASE_URL=llama_url,
            ADMIN_KEY=ADMIN_KEY,
            PROJECTS_SECRET="a secret for projects, which is quite long enough",
            OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8,::1/128",
            STRIPE_SECRET_KEY=stripe.key,
            STRIPE_WEBHOOK_SECRET=stripe.secret,
            STRIPE_URL=stripe.url,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the machine has it; of a module, for a browser's loop is in the way of other modules' tests."""
    path = looking.chromium()
    if not path:
        pytest.skip(looking.MISSING)
    with looking.browsing(path) as browser:
        yield browser


@pytest.fixture
def looks(browser: Browser, site: stand.RunningGateway, stripe: StandIn) -> Iterator[Looking]:
    """Opens pages of the site: `looks.at("/dashboard.html", dark=True, phone=True)`.

    An error of a script, a refusal by the content security policy, a request to another origin or a key in an address
    fails the test. `looks.refusals.add(401)` where one is expected.
    """
    found = Looking(browser, site.url, elsewhere={stripe.url})
    yield found
    found.close()
    assert not found.wrong
