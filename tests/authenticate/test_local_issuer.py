"""The local issuer that examples sign in at: a page, a button, and a code for one token to whoever asked for it."""

import base64
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.authenticate.verifying import Verifying
from tests.issuer import CLIENT_ID, LocalIssuer

VERIFIER = "a-verifier-that-is-at-least-43-characters-long-as-rfc-7636-says"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": "http://127.0.0.1:9/app.html",
    "scope": "openid",
    "state": "the state of the page",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Unmoved(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, form: Mapping[str, str] | None = None) -> tuple[int, Message, bytes]:
    data = urlencode(form).encode() if form else None
    try:
        with urllib.request.build_opener(Unmoved).open(url, data, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def code(issuer: LocalIssuer) -> str:
    """Sign in as the page does: its form, sent as it is."""
    status, _, page = ask(f"{issuer.url}/authorize?{urlencode(ASKED)}")
    assert status == 200
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.decode()))
    assert fields == ASKED
    status, headers, _ = ask(f"{issuer.url}/authorize", fields)
    assert status == 303
    back = urlsplit(headers["location"])
    told = parse_qs(back.query)
    assert headers["location"].startswith(ASKED["redirect_uri"] + "?")
    assert told["state"] == [ASKED["state"]]
    return told["code"][0]


def exchange(mine: str, **changed: str) -> dict[str, str]:
    """What a page sends for its token."""
    form = {"grant_type": "authorization_code", "code": mine, "redirect_uri": ASKED["redirect_uri"]}
    return form | {"client_id": CLIENT_ID, "code_verifier": VERIFIER} | changed


async def test_a_page_signs_its_user_in(who: Verifying, issuer: LocalIssuer) -> None:
    """Page, button, code, token; and the token is one that a project believes."""
    status, headers, body = ask(f"{issuer.url}/token", exchange(code(issuer)))
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert (await who.known(json.loads(body)["id_token"])).subject == "ada"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": VERIFIER + "x"},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "http://127.0.0.1:9/other"},
        {"client_id": "another"},
        {"grant_type": "password"},
        {"code": "another"},
    ],
)
def test_a_code_is_worth_nothing_to_others(issuer: LocalIssuer, wrong: dict[str, str]) -> None:
    """Without the verifier, at another address, for another client; and it is used up by trying."""
    mine = code(issuer)
    status, _, body = ask(f"{issuer.url}/token", exchange(mine, **wrong))
    assert (status, json.loads(body)) == (400, {"error": "invalid_grant"})
    assert "code" in wrong or ask(f"{issuer.url}/token", exchange(mine))[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"redirect_uri": "https://evil.example/"},
        {"client_id": "another"},
        {"response_type": "token"},
    ],
)
def test_a_sign_in_that_is_not_asked_for_correctly(issuer: LocalIssuer, wrong: dict[str, str]) -> None:
    """No page, and no way back to an address that is not on this machine."""
    assert ask(f"{issuer.url}/authorize?{urlencode(ASKED | wrong)}")[0] == 400
