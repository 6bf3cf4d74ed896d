"""Gateways with rules of their own, in front of a provider that does what each test says."""

import time
from collections.abc import Iterator

import pytest

from tests import stand
from tests.admit.ruled import PRICED, TIGHT, UNPRICED, Tight, rules
from tests.forward.scripted_upstream import ScriptedUpstream, plain, scripted_upstream
from tests.forward.stage import Stage, new_key
from tests.ledger.conftest import books
from tests.stand import wait_until

__all__ = ["books"]


@pytest.fixture(scope="session")
def ruled_upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="session")
def tight_gateways(
    dynamodb_url: str, ruled_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[stand.RunningGateway]]:
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("tight")) as start:
        yield [start(LLAMA_BASE_URL=ruled_upstream.url, **rules(TIGHT)) for _ in range(2)]


@pytest.fixture
def tight(tight_gateways: list[stand.RunningGateway], ruled_upstream: ScriptedUpstream) -> Tight:
    """Two processes where every window holds few requests; no window of the project has one yet.

    They count by the machine's clock, so a test begins when the minute does not turn for a while.
    """
    wait_until(lambda: time.time() % 60 < 48, "a minute begins")
    ruled_upstream.play(plain)
    made = Tight(tight_gateways, ruled_upstream)
    made.forget(made.key())
    return made


@pytest.fixture(scope="session")
def priced_gateways(
    dynamodb_url: str, ruled_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[stand.RunningGateway]]:
    """One whose model `m-1` has a price, and one whose model has none."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("priced")) as start:
        shared = {"LLAMA_BASE_URL": ruled_upstream.url, "LLAMA_MODEL": "m-1"}
        yield [start(**shared, **rules(document)) for document in (PRICED, UNPRICED)]


@pytest.fixture
def priced(priced_gateways: list[stand.RunningGateway], ruled_upstream: ScriptedUpstream) -> Stage:
    """A new account where input, cached input, output and a request have prices of their own."""
    ruled_upstream.play(plain)
    return Stage(priced_gateways[0], ruled_upstream, new_key(priced_gateways[0]))


@pytest.fixture
def unpriced(priced_gateways: list[stand.RunningGateway], ruled_upstream: ScriptedUpstream) -> Stage:
    """A new account where the model has no price."""
    ruled_upstream.play(plain)
    return Stage(priced_gateways[1], ruled_upstream, new_key(priced_gateways[1]))
