"""Two gateways on the same tables, in front of two scripted providers and a real issuer."""

from collections.abc import Iterator

import pytest

from tests import stand
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.issuer import local_issuer
from tests.projects.shop import SECRET, Shop

SETTINGS = {
    "PROJECTS_SECRET": SECRET,
    "OUTBOUND_ALLOWED_CIDRS": "127.0.0.0/8",
    "PROJECT_MAX_AGE_S": "0.2",
    "OPERATOR_PROVIDERS": '{"house": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "the-house"}}',
}


@pytest.fixture(scope="package")
def opened(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("projects")
    with (
        scripted_upstream() as first,
        scripted_upstream() as second,
        local_issuer() as issuer,
        stand.gateways(dynamodb_url, folder) as start,
    ):
        gateway = start(LLAMA_BASE_URL=first.url, **SETTINGS)
        other = start(LLAMA_BASE_URL=first.url, **SETTINGS)
        yield Shop(gateway, other, first, second, issuer, gateway.ledger())


@pytest.fixture
def shop(opened: Shop) -> Shop:
    """Both providers are in good health, and the issuer is up, until the test says otherwise."""
    for upstream in (opened.first, opened.second):
        upstream.play(plain)
    opened.issuer.mode = "up"
    return opened
