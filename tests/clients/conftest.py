"""An account and its SDK client, in front of a real model and of a scripted one."""

from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from tests.forward.scripted_upstream import ScriptedUpstream, plain, scripted_upstream
from tests.stand import RunningGateway, gateways


@dataclass
class User:
    """One account and its SDK client."""

    gateway: RunningGateway
    key: str
    client: openai.OpenAI

    def spent(self) -> float:
        """Credits gone since the trial; the balance and the receipts must agree on it."""
        account = self.gateway.account(self.key)
        by_receipts = sum(receipt["credits"] for receipt in account["receipts"])
        by_days = sum(day["credits"] for day in account["use"])
        assert account["balance"]["held"] == 0
        assert by_receipts == by_days == account["balance"]["spent"] == 100_000 - account["balance"]["available"]
        return float(by_receipts)


@pytest.fixture
def user(gateway: RunningGateway) -> Iterator[User]:
    """In front of the real model."""
    key = gateway.key()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield User(gateway, key, client)


@pytest.fixture(scope="session")
def played_upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="session")
def played_gateway(
    dynamodb_url: str, played_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with gateways(dynamodb_url, tmp_path_factory.mktemp("played")) as start:
        yield start(LLAMA_BASE_URL=played_upstream.url)


@pytest.fixture
def upstream(played_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """What answers `played_user`; in good health until the test says otherwise."""
    played_upstream.play(plain)
    return played_upstream


@pytest.fixture
def played_user(played_gateway: RunningGateway, upstream: ScriptedUpstream) -> Iterator[User]:
    """In front of a provider that does what the test says."""
    key = played_gateway.key()
    with openai.OpenAI(base_url=f"{played_gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield User(played_gateway, key, client)
