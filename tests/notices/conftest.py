"""Receivers, and deployments in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notices.desk import Desk, settings_for
from tests.notices.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The operator's."""
    with Receiver() as running:
        yield running


@pytest.fixture
def theirs() -> Iterator[Receiver]:
    """Of an owner."""
    with Receiver() as running:
        yield running


@pytest.fixture
def desk(receiver: Receiver, tmp_path: Path) -> Desk:
    """A deployment whose operator is told as well."""
    return Desk(tmp_path / "outbox", settings_for(tmp_path / "outbox", receiver))
