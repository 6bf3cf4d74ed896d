"""A local issuer, and a verifier that believes it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.authenticate.verifying import Verifying, verifying
from tests.issuer import LocalIssuer, local_issuer


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """An issuer of OpenID Connect on loopback."""
    with local_issuer() as made:
        yield made


@pytest.fixture
async def who(issuer: LocalIssuer) -> AsyncIterator[Verifying]:
    """A verifier that believes it."""
    async with verifying(issuer) as made:
        yield made
