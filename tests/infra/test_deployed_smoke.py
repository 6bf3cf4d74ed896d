"""The smoke test fails where a deployment is not as it should be: each check on the one fault that it is there for."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from infra.aws import smoke
from tests import stand

KEY = "sk-" + "k" * 43
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
CHECKS = {
    "health": "the gateway answers",
    "unknown": "an unknown path is 404 in OpenAI's shape",
    "no key": "a chat without a key is 401 in OpenAI's shape",
    "no models": "the models are not shown without a key",
    "register": "the page to register is there",
    "site": "the site knows where the API is",
    "preflight": "a browser's preflight is allowed",
    "admin": "/admin is refused",
    "console": "the console asks who is there",
    "models": "the models are shown with a key",
    "chat": "a chat in one piece",
    "stream": "a streamed chat",
    "balance": "the balance fell by what both cost",
}


class Api(http.server.BaseHTTPRequestHandler):
    """A gateway of a few lines, in order but for the `faults` that a test asks for."""

    faults: ClassVar[set[str]] = set()
    receipts: ClassVar[list[dict[str, Any]]] = []
    spent: ClassVar[int] = 0

    def do_GET(self) -> None:
        has_key = self.headers.get("Authorization") == f"Bearer {KEY}"
        if self.path == "/health":
            self.say({"status": "bad" if "health" in self.faults else "ok"})
        elif self.path == "/register":
            self.say("", status=303, headers={"location": f"{self.api}/register.html"})
        elif self.path == "/register.html":
            policy = {"content-security-policy": "default-src 'none'"} if "policy" not in self.faults else {}
            self.say("<p>" if "register" in self.faults else "<form>", kind="text/html", headers=policy)
        elif self.path == "/config.json":
            self.say({"api": self.api + ("/elsewhere" if "site" in self.faults else "")})
        elif self.path == "/admin/status":
            self.say({}, status=200 if "admin" in self.faults else 403)
        elif self.path == "/console/projects":
            self.refuse(200 if "console" in self.faults else 401, "invalid_api_key")
        elif self.path == "/v1/models" and (has_key or "no models" in self.faults):
            self.say({} if "models" in self.faults and has_key else {"data": [{"id": "default"}]})
        elif self.path == "/account" and has_key:
            available = 1000 - self.spent
            self.say({"balance": {"available": available, "held": 0}, "receipts": self.receipts})
        elif self.path == "/v1/models":
            self.refuse(401, "invalid_api_key")
        elif "unknown" in self.faults:
            self.say({"message": "Missing Authentication Token"}, status=404)
        else:
            self.refuse(404, "not_found")

    @property
    def api(self) -> str:
        return f"http://{self.headers['Host']}"

    def do_OPTIONS(self) -> None:
        allowed = "" if "preflight" in self.faults else "authorization"
        self.say("", headers={"access-control-allow-origin": "*", "access-control-allow-headers": allowed})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self.refuse(401, "other" if "no key" in self.faults else "invalid_api_key")
            return
        name = f"rcpt_{len(self.receipts)}"
        input_tokens = 6 if "tokens" in self.faults else 5
        Api.receipts = [*self.receipts, {"id": name, "input_tokens": input_tokens, "output_tokens": 3, "credits": 8}]
        Api.spent += 9 if "balance" in self.faults else 8
        told = {"x-farebox-receipt": "rcpt_other" if "receipt" in self.faults else name}
        if asked.get("stream"):
            end = f"data: {'{}' if 'stream' in self.faults else '[DONE]'}\n\n"
            events = f'data: {{"choices": []}}\n\ndata: {json.dumps({"usage": USAGE})}\n\n{end}'
            self.say(events, kind="text/event-stream", headers=told)
        else:
            self.say({} if "chat" in self.faults else {"usage": USAGE}, headers=told)

    def refuse(self, status: int, code: str) -> None:
        self.say({"error": {"message": "", "type": "", "param": None, "code": code}}, status=status)

    def say(
        self, body: Any, *, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[:-1] if "cut" in self.faults else data)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        Api.faults, Api.receipts, Api.spent = set(), [], 0
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def failed(lines: list[str]) -> list[str]:
    """The names of the checks that did not pass."""
    return [line.removeprefix("  FAIL  ").partition(": ")[0] for line in lines if line.startswith("  FAIL  ")]


def test_all_in_order(url: str) -> None:
    """Every check passes on a gateway in order, with a key and, as far as that goes, without."""
    lines: list[str] = []
    assert smoke.run(url + "/", KEY, lines.append)
    assert [line.removeprefix("  ok    ").partition(": ")[0] for line in lines] == list(CHECKS.values())
    lines.clear()
    assert smoke.run(url, "", lines.append)
    assert len(lines) == 10
    assert lines[-1].startswith("  --    no key was given")


@pytest.mark.parametrize(
    ("fault", "check"),
    [*((name, name) for name in CHECKS), ("policy", "register"), ("tokens", "balance"), ("receipt", "balance")],
)
def test_each_fault_is_found(url: str, fault: str, check: str) -> None:
    """One thing out of order: its check fails, with a reason, and whatever does not depend on it passes."""
    Api.faults = {fault}
    lines: list[str] = []
    assert not smoke.run(url, KEY, lines.append)
    expected = {CHECKS[check]} | ({CHECKS["stream"], CHECKS["balance"]} if fault == "chat" else set())
    if fault == "stream":
        expected |= {CHECKS["balance"]}
    assert CHECKS[check] in failed(lines)
    assert set(failed(lines)) <= expected
    assert all(line.partition(": ")[2] for line in lines if line.startswith("  FAIL"))


def test_answers_that_are_cut_off(url: str) -> None:
    """An answer that ends too soon is a check that failed, in a line that names the request; the rest is tried."""
    Api.faults = {"cut"}
    lines: list[str] = []
    assert not smoke.run(url, "", lines.append)
    assert "  FAIL  the gateway answers: GET /health: IncompleteRead(14 bytes read, 1 more expected)" in lines
    assert len(lines) == 10


def test_patience(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a moment to hold everywhere is waited for, but not for ever."""
    monkeypatch.setattr(smoke, "AGAIN_S", 0.05)
    Api.faults = {"health", "admin"}
    lines: list[str] = []
    assert not smoke.run(url, "", lines.append, patience_s=0.3)
    assert failed(lines) == [CHECKS["health"], CHECKS["admin"]]
    threading.Timer(0.3, Api.faults.clear).start()
    assert smoke.run(url, "", lines.append, patience_s=30)


def test_nobody_there() -> None:
    """Where nothing listens, every check fails in a line, the exit code says so, and the key is not shown."""
    command = [sys.executable, "-m", "infra.aws.smoke", f"http://127.0.0.1:{stand.free_port()}", "--key", KEY]
    made = subprocess.run(command, cwd=stand.ROOT, capture_output=True, text=True, timeout=60)
    assert made.returncode == 1
    assert len(failed(made.stdout.splitlines())) == len(CHECKS)
    assert KEY not in made.stdout + made.stderr
    assert not made.stderr


def test_it_needs_the_standard_library_only() -> None:
    """It runs on any machine that has Python."""
    code = "import sys, infra.aws.smoke; print(*{name.partition('.')[0] for name in sys.modules})"
    made = subprocess.run([sys.executable, "-Sc", code], cwd=stand.ROOT, capture_output=True, text=True, check=True)
    assert set(made.stdout.split()) - set(sys.stdlib_module_names) == {"__main__", "infra"}
