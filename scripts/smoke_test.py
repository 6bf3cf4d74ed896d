#!/usr/bin/env python3
"""A smoke test of any deployment, from outside, with the standard library alone.

    python3 scripts/smoke_test.py [--url URL] [--admin-key KEY] [--skip-rate-limit] [--verbose]

Health, registration, keys, admin, inference, rate limit, clean-up. It registers one user of its own, looks, and deletes
the user by the admin endpoints. Without an admin key nothing of admin is tried and the user stays: its address is
printed. Inference is tried with an existing key in SMOKE_API_KEY; where `make run` runs on this machine, with the keys
of .local/demo.json. Exit code: 0 all passed, 1 something did not, 2 it cannot be tried.
"""

import argparse
import json
import os
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

URL = "http://127.0.0.1:8503"
DEMO = Path(".local/demo.json")
TIMEOUT_S = 60
HAMMERED = 130
FORM = "application/x-www-form-urlencoded"
PAGE = "text/html,application/xhtml+xml"
QUESTION = {"model": "default", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}

Headers = dict[str, str]
Check = tuple[str, Callable[[], str | None]]


class Unexpected(Exception):
    """What came instead. No key is ever in it."""


class Stays(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Answer:
    """Status, headers by their names in lower case, and the body as text."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.text: str = response.read().decode(errors="replace")

    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            raise Unexpected(f"status {self.status} and no JSON") from None


class Deployment:
    """One deployment, and the user that is made and deleted there."""

    def __init__(self, url: str, admin_key: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self.admin_key = admin_key
        self.api_key = api_key
        self.email = f"smoke-{secrets.token_hex(6)}@farebox.test"
        self.user_id: int | None = None
        self.registered = False
        self._opener = urllib.request.build_opener(Stays)

    def ask(self, method: str, path: str, body: Any = None, key: str = "", **more: Any) -> Answer:
        """One request: a dict goes as JSON, with `form` as a form. Raises Unexpected where nothing answers."""
        headers: Headers = {"User-Agent": "farebox-smoke-test", **more.get("headers", {})}
        data = None
        if body is not None:
            form = more.get("form", False)
            headers["Content-Type"] = FORM if form else "application/json"
            data = (urllib.parse.urlencode(body) if form else json.dumps(body)).encode()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(address, data=data, headers=headers, method=method)
        try:
            try:
                response = self._opener.open(request, timeout=TIMEOUT_S)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                return Answer(response)
        except OSError as error:
            raise Unexpected(f"{method} {path.partition('?')[0]}: {error}") from None

    # health

    def health(self) -> None:
        answer = expect(self.ask("GET", "/health"), 200)
        if answer.json() != {"status": "ok"}:
            raise Unexpected("it does not say that its status is ok")

    def unknown(self) -> None:
        refused(self.ask("GET", "/v1/no-such-thing"), 404)

    # registration

    def page(self) -> str:
        """The page with the form, where /register leads."""
        answer = self.ask("GET", "/register", headers={"Accept": PAGE})
        where = self.url + "/register"
        if answer.status in (302, 303, 307):
            where = urllib.parse.urljoin(where, answer.headers.get("location", ""))
            answer = self.ask("GET", where, headers={"Accept": PAGE})
        if "<form" not in expect(answer, 200).text:
            raise Unexpected(f"there is no form at {where}")
        return where

    def register(self) -> str:
        answer = expect(self.ask("POST", "/register", {"email": self.email}, form=True), 200)
        self.registered = True
        if self.email not in answer.text:
            raise Unexpected("the answer does not name the address")
        return self.email

    def no_address(self) -> None:
        refused(self.ask("POST", "/register", {"email": "no address"}), 400, param="email")

    # keys

    def no_key(self) -> None:
        refused(self.ask("POST", "/v1/chat/completions", QUESTION), 401)

    def wrong_key(self) -> None:
        for path in ("/v1/models", "/account"):
            refused(self.ask("GET", path, key="sk-" + "x" * 43), 401)

    # admin

    def admin_closed(self) -> None:
        expect(self.ask("GET", "/admin/users", key="a wrong admin key"), 403)
        expect(self.ask("GET", "/admin?key=wrong"), 403)

    def admin_finds(self) -> str:
        query = urllib.parse.urlencode({"email": self.email})
        found = expect(self.ask("GET", f"/admin/users?{query}", key=self.admin_key), 200).json()["data"]
        if [user["email"] for user in found] != [self.email]:
            raise Unexpected(f"{len(found)} users have the address")
        self.user_id = found[0]["user_id"]
        return f"user {self.user_id}"

    def admin_adjusts(self) -> str:
        before = self._user()["paid"]
        for delta, expected in (("1000", before + 1000), (f"-{int(before) + 5000}", 0)):
            self._form("/admin/adjust", email=self.email, delta=delta)
            if (now := self._user()["paid"]) != expected:
                raise Unexpected(f"after {delta} there are {now} paid credits, not {expected}")
        return "up, and down to zero"

    def admin_grants(self) -> None:
        before = self._user()["trial"]
        self._form("/admin/grant", email=self.email, tokens="500", days="1")
        if (now := self._user()["trial"]) != before + 500:
            raise Unexpected(f"the trial has {now} credits, not {before + 500}")

    def _form(self, path: str, **fields: str) -> None:
        expect(self.ask("POST", path, {"key": self.admin_key, **fields}, form=True), 200)

    def _user(self) -> Any:
        query = urllib.parse.urlencode({"email": self.email})
        found = expect(self.ask("GET", f"/admin/users?{query}", key=self.admin_key), 200).json()["data"]
        if not found:
            raise Unexpected("the user is not found")
        return found[0]

    # inference

    def chat(self) -> str:
        answer = expect(self.ask("POST", "/v1/chat/completions", QUESTION, key=self.api_key), 200).json()
        return f"{answer['usage']['completion_tokens']} tokens by {answer['model']}"

    def stream(self) -> str:
        asked = QUESTION | {"stream": True}
        answer = expect(self.ask("POST", "/v1/chat/completions", asked, key=self.api_key), 200)
        events = [line for line in answer.text.split("\n") if line.startswith("data: ")]
        if events[-1:] != ["data: [DONE]"]:
            raise Unexpected("it does not end with [DONE]")
        return f"{len(events)} events"

    def responses(self) -> None:
        asked = {"model": "default", "input": "Say hello.", "max_output_tokens": 8}
        answer = expect(self.ask("POST", "/v1/responses", asked, key=self.api_key), 200).json()
        if answer["object"] != "response":
            raise Unexpected(f"it is a {answer['object']!r}")

    def balance(self) -> str:
        balance = expect(self.ask("GET", "/account", key=self.api_key), 200).json()["balance"]
        return f"{balance['available']} credits left"

    # rate limit

    def hammered(self) -> str:
        """Requests without a key count for their address all the same."""
        for number in range(1, HAMMERED + 1):
            answer = self.ask("GET", "/v1/models")
            if answer.status == 429:
                if "retry-after" not in answer.headers:
                    raise Unexpected("429 without Retry-After")
                return f"the {number}th was refused"
            expect(answer, 401)
        raise Unexpected(f"{HAMMERED} requests were let in")

    # clean-up

    def delete(self) -> str:
        if self.user_id is None:
            self.admin_finds()
        self._form("/admin/delete", user_id=str(self.user_id))
        query = urllib.parse.urlencode({"email": self.email})
        if self.ask("GET", f"/admin/users?{query}", key=self.admin_key).json()["data"]:
            raise Unexpected("the user is still found")
        self.registered = False
        return self.email


def expect(answer: Answer, status: int) -> Answer:
    """The answer. Raises Unexpected where its status is another."""
    if answer.status != status:
        raise Unexpected(f"status {answer.status} instead of {status}: {answer.text[:200]!r}")
    return answer


def refused(answer: Answer, status: int, param: str = "") -> None:
    """Raises Unexpected where the answer is not this error in OpenAI's shape."""
    error = expect(answer, status).json().get("error")
    if not isinstance(error, dict) or not {"message", "type", "param", "code"} <= set(error):
        raise Unexpected(f"it has not OpenAI's shape: {answer.text[:200]!r}")
    if param and error["param"] != param:
        raise Unexpected(f"it names the field {error['param']!r}, not {param!r}")


def phases(found: Deployment, *, rate_limit: bool) -> Iterator[tuple[str, list[Check], str]]:
    """Each phase: its name, its checks, and why it is skipped."""
    yield "health", [("it answers", found.health), ("an unknown path is 404", found.unknown)], ""
    registration: list[Check] = [
        ("the page has a form", found.page),
        ("what is no address is refused", found.no_address),
        ("a user registers", found.register),
    ]
    yield "registration", registration, ""
    yield "keys", [("none is 401", found.no_key), ("a wrong one is 401", found.wrong_key)], ""
    no_admin = "" if found.admin_key else "no admin key (--admin-key, ADMIN_KEY)"
    admin: list[Check] = [
        ("a wrong key is 403", found.admin_closed),
        ("the user is found", found.admin_finds),
        ("credits are adjusted", found.admin_adjusts),
        ("a trial is granted", found.admin_grants),
    ]
    yield "admin", admin, no_admin
    inference: list[Check] = [
        ("a chat", found.chat),
        ("a streamed chat", found.stream),
        ("a response", found.responses),
        ("the balance", found.balance),
    ]
    yield "inference", inference, "" if found.api_key else "no key of an account (SMOKE_API_KEY)"
    skipped = "" if rate_limit else "--skip-rate-limit"
    yield "rate limit", [("an address has a limit", found.hammered)], skipped
    yield "clean-up", [("the user is deleted", found.delete)], no_admin


def run(found: Deployment, *, rate_limit: bool, verbose: bool) -> bool:
    """Go through all phases, a line for each check; whether all passed."""
    passed = True
    for name, checks, skipped in phases(found, rate_limit=rate_limit):
        print(name + (f": skipped, {skipped}" if skipped else ""))
        for text, check in [] if skipped else checks:
            try:
                remark = check()
            except (Unexpected, KeyError, TypeError, IndexError) as problem:
                passed = False
                said = str(problem) if isinstance(problem, Unexpected) else f"an answer of another shape: {problem!r}"
                print(f"  FAIL  {text}: {said if verbose else said.split(': ', 1)[0]}")
            else:
                print(f"  ok    {text}" + (f": {remark}" if remark and verbose else ""))
    if found.registered:
        print(f"This user stays, remove it by hand: {found.email}")
    return passed


def of_machine(url: str) -> dict[str, str]:
    """The keys of `make run` on this machine, where it is the one that is asked."""
    try:
        told: dict[str, str] = json.loads(DEMO.read_text())
    except (OSError, ValueError):
        return {}
    return told if told.get("base_url") == url.rstrip("/") else {}


def dotenv(name: str) -> str:
    """A setting in .env."""
    try:
        lines = Path(".env").read_text().splitlines()
    except OSError:
        return ""
    found = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith(f"{name}=")]
    return found[-1] if found else ""


def main() -> int:
    parser = argparse.ArgumentParser(description="A smoke test of a deployment.")
    parser.add_argument("--url", default=URL, help=f"the API's address (default: {URL})")
    parser.add_argument("--admin-key", default="", help="default: ADMIN_KEY, then .env, then what `make run` wrote")
    parser.add_argument("--skip-rate-limit", action="store_true", help=f"without the {HAMMERED} requests of the limit")
    parser.add_argument("--verbose", action="store_true", help="more of what came")
    given = parser.parse_args()
    if not given.url.startswith(("http://", "https://")):
        print("--url must begin with http:// or https://", file=sys.stderr)
        return 2
    here = of_machine(given.url)
    admin_key = given.admin_key or os.environ.get("ADMIN_KEY") or dotenv("ADMIN_KEY") or here.get("admin_key", "")
    found = Deployment(given.url, admin_key, os.environ.get("SMOKE_API_KEY") or here.get("api_key", ""))
    print(f"smoke test of {found.url}")
    passed = run(found, rate_limit=not given.skip_rate_limit, verbose=given.verbose)
    print("all passed" if passed else "NOT all passed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
