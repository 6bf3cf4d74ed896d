"""What tests share: DynamoDB, a real model server, gateways, accounts. Everything is a real process on loopback."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import stand

SLOW_FIRST = ("test_proof_of_64_threads", "test_make_run", "test_simulation", "test_make_audit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes begin first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: item.path.stem not in SLOW_FIRST)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A test that sets up logging as on Lambda, which is for a whole process, does so for itself alone."""
    loggers = [logging.getLogger(name) for name in ("", "farebox", "uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger.handlers[:], logger.level, logger.propagate, logger.disabled) for logger in loggers]
    yield
    telemetry = sys.modules.get("functions.telemetry.logs")
    if telemetry and telemetry._formatters:
        telemetry._formatters.clear()
        logging.captureWarnings(False)
        for logger, was in zip(loggers, before, strict=True):
            logger.handlers, level, logger.propagate, logger.disabled = was
            logger.setLevel(level)


@pytest.fixture(scope="session")
def dynamodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MiniStack on loopback; its DynamoDB is atomic under threads, moto's is not."""
    with stand.ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="session")
def llama_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real llama.cpp server with SmolLM2-135M-Instruct."""
    with stand.llama(tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture
def start_gateway(dynamodb_url: str, tmp_path: Path) -> Iterator[stand.StartGateway]:
    """Starts gateways with settings of one's own: `start_gateway(LLAMA_BASE_URL=…, TRIAL_TOKENS="5")`.

    All gateways of one test share tables and outbox, and nothing with other tests.
    """
    with stand.gateways(dynamodb_url, tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def gateway(
    dynamodb_url: str, llama_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """One gateway in front of the real model, for tests that need no settings of their own; limits are raised."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("gateway")) as start:
        yield start(LLAMA_BASE_URL=llama_url)


@pytest.fixture
async def ledger(dynamodb_url: str) -> AsyncIterator[stand.TestLedger]:
    """A ledger on tables of its own, with the system's clock, as the streaming function has it."""
    async with stand.ledger(dynamodb_url) as made:
        yield made
