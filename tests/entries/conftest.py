"""One gateway with everything in front of it: users, operator, payment providers and pages."""

from collections.abc import Iterator

import pytest

from tests.entries.keys import ADMIN_KEY, BTCPAY_SECRET, STRIPE_SECRET
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.stand import RunningGateway, StartGateway, gateways

SETTINGS = {
    "ADMIN_KEY": ADMIN_KEY,
    "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
    "BTCPAY_WEBHOOK_SECRET": BTCPAY_SECRET,
}


@pytest.fixture(scope="package")
def starts(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Starts gateways that share tables, in front of a provider that answers plainly."""
    with scripted_upstream() as upstream, gateways(dynamodb_url, tmp_path_factory.mktemp("entries")) as start:
        upstream.play(plain)

        def started(stage: str = "", **more: str) -> RunningGateway:
            return start(stage, LLAMA_BASE_URL=upstream.url, **(SETTINGS | more))

        yield started


@pytest.fixture(scope="package")
def front(starts: StartGateway) -> RunningGateway:
    return starts()


@pytest.fixture(scope="package")
def staged(starts: StartGateway) -> RunningGateway:
    """The same below a stage's path, as at the address that API Gateway gives."""
    return starts("staging")
