"""Blocks of docs/guides that need somebody to read a mail; the others run in test_blocks.py."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import settings as settings_module
from tests import stand
from tests.docs import blocks
from tests.docs.blocks import special
from tests.docs.terminal import SHELL
from tests.entries.keys import ADMIN_KEY
from tests.owners.owner import link
from tests.stand import KEY, ROOT, RunningGateway, text_of

GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))


@pytest.fixture(scope="module")
def gateway_of_guides(
    dynamodb_url: str, llama_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """As `make run` starts it, with the operator's key that its demo.json has."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("guides")) as start:
        settings = {"PROJECTS_SECRET": "a secret of projects for guides, long enough", "ADMIN_KEY": ADMIN_KEY}
        yield start(LLAMA_BASE_URL=llama_url, OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8", **settings)


def _shell(code: str, folder: Path, said: str = "") -> "subprocess.CompletedProcess[str]":
    (folder / "state").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", "-eu", "-c", SHELL + code],
        cwd=folder,
        input=said,
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "STATE": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_comes_by_mail(gateway_of_guides: RunningGateway, tmp_path: Path) -> None:
    """The quickstart's registration is answered as it says, and its mail has a key that opens an account of its own."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    code = special("a first key by mail").code.replace("ada@farebox.test", email)
    done = _shell(code.replace("http://127.0.0.1:8503", gateway_of_guides.url), tmp_path)
    assert email in json.loads(done.stdout)["email"], done.stderr
    (mail,) = [path for path in gateway_of_guides.outbox.glob("*.eml") if email in path.read_text()]
    found = KEY.search(text_of(mail))
    assert found
    assert gateway_of_guides.account(found[0])["balance"]["trial"] == 100_000


def test_the_lines_make_a_project(gateway_of_guides: RunningGateway, tmp_path: Path) -> None:
    """The guide's own document becomes a project by the guide's own lines, and a stranger is answered by its key."""
    guide = ROOT / "docs/guides/bill_your_apps_users.md"
    document = next(block.code for block in blocks.read(guide) if block.kind == "project")
    email = f"{secrets.token_hex(6)}@farebox.test"
    (tmp_path / "project.json").write_text(document.replace('"max_tokens": 200', '"max_tokens": 4'))
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/demo.json").write_text(json.dumps({"admin_key": ADMIN_KEY}))
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules", "clients"))
    (tmp_path / "python3").symlink_to(sys.executable)
    code = special("a project for the guide").code.replace("you@farebox.test", email).rstrip()
    mailed = f"{gateway_of_guides.url}/console/enter#{link(gateway_of_guides, email)}\n"
    done = _shell(f"{code} --base-url {gateway_of_guides.url}", tmp_path, mailed)
    found = re.search(r"base URL +(\S+)\nkey +(pk-\S+)", done.stdout)
    assert found, done.stdout + done.stderr
    body = {"messages": [{"role": "user", "content": "Hello."}], "model": "another", "max_tokens": 100_000}
    answer = gateway_of_guides.request("POST", "/v1/chat/completions", body, key=found[2])
    assert answer.status == 200, answer.body
    assert answer.json()["usage"]["completion_tokens"] <= 4


def test_the_quickstart_shows_what_make_run_prints() -> None:
    """The names of its lines are those that `make run` prints, in their order, and so is the last line."""
    named = re.findall(r'^ +f?"(\w+) {2,}', (ROOT / "infra/local/screen.py").read_text(), re.MULTILINE)
    assert named[:3] == ["key", "try", "balance"]
    (shown,) = [block.code for block in blocks.read(ROOT / "docs/guides/quickstart.md") if block.language == "text"]
    assert [line.split()[0] for line in shown.splitlines() if re.match("[a-z]", line)] == [*named, "ready"]
    assert f"\nready {settings_module.read(stand.environment('', '')).base_url}\n" in shown


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_is_numbered_steps_that_lead_on(guide: Path) -> None:
    """Steps are numbered from 1 without a gap (but for what is read by the calendar), and end with a way to go on."""
    text = guide.read_text()
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers or guide.stem == "run_it"
    assert re.findall(r"\]\((?:\.\./)?\w+\.md", text)
