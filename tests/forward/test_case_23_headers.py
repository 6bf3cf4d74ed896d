"""Case 23: what goes upstream is our own; what comes in ambiguous is refused."""

import json
from typing import Any

import pytest

from tests.forward.conftest import PROVIDER_KEY
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import Call, plain, whole
from tests.forward.stage import CHAT, HELLO, Stage

SENT = {"accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
SMUGGLED = b'{"messages": [{"role": "user", "content": "smuggled"}]}'
HOSTILE = {
    "Host": "evil.test",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "gopher",
    "Forwarded": "for=10.0.0.1;host=evil.test",
    "Via": "1.1 evil.test",
    "X-Real-IP": "10.0.0.1",
    "X-Original-URL": "/slots",
    "X-HTTP-Method-Override": "GET",
    "Connection": "close, authorization, x-api-key",
    "Proxy-Connection": "keep-alive",
    "Proxy-Authorization": "Basic eDp5",
    "Keep-Alive": "timeout=1000",
    "TE": "trailers",
    "Trailer": "authorization",
    "Upgrade": "h2c",
    "Cookie": "session=1",
    "X-Api-Key": "sk-of-somebody",
    "Accept-Encoding": "gzip",
    "OpenAI-Organization": "org",
    "X-Amzn-Request-Context": "{}",
    "X-Request-Id": "mine",
}


def called(stage: Stage) -> Call:
    return stage.upstream.call


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])
def test_case_23_outbound_headers_are_an_allow_list(stage: Stage, stream: bool) -> None:
    """Whatever headers a client sends, the provider gets ours and no others."""
    body = json.dumps({"messages": HELLO, "stream": stream}).encode()
    lines = [f"{name}: {value}" for name, value in HOSTILE.items() if name != "Host"]
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, body, stage.key, *lines)
        answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 200")
    call = called(stage)
    assert sorted(name for name, _ in call.headers) == sorted(SENT)
    sent = dict(call.headers)
    assert sent["host"] == stage.upstream.url.removeprefix("http://")
    assert sent["accept-encoding"] == "identity"
    assert sent["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert call.target == f"POST {CHAT} HTTP/1.1"


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/responses"])
def test_case_23_the_clients_key_never_goes_upstream(stage: Stage, path: str) -> None:
    """The key authenticates at the gateway and is in no byte that the provider gets."""
    content = {CHAT: {"messages": HELLO}, "/v1/completions": {"prompt": "Hi"}, "/v1/responses": {"input": "Hi"}}[path]
    stage.post(content, path, **{"X-Api-Key": stage.key, "Cookie": stage.key})
    call = called(stage)
    said = call.target + json.dumps(call.headers) + call.body.decode()
    assert (stage.key in said, PROVIDER_KEY in said) == (False, True)


def test_case_23_the_list_of_models_is_asked_with_the_operators_key(stage: Stage) -> None:
    """GET /v1/models carries the operator's key, never the client's."""
    stage.upstream.play(lambda call: call.answer({"data": [{"id": "/models/m.gguf", "path": "/models"}]}))
    answer = stage.gateway.request("GET", "/v1/models", key=stage.key, headers=HOSTILE)
    assert [model["id"] for model in answer.json()["data"]] == ["m.gguf"]
    sent = dict(called(stage).headers)
    assert sent["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert set(sent) <= SENT | {"connection"}


def test_case_23_query_and_host_move_no_target(stage: Stage) -> None:
    """Query, absolute address and Host of a request change nothing about where it goes."""
    body = json.dumps({"messages": HELLO}).encode()
    with raw_client(stage.gateway.url) as client:
        client.post(f"http://evil.test{CHAT}?api_base=http://evil.test&key=1", body, stage.key, "Connection: close")
        assert client.rest().startswith(b"HTTP/1.1 200")
    assert called(stage).target == f"POST {CHAT} HTTP/1.1"
    assert b"evil" not in called(stage).body


@pytest.mark.parametrize("field", ["model", "user", "safety_identifier", "prompt_cache_key", "service_tier"])
def test_case_23_line_ends_in_fields_make_no_header(stage: Stage, field: str) -> None:
    """CR and LF in a field end up in no header, towards the provider or the client."""
    answer = stage.chat(**{field: "x\r\nX-Injected: 1\r\n\r\n"})
    assert "x-injected" not in answer.headers
    for call in stage.upstream.calls:
        assert sorted(name for name, _ in call.headers) == sorted(SENT)
        assert b"X-Injected" not in call.body


def test_case_23_the_providers_headers_stay_with_it(stage: Stage) -> None:
    """Cookies, server names and the like of the provider do not reach the client."""
    data = json.dumps(whole()).encode()

    def script(call: Call) -> None:
        call.head(set_cookie="a=b", x_internal="10.8.0.2", content_length=str(len(data)))
        call.write(data)

    stage.upstream.play(script)
    answer = stage.chat()
    assert answer.status == 200
    assert not {"set-cookie", "x-internal"} & set(answer.headers)


def framed(*lines: str, body: bytes = b"") -> Any:
    return pytest.param(lines, body, id=" + ".join(lines).replace("\r", "CR").replace("\n", "LF")[:60])


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        framed("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        framed("Transfer-Encoding: chunked", "Content-Length: 55", body=SMUGGLED),
        framed("Content-Length: 55", "Content-Length: 5", body=SMUGGLED),
        framed("Content-Length: 55, 55", body=SMUGGLED),
        framed("Content-Length: +55", body=SMUGGLED),
        framed("Content-Length: -1", body=SMUGGLED),
        framed("Content-Length: 0x37", body=SMUGGLED),
        framed("Content-Length : 55", body=SMUGGLED),
        framed("Content-Length: 99999999999999999999", body=SMUGGLED),
        framed("Transfer-Encoding: xchunked", body=SMUGGLED),
        framed("Transfer-Encoding: chunked, identity", body=SMUGGLED),
        framed("Transfer-Encoding : chunked", body=b"37\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"),
        framed("Transfer-Encoding: chunked", body=b"37;\n\x00\r\nx"),
        framed("Transfer-Encoding: chunked", body=b"zz\r\n" + SMUGGLED),
        framed("Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\n" + SMUGGLED),
        framed("Content-Length: 55", "X-Bad: a\rX-Worse: b", body=SMUGGLED),
        framed("Content-Length: 55", "X Bad: a", body=SMUGGLED),
        framed("Content-Length: 55", "X-Nul: \x00", body=SMUGGLED),
    ],
)
def test_case_23_ambiguous_framing_is_refused(stage: Stage, lines: tuple[str, ...], body: bytes) -> None:
    """A request whose end two readers could see in two places is refused, and nothing of it is forwarded."""
    head = [f"POST {CHAT} HTTP/1.1", "Host: gateway.test", f"Authorization: Bearer {stage.key}", *lines, "", ""]
    with raw_client(stage.gateway.url) as client:
        client.send("\r\n".join(head).encode("latin-1") + body)
        answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert stage.upstream.calls == []
    assert stage.untouched()


def test_case_23_a_chunked_body_is_read_to_its_end(stage: Stage) -> None:
    """A chunked body is one request, whatever its pieces and trailers look like."""
    body = json.dumps({"messages": HELLO}).encode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stage.key}\r\nTransfer-Encoding: chunked\r\n"
    with raw_client(stage.gateway.url) as client:
        client.send(head.encode() + b"Connection: close\r\n\r\n" + pieces + b"0\r\nX-Sum: 1\r\n\r\n")
        assert client.rest().startswith(b"HTTP/1.1 200")
    assert called(stage).json["messages"] == HELLO


def test_case_23_two_requests_on_one_connection_are_two(stage: Stage) -> None:
    """Pipelined requests are answered one after the other, each charged."""
    stage.upstream.play(plain)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, {"messages": HELLO}, stage.key)
        client.post(CHAT, {"messages": HELLO}, stage.key, "Connection: close")
        assert client.rest().count(b"HTTP/1.1 200") == 2
    assert stage.balance()["spent"] == 14
