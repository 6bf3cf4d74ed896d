"""One gateway with everything in front of it: users, operator, payment providers and pages."""

from collections.abc import Iterator

import pytest

from tests.entries.keys import ADMIN_KEY, BTCPAY_SECRET, STRIPE_SECRET
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.stand import RunningGateway, StartGateway, gateways

NOBODY = "http://127.0.0.1:9"
SETTINGS = {
    "ADMIN_KEY": ADMIN_KEY,
    "STRIPE_SECRET_KEY": "sk_test_of_these_tests",
    "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
    "POLAR_ACCESS_TOKEN": "polar_oat_of_these_tests",
    "POLAR_WEBHOOK_SECRET": "polar secret of these tests",
    "POLAR_PRODUCT_ID": "6f0f1f0e-3b1c-4f0e-9c1d-2b5a8a1c7d3e",
    "MOLLIE_API_KEY": "test_of_these_tests",
    "BTCPAY_API_KEY": "btcpay key of these tests",
    "BTCPAY_STORE_ID": "store",
    "BTCPAY_WEBHOOK_SECRET": BTCPAY_SECRET,
    **dict.fromkeys(("STRIPE_URL", "POLAR_URL", "MOLLIE_URL", "BTCPAY_URL"), NOBODY),
}
"""No payment provider answers: what is told here is refused before any would be asked, or is about none of ours."""


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
