"""What tests ask as the operator: forms as scripts send them, JSON as the page does, and users to do it to."""

import http.client
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.entries.keys import ADMIN_KEY, as_admin
from tests.reference import checking
from tests.stand import Answer, RunningGateway

FORM = "application/x-www-form-urlencoded"
CHANGES: dict[str, dict[str, Any]] = {
    "adjust": {"delta": 5},
    "grant": {"tokens": 5, "days": 1},
    "block": {"seconds": 60},
    "unblock": {},
    "delete": {},
}
"""Every change of a user, with what it needs beside whom it is about."""


@dataclass(frozen=True)
class User:
    """Somebody who registered."""

    gateway: RunningGateway
    email: str
    key: str

    @property
    def number(self) -> int:
        number: int = self.gateway.account(self.key)["user_id"]
        return number

    @property
    def balance(self) -> dict[str, Any]:
        balance: dict[str, Any] = self.gateway.account(self.key)["balance"]
        return balance

    def chat(self) -> int:
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        return self.gateway.request("POST", "/v1/chat/completions", body, key=self.key).status


def user(gateway: RunningGateway) -> User:
    """A new one, with a trial of 100,000."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    return User(gateway, email, gateway.register(email))


def send(
    gateway: RunningGateway, method: str, path: str, body: str | bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    """One request as it is written; a redirect is an answer."""
    parts = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request(method, parts.path + path, body, headers or {})
    found = connection.getresponse()
    answer = Answer(found.status, dict(found.getheaders()), found.read())
    connection.close()
    checking.check(method, path, answer.status, answer.headers, answer.body)
    return answer


def form(gateway: RunningGateway, name: str, fields: dict[str, Any], key: str = ADMIN_KEY, **headers: str) -> Answer:
    """A change by a form that has the key in it."""
    body = urlencode({"key": key} | fields)
    return send(gateway, "POST", f"/admin/{name}", body, {"Content-Type": FORM} | headers)


def change(gateway: RunningGateway, name: str, fields: dict[str, Any]) -> Answer:
    """A change by JSON, the key in the header."""
    return gateway.request("POST", f"/admin/{name}", fields, headers=as_admin())


def done(gateway: RunningGateway, name: str, **fields: Any) -> Any:
    """The answer to a change that must succeed."""
    answer = change(gateway, name, fields)
    assert answer.status == 200, answer.body
    return answer.json()


def told(gateway: RunningGateway, path: str) -> Any:
    """The answer to the operator's GET below /admin."""
    answer = gateway.request("GET", f"/admin{path}", headers=as_admin())
    assert answer.status == 200, answer.body
    return answer.json()


def actions(gateway: RunningGateway) -> list[dict[str, Any]]:
    """What was done last, the newest first."""
    data: list[dict[str, Any]] = told(gateway, "/actions?limit=10")["data"]
    return data
