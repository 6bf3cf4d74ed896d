"""Case 27: answers and events that are none: the stream goes on or ends, bounded, and is charged by a rule."""

import json
from typing import Any

import pytest

from tests.forward.scripted_upstream import DONE, WAIT_S, Call, chunk, usage, whole
from tests.forward.stage import CHAT, HELLO, Stage

ENDPOINTS = {CHAT: {"messages": HELLO, "stream": True}, "/v1/responses": {"input": "Hello", "stream": True}}


@pytest.mark.parametrize("data", [b"", b"not JSON", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000], ids=repr)
def test_case_27_an_answer_that_is_no_json_object_is_502_and_free(stage: Stage, data: bytes) -> None:
    """An answer in one piece that cannot be read is not passed on and not charged."""
    stage.upstream.play(lambda call: call.answer(data))
    assert (stage.chat().status, stage.untouched()) == (502, True)


def test_case_27_half_characters_in_an_answer_break_nothing(stage: Stage) -> None:
    """Half a surrogate pair in an answer reaches the client as it was escaped, and the answer is charged."""
    text = json.dumps(whole("\ud83d", model="/models/m.gguf"))
    stage.upstream.play(lambda call: call.answer(text.encode()))
    assert stage.chat().json()["choices"][0]["message"]["content"] == "\ud83d"
    receipt = stage.receipt()
    assert receipt["credits"] == 7


def test_case_27_an_answer_of_40_mb_in_one_piece_is_502(stage: Stage) -> None:
    """A buffered answer has a bound too."""

    def script(call: Call) -> None:
        call.head()
        for _ in range(40):
            call.write(b" " * 1_000_000)
        call.write(json.dumps(whole()).encode())

    stage.upstream.play(script)
    assert stage.chat().status == 502
    assert stage.untouched()


@pytest.mark.parametrize("path", ENDPOINTS)
def test_case_27_an_event_without_end_is_cut(stage: Stage, path: str) -> None:
    """An event larger than its bound ends the stream with an error; memory is not filled."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("Hi", type="response.output_text.delta", delta="Hi"))
        while True:
            call.write(b"x" * 50_000)

    stage.upstream.play(script)
    answer = stage.post(ENDPOINTS[path], path)
    assert b'"provider_failed"' in answer.body
    assert len(answer.body) < 10_000
    assert (stage.receipt()["outcome"], stage.upstream.call.gone.wait(WAIT_S)) == ("provider_failed", True)


NO_EVENTS: list[bytes] = [
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b'{"choices":7,"usage":',
    b'{"choices":{}}',
    b'{"model":"a\\qb","choices":[]}',
    b'{"model":"\xff","choices":[]}',
    b'{"type":5}',
    b'{"type":null}',
    b'{"type":"response.created","response":7}',
    b'{"type":"response.completed","response":{"usage":{"output_tokens":"x"}}}',
    b'{"type":"response.output_item.added","item":{"id":[]}}',
    b'{"type":"response.output_text.delta","item_id":{},"delta":"\\ud800"}',
    b'{"type":"x","timings":{"cache_n":' + b"9" * 5000 + b"}}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("data", NO_EVENTS, ids=lambda data: repr(data[:50]))
def test_case_27_events_that_are_none_break_nothing(stage: Stage, data: bytes, path: str) -> None:
    """Whatever stands in an event, the stream goes on, and its hold is resolved at once."""
    completed = {"type": "response.completed", "response": {"usage": {"input_tokens": 5, "output_tokens": 2}}}
    end: Any = chunk(usage=usage(5, 2)) if path == CHAT else completed

    def script(call: Call) -> None:
        call.stream()
        call.write(b"id: 7\nretry\n:\n\n\n\nevent: x\n\n")
        call.event(data)
        call.event(chunk("Hi", type="response.output_text.delta", delta="Hi"))
        call.event(end)
        if path == CHAT:
            call.write(DONE)

    stage.upstream.play(script)
    answer = stage.post(ENDPOINTS[path], path)
    ended_at_once = path != CHAT and b"response.completed" in data  # what follows the end is not passed on
    assert (answer.status, b"Hi" in answer.body) == (200, not ended_at_once)
    assert answer.body.endswith(b"\n\n")
    receipt = stage.receipt()
    if ended_at_once:
        assert receipt["anomalies"] == ["usage_malformed", "usage_missing"]
    else:
        assert receipt["credits"] == 7
