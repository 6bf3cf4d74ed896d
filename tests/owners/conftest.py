"""One gateway with the console in front of it, and owners with projects."""

from collections.abc import Iterator

import pytest

from tests.entries.keys import ADMIN_KEY
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.owners.owner import SITE, Owner, new_owner
from tests.stand import RunningGateway, StartGateway, gateways


@pytest.fixture(scope="package")
def starts(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Starts gateways that share tables, in front of a model server that answers plainly."""
    with scripted_upstream() as upstream, gateways(dynamodb_url, tmp_path_factory.mktemp("owners")) as start:
        upstream.play(plain)

        def started(stage: str = "", **more: str) -> RunningGateway:
            settings = {
                "LLAMA_BASE_URL": upstream.url,
                "ADMIN_KEY": ADMIN_KEY,
                "PROJECTS_SECRET": "a secret for projects, which is quite long enough",
                "OUTBOUND_ALLOWED_CIDRS": "127.0.0.0/8,::1/128",
                "OPERATOR_PROVIDERS": '{"theirs": {"preset": "openai", "api_key": "sk-operators-own"}}',
                "SITE_ORIGINS": SITE,
                "PROJECTS_PER_OWNER": "4",
            }
            return start(stage, **(settings | more))

        yield started


@pytest.fixture(scope="package")
def front(starts: StartGateway) -> RunningGateway:
    return starts()


@pytest.fixture
def owner(front: RunningGateway) -> Owner:
    return new_owner(front)
