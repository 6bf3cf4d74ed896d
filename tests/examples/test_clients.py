"""examples/clients: each client gets a buffered and a streamed answer, with its own package, and pays for both once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples import clients
from tests.examples.clients import CLIENTS, PAGES, PROGRAMS, Said
from tests.examples.made import made
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.forward.stage import new_key
from tests.stand import RunningGateway

UNKNOWN = "sk-" + "A" * 43
TOLD = {name: clients.told(PAGES / f"{name}.md") for name in PROGRAMS}
CASES = [(name, status) for name in PROGRAMS for status in TOLD[name]]
Ask = Callable[[str, str], Said]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/clients with the packages of its lock file, and no others."""
    if not clients.node():
        pytest.skip(f"NO PROOF OF THE CLIENTS IN JAVASCRIPT: there is no Node {clients.NODE_MAJOR} or newer")
    if not shutil.which("npm"):
        pytest.skip("NO PROOF OF THE CLIENTS IN JAVASCRIPT: there is no `npm` (Debian: apt install npm)")
    folder = tmp_path_factory.mktemp("clients") / "clients"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(clients.modules(tmp_path_factory.mktemp("npm")))
    return folder


@pytest.fixture
def ask(front: RunningGateway, request: pytest.FixtureRequest) -> Ask:
    """Runs a client's program, as its page says, with this key."""

    def go(name: str, key: str) -> Said:
        program = PROGRAMS[name]
        folder = request.getfixturevalue("installed") if program.suffix == ".mjs" else CLIENTS
        environ = {"FAREBOX_BASE_URL": f"{front.url}/v1", "FAREBOX_KEY": key}
        return clients.run(clients.command(program, folder), environ)

    return go


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_is_answered_whole_and_in_pieces(name: str, ask: Ask, front: RunningGateway) -> None:
    """Two answers of the real model, the second one piece by piece; each has one receipt, and its tokens are paid."""
    key = new_key(front)
    said = ask(name, key)
    assert said.code == 0, said.err
    whole, _, streamed = said.out.strip().partition("\n")
    assert whole
    assert streamed
    assert len(said.pieces) >= 4, "the answer came at once"
    receipts = front.account(key)["receipts"]
    assert [receipt["outcome"] for receipt in receipts] == ["completed"] * 2
    for receipt in receipts:
        assert 1 < receipt["output_tokens"] <= 20
        assert receipt["credits"] == receipt["input_tokens"] + receipt["output_tokens"]
    assert front.account(key)["balance"]["spent"] == sum(receipt["credits"] for receipt in receipts)


@pytest.mark.parametrize(("name", "status"), CASES)
def test_a_client_says_what_its_page_says(
    name: str, status: int, ask: Ask, front: RunningGateway, scripted: dict[str, str], upstream: ScriptedUpstream
) -> None:
    """An unknown key, no credits, a limit that is reached between the two answers: what is printed is on the page."""
    upstream.play(plain)
    keys = {
        401: lambda: UNKNOWN,
        402: lambda: new_key(front, 0),
        429: lambda: (
            made(front, "forward", scripted, auth={"no_auth": {"rules": {"limits": {"method": {"day": 1}}}}}).key
        ),
    }
    said = ask(name, keys[status]())
    assert said.code not in (0, 124)
    assert TOLD[name][status] in said.err + said.out
    assert len(upstream.calls) == (status == 429)
