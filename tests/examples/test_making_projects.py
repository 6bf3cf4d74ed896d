"""examples/make_project.py, and the documents it makes projects of."""

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from functions import settings as settings_module
from functions.forward.endpoints import ENDPOINTS
from functions.projects import document
from functions.projects.operators import operators
from tests import stand
from tests.docs.blocks import special
from tests.entries.keys import ADMIN_KEY
from tests.examples.made import EXAMPLES
from tests.examples.scripts import run
from tests.owners.owner import link
from tests.stand import ROOT, RunningGateway

DOCUMENTS = sorted(EXAMPLES.glob("*/project.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.parent.name)
def test_a_document_is_a_project(path: Path) -> None:
    """Each example's project.json is taken as it stands, with public addresses alone, and bounds what guests may do."""
    settings = settings_module.read(stand.environment("http://127.0.0.1:1", "t-", LLAMA_BASE_URL="http://127.0.0.1:1"))
    project = document.parse("p", 1, json.loads(path.read_text()), allowed=(), operators=operators(settings))
    assert set(project.endpoints) <= set(ENDPOINTS)
    assert all(method.rules.account_limits for method in project.methods.values())


def test_every_example_has_a_project() -> None:
    """No example leaves its reader without step 1; clients need no project."""
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert {path.parent.name for path in DOCUMENTS} == folders - {"clients"}


def make(gateway: RunningGateway, path: Path, email: str, said: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """The program, told `said` line by line."""
    program = [sys.executable, "examples/make_project.py", str(path)]
    return subprocess.run(
        [*program, "--base-url", gateway.url, "--email", email],
        cwd=ROOT,
        input=said,
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_made_project_answers(front: RunningGateway, node: str, tmp_path: Path) -> None:
    """The three steps: a project by a mailed link, granted the model; with its key a script gets an answer."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    mailed = f"{front.url}/console/enter#{link(front, email)}\n"
    short = tmp_path / "project.json"
    short.write_text((EXAMPLES / "fetch/project.json").read_text().replace('"max_tokens": 300', '"max_tokens": 8'))
    said = make(front, short, email, mailed, FAREBOX_ADMIN_KEY=ADMIN_KEY)
    found = re.search(r"project +\w+\nbase URL +(\S+)\nkey +(pk-\S+)", said.stdout)
    assert found, said.stderr
    done = run([node, "ask.mjs", "Hello."], {"FAREBOX_BASE_URL": found[1], "FAREBOX_KEY": found[2]}, EXAMPLES / "fetch")
    assert done.code == 0, done.err
    assert done.out.strip()


def test_the_lines_of_the_page_make_a_project(front: RunningGateway, tmp_path: Path) -> None:
    """Pasted into a shell beside `make run`: the operator's key is found, the link asked for, a key printed."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/demo.json").write_text(json.dumps({"admin_key": ADMIN_KEY}))
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (tmp_path / "python3").symlink_to(sys.executable)
    lines = special("a project of an example").code.replace("you@farebox.test", email).rstrip()
    done = subprocess.run(
        ["sh", "-eu", "-c", f"{lines} --base-url {front.url}"],
        cwd=tmp_path,
        input=f"{front.url}/console/enter#{link(front, email)}\n",
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert re.search(r"base URL +\S+\nkey +pk-\S+", done.stdout), done.stdout + done.stderr
    assert "Ask the operator" not in done.stdout


def test_a_provider_of_ones_own_needs_no_operator(front: RunningGateway) -> None:
    """For a back-end the program asks for the provider's key, which it never prints, and gives a secret key."""
    email, own = f"{secrets.token_hex(6)}@farebox.test", "sk-" + secrets.token_hex(20)
    said = make(front, EXAMPLES / "node/project.json", email, f"{link(front, email)}\n{own}\n")
    assert re.search(r"key +ps-\S+", said.stdout), said.stderr
    assert own not in said.stdout + said.stderr
    assert "Ask the operator" not in said.stdout


def test_without_the_operators_key_it_says_whom_to_ask(front: RunningGateway) -> None:
    """Who is not the operator is told what to ask for, and for which project; the project waits for it."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    done = make(front, EXAMPLES / "flutter/project.json", email, f"{link(front, email)}\n", FAREBOX_ADMIN_KEY="")
    assert re.search(r"Ask the operator to grant llama to the project \w+", done.stdout)
    assert (done.returncode, "pk-" in done.stdout) == (0, True)
