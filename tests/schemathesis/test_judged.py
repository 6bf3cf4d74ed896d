"""What looks at the answers can fail: of a gateway that answers wrongly it is told, of one that answers rightly not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import requests

from tests.schemathesis.__main__ import PHASE, ask, described
from tests.schemathesis.report import Report

OPERATIONS = {operation.label: operation for operation in described()}
EVENTS = {"content-type": "text/event-stream"}
REQUEST = {"x-request-id": "req_1"}
GOOD = 'data: {"choices": []}\n\ndata: [DONE]\n\n'


class _Gateway(BaseHTTPRequestHandler):
    answer: ClassVar[tuple[int, dict[str, str], str]]

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        status, headers, body = self.answer
        if not status:
            self.connection.close()
            return
        self.send_response(status)
        for name, value in ({"content-type": "application/json", "content-length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = _serve  # noqa: N815  the library's names

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def failures(url: str, label: str, answer: tuple[int, dict[str, str], str], phase: str = PHASE) -> list[str]:
    """What is said of an answer."""
    _Gateway.answer, report = answer, Report()
    operation = OPERATIONS[label]
    posts = operation.method.upper() == "POST"
    case = operation.Case(body={"messages": []}, media_type="application/json") if posts else operation.Case()
    with requests.Session() as session:
        ask(report, url, case, "nobody", session, phase)
    assert report.total == 1
    return [each.what for each in report.failures]


def error(code: str) -> str:
    return json.dumps({"error": {"message": "m", "type": "api_error", "param": None, "code": code}})


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (500, REQUEST, '{"status":"ok"}', "answers 500"),
        (418, REQUEST, '{"status":"ok"}', "Undocumented"),
        (200, REQUEST | {"content-type": "text/plain"}, "ok", "Content-Type"),
        (200, REQUEST, '{"status":"bad"}', "violates schema"),
        (200, REQUEST, '{"status":"ok","more":1}', "violates schema"),
        (200, REQUEST, "{", "JSON"),
        (200, REQUEST, '{"status":"Traceback (most recent call last)"}', "tells of its code"),
        (0, {}, "", "no answer"),
    ],
)
def test_a_wrong_answer_is_told_of(url: str, status: int, headers: dict[str, str], body: str, said: str) -> None:
    """A fault of the gateway's, and whatever the document does not say."""
    assert any(said in each for each in failures(url, "GET /health", (status, headers, body)))


def test_a_right_answer_is_not(url: str) -> None:
    """As the document says, in one piece and event by event."""
    assert failures(url, "GET /health", (200, REQUEST, '{"status":"ok"}')) == []
    assert failures(url, "POST /v1/chat/completions", (200, REQUEST | EVENTS, GOOD)) == []


@pytest.mark.parametrize("line", ['data: {"choices": 1}', "date: {}", 'data:{"choices": []}'])
def test_a_wrong_event_is_told_of(url: str, line: str) -> None:
    """Each event of a stream is looked at, not its status alone."""
    answer = 200, REQUEST | EVENTS, f"{line}\n\n{GOOD}"
    assert any("event" in each for each in failures(url, "POST /v1/chat/completions", answer))


def test_an_upstreams_failure_is_one_unless_it_is_cut_off(url: str) -> None:
    """502 is a failure while all is well, and what is to be expected otherwise; 500 never is."""
    label, bad_gateway = "POST /v1/chat/completions", (502, REQUEST, error("provider_failed"))
    assert failures(url, label, bad_gateway) == ["answers 502"]
    assert failures(url, label, bad_gateway, "no model server") == []
    assert "answers 500" in failures(url, label, (500, REQUEST, error("x")), "no model server")
    assert any("violates" in each for each in failures(url, label, (502, REQUEST, error("odd")), "no model server"))


@pytest.mark.parametrize("error", ['{"error": 5}', '{"error": {"message": "x"}}', '{"error": {}, "secret": "x"}'])
def test_an_error_event_of_another_shape_is_told(url: str, error: str) -> None:
    """A stream that breaks off says so in the shape of every other error."""
    found = failures(url, "POST /v1/chat/completions", (200, EVENTS | REQUEST, f"data: {error}\n\n"))
    assert any("an event that the document does not tell of" in each for each in found)
    good = 'data: {"error": {"message": "x", "type": "api_error", "param": null, "code": null}}\n\n'
    assert not failures(url, "POST /v1/chat/completions", (200, EVENTS | REQUEST, good))
