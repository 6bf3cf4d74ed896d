"""A gateway in front of a real model and of a scripted provider, a browser, and the programs that examples run in."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.examples.made import EXAMPLES, PRICED, Made, made
from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.issuer import LocalIssuer, local_issuer

WAIT_MS = 20_000
SIZE = {"width": 900, "height": 640}
PHONE = {"width": 390, "height": 780}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def front(
    dynamodb_url: str, llama_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A gateway with projects, whose own provider is the real model."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("examples")) as start:
        yield start(
            LLAMA_BASE_URL=llama_url,
            PROJECTS_SECRET="a secret of projects for tests, long enough",
            OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8",
            ADMIN_KEY=ADMIN_KEY,
        )


@pytest.fixture(scope="session")
def one_upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(one_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """A provider of the project's owner, which does what the test says."""
    one_upstream.play(one_upstream.script)
    return one_upstream


@pytest.fixture
def scripted(upstream: ScriptedUpstream) -> dict[str, str]:
    """The scripted provider, as a document has it."""
    return {"kind": "openai", "base_url": f"{upstream.url}/v1"}


@pytest.fixture(scope="session")
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as issuer:
        yield issuer


@pytest.fixture
def guests(front: stand.RunningGateway, scripted: dict[str, str]) -> Made:
    """A project that everybody may use, in front of the scripted provider."""
    return made(front, "managed", scripted, auth={"no_auth": {"rules": PRICED}})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the machine has it; of a module, for a browser's loop is in the way of other modules' tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("NO PROOF OF THE PAGES: there is no `chromium` (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address in a browser that knows nothing yet; errors of scripts fail the test."""
    errors: list[str] = []
    contexts = []

    def open(address: str, scheme: str = "light", size: dict[str, int] = SIZE) -> Page:
        context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="session")
def node() -> str:
    """Node, which runs an example's script."""
    path = shutil.which("node")
    if not path:
        pytest.skip("NO PROOF OF THE NODE EXAMPLES: there is no `node` (Debian: apt install nodejs)")
    return path


@pytest.fixture(scope="session")
def node_example(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/node with what its lock file names, installed by npm."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("NO PROOF OF THE NODE SDK: there is no `npm` (Debian: apt install npm)")
    folder = tmp_path_factory.mktemp("node") / "node"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder
