"""docs/admin.md: its examples run as they stand there, and its tables have every route and every field."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from functions.admin import app as admin
from functions.entry import ANY
from functions.operators.changes import TAKES, WHO
from tests.docs.blocks import special
from tests.entries.keys import ADMIN_KEY
from tests.stand import ROOT, RunningGateway, StartGateway, gateways

PAGE = (ROOT / "docs/admin.md").read_text()
ADDRESS = "user@example.com"
ELSEWHERE = {"/admin", "/admin/{proxy+}", "/admin/projects/{project_id}", "/admin/projects/{project_id}/grants"}
ELSEWHERE |= {"/admin/unmatched/{provider}/looked-at"}
"""What is no route of its own, and what docs/console.md and docs/payments.md tell."""


@pytest.fixture(scope="module")
def start(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    with gateways(dynamodb_url, tmp_path_factory.mktemp("admin")) as starts:
        yield starts


@pytest.fixture(scope="module")
def front(start: StartGateway) -> RunningGateway:
    return start(ADMIN_KEY=ADMIN_KEY, LLAMA_BASE_URL="http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["the operator's users", "a change by the operator"])
def test_the_examples_run(front: RunningGateway, name: str) -> None:
    """With the admin key, for a user who has registered; a reference that is sent twice counts once."""
    front.register(ADDRESS)
    program = special(name).code.replace("http://127.0.0.1:8503", front.url).replace("admin-…", ADMIN_KEY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ADDRESS in done.stdout or "250.5 True" in done.stdout, done.stdout


def test_the_shell_lines_run(front: RunningGateway) -> None:
    """Pasted into a shell: credits, a grant, and the end of the account."""
    key = front.register(ADDRESS)
    before = front.account(key)["balance"]
    environ = {"PATH": "/usr/bin:/bin", "ADMIN_KEY": ADMIN_KEY, "BASE_URL": front.url}
    adjust, grant, delete = (f"curl {line}" for line in special("the operator's shell").code.split("curl ")[1:])
    for line in (adjust, grant):
        subprocess.run(["sh", "-c", line], env=environ, capture_output=True, timeout=60, check=True)
    balance = front.account(key)["balance"]
    assert balance["paid"] == before["paid"] + 1_000_000
    assert balance["trial"] == before["trial"] + 100_000
    subprocess.run(["sh", "-c", delete], env=environ, capture_output=True, timeout=60, check=True)
    assert front.request("GET", "/account", key=key).status == 401


def test_the_page_names_every_route_and_every_field() -> None:
    """Each that the function serves; of a change, each field that it takes."""
    for path, methods in admin.routes.items():
        for method in methods:
            if path not in ELSEWHERE and method not in ("HEAD", "OPTIONS", ANY):
                assert re.search(rf"`{method} {re.escape(path)}[`?]", PAGE), f"{method} {path}"
    for name, (required, optional) in TAKES.items():
        (row,) = re.findall(rf"^\| `POST /admin/{name}` \| (.*?) \|", PAGE, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == {*required, *optional} - {*WHO}, name
