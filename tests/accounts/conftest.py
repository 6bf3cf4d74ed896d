"""A gateway in front of a provider that does what each test says, and an account with receipts."""

from collections.abc import Iterator

import pytest

from tests.accounts.reader import Reader, new_reader
from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.stand import RunningGateway, gateways


@pytest.fixture(scope="package")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="package")
def front(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with gateways(dynamodb_url, tmp_path_factory.mktemp("accounts")) as start:
        yield start(LLAMA_BASE_URL=upstream.url, LEDGER_TIMEOUT_S="20")  # MiniStack takes its time over 10,000 receipts


@pytest.fixture
def reader(front: RunningGateway) -> Reader:
    return new_reader(front)
