"""A gateway in front of a provider that does what each test says."""

from collections.abc import Iterator

import pytest

from tests import stand
from tests.forward.hosted_stage import Door
from tests.forward.hosted_stage import door as open_door
from tests.forward.scripted_upstream import ScriptedUpstream, plain, scripted_upstream
from tests.forward.stage import Stage, new_key

PROVIDER_KEY = "provider-key-of-the-operator"


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="session")
def scripted_gateway(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("scripted")) as start:
        yield start(LLAMA_BASE_URL=upstream.url, LLAMA_API_KEY=PROVIDER_KEY)


@pytest.fixture(scope="session")
def brief_gateway(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A request may take 2 s here, and a provider may be silent for 1 s."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("brief")) as start:
        yield start(LLAMA_BASE_URL=upstream.url, HOLD_EXPIRY_S="4", UPSTREAM_IDLE_TIMEOUT_S="1")


@pytest.fixture
def stage(scripted_gateway: stand.RunningGateway, upstream: ScriptedUpstream) -> Stage:
    """A new account; the provider is in good health until the test says otherwise."""
    upstream.play(plain)
    return Stage(scripted_gateway, upstream, new_key(scripted_gateway))


@pytest.fixture
def brief(brief_gateway: stand.RunningGateway, upstream: ScriptedUpstream) -> Stage:
    """As `stage`, where time is short."""
    upstream.play(plain)
    return Stage(brief_gateway, upstream, new_key(brief_gateway))


@pytest.fixture(scope="session")
def open_hosted() -> Iterator[Door]:
    with scripted_upstream() as provider, open_door(provider) as made:
        yield made


@pytest.fixture
def door(open_hosted: Door) -> Door:
    """A hosted provider behind a door without anybody to pay; it does what the test says."""
    open_hosted.upstream.play(plain)
    return open_hosted
