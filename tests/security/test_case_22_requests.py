"""Requests with a method, headers and a body: what of them reaches a URL that an owner set, and what comes back."""

import socket
import time
from typing import Any

import pytest

from functions import outbound
from functions.errors import BadRequest
from functions.outbound import Answer, Networks, OutboundFailed
from tests.forward.scripted_upstream import Call, scripted_upstream
from tests.security.outward import LOOPBACK, OWN


def send(url: str, allowed: Networks | None = LOOPBACK, **changes: Any) -> Answer:
    usual: dict[str, Any] = {"headers": {}, "body": b"{}", "timeout_s": 5, "bytes_max": 1000}
    return outbound.send(changes.pop("method", "POST"), url, allowed, **usual | changes)


def test_a_request_arrives_as_it_was_sent() -> None:
    """Method, path, query, body and headers; ours may be replaced, and nothing else is added."""
    with scripted_upstream() as server:
        server.play(lambda call: call.answer(b"said"))
        headers = {"authorization": "token canary", "accept": "text/plain"}
        assert send(f"{server.url}/hook?a=b", headers=headers, body=b"\x00{}") == Answer(200, b"said")
        (call,) = server.calls
        assert (call.target, call.body) == ("POST /hook?a=b HTTP/1.1", b"\x00{}")
        assert dict(call.headers) == {
            "host": server.url.removeprefix("http://"),
            "accept": "text/plain",
            "accept-encoding": "identity",
            "user-agent": "farebox",
            "authorization": "token canary",
            "content-length": "3",
        }


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 303, 307, 308, 400, 401, 404, 410, 500, 503])
def test_case_22_every_status_is_told_and_no_redirect_followed(status: int) -> None:
    """Whoever asks decides what it means; nothing is sent to where an answer leads, and nothing twice."""
    with scripted_upstream() as elsewhere, scripted_upstream() as server:
        body = b"" if status == 204 else b"x"

        def play(call: Call) -> None:
            call.head(status, location=f"{elsewhere.url}/", content_length=str(len(body)))
            call.raw(body)

        server.play(play)
        assert send(server.url) == Answer(status, body)
        assert len(server.calls) == 1
        assert not elsewhere.calls


def test_case_22_a_request_is_judged_like_a_fetch(names: dict[str, list[list[str]]]) -> None:
    """The URL first, then the address at the moment of connecting: nothing reaches a server inside."""
    with scripted_upstream() as server:
        port = server.url.rpartition(":")[2]
        names["inside.example"] = [[OWN]]
        with pytest.raises(OutboundFailed):
            send(f"https://inside.example:{port}/", ())
        for url in (server.url, f"http://inside.example:{port}/", "https://u:p@hook.example/", "https://127.1/"):
            with pytest.raises(BadRequest):
                send(url, ())
        with pytest.raises(BadRequest):
            send(f"{server.url}/?key=1", query=False)
        assert not server.calls


def test_a_url_of_the_operator_may_lead_anywhere(names: dict[str, list[list[str]]]) -> None:
    """Settings alone name these: without a list nothing is judged, and plain http to a name is fine."""
    with scripted_upstream() as server:
        server.play(lambda call: call.answer(b"{}"))
        names["pay.internal"] = [[OWN]]
        assert send(server.url.replace("127.0.0.1", "pay.internal"), None).status == 200
        assert send(f"{server.url}/", None).status == 200


@pytest.mark.parametrize(
    "url", ["nonsense", "", "ftp://127.0.0.1/", "http://[::1", "http://127.0.0.1:9", "//x", "http://"]
)
def test_what_cannot_be_reached_fails(url: str) -> None:
    """As one error, which names neither the URL nor an address."""
    with pytest.raises(OutboundFailed) as caught:
        send(url, None)
    assert "127" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\x00", "é", "\udc80", "a\x7f", "a\tb"])
def test_case_23_no_header_can_become_two(value: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sent, and what it was is neither in the error nor in a log, at whatever level."""
    caplog.set_level(0)
    with scripted_upstream() as server, pytest.raises(OutboundFailed) as caught:
        send(server.url, headers={"authorization": f"canary {value}"})
    assert not server.calls
    assert "canary" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("status", [200, 302, 500])
def test_case_22_an_answer_is_bounded_whatever_its_status(status: int) -> None:
    """An answer that nobody wants is not read to its end either."""
    with scripted_upstream() as server:
        server.play(lambda call: call.answer(b"x" * 1000, status))
        assert len(send(server.url).body) == 1000
        server.play(lambda call: call.answer(b"x" * 1001, status))
        with pytest.raises(OutboundFailed, match="too much"):
            send(server.url)


def test_case_22_a_server_that_takes_nothing_is_left() -> None:
    """It reads no byte of a body that is larger than what networks hold: that too has its time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began_s = time.monotonic()
        with pytest.raises(OutboundFailed):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/", body=b"x" * 20_000_000, timeout_s=0.4)
        assert time.monotonic() - began_s < 2
