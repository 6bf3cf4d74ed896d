"""Pages of any origin: preflights, and what answers and errors let them read."""

import re
from pathlib import Path

import pytest

from functions import cors
from functions.cors import preflight
from tests.entries.keys import ADMIN_KEY, as_admin, by_stripe
from tests.forward.raw_client import raw_client
from tests.forward.stage import CHAT, HELLO, new_key
from tests.stand import ROOT, Answer, RunningGateway, StartGateway

PATHS = [CHAT, "/v1/completions", "/v1/responses", "/v1/estimate", "/v1/models", "/v1/models/x.gguf", "/v1/none/such"]
PATHS += ["/account", "/account/receipts", "/account/top-up", "/checkout", "/register", "/health"]
SDK = "authorization,content-type,openai-beta,x-promptproxy-key,x-stainless-os,x-stainless-retry-count,x-user-token"
ORIGIN = {"Origin": "https://app.example"}


def asked(headers: str = SDK, method: str = "POST") -> dict[str, str]:
    return ORIGIN | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_allows_any_origin_without_credentials(front: RunningGateway, path: str) -> None:
    """Of every path that pages use, the streaming ones too: the headers are echoed, for two hours, without a key."""
    answer = front.request("OPTIONS", path, headers=asked())
    assert (answer.status, answer.body) == (200, b"")
    told = {name: value for name, value in answer.headers.items() if name.startswith("access-control-allow")}
    assert told == {
        "access-control-allow-origin": "*",
        "access-control-allow-headers": SDK.replace(",", ", "),
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
    }
    assert answer.headers["access-control-max-age"] == "7200"
    assert "access-control-request-headers" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["null", "http://localhost:5173", "https://evil.example"])
def test_case_32_the_origin_is_not_judged_on_a_preflight(front: RunningGateway, origin: str) -> None:
    """Pages from disk too. No origin is ever repeated, so none can be told that it is trusted with credentials."""
    answer = front.request("OPTIONS", CHAT, headers=asked() | {"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_preflights_are_not_counted(start_gateway: StartGateway) -> None:
    """A page asks twice as often as an app: its limits are the same."""
    gateway = start_gateway(INFERENCE_IP_RATE_LIMIT="2", REGISTRATION_RATE_LIMIT="2")
    key = new_key(gateway)
    for path in ("/account", CHAT, "/register", "/v1/models"):
        assert [gateway.request("OPTIONS", path, headers=asked()).status for _ in range(5)] == [200] * 5
    assert [gateway.request("GET", "/account", key=key).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("requested", "allowed"),
    [
        ("", None),
        (" x-a ,X-B", "x-a, X-B"),
        ("x-a\r\nset-cookie: a=b", None),
        ("x-a, b\r\nx-evil: 1, x-c", "x-a, x-c"),
        ("x-a: 1", None),
        ("x a, <script>, x-\xe9, x-\u2028, x(1), x-b", "x-b"),
        ("x-" + "a" * 200, None),
        (",".join(["x-a"] * 2000), None),
        (",,,", None),
    ],
)
def test_only_names_of_headers_are_echoed(requested: str, allowed: str | None) -> None:
    """What is no name is left out, and nothing is echoed of a list that no browser would send."""
    assert preflight(requested).get("access-control-allow-headers") == allowed


def test_nothing_can_be_written_into_the_answer(front: RunningGateway) -> None:
    """Over the wire: bare carriage returns, tabs and NULs in the header that is echoed come back nowhere."""
    for evil in (b"x-a\tset-cookie: c=1", b"x-b\x01", b"x-c;x=1", b'x-d"', b"x-e\x80\xff"):
        lines = [b"OPTIONS /v1/models HTTP/1.1", b"Host: x", b"Connection: close", b"Origin: https://a.example"]
        with raw_client(front.url) as client:
            client.send(b"\r\n".join([*lines, b"Access-Control-Request-Headers: x-good, " + evil, b"", b""]))
            head = client.rest()
        assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), head
        assert evil not in head
        assert b"set-cookie" not in head
        assert b"400 Bad" in head or b"access-control-allow-headers: x-good\r\n" in head


def test_two_lists_of_headers_are_one(front: RunningGateway) -> None:
    """HTTP allows a list to be sent in two lines."""
    with raw_client(front.url) as client:
        lines = ["OPTIONS /account HTTP/1.1", "Host: x", "Connection: close", "Origin: https://a.example"]
        lines += ["Access-Control-Request-Headers: x-a", "access-control-request-headers: x-b", "", ""]
        client.send("\r\n".join(lines).encode())
        assert b"access-control-allow-headers: x-a, x-b\r\n" in client.rest()


def too_large(gateway: RunningGateway, path: str) -> Answer:
    """The answer to a body of which only the length is sent, or as much as is listened to."""
    with raw_client(gateway.url) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4500001\r\n\r\n"
        client.send(head.encode() + (b"x" * 4_500_001 if path == CHAT else b""))
        told, _, body = client.rest().partition(b"\r\n\r\n")
    status, *lines = told.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)


def test_every_answer_and_error_can_be_read(front: RunningGateway) -> None:
    """Of both functions and of the gateway: 200 in one piece and streamed, 400, 401, 402, 404, 405, 413, 415."""
    key, poor = new_key(front), new_key(front, credits=0)
    chat = {"messages": HELLO, "max_tokens": 5}
    answers = {
        200: front.request("GET", "/account", key=key, headers=ORIGIN),
        "whole": front.request("POST", CHAT, chat, key=key),
        "stream": front.request("POST", CHAT, chat | {"stream": True}, key=key),
        400: front.request("POST", CHAT, {"messages": 5}, key=key),
        401: front.request("POST", CHAT, chat),
        "rest 401": front.request("GET", "/v1/models"),
        402: front.request("POST", CHAT, chat, key=poor),
        404: front.request("GET", "/v1/none", key=key),
        "gateway 404": front.request("GET", "/none"),
        405: front.request("PUT", "/account", key=key, headers=ORIGIN),
        413: too_large(front, "/v1/estimate"),
        "streaming 413": too_large(front, CHAT),
        415: front.request("POST", "/register", "x", headers={"Content-Type": "text/plain"}),
        "page": front.visit("/register"),
        "trial": front.request("GET", "/register", headers={"Accept": "application/json"}),
    }
    for name, answer in answers.items():
        assert not isinstance(name, int) or answer.status == name, (name, answer)
        assert answer.headers["access-control-allow-origin"] == ("*" if name not in (200, 405) else ORIGIN["Origin"]), (
            name
        )
        assert answer.headers["access-control-expose-headers"].split(", ") == list(cors.EXPOSED), name
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-request-id"]


def test_every_header_of_ours_is_exposed() -> None:
    """Each `x-farebox-…` and `x-ratelimit-…` that the code tells can be read by a page; no other is listed."""
    sources = [ROOT / "app.py", *(ROOT / "functions").rglob("*.py")]
    told = {name for path in sources if path.name != "cors.py" for name in _told(path)}
    ours = re.compile(r"x-(farebox|ratelimit)-")
    assert {name for name in cors.EXPOSED if ours.match(name)} == told
    assert {"retry-after", "x-request-id", "x-should-retry"} <= set(cors.EXPOSED)


def _told(path: Path) -> list[str]:
    return re.findall(r'"(x-(?:farebox|ratelimit)-[a-z-]+)"', path.read_text())


def test_case_32_operator_and_providers_are_not_for_other_sites(front: RunningGateway) -> None:
    """No page but the site's own reads an answer or error of /admin, and none one of the webhooks; no preflight passes.

    Another site's page is refused whatever key it has, before anything is looked up.
    """
    answers = [
        front.request("GET", "/admin/status", headers=as_admin() | ORIGIN),
        front.request("GET", "/admin/status", headers=ORIGIN),
        front.request("GET", "/admin/none", headers=as_admin() | ORIGIN),
        front.request("OPTIONS", "/admin/status", headers=asked()),
        front.request("OPTIONS", "/admin/status", headers=asked() | as_admin()),
        by_stripe(front, b'{"id": "evt_1", "type": "customer.created"}'),
        by_stripe(front, b"{}", "t=1,v1=2"),
        too_large(front, "/stripe/webhook"),
    ]
    assert [answer.status for answer in answers] == [403, 403, 403, 403, 403, 200, 400, 413]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")], answer
    preflight_of_webhook = front.request("OPTIONS", "/stripe/webhook", headers=asked())
    assert preflight_of_webhook.status == 404
    assert ADMIN_KEY not in front.log.read_text()
