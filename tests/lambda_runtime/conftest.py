"""The streaming function on a stand-in for Lambda: the real adapter, the package, MiniStack and a scripted provider."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import stand
from tests.forward.scripted_upstream import ScriptedUpstream, plain, scripted_upstream
from tests.forward.stage import Stage, new_key
from tests.lambda_runtime import adapter
from tests.lambda_runtime.disk import Disk, make
from tests.lambda_runtime.environment import Environment

StartFunction = Callable[..., Environment]


@pytest.fixture(scope="session")
def adapter_layer(pytestconfig: pytest.Config) -> Path:
    """The real Lambda Web Adapter, as its layer unpacks it. It is built once, in minutes; cargo shows how far it is."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            return adapter.layer()
    except adapter.NoCargo as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def disk(adapter_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """The package of staging for this machine, unpacked with its layers as Lambda unpacks them."""
    return make(tmp_path_factory.mktemp("disk"), ("stream",), adapter_layer)


@pytest.fixture(scope="session")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="session")
def reader(
    dynamodb_url: str, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A gateway on the function's tables: it shows what the function charged, and heals."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("reader")) as start:
        yield start(LLAMA_BASE_URL=upstream.url)


@pytest.fixture
def stage(reader: stand.RunningGateway, upstream: ScriptedUpstream) -> Stage:
    """A new account, and the provider in good health until the test says otherwise."""
    upstream.play(plain)
    return Stage(reader, upstream, new_key(reader))


@pytest.fixture(scope="session")
def environments(
    disk: Disk,
    dynamodb_url: str,
    reader: stand.RunningGateway,
    upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartFunction]:
    """Starts execution environments with settings of one's own: `environments(INFERENCE_IP_RATE_LIMIT="2")`.

    None leaves a setting out.
    """
    folder = tmp_path_factory.mktemp("environments")
    started: list[Environment] = []

    def start(**more: str | None) -> Environment:
        deployed = stand.RAISED | stand.environment(dynamodb_url, reader.settings.table_prefix)
        deployed |= {"LLAMA_BASE_URL": upstream.url, "AWS_SESSION_TOKEN": "local"}
        settings = {name: value for name, value in {**deployed, **more}.items() if value is not None}
        started.append(Environment(disk, settings, folder / f"{len(started)}.log"))
        return started[-1].start()

    yield start
    for environment in started:
        environment.close()


@pytest.fixture(scope="session")
def function(environments: StartFunction) -> Environment:
    """One environment for tests that need no settings of their own, and do not end it."""
    return environments()
