"""Streams of hosted providers: every event as it came, but for usage that the client has not asked for."""

import json
from typing import Any

import pytest

from functions.money import Usage
from tests.forward.hosted_stage import Door
from tests.forward.scripted_hosted import (
    USAGE,
    anthropic,
    delta,
    groq,
    kept,
    named,
    openai,
    openrouter,
    openrouter_fails,
    response,
    responses,
)
from tests.forward.scripted_upstream import DONE, Call

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "stream": True}
ASKED = HELLO | {"stream_options": {"include_usage": True}}
RESPOND = {"model": "m", "input": "Say hello.", "stream": True}
MESSAGE = HELLO | {"max_tokens": 100}
READ = Usage(20, 9, 16, 6)


def sent(door: Door, *events: bytes) -> bytes:
    """A stream of exactly these bytes."""

    def script(call: Call) -> None:
        call.stream()
        call.write(b"".join(events))

    door.upstream.play(script)
    return b"".join(events)


def test_usage_is_asked_for_read_and_hidden_again(door: Door) -> None:
    """A client that has not asked gets the events as the provider sends them unasked: no event for usage, no nulls."""
    door.upstream.play(openai())
    events = door.post(CHAT, HELLO).events
    assert events == [delta(""), delta("Hel"), delta("lo."), delta(finish="stop"), "[DONE]"]
    assert door.upstream.call.json["stream_options"] == {"include_usage": True}
    assert (door.last.usage, door.last.anomalies, door.last.outcome) == (READ, set(), "completed")
    assert door.last.model == "gpt-4.1-nano-2025-04-14"


def test_usage_that_was_asked_for_is_shown(door: Door) -> None:
    """A client that asks gets every event as it came."""
    door.upstream.play(openai())
    events = door.post(CHAT, ASKED).events
    assert [event["usage"] for event in events[:-1]] == [None, None, None, None, USAGE]
    assert door.last.usage == READ


def test_other_options_of_a_stream_stay(door: Door) -> None:
    """The usage request is added to what the client asks of its stream."""
    door.upstream.play(openai())
    door.post(CHAT, HELLO | {"stream_options": {"include_obfuscation": False}})
    assert door.upstream.call.json["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_groq_tells_its_usage_in_a_field_of_its_own(door: Door) -> None:
    """`x_groq.usage` is read, and stays: Groq sends it unasked."""
    door.upstream.play(groq)
    events = door.post(CHAT, HELLO).events
    assert events[2]["x_groq"]["usage"]["prompt_tokens"] == 20
    assert (door.last.usage, door.last.anomalies) == (READ, set())


def test_openrouter_comments_are_passed_over_and_its_usage_is_read(door: Door) -> None:
    """Comments begin no answer; usage beside a choice is taken out of its event, which stays."""
    door.upstream.play(openrouter)
    reply = door.post(CHAT, HELLO)
    assert not reply.body.startswith(b":")
    assert [event == "[DONE]" or "usage" in event for event in reply.events] == [False, False, False, True]
    assert (door.last.usage, door.last.anomalies) == (READ, set())


def test_an_error_in_the_middle_ends_the_answer(door: Door) -> None:
    """OpenRouter tells it in an event of status 200: the client gets an error in our words, and pays for what came."""
    door.upstream.play(openrouter_fails)
    events = door.post(CHAT, HELLO).events
    assert events[0]["choices"][0]["delta"]["content"] == "Hel"
    assert events[-1]["error"] | {"message": ""} == {
        "message": "",
        "type": "api_error",
        "param": None,
        "code": "provider_failed",
    }
    assert "disconnected" not in json.dumps(events)
    assert (door.last.outcome, door.last.usage.output, door.last.anomalies) == (
        "provider_failed",
        1,
        {"usage_estimated"},
    )


@pytest.mark.parametrize(
    "made",
    [
        {"reasoning_content": "Hm"},
        {"reasoning": "Hm"},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"function_call": {"arguments": "{"}},
    ],
)
def test_whatever_the_model_makes_counts_until_usage_comes(door: Door, made: dict[str, Any]) -> None:
    """An answer that broke off before its usage is charged an event a token, also of thoughts and calls."""

    def script(call: Call) -> None:
        call.stream()
        for _ in range(3):
            call.event(delta() | {"choices": [{"index": 0, "delta": made, "finish_reason": None}]})
        call.event(delta("") | {"choices": []})
        call.drop()

    door.upstream.play(script)
    assert door.post(CHAT, HELLO).events[-1]["error"]["code"] == "provider_failed"
    assert (door.last.usage.output, door.last.anomalies) == (3, {"usage_estimated"})


def test_events_pass_byte_by_byte(door: Door) -> None:
    """An event that needs no change is not written anew: numbers, order, escapes and spaces stay."""
    data = sent(
        door,
        b'data: {"id":"a", "choices":[{"index":0,"delta":{"content":"\\u00e4\\/ 1e5"}}],"created":1.0}\n\n',
        b'id: 7\ndata: {"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"p":-0.10}}]}\n\n',
        DONE,
    )
    assert door.post(CHAT, HELLO).body == data


def test_events_that_are_no_json_pass_and_count(door: Door) -> None:
    """Nothing passes unmetered, whatever it is."""
    data = sent(door, b"data: hello\n\n", b"data: [1]\n\n", DONE)
    assert door.post(CHAT, HELLO).body == data
    assert (door.last.usage.output, door.last.anomalies) == (2, {"usage_missing"})


def test_a_stream_without_its_end_is_told(door: Door) -> None:
    """A provider that closes without [DONE] has failed, though it has told its usage."""
    sent(door, b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n')
    assert door.post(CHAT, HELLO).events[-1]["error"]["code"] == "provider_failed"
    assert (door.last.usage, door.last.outcome) == (Usage(5, 1), "provider_failed")


def test_credits_end_a_stream(door: Door) -> None:
    """Where they cover no more, the answer ends as one that has reached its limit, with its usage where asked for."""

    def script(call: Call) -> None:
        call.stream()
        for _ in range(11):
            call.event(delta("word "))
        call.wait_gone()

    door.upstream.play(script)
    events = door.post(CHAT, ASKED, credits=10).events
    assert door.upstream.call.json["max_tokens"] == 10
    assert events[-3]["choices"] == [{"index": 0, "finish_reason": "length", "delta": {}}]
    assert (events[-2]["usage"]["completion_tokens"], events[-1]) == (door.last.usage.output, "[DONE]")
    assert (door.last.outcome, door.last.usage.output >= 10) == ("cut", True)


def test_credits_end_every_choice_that_is_open(door: Door) -> None:
    """One that has ended by itself is not ended twice."""

    def script(call: Call) -> None:
        call.stream()
        for index, finish in ((0, None), (1, None), (2, None), (1, "stop"), (0, None)):
            choice = {"index": index, "delta": {"content": "word "}, "finish_reason": finish}
            call.event(delta() | {"choices": [choice]})
        call.wait_gone()

    door.upstream.play(script)
    events = door.post(CHAT, HELLO | {"n": 3}, credits=4).events
    assert door.upstream.call.json["max_tokens"] == 1
    assert [(choice["index"], choice["finish_reason"]) for choice in events[-2]["choices"]] == [
        (0, "length"),
        (2, "length"),
    ]


def test_a_response_passes_untouched(door: Door) -> None:
    """Every event of the Responses API is as it came; usage is read from the one that ends it."""
    script, written = kept(responses())
    door.upstream.play(script)
    assert door.post("/v1/responses", RESPOND).body == b"".join(written)
    assert door.upstream.call.json == RESPOND
    assert (door.last.usage, door.last.anomalies, door.last.model) == (READ, set(), "gpt-5-2025-08-07")


def test_a_response_that_its_limit_ended_has_its_usage(door: Door) -> None:
    """`response.incomplete` ends an answer as well."""
    ending = response("incomplete", incomplete_details={"reason": "max_output_tokens"})
    door.upstream.play(responses(("response.incomplete", {"response": ending})))
    door.post("/v1/responses", RESPOND)
    assert (door.last.usage, door.last.outcome, door.last.blocked) == (READ, "completed", "")


def test_a_response_that_failed_is_told_in_our_words(door: Door) -> None:
    """A provider's words about a failure may name its customer, which is the owner of the project."""
    error = {"code": "rate_limit_exceeded", "message": "Rate limit reached in organization org-123."}
    failed = response("failed", error=error, output=[], usage=None)
    door.upstream.play(responses(("response.failed", {"response": failed})))
    reply = door.post("/v1/responses", RESPOND)
    assert reply.events[-1]["response"]["error"] == {"code": "rate_limit_exceeded", "message": "The provider failed."}
    assert b"org-123" not in reply.body
    assert (door.last.outcome, door.last.usage.output) == ("provider_failed", 2)


def test_an_error_event_of_a_response_has_its_number(door: Door) -> None:
    """The error that ends a response goes on counting where the provider's events ended."""
    door.upstream.play(responses(("error", {"code": "server_error", "message": "In org-123.", "param": None})))
    error = door.post("/v1/responses", RESPOND).events[-1]
    assert (error["type"], error["code"], error["sequence_number"]) == ("error", "provider_failed", 7)
    assert "org-123" not in json.dumps(error)
    assert door.last.outcome == "provider_failed"


def test_credits_end_a_response(door: Door) -> None:
    """It ends as incomplete, with what was made so far and the next number."""

    def script(call: Call) -> None:
        responses(("response.output_text.delta", {"item_id": "msg_1", "output_index": 0, "delta": "more"}))(call)
        call.wait_gone()

    door.upstream.play(script)
    last = door.post("/v1/responses", RESPOND, credits=1).events[-1]
    assert door.upstream.call.json["max_output_tokens"] == 1
    assert (last["type"], last["response"]["incomplete_details"]) == (
        "response.incomplete",
        {"reason": "max_output_tokens"},
    )
    assert last["response"]["id"] == "resp_1"
    assert [item["id"] for item in last["response"]["output"]] == ["msg_1"]
    assert door.last.outcome == "cut"


def test_a_message_passes_untouched(door: Door) -> None:
    """Anthropic's events are as they came; cached input counts as input, what was read from a cache as cached."""
    script, written = kept(anthropic())
    door.upstream.play(script)
    assert door.post("/v1/messages", MESSAGE, kind="anthropic").body == b"".join(written)
    assert door.upstream.call.json == MESSAGE
    assert (door.last.usage, door.last.anomalies) == (Usage(20, 9, 12, 6), set())
    assert door.last.model == "claude-sonnet-4-5-20250929"


def test_a_message_that_breaks_off_is_charged_its_input_and_what_came(door: Door) -> None:
    """The input is known from the first event; of the output an event is a token."""

    def script(call: Call) -> None:
        call.stream()
        usage = {"input_tokens": 20, "output_tokens": 1}
        named(call, "message_start", {"message": {"model": "claude", "usage": usage}})
        for _ in range(3):
            named(call, "content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}})
        named(call, "content_block_delta", {"index": 0, "delta": {"type": "signature_delta", "signature": "x"}})
        named(call, "error", {"error": {"type": "overloaded_error", "message": "Overloaded in org-123"}})

    door.upstream.play(script)
    reply = door.post("/v1/messages", MESSAGE, kind="anthropic")
    assert reply.events[-1]["error"] == {"type": "api_error", "message": "The provider failed."}
    assert b"org-123" not in reply.body
    assert (door.last.usage, door.last.outcome) == (Usage(20, 4), "provider_failed")


def test_credits_end_a_message(door: Door) -> None:
    """The block that is open is closed, and the message ends as one that has reached its limit."""

    def script(call: Call) -> None:
        call.stream()
        named(call, "message_start", {"message": {"usage": {"input_tokens": 20, "output_tokens": 1}}})
        named(call, "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        for _ in range(6):
            named(call, "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "word "}})
        call.wait_gone()

    door.upstream.play(script)
    events = door.post("/v1/messages", MESSAGE, kind="anthropic", credits=5).events
    assert door.upstream.call.json["max_tokens"] == 5
    assert [event["type"] for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert (door.last.outcome, events[-2]["usage"]["output_tokens"]) == ("cut", door.last.usage.output)


def test_a_ping_before_the_message_begins_no_answer(door: Door) -> None:
    """What fails after it can still be asked of another provider."""

    def script(call: Call) -> None:
        call.stream()
        named(call, "ping", {})
        named(call, "error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})

    door.upstream.play(script)
    reply = door.post("/v1/messages", MESSAGE, kind="anthropic")
    assert (reply.status, reply.error["code"]) == (502, "provider_failed")


def test_usage_of_completions_is_read_too(door: Door) -> None:
    """The older endpoint streams text in place of deltas."""
    sent(
        door,
        b'data: {"id":"a","object":"text_completion","choices":[{"index":0,"text":"Hi"}],"usage":null}\n\n',
        b'data: {"id":"a","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n',
        DONE,
    )
    events = door.post("/v1/completions", {"model": "m", "prompt": "Hi", "stream": True}).events
    assert events == [{"id": "a", "object": "text_completion", "choices": [{"index": 0, "text": "Hi"}]}, "[DONE]"]
    assert (door.last.usage, door.last.anomalies) == (Usage(5, 1), set())


def ends_without_done(call: Call, *finishes: str | None) -> None:
    """A choice for each of these, ended by it where it is one; then the usage, and no [DONE]."""
    call.stream()
    for index, finish in enumerate(finishes):
        choice = {"index": index, "delta": {"content": "Hi"}, "finish_reason": None}
        call.event(delta() | {"choices": [choice]})
        if finish:
            call.event(delta() | {"choices": [choice | {"delta": {}, "finish_reason": finish}]})
    call.event(delta() | {"choices": [], "usage": USAGE})


def test_a_stream_whose_choices_ended_and_whose_usage_is_told_is_whole(door: Door) -> None:
    """Some providers close without [DONE]: the client gets ours."""
    door.upstream.play(lambda call: ends_without_done(call, "stop", "length"))
    events = door.post(CHAT, HELLO | {"n": 2}).events
    assert (events[-2]["choices"][0]["finish_reason"], events[-1]) == ("length", "[DONE]")
    assert (door.last.usage, door.last.outcome, door.last.anomalies) == (READ, "completed", set())


def test_usage_beside_a_choice_that_has_ended_opens_it_not_again(door: Door) -> None:
    """OpenRouter's last event has a choice without a finish."""

    def script(call: Call) -> None:
        call.stream()
        call.event(delta("Hello.", "stop"))
        call.event(delta("", usage=USAGE))

    door.upstream.play(script)
    assert door.post(CHAT, HELLO).events[-1] == "[DONE]"
    assert (door.last.usage, door.last.outcome) == (READ, "completed")


def test_a_stream_with_a_choice_that_has_not_ended_is_not_whole(door: Door) -> None:
    """Without [DONE] every choice must have said that it ended."""
    door.upstream.play(lambda call: ends_without_done(call, "stop", None))
    assert door.post(CHAT, HELLO | {"n": 2}).events[-1]["error"]["code"] == "provider_failed"
    assert (door.last.usage, door.last.outcome) == (READ, "provider_failed")


def test_a_stream_without_usage_and_done_is_not_whole(door: Door) -> None:
    """An ended choice alone does not show that the usage was not still to come."""
    sent(door, b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
    assert door.post(CHAT, HELLO).events[-1]["error"]["code"] == "provider_failed"
    assert door.last.outcome == "provider_failed"
