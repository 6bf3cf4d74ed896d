"""Case 24: bodies that are too large, malformed or ask for what is not offered: 4xx before any hold."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import plain
from tests.forward.stage import CHAT, HELLO, Stage, account_item, new_key
from tests.stand import Answer, RunningGateway

COMPLETION, RESPONSE = "/v1/completions", "/v1/responses"
BASE: dict[str, dict[str, Any]] = {
    CHAT: {"messages": HELLO},
    COMPLETION: {"prompt": "Hello"},
    RESPONSE: {"input": "Hello"},
}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}


@pytest.fixture(scope="module")
def wary(scripted_gateway: RunningGateway, upstream: Any) -> Stage:
    """One account for all that is refused here."""
    return Stage(scripted_gateway, upstream, new_key(scripted_gateway))


@pytest.fixture(autouse=True)
def nothing_held_or_forwarded(wary: Stage) -> Iterator[None]:
    """Whatever a test sent, balance, windows and provider saw nothing of it."""
    wary.upstream.play(plain)
    before = account_item(wary.gateway, wary.key)
    yield
    assert account_item(wary.gateway, wary.key) == before
    assert wary.upstream.calls == []


def refused(answer: Answer, param: str | None = None, status: int = 400) -> None:
    assert (answer.status, answer.error["type"]) == (status, "invalid_request_error"), answer.body
    assert answer.error["message"]
    assert answer.error["param"] == param


def test_case_24_oversized_body_is_413(wary: Stage) -> None:
    """A body above MAX_BODY_BYTES is 413."""
    body = b'{"messages": "' + b"x" * wary.gateway.settings.max_body_bytes + b'"}'
    refused(wary.post(body), status=413)


def test_case_24_oversized_chunked_body_is_413_before_it_ends(wary: Stage) -> None:
    """A body without a length is refused as soon as it is too large, not when it ends."""
    lines = [f"POST {CHAT} HTTP/1.1", "Host: x", f"Authorization: Bearer {wary.key}", "Transfer-Encoding: chunked"]
    with raw_client(wary.gateway.url) as client:
        client.send("\r\n".join([*lines, "", ""]).encode())
        for _ in range(6):
            client.send(b"%x\r\n%s\r\n" % (1_000_000, b" " * 1_000_000))
        assert client.read_until(b"\r\n").startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, identity"])
def test_case_24_a_compressed_body_is_refused(wary: Stage, encoding: str) -> None:
    """No body is unpacked, so none can explode."""
    bomb = gzip.compress(b'{"messages":' + b" " * 10_000_000 + b"[]}")
    refused(wary.post(bomb, CHAT, **{"Content-Encoding": encoding}), "content-encoding")


def test_case_24_a_body_that_is_gzip_without_saying_so_is_refused(wary: Stage) -> None:
    """Compressed bytes are not JSON."""
    refused(wary.post(gzip.compress(b'{"messages": []}')))


TEXTS = {
    "nothing": b"",
    "deep lists": b'{"messages": ' + b"[" * 100_000,
    "deep and whole": b'{"messages": ' + b"[" * 100 + b"]" * 100 + b"}",
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "NaN": b'{"messages": [], "temperature": NaN}',
    "Infinity": b'{"messages": [], "temperature": Infinity}',
    "-Infinity": b'{"messages": [], "temperature": -Infinity}',
    "1e400": b'{"messages": [], "temperature": 1e400}',
    "a number of 5000 digits": b'{"messages": [], "seed": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"messages": [{"role": "user", "content": "\\ud83d"}]}',
    "the other half": b'{"messages": [{"role": "user", "content": "\\udc00x"}]}',
    "a surrogate in bytes": b'{"messages": [{"role": "user", "content": "\xed\xa0\xbd"}]}',
    "not UTF-8": b'{"messages": [{"role": "user", "content": "\xff"}]}',
    "UTF-16": '{"messages": []}'.encode("utf-16"),
    "UTF-32": '{"messages": []}'.encode("utf-32-le"),
    "a list": b"[]",
    "text": b'"messages"',
    "null": b"null",
    "two objects": b'{"messages": []}{"messages": []}',
    "an end too few": b'{"messages": [',
    "a form": b"messages=1",
}


@pytest.mark.parametrize("name", TEXTS)
def test_case_24_what_is_no_json_object_is_refused(wary: Stage, name: str) -> None:
    """Deep nesting, NaN, 1e400, lone surrogates, other encodings and other values are 400."""
    refused(wary.post(TEXTS[name]))


@pytest.mark.parametrize("name", ["nothing", "deep lists", "NaN", "1e400", "UTF-16", "a list", "two objects"])
@pytest.mark.parametrize("path", [COMPLETION, RESPONSE])
def test_case_24_what_is_no_json_object_is_refused_elsewhere(wary: Stage, path: str, name: str) -> None:
    """The same at the other endpoints."""
    refused(wary.post(TEXTS[name], path))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"messages": [], "max_tokens": 1, "max_tokens": 100000}', "max_tokens"),
        (b'{"messages": [], "messages": []}', "messages"),
        (b'{"messages": [{"role": "user", "content": "a", "content": "b"}]}', "content"),
        (b'{"messages": [], "stream": true, "\\u0073tream": false}', "stream"),
    ],
)
def test_case_24_duplicate_keys_are_refused(wary: Stage, data: bytes, name: str) -> None:
    """A field that stands twice is refused and named, however it is written: two readers would see two requests."""
    refused(wary.post(data), name)


LIMITS: list[Any] = [-1, 0, 2**31, 2**63, 10**30, "5", True, 5.0, 1e3, [5], {"a": 1}]


@pytest.mark.parametrize("value", LIMITS, ids=repr)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        (CHAT, "max_tokens"),
        (CHAT, "max_completion_tokens"),
        (CHAT, "n_predict"),
        (COMPLETION, "max_tokens"),
        (COMPLETION, "n_predict"),
        (RESPONSE, "max_output_tokens"),
    ],
)
def test_case_24_output_limits_that_are_none_are_refused(wary: Stage, path: str, name: str, value: Any) -> None:
    """-1, 2^31, text, bool, fraction: no output limit is guessed, the field is named."""
    refused(wary.post(BASE[path] | {name: value}, path), name)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"n": 10**6}, "n"),
    (CHAT, {"n": 2}, "n"),
    (CHAT, {"n": True}, "n"),
    (CHAT, {"best_of": 2}, "best_of"),
    (COMPLETION, {"n": 2}, "n"),
    (COMPLETION, {"best_of": 2}, "best_of"),
    (COMPLETION, {"prompt": ["a", "b"]}, "prompt"),
    (COMPLETION, {"prompt": [1, 2, 3]}, "prompt"),
    (COMPLETION, {"prompt": [[1, 2]]}, "prompt"),
    (COMPLETION, {"prompt": []}, "prompt"),
    (COMPLETION, {"prompt": None}, "prompt"),
    (COMPLETION, {"suffix": "x"}, "suffix"),
    (COMPLETION, {"echo": True}, "echo"),
    (CHAT, {"tools": [TOOL] * 10_000}, "tools"),
    (CHAT, {"tools": "all"}, "tools"),
    (CHAT, {"tools": [1]}, "tools[0]"),
    (CHAT, {"stream": "true"}, "stream"),
    (CHAT, {"stream": 1}, "stream"),
    (CHAT, {"temperature": "hot"}, "temperature"),
    (CHAT, {"temperature": -1}, "temperature"),
    (CHAT, {"seed": 1.5}, "seed"),
    (CHAT, {"stop": ["x"] * 17}, "stop"),
    (CHAT, {"stream_options": {"usage": True}}, "stream_options.usage"),
    (CHAT, {"messages": None}, "messages"),
    (CHAT, {"messages": "Hello"}, "messages"),
    (CHAT, {"messages": ["Hello"]}, "messages[0]"),
    (CHAT, {"messages": [{"role": "root", "content": "x"}]}, "messages[0].role"),
    (CHAT, {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    (CHAT, {"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0].type"),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
    (CHAT, {"messages": [{"role": "user", "content": "x"}] * 10_001}, "messages"),
    (CHAT, {"api_base": "http://evil.test"}, "api_base"),
    (CHAT, {"base_url": "http://evil.test"}, "base_url"),
    (CHAT, {"api_key": "x"}, "api_key"),
    (CHAT, {"role": "admin"}, "role"),
    (CHAT, {"balance": 10}, "balance"),
    (CHAT, {"owner": "x"}, "owner"),
    (CHAT, {"web_search_options": {"a": 1}}, "web_search_options"),
    (CHAT, {"modalities": ["text", "audio"]}, "modalities"),
    (CHAT, {"service_tier": "priority"}, "service_tier"),
    (CHAT, {"store": True}, "store"),
    (CHAT, {"id_slot": 1}, "id_slot"),
    (CHAT, {"Messages": HELLO}, "Messages"),
    (CHAT, {"": 1}, ""),
    (RESPONSE, {"input": None}, "input"),
    (RESPONSE, {"input": 5}, "input"),
    (RESPONSE, {"tools": [TOOL]}, "tools"),
    (RESPONSE, {"tool_choice": "auto"}, "tool_choice"),
    (RESPONSE, {"parallel_tool_calls": True}, "parallel_tool_calls"),
    (RESPONSE, {"previous_response_id": "resp_1"}, "previous_response_id"),
    (RESPONSE, {"conversation": "conv_1"}, "conversation"),
    (RESPONSE, {"background": True}, "background"),
    (RESPONSE, {"background": False}, "background"),
    (RESPONSE, {"include": ["reasoning.encrypted_content"]}, "include"),
    (RESPONSE, {"store": True}, "store"),
    (RESPONSE, {"truncation": "auto"}, "truncation"),
    (RESPONSE, {"text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}}, "text.format.name"),
    (RESPONSE, {"text": {"format": {"type": "json_object"}}}, "text.format.type"),
    (RESPONSE, {"prompt": {"id": "p"}}, "prompt"),
    (RESPONSE, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
    (RESPONSE, {"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
    (RESPONSE, {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
    (RESPONSE, {"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].type"),
]


@pytest.mark.parametrize(("path", "fields", "param"), REFUSED, ids=lambda value: str(value)[:40])
def test_case_24_what_is_not_offered_is_refused(wary: Stage, path: str, fields: dict[str, Any], param: str) -> None:
    """`n` of 10^6, 10,000 tools, images, stateful and unknown fields: 400 that names the field."""
    refused(wary.post(BASE[path] | fields, path), param)


@pytest.mark.parametrize("path", BASE)
def test_case_24_a_body_without_its_content_is_refused(wary: Stage, path: str) -> None:
    """The field that makes a request is named when it is missing."""
    (name,) = BASE[path]
    refused(wary.post({}, path), name)


def test_case_24_null_and_empty_lists_count_as_absent(wary: Stage) -> None:
    """What says nothing is no reason to refuse; what else stands beside it still is."""
    fields: dict[str, Any] = {
        "tools": [],
        "tool_choice": None,
        "include": [],
        "previous_response_id": None,
        "unheard_of": None,
    }
    refused(wary.post(BASE[RESPONSE] | fields | {"conversation": "x"}, RESPONSE), "conversation")


def test_case_24_the_field_of_an_error_is_bounded(wary: Stage) -> None:
    """A field of a megabyte is refused without being repeated."""
    answer = wary.post(json.dumps({"x" * 1_000_000: 1, "messages": []}))
    assert (answer.status, len(answer.body) < 1000) == (400, True)
