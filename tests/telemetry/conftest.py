"""A streaming function as on Lambda, shared; each test sees only what is logged in its own time."""

from collections.abc import Iterator

import pytest

from tests.forward.scripted_upstream import ScriptedUpstream, plain, scripted_upstream
from tests.ledger.faulty_proxy import FaultyProxy, faulty_proxy
from tests.telemetry.deployed import Streaming, streaming


@pytest.fixture(scope="session")
def scripted() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="session")
def proxy(dynamodb_url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(dynamodb_url) as made:
        yield made


@pytest.fixture(scope="session")
def shared(
    dynamodb_url: str, scripted: ScriptedUpstream, proxy: FaultyProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Streaming]:
    with streaming(dynamodb_url, scripted, proxy, tmp_path_factory.mktemp("lambda")) as made:
        yield made


@pytest.fixture
def function(shared: Streaming) -> Iterator[Streaming]:
    """A new account; provider and ledger are in good health until the test says otherwise."""
    shared.upstream.play(plain)
    yield shared.renewed()
    shared.proxy.disarm()
