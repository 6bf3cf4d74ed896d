"""Events that say only that an answer begins: they wait for what it is, so that a failure before that is no answer."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.forward.hosted_stage import Door, Rules
from tests.forward.raw_client import raw_client
from tests.forward.scripted_hosted import FILTERED, anthropic, named, response, responses
from tests.forward.scripted_upstream import WAIT_S, Call

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
RESPOND = {"model": "m", "input": "Say hello.", "stream": True}
MESSAGE: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "Say hello."}],
    "stream": True,
    "max_tokens": 100,
}
BEGUN = response("in_progress", output=[], usage=None)
KINDS = [("openai", RESPONSES, RESPOND), ("llama", RESPONSES, RESPOND), ("anthropic", MESSAGES, MESSAGE)]
ENDS: dict[str, Callable[[], Callable[[Call], None]]] = {
    "anthropic": anthropic,
    "openai": responses,
    "llama": responses,
}


def opens(call: Call, kind: str) -> None:
    """All that says only that an answer begins."""
    call.stream()
    if kind == "anthropic":
        named(call, "message_start", {"message": {"usage": {"input_tokens": 500, "output_tokens": 1}}})
        named(call, "ping", {})
        return
    for number, name in enumerate(("response.created", "response.queued", "response.in_progress")):
        named(call, name, {"sequence_number": number, "response": BEGUN})


def fails(call: Call, kind: str) -> None:
    named(call, "error", {"error": {"message": "In org-123"}} if kind == "anthropic" else {"message": "In org-123"})


def fails_whole(call: Call, kind: str) -> None:
    failed = BEGUN | {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "In org-123"}}
    named(call, "response.failed", {"response": failed}) if kind != "anthropic" else fails(call, kind)


def closes(call: Call, kind: str) -> None:
    """Says nothing more, and ends properly."""


def drops(call: Call, kind: str) -> None:
    call.drop()


def pauses(call: Call, kind: str) -> None:
    call.wait_gone()


@pytest.mark.parametrize("failing", [fails, fails_whole, closes, drops, pauses])
@pytest.mark.parametrize(("kind", "path", "body"), KINDS)
def test_case_29_a_stream_that_fails_when_it_has_only_begun_is_asked_of_the_next(
    door: Door, kind: str, path: str, body: dict[str, Any], failing: Callable[[Call, str], None]
) -> None:
    """The client gets nothing of it, and only the next one's answer counts."""

    def script(call: Call) -> None:
        if len(door.upstream.calls) > 1:
            ENDS[kind]()(call)
            return
        opens(call, kind)
        failing(call, kind)

    door.upstream.play(script)
    idle_s = 0.3 if failing is pauses else 20.0
    reply = door.post(path, body, kind=kind, others=(door.upstream.url + "/v1",), idle_s=idle_s)
    assert (reply.status, len(door.last.failures), door.last.outcome) == (200, 1, "completed")
    assert door.last.usage.output == 9
    assert [event["type"] for event in reply.events].count(reply.events[0]["type"]) == 1


@pytest.mark.parametrize(("kind", "path", "body"), KINDS)
def test_a_stream_that_fails_when_it_has_only_begun_is_502(
    door: Door, kind: str, path: str, body: dict[str, Any]
) -> None:
    """With nobody else to ask it is an error, in our words, and no answer that is charged."""

    def script(call: Call) -> None:
        opens(call, kind)
        fails(call, kind)

    door.upstream.play(script)
    reply = door.post(path, body, kind=kind)
    assert (reply.status, reply.error["code"], door.noted) == (502, "provider_failed", None)
    assert b"org-123" not in reply.body


def test_a_response_that_is_refused_when_it_has_only_begun_is_400(door: Door) -> None:
    """Its content is the reason, so nobody else is asked."""

    def script(call: Call) -> None:
        opens(call, "openai")
        named(call, "response.failed", {"response": BEGUN | {"status": "failed", "error": FILTERED}})

    door.upstream.play(script)
    reply = door.post(RESPONSES, RESPOND, others=(door.upstream.url + "/v1",))
    assert (reply.status, reply.error["code"], len(door.upstream.calls)) == (400, "content_filter", 1)


def test_what_was_held_back_comes_with_the_first_event_that_says_more(door: Door) -> None:
    """That one waits for nothing: the provider makes its next only after the client has read it."""
    read_first = threading.Event()

    def script(call: Call) -> None:
        opens(call, "openai")
        named(call, "response.output_text.delta", {"delta": "first"})
        assert read_first.wait(WAIT_S)
        named(call, "response.completed", {"response": response()})

    door.upstream.play(script)
    door.rules = Rules()
    with raw_client(door.url) as client:
        client.post(RESPONSES, RESPOND, "pk-of-the-client", "Connection: close")
        head, *_ = client.read_until(b"first").partition(b"response.output_text.delta")
        assert b"response.created" in head
        assert b"response.in_progress" in head
        assert b"response.completed" not in client.received
        read_first.set()
        assert b"response.completed" in client.rest()


def test_an_answer_that_says_that_it_begins_has_begun_in_time(door: Door) -> None:
    """A model that thinks for long after it was heard is not given up for it."""

    def script(call: Call) -> None:
        opens(call, "openai")
        call.gone.wait(0.5)
        named(call, "response.output_text.delta", {"delta": "first"})
        named(call, "response.completed", {"response": response()})

    door.upstream.play(script)
    assert door.post(RESPONSES, RESPOND, first_byte_s=0.2).events[-1]["type"] == "response.completed"
    assert door.last.outcome == "completed"


def test_a_response_that_only_begins_again_and_again_is_passed_on(door: Door) -> None:
    """What is held back is bounded: beyond that the answer has begun."""

    def script(call: Call) -> None:
        call.stream()
        for number in range(5):
            long = BEGUN | {"instructions": "x" * 500_000}
            named(call, "response.in_progress", {"sequence_number": number, "response": long})

    door.upstream.play(script)
    reply = door.post(RESPONSES, RESPOND)
    assert (reply.status, reply.events[-1]["code"]) == (200, "provider_failed")


def test_credits_that_end_with_the_first_event_show_that_it_began(door: Door) -> None:
    """A message that is cut off at its start has one."""

    def script(call: Call) -> None:
        opens(call, "anthropic")
        call.wait_gone()

    door.upstream.play(script)
    events = door.post(MESSAGES, MESSAGE, kind="anthropic", credits=0).events
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds == ["message_start", "message_delta", "message_stop"]
    assert door.last.outcome == "cut"
