"""docs/console.md: its examples run as they stand there, and its table has every route."""

import re
import subprocess
import sys

import pytest

from functions.console import app as console
from functions.entry import ANY
from functions.owners.sign_in import LINK_LASTS_S, SESSION_LASTS_S
from tests.docs.blocks import special
from tests.entries.keys import ADMIN_KEY
from tests.owners.owner import LINK, Owner, address, mails_to
from tests.stand import ROOT, RunningGateway, text_of

PAGE = (ROOT / "docs/console.md").read_text()
ADDRESS = "you@example.com"


def run(program: str, said: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["an owner's project", "an owner's users", "what is going on"])
def test_the_examples_run(owner: Owner, name: str) -> None:
    """With the address and the session of whoever follows them, to their end."""
    example = special(name).code.replace("http://127.0.0.1:8503", owner.gateway.url)
    told = run(example.replace("os-…", owner.session))
    assert told.strip()
    assert len(owner.told("GET", "/projects")["data"]) == 1


def test_the_sign_in_runs(front: RunningGateway) -> None:
    """The first request mails a link; with its token, typed in, the second gives a session that opens the console."""
    email = address()
    example = special("an owner signs in").code.replace("http://127.0.0.1:8503", front.url)
    ask, enter = example.replace(ADDRESS, email).split("token = ", 1)
    run(ask)
    (mail,) = mails_to(front, email)
    found = LINK.search(text_of(mail))
    assert found
    head = ask.rpartition("httpx.post(")[0]
    told = run(f"{head}token = {enter}", found[2])
    session = re.search(r"os-\S{43}", told)
    assert session
    assert front.request("GET", "/console/projects", key=session[0]).status == 200


def test_the_operators_line_runs(owner: Owner) -> None:
    """Pasted into a shell with the project's id in it, it grants."""
    project = owner.project()
    line = re.sub(r"projects/\w+/", f"projects/{project.project_id}/", special("the operator grants").code)
    environ = {"PATH": "/usr/bin:/bin", "ADMIN_KEY": ADMIN_KEY, "BASE_URL": owner.gateway.url}
    subprocess.run(["sh", "-c", line], env=environ, capture_output=True, timeout=60, check=True)
    assert project.shown["grants"] == ["llama"]


def test_the_page_names_every_route() -> None:
    """Each method and path that the console serves stands on it."""
    served = {(method, path) for path, methods in console.routes.items() for method in methods}
    skipped = ("HEAD", "OPTIONS", ANY)
    written = PAGE.replace("…/", "/console/projects/{id}/")
    for method, path in sorted(served):
        if method in skipped or path in ("/console", "/console/{proxy+}", "/console/enter", "/console/sessions"):
            continue
        shape = re.sub(r"\\{\w+\\}", r"\\{\\w+\\}", re.escape(path))
        assert re.search(rf"{method} {shape}[`? ]", written), f"{method} {path}"


def test_the_page_says_how_long_links_and_sessions_last() -> None:
    """As the code has it."""
    assert f"within {LINK_LASTS_S // 60} minutes" in PAGE
    assert SESSION_LASTS_S == 7 * 86400
    assert "seven days" in PAGE
