"""A smoke test of what was deployed: `python -m infra.aws.smoke URL [--key sk-…]`. Needs the standard library only.

Without a key it checks all that anybody can see. With one, also in FAREBOX_KEY, it buys two short answers.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 60
CHAT = "/v1/chat/completions"
SHORT = {"model": "default", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
ORIGIN = "https://smoke.example"
SETTLED_WITHIN_S = 10

AGAIN_S = 2

PAGE = "/register.html"

Tell = Callable[[str], None]
Check = Callable[[], str | None]


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_Stays)


class Unexpected(Exception):
    """A check that did not pass; the message says what came instead. It holds no key."""


@dataclass
class Answer:
    """Status, headers (names in lower case), body, and the seconds until its first bytes and its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    first_s: float = 0.0
    whole_s: float = 0.0

    def json(self) -> Any:
        """The body decoded. Raises Unexpected."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unexpected(f"status {self.status} and no JSON: {self.body[:200]!r}") from None


@dataclass
class Smoke:
    """One deployment, seen from outside. `url` is without a trailing slash."""

    url: str
    key: str = ""
    is_emulated: bool = False
    """It runs in an emulator of AWS, which has no distribution at the address of one."""

    def checks(self) -> Iterator[tuple[str, Check]]:
        """Every check with its name, in order; a check raises Unexpected, or gives a remark."""
        yield from self.free()
        if self.key:
            yield from self.bought()

    def free(self) -> Iterator[tuple[str, Check]]:
        """What costs nothing, and can be asked again."""
        yield "the gateway answers", self.health
        yield "an unknown path is 404 in OpenAI's shape", self.unknown_path
        yield "a chat without a key is 401 in OpenAI's shape", self.no_key
        yield "the models are not shown without a key", self.models_without_key
        yield "the page to register is there", self.register_page
        yield "the site knows where the API is", self.site
        yield "a browser's preflight is allowed", self.preflight
        yield "/admin is refused", self.admin
        yield "the console asks who is there", self.console

    def bought(self) -> Iterator[tuple[str, Check]]:
        """What needs a key, and credits."""
        yield "the models are shown with a key", self.models
        yield "a chat in one piece", self.chat
        yield "a streamed chat", self.stream
        yield "the balance fell by what both cost", self.balance

    def wait(self, patience_s: float) -> None:
        """Wait until all that is free passes, or for so long: new routes and permissions take their time everywhere."""
        until = time.monotonic() + patience_s
        for _, check in self.free():
            while time.monotonic() < until and attempt(check)[0]:
                time.sleep(AGAIN_S)

    def health(self) -> None:
        answer = self.ask("GET", "/health")
        expect(answer, 200)
        if answer.json() != {"status": "ok"}:
            raise Unexpected(f"it says {answer.body[:200]!r}")

    def unknown_path(self) -> None:
        expect_error(self.ask("GET", "/v1/no-such-thing"), 404)

    def no_key(self) -> None:
        expect_error(self.ask("POST", CHAT, SHORT), 401, "invalid_api_key")

    def models_without_key(self) -> None:
        expect_error(self.ask("GET", "/v1/models"), 401, "invalid_api_key")

    def register_page(self) -> str:
        answer = self.ask("GET", "/register")
        expect(answer, 303)
        page = answer.headers.get("location", "")
        if not page.endswith(PAGE):
            raise Unexpected(f"it leads to {page!r}")
        if self.is_emulated:
            return f"at {page}, which is not looked at"
        answer = self.ask("GET", page)
        expect(answer, 200)
        if not answer.headers.get("content-type", "").startswith("text/html") or b"<form" not in answer.body:
            raise Unexpected("there is no form in it")
        if "default-src 'none'" not in answer.headers.get("content-security-policy", ""):
            raise Unexpected("it has no content security policy")
        return f"at {page}"

    def site(self) -> str:
        """Its config.json names an address at which the API answers."""
        if self.is_emulated:
            return "it is not looked at"
        page = self.ask("GET", "/register").headers.get("location", "")
        answer = self.ask("GET", page.removesuffix(PAGE) + "/config.json")
        expect(answer, 200)
        api = answer.json()["api"]
        expect(self.ask("GET", f"{api}/health"), 200)
        return str(api)

    def preflight(self) -> None:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        answer = self.ask("OPTIONS", CHAT, headers={"Origin": ORIGIN, **asked})
        if answer.status not in (200, 204):
            expect(answer, 200)
        allowed = {name: answer.headers.get(f"access-control-allow-{name}", "") for name in ("origin", "headers")}
        if allowed["origin"] not in ("*", ORIGIN) or "authorization" not in allowed["headers"].lower():
            raise Unexpected(f"it allows {allowed}")

    def admin(self) -> str:
        answer = self.ask("GET", "/admin/status")
        if answer.status not in (401, 403, 404):  # 404: where IAM guards it, an unsigned request is told nothing
            expect(answer, 403)
        return f"status {answer.status}"

    def console(self) -> None:
        expect_error(self.ask("GET", "/console/projects"), 401, "invalid_api_key")

    def models(self) -> str:
        answer = self.ask("GET", "/v1/models", key=self.key)
        expect(answer, 200)
        return ", ".join(str(model["id"]) for model in answer.json()["data"])

    def chat(self) -> str:
        self._available = self._account()["balance"]["available"]
        answer = self.ask("POST", CHAT, SHORT, key=self.key)
        expect(answer, 200)
        self._bought = [(answer.headers.get("x-farebox-receipt", ""), answer.json()["usage"])]
        return f"{answer.whole_s:.1f} s"

    def stream(self) -> str:
        asked = SHORT | {"stream": True, "stream_options": {"include_usage": True}}
        answer = self.ask("POST", CHAT, asked, key=self.key)
        expect(answer, 200)
        lines = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        if lines[-1:] != ["[DONE]"]:
            raise Unexpected(f"it ends with {lines[-1:]}")
        usage = [event["usage"] for event in map(json.loads, lines[:-1]) if event.get("usage")]
        if len(usage) != 1:
            raise Unexpected(f"usage stands in {len(usage)} events")
        self._bought.append((answer.headers.get("x-farebox-receipt", ""), usage[0]))
        return f"{len(lines)} events, the first after {answer.first_s:.1f} s, the last after {answer.whole_s:.1f} s"

    def balance(self) -> str:
        """Each receipt has the tokens of its answer, and the balance fell by the receipts' sum."""
        account = self._account()
        until = time.monotonic() + SETTLED_WITHIN_S
        while account["balance"]["held"] and time.monotonic() < until:
            time.sleep(0.5)
            account = self._account()
        receipts = {receipt["id"]: receipt for receipt in account["receipts"]}
        for name, usage in self._bought:
            if name not in receipts:
                raise Unexpected(f"there is no receipt {name!r}")
            counted = {"input": receipts[name]["input_tokens"], "output": receipts[name]["output_tokens"]}
            if counted != {"input": usage["prompt_tokens"], "output": usage["completion_tokens"]}:
                raise Unexpected(f"receipt {name} says {counted}, its answer {usage}")
        cost = sum(receipts[name]["credits"] for name, _ in self._bought)
        fell = self._available - account["balance"]["available"]
        if abs(fell - cost) > 1e-6:  # credits are shown as numbers with six places
            raise Unexpected(f"it fell by {fell}, the receipts say {cost}")
        return f"{cost} credits"

    def _account(self) -> dict[str, Any]:
        answer = self.ask("GET", "/account", key=self.key)
        expect(answer, 200)
        account: dict[str, Any] = answer.json()
        return account

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; a redirect is the answer. Raises Unexpected where nothing answers, or not to the end."""
        sent = {"User-Agent": "farebox-smoke", **(headers or {})}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        where = path if "://" in path else self.url + path
        request = urllib.request.Request(where, data=data, headers=sent, method=method)
        began = time.monotonic()
        try:
            try:
                response = OPENER.open(request, timeout=TIMEOUT_S)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                first = response.read(1)
                first_s = time.monotonic() - began
                rest = response.read()
        except (OSError, http.client.HTTPException) as error:  # the second: an answer that is cut off, or no HTTP
            raise Unexpected(f"{method} {path}: {error}") from None
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, named, first + rest, first_s, time.monotonic() - began)


def expect(answer: Answer, status: int) -> None:
    """Raises Unexpected where the status is another."""
    if answer.status != status:
        raise Unexpected(f"status {answer.status} instead of {status}: {answer.body[:300]!r}")


def expect_error(answer: Answer, status: int, code: str = "") -> None:
    """Raises Unexpected where the answer is not this error in OpenAI's shape."""
    expect(answer, status)
    error = answer.json().get("error")
    if not isinstance(error, dict) or not {"message", "type", "param", "code"} <= set(error):
        raise Unexpected(f"it has not OpenAI's shape: {answer.body[:300]!r}")
    if code and error["code"] != code:
        raise Unexpected(f"its code is {error['code']!r}")


def attempt(check: Check) -> tuple[str, str]:
    """What is wrong, "" for nothing, and the check's remark."""
    try:
        return "", check() or ""
    except Unexpected as problem:
        return str(problem), ""
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        return f"an answer of another shape ({problem!r})", ""


def run(url: str, key: str = "", tell: Tell = print, patience_s: float = 0) -> bool:
    """Run every check, a line each; whether all passed."""
    passed, smoke = True, Smoke(url.rstrip("/"), key, bool(os.environ.get("AWS_ENDPOINT_URL")))
    smoke.wait(patience_s)
    for name, check in smoke.checks():
        wrong, remark = attempt(check)
        passed = passed and not wrong
        tell(f"  FAIL  {name}: {wrong}" if wrong else f"  ok    {name}" + (f": {remark}" if remark else ""))
    if not key:
        tell("  --    no key was given (--key, FAREBOX_KEY): no chat was tried")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.aws.smoke", description=__doc__)
    parser.add_argument("url", help="the API's address, stage path and all")
    parser.add_argument("--key", default=os.environ.get("FAREBOX_KEY", ""), help="an account's key")
    arguments = parser.parse_args()
    return 0 if run(arguments.url, arguments.key) else 1


if __name__ == "__main__":
    sys.exit(main())
