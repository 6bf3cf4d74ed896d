"""docs/console.md: its examples run as they stand there, its table has every route, and its link's page works."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from functions.console import app as console
from functions.entry import ANY
from functions.owners.sign_in import LINK_LASTS_S, SESSION_LASTS_S
from tests.entries.keys import ADMIN_KEY
from tests.owners.owner import LINK, Owner, address, link, mails_to, new_owner
from tests.stand import ROOT, RunningGateway, text_of

PAGE = (ROOT / "docs/console.md").read_text()
SIGN_IN, *EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ADDRESS = "you@example.com"


def run(program: str, said: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=["a project", "users"])
def test_the_examples_run(owner: Owner, example: str) -> None:
    """With the address and the session of whoever follows them, to their end."""
    told = run(example.replace("http://127.0.0.1:8503", owner.gateway.url).replace("os-…", owner.session))
    assert told.strip()
    assert len(owner.told("GET", "/projects")["data"]) == 1


def test_the_sign_in_runs(front: RunningGateway) -> None:
    """The first request mails a link; with its token, typed in, the second gives a session that opens the console."""
    email = address()
    ask, enter = SIGN_IN.replace("http://127.0.0.1:8503", front.url).replace(ADDRESS, email).split("token = ", 1)
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
    found = re.search(r"curl -X PUT .*?/grants\"", PAGE, re.DOTALL)
    assert found
    line = re.sub(r"projects/\w+/", f"projects/{project.project_id}/", found[0])
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("NO PROOF OF THE PAGE: there is no `chromium` (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_the_mailed_link_works_in_a_browser(front: RunningGateway, browser: Browser) -> None:
    """Chromium opens it: the token leaves the address, one press gives the session, a second link has nothing left."""
    token = link(front, address())
    page = browser.new_page()
    faults: list[str] = []
    urls: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{front.url}/console/enter#{token}")
    assert page.evaluate("location.href") == f"{front.url}/console/enter"
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Your session").wait_for()
    session = page.get_by_label("Your session").input_value()
    assert front.request("GET", "/console/projects", key=session).status == 200
    assert faults == []
    assert not [url for url in urls if token in url.partition("#")[0]]
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.goto("about:blank")
    page.goto(f"{front.url}/console/enter#{token}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("not valid any more").wait_for()
    page.close()


def test_the_page_without_a_token_has_nothing_to_press(front: RunningGateway, browser: Browser) -> None:
    """It says so instead."""
    page = browser.new_page()
    page.goto(f"{front.url}/console/enter")
    assert page.get_by_role("button", name="Sign in").is_disabled()
    page.get_by_text("Open the mail's link again").wait_for()
    page.close()


def test_a_script_in_the_address_does_not_run(front: RunningGateway, browser: Browser) -> None:
    """Case 34: what stands behind the # is a token and never markup, in the page and in what it says of an answer."""
    page = browser.new_page()
    page.goto(f"{front.url}/console/enter#<img src=x onerror=window.ran=1>")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("not valid any more").wait_for()
    assert page.evaluate("window.ran") is None
    assert new_owner(front).ask("GET", "/projects").status == 200
    page.close()
