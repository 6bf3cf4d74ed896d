"""The page with sign-in, in a real browser, with a real issuer: examples/static_html_sign_in."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.examples.conftest import OpenPage
from tests.examples.looks import CONTRAST
from tests.examples.made import CREDITS, FREE, PRICED, SAID, Made, in_pieces, made, page_with
from tests.examples.site import served
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.issuer import CLIENT_ID, LocalIssuer
from tests.stand import RunningGateway, free_port

ENOUGH = 43
"""Characters of 256 random bits in base64url."""


@dataclass
class App:
    """The page at its address, and what it is made of."""

    page: Page
    address: str
    project: Made
    issuer: LocalIssuer

    def sign_in(self) -> None:
        """As a user does it: over to the issuer, and back."""
        self.page.click("#sign-in")
        self.page.click("text=Sign in as Ada")
        expect(self.page.locator("#who")).to_have_text("Ada Example")

    def ask(self, question: str = "Where is Paris?") -> None:
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")

    def token(self) -> str | None:
        """What the page keeps."""
        token: str | None = self.page.evaluate("sessionStorage.getItem('token')")
        return token

    def alert(self) -> str:
        """What went wrong, as the page says it."""
        expect(self.page.get_by_role("alert")).to_be_visible()
        return self.page.get_by_role("alert").inner_text()


@pytest.fixture
def users(front: RunningGateway, scripted: dict[str, str], issuer: LocalIssuer, upstream: ScriptedUpstream) -> Made:
    """A project for users who signed in; guests may ask, and it costs them nothing."""
    upstream.play(in_pieces(SAID))
    return made(front, "managed", scripted, auth={"no_auth": {"rules": FREE}, "jwt": believing(issuer)})


@pytest.fixture
def app(users: Made, issuer: LocalIssuer, open_page: OpenPage, tmp_path: Path) -> Iterator[App]:
    page_with(tmp_path, "static_html_sign_in", users.settings(issuer=issuer.url))
    with served(tmp_path) as url:
        address = f"{url}/index.html"
        yield App(open_page(address), address, users, issuer)


def believing(issuer: LocalIssuer) -> dict[str, Any]:
    return {"rules": PRICED, "issuers": [{"issuer": issuer.url, "audience": [CLIENT_ID]}]}


def test_signing_in_shows_the_balance_and_spends_it(app: App) -> None:
    """Signed out, signed in with a name and a balance, an answer that is charged to that user, signed out again."""
    expect(app.page.locator("#sign-in")).to_be_visible()
    expect(app.page.locator("#sign-out")).to_be_hidden()
    app.sign_in()
    expect(app.page.locator("#sign-in")).to_be_hidden()
    start = app.project.balance(app.token() or "")["available"]
    expect(app.page.locator("#credits")).to_have_text(f"{start:,} credits left")
    app.ask()
    expect(app.page.locator(".assistant")).to_have_text(SAID)
    expect(app.page.locator("#credits")).to_have_text(f"{start - 6:,} credits left")
    assert app.project.balance(app.token() or "")["available"] == start - 6
    app.page.reload()
    expect(app.page.locator("#who")).to_have_text("Ada Example")
    expect(app.page.locator("#credits")).to_have_text(f"{start - 6:,} credits left")
    app.page.click("#sign-out")
    expect(app.page.locator("#sign-in")).to_be_visible()
    expect(app.page.locator("#who")).to_have_text("")
    expect(app.page.locator("#credits")).to_have_text("")
    assert app.page.evaluate("sessionStorage.length + localStorage.length + document.cookie.length") == 0


def test_the_sign_in_is_asked_for_with_pkce_state_and_nonce(app: App) -> None:
    """All are fresh and long each time; the verifier goes to the token endpoint alone; the code leaves the URL."""
    sent: list[Request] = []
    app.page.on("request", lambda request: sent.append(request))
    app.sign_in()
    app.page.click("#sign-out")
    app.sign_in()
    asked = [parse_qs(urlsplit(r.url).query) for r in sent if r.method == "GET" and "/authorize?" in r.url]
    assert [query["code_challenge_method"] for query in asked] == [["S256"], ["S256"]]
    secrets = [query[name][0] for query in asked for name in ("code_challenge", "state", "nonce")]
    assert len(set(secrets)) == 6
    assert min(map(len, secrets)) >= ENOUGH
    assert all(query["redirect_uri"] == [app.address] and query["response_type"] == ["code"] for query in asked)
    forms = [parse_qs(r.post_data or "") for r in sent if r.url == f"{app.issuer.url}/token"]
    verifiers = [form["code_verifier"][0] for form in forms]
    assert len(set(verifiers)) == 2
    assert not [r.url for r in sent if any(verifier in r.url for verifier in verifiers)]
    assert app.page.url == app.address
    assert set(app.page.evaluate("Object.keys(sessionStorage)")) == {"token"}


def test_a_sign_in_that_did_not_begin_here_is_refused(app: App) -> None:
    """A code that came without a sign-in of this tab, or with another state, goes nowhere."""
    before = app.issuer.asked["/token"]
    app.page.goto(f"{app.address}?code=stolen&state=made-up")
    assert "This sign-in did not begin here" in app.alert()
    app.page.click("#sign-in")
    app.page.wait_for_url(f"{app.issuer.url}/**")
    app.page.goto(f"{app.address}?code=stolen&state=made-up")
    assert "This sign-in did not begin here" in app.alert()
    assert (app.issuer.asked["/token"], app.token()) == (before, None)


def test_an_answer_of_another_issuer_is_refused(app: App) -> None:
    """RFC 9207: where the way back names an issuer, it is the one that was asked."""
    before = app.issuer.asked["/token"]
    app.page.click("#sign-in")
    app.page.wait_for_url(f"{app.issuer.url}/**")
    state = parse_qs(urlsplit(app.page.url).query)["state"][0]
    app.page.goto(f"{app.address}?code=x&state={state}&iss=https://elsewhere.example")
    assert "Another issuer answered" in app.alert()
    assert (app.issuer.asked["/token"], app.token()) == (before, None)


def test_an_issuer_that_refuses_is_told(app: App) -> None:
    """Who changes their mind at the issuer is signed out, and reads why."""
    app.page.click("#sign-in")
    app.page.wait_for_url(f"{app.issuer.url}/**")
    state = parse_qs(urlsplit(app.page.url).query)["state"][0]
    app.page.goto(f"{app.address}?error=access_denied&error_description=Not+today&state={state}")
    said = app.alert()
    assert "You are not signed in." in said
    assert "Not today" in said
    assert app.page.url == app.address


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"]},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(app: App, wrong: dict[str, Any]) -> None:
    """Another nonce, audience or issuer, or a time that is over: the page does not take the token."""
    app.page.click("#sign-in")
    app.page.wait_for_url(f"{app.issuer.url}/**")
    nonce = parse_qs(urlsplit(app.page.url).query)["nonce"][0]
    token = app.issuer.token(**({"nonce": nonce} | wrong))
    answer = {"status": 200, "headers": {"access-control-allow-origin": "*"}, "body": json.dumps({"id_token": token})}
    app.page.route("**/token", lambda route: route.fulfill(**answer))
    app.page.click("text=Sign in as Ada")
    assert "not for this sign-in" in app.alert()
    assert app.token() is None
    expect(app.page.locator("#sign-in")).to_be_visible()


def test_an_issuer_that_calls_itself_otherwise_is_refused(app: App) -> None:
    """A discovery document of another issuer leads nowhere."""
    app.issuer.mode = "moved"
    try:
        app.page.click("#sign-in")
        assert "The issuer calls itself otherwise." in app.alert()
    finally:
        app.issuer.mode = "up"
    assert app.page.url == app.address


def test_a_guest_may_ask_and_is_not_the_user(app: App) -> None:
    """Signed out a question goes without a token, to an account of its own, where the project lets guests in."""
    app.ask()
    expect(app.page.locator(".assistant")).to_have_text(SAID)
    expect(app.page.locator("#credits")).to_have_text("")
    app.sign_in()
    expect(app.page.locator("#credits")).to_contain_text("credits left")


def test_without_guests_the_page_asks_to_sign_in(
    front: RunningGateway, scripted: dict[str, str], issuer: LocalIssuer, open_page: OpenPage, tmp_path: Path
) -> None:
    """Where the project lets no guests in, a question is answered with: sign in. It is still there afterwards."""
    project = made(front, "managed", scripted, auth={"jwt": believing(issuer)})
    page_with(tmp_path, "static_html_sign_in", project.settings(issuer=issuer.url))
    with served(tmp_path) as url:
        app = App(open_page(f"{url}/index.html"), f"{url}/index.html", project, issuer)
        app.ask()
        assert app.alert().strip() == "Sign in to ask."
        expect(app.page.locator("#question")).to_have_value("Where is Paris?")


def test_who_was_signed_in_never_becomes_a_guest(app: App) -> None:
    """A sign-in that is over is told before anything is sent, though guests may ask."""
    app.sign_in()
    over = app.issuer.token(exp=int(time.time()) - 1)
    app.page.evaluate("(token) => sessionStorage.setItem('token', token)", over)
    sent: list[Request] = []
    app.page.on("request", lambda request: sent.append(request))
    app.ask()
    assert app.alert().strip() == "Your sign-in is over. Sign in again."
    expect(app.page.locator("#sign-in")).to_be_visible()
    assert not [request.url for request in sent if request.url.endswith("/chat/completions")]
    assert app.token() is None


def test_a_token_that_farebox_refuses_signs_out(app: App) -> None:
    """A token that looks right to the page but not to Farebox ends the sign-in, and is not taken for a guest's."""
    app.sign_in()
    head, claims, _ = (app.token() or "").split(".")
    app.page.evaluate("(token) => sessionStorage.setItem('token', token)", f"{head}.{claims}.{'A' * 342}")
    app.ask()
    assert app.alert().strip() == "Your sign-in is over. Sign in again."
    assert app.token() is None


def test_the_page_reaches_gateway_and_issuer_only(app: App) -> None:
    """Whatever ran in the page could send the token nowhere else: the browser lets nothing through."""
    app.sign_in()
    other = f"http://127.0.0.1:{free_port()}/"
    tried = """(url) => new Promise((done) => {
      document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), { once: true });
      fetch(url).catch(() => setTimeout(done, 2000));
    })"""
    assert app.page.evaluate(tried, other) == "connect-src"
    script = """() => new Promise((done) => {
      document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), { once: true });
      const script = document.createElement("script");
      script.textContent = "document.title = 'changed'";
      document.body.append(script);
      setTimeout(done, 2000);
    })"""
    assert app.page.evaluate(script) == "script-src-elem"
    assert app.page.title() == "Ask"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_is_signed_in_fits_on_a_phone(app: App, open_page: OpenPage, scheme: str) -> None:
    """A name of any length leaves room for the balance and the way out, readable in light and dark."""
    app.page = open_page(app.address, scheme=scheme, size={"width": 320, "height": 560})
    long = app.issuer.token(sub="long", name="Ada Example " * 20)
    app.page.evaluate("(token) => sessionStorage.setItem('token', token)", long)
    app.page.reload()
    expect(app.page.locator("#credits")).to_have_text(f"{CREDITS:,} credits left")
    assert app.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(app.page.locator("#sign-out")).to_be_in_viewport(ratio=1)
    for selector in ("#who", "#credits", "#sign-out"):
        assert app.page.locator(selector).evaluate(CONTRAST) >= 4.5, selector


def test_from_a_file_the_page_says_what_it_needs(
    users: Made, issuer: LocalIssuer, open_page: OpenPage, tmp_path: Path
) -> None:
    """From disk guests can ask; signing in needs an address to come back to, and the page says how to get one."""
    page = open_page(page_with(tmp_path, "static_html_sign_in", users.settings(issuer=issuer.url)).as_uri())
    page.click("#sign-in")
    expect(page.get_by_role("alert")).to_contain_text("python3 -m http.server")
    page.fill("#question", "Where is Paris?")
    page.click("#send")
    expect(page.locator(".assistant")).to_have_text(SAID)
