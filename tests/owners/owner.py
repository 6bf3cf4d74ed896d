"""An owner of projects, and what tests ask of the console."""

import re
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.ledger import sessions, tables
from tests.forward.stage import ledger_of
from tests.stand import Answer, RunningGateway, text_of

SITE = "https://console.example"
HOUR_S = 3600
LINK = re.compile(r"(http\S+)/console/enter#(\S+)")
JWT = {"issuers": [{"preset": "supabase", "project": "abcdefgh", "shared_secret": True}]}


@dataclass
class Owner:
    """Somebody with a session."""

    gateway: RunningGateway
    email: str
    session: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request of theirs; `path` is below /console."""
        return self.gateway.request(method, f"/console{path}", body, key=self.session, headers=headers)

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """The same where it must succeed."""
        answer = self.ask(method, path, body)
        assert answer.status == 200, (method, path, answer.status, answer.body)
        return answer.json()

    def project(self, **document: Any) -> "Projected":
        """A new project: a new one's document, with these fields."""
        made = self.told("POST", "/projects", {"name": "Travel helper"})
        if document:
            changed = {"version": made["version"], "document": made["document"] | document}
            made = self.told("PUT", f"/projects/{made['id']}", changed)
        return Projected(self, made["id"])

    def managed(self) -> "Projected":
        """One whose users come without anything, with a test token, a key or a token of Supabase's, and pay."""
        endpoints = {"/v1/chat/completions": {"template": {"model": "m", "messages": []}}}
        mine = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}
        models = [{"model": "m", "providers": [{"provider": "mine"}]}]
        auth = {"no_auth": {}, "test": {}, "key": {}, "jwt": JWT}
        more: dict[str, Any] = {"payments": {"stripe": {"mode": "live"}}, "notices": {"url": "http://127.0.0.1:9/told"}}
        return self.project(auth=auth, providers={"mine": mine}, models=models, endpoints=endpoints, **more)


@dataclass
class Projected:
    """A project of an owner."""

    owner: Owner
    project_id: str

    def ask(self, method: str, path: str = "", body: Any = None) -> Answer:
        return self.owner.ask(method, f"/projects/{self.project_id}{path}", body)

    def told(self, method: str, path: str = "", body: Any = None) -> Any:
        return self.owner.told(method, f"/projects/{self.project_id}{path}", body)

    @property
    def shown(self) -> Any:
        return self.told("GET")

    def user(self, reference: str = "") -> Any:
        return self.told("POST", "/users", {"reference": reference or secrets.token_hex(4)})


def address() -> str:
    return f"{secrets.token_hex(6)}@farebox.test"


def new_owner(gateway: RunningGateway, email: str = "") -> Owner:
    """With a session straight from the ledger, for speed."""
    email = email or address()
    return Owner(gateway, email, tables.drive(sessions.new_session(ledger_of(gateway), email, HOUR_S)))


class NotFollowed(urllib.request.HTTPRedirectHandler):
    """Shows where an answer leads instead of going there."""

    def redirect_request(self, *_: Any) -> None:
        return None


def led(gateway: RunningGateway, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers, named in lower case, of an answer to a browser that goes nowhere."""
    asked = urllib.request.Request(gateway.url + path, headers={"Accept": "text/html,*/*;q=0.8"} | headers)
    try:
        with urllib.request.build_opener(NotFollowed).open(asked, timeout=60) as answer:
            status, told = answer.status, dict(answer.headers.items())
    except urllib.error.HTTPError as error:
        with error:
            status, told = error.code, dict(error.headers.items())
    return status, {name.lower(): value for name, value in told.items()}


def mails_to(gateway: RunningGateway, email: str) -> list[Path]:
    found = gateway.outbox.glob("*.eml") if gateway.outbox.exists() else ()
    return [path for path in sorted(found) if f"To: {email}" in path.read_text().partition("\n\n")[0]]


def link(gateway: RunningGateway, email: str) -> str:
    """The token of the link that is mailed to an address which asks for one."""
    before = set(mails_to(gateway, email))
    answer = gateway.request("POST", "/console/sign-in", {"email": email})
    assert answer.status == 200, answer.body
    (mail,) = set(mails_to(gateway, email)) - before
    found = LINK.search(text_of(mail))
    assert found, text_of(mail)
    return found[2]


def signed_in(gateway: RunningGateway, email: str = "") -> Owner:
    """An owner who came by the mailed link."""
    email = email or address()
    answer = gateway.request("POST", "/console/sessions", {"token": link(gateway, email)})
    assert answer.status == 200, answer.body
    return Owner(gateway, email, answer.json()["session"])
