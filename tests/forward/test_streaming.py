"""Streams: passed on event by event, metered on the way, and ended where the credits end."""

import itertools
import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import ProviderFailed
from functions.forward.events import EVENT_BYTES_MAX, Reader, cut
from functions.forward.meter import Meter
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import DONE, WAIT_S, Call, chunk, events, plain, usage
from tests.forward.stage import CHAT, HELLO, Stage, said, with_credits

STREAM = {"messages": HELLO, "stream": True}
MORE_THAN_ENOUGH = 3000
"""Tokens; no hold of these tests covers as many."""
UTF8 = chunk("Grüße, 世界 🚃")


def sse(*sent: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in sent)


ANSWER = sse(chunk("Hel"), UTF8, chunk(), chunk(choices=[], usage=usage(5, 2))) + DONE


def passed(pieces: list[bytes], *, usage_wanted: bool) -> bytes:
    """What a client gets of a provider's answer that comes in these pieces."""
    reader, pending, out = Reader(Meter(), usage_wanted=usage_wanted, timings_wanted=False), b"", b""
    for piece in pieces:
        whole, pending = cut(pending, piece)
        shown = [show for event in whole if event and (show := reader.read(event)) is not None]
        out += b"".join(event + b"\n\n" for event in shown)
    return out


def test_the_first_event_arrives_before_the_provider_has_made_its_second(stage: Stage) -> None:
    """Nothing is held back: the provider makes its second event only after the client has read the first."""
    read_first = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("first"))
        assert read_first.wait(WAIT_S)
        call.event(chunk("second"))
        call.write(DONE)

    stage.upstream.play(script)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key, "Connection: close")
        assert b"first" in client.read_until(b"\n\n")
        assert b"second" not in client.received
        read_first.set()
        assert b"second" in client.rest()


@pytest.mark.parametrize("usage_wanted", [True, False])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_an_answer_cut_at_any_byte_is_passed_on_the_same(newline: bytes, usage_wanted: bool) -> None:
    """Where the network cuts an answer in two changes no byte of what the client gets."""
    whole = passed([ANSWER], usage_wanted=usage_wanted)
    assert whole.endswith(DONE)
    sent = ANSWER.replace(b"\n", newline)
    for at in range(len(sent) + 1):
        assert passed([sent[:at], sent[at:]], usage_wanted=usage_wanted) == whole


@given(cuts=st.lists(st.integers(0, len(ANSWER)), max_size=30), carriage=st.booleans())
def test_an_answer_in_any_pieces_is_passed_on_the_same(cuts: list[int], carriage: bool) -> None:
    """However many pieces an answer comes in, events and bytes are the same."""
    sent = ANSWER.replace(b"\n", b"\r\n") if carriage else ANSWER
    places = sorted({0, *cuts, len(sent)})
    pieces = [sent[start:stop] for start, stop in itertools.pairwise(places)]
    assert passed(pieces, usage_wanted=True) == ANSWER


def test_an_answer_that_comes_byte_by_byte_is_passed_on_the_same(stage: Stage) -> None:
    """Through the whole gateway, an answer in pieces of one byte is the answer."""

    def script(call: Call) -> None:
        call.stream()
        for byte in ANSWER:
            call.write(bytes([byte]))

    stage.upstream.play(script)
    answer = stage.post(STREAM | {"stream_options": {"include_usage": True}})
    assert answer.body == ANSWER
    assert stage.receipt()["credits"] == 7


@given(rest=st.integers(1, 1000))
def test_an_event_without_end_is_refused(rest: int) -> None:
    """What is kept of an unfinished event is bounded."""
    with pytest.raises(ProviderFailed):
        cut(b"x" * EVENT_BYTES_MAX, b"x" * rest)


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (CHAT, {"messages": HELLO}, "max_tokens"),
        ("/v1/completions", {"prompt": "Hello"}, "max_tokens"),
        ("/v1/responses", {"input": "Hello"}, "max_output_tokens"),
    ],
)
def test_without_a_limit_the_models_own_goes_upstream(stage: Stage, path: str, body: Any, name: str) -> None:
    """A request that names no output limit gets the model's, in the one field of its endpoint."""
    stage.post(body, path)
    assert limits_in(stage.upstream.call) == {name: 2048}


def limits_in(call: Call) -> dict[str, Any]:
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict")
    return {name: call.json[name] for name in names if name in call.json}


@pytest.mark.parametrize("stream", [True, False])
def test_exactly_one_output_limit_goes_upstream(stage: Stage, stream: bool) -> None:
    """Of several limits the smallest is sent, in one field; their aliases are removed."""
    answer = stage.chat(stream=stream, max_tokens=50, max_completion_tokens=20, n_predict=900)
    assert limits_in(stage.upstream.call) == {"max_tokens": 20}
    assert stage.upstream.call.body.count(b'"max_tokens"') == 1
    assert "x-farebox-output-limit" not in answer.headers


@pytest.mark.parametrize("stream", [True, False])
def test_the_limit_sent_is_what_the_credits_afford(stage: Stage, stream: bool) -> None:
    """A request for more than its credits cover is clamped, and a header says so.

    An answer in one piece is bound by its hold, a stream, whose hold grows, by all that is free.
    """
    poor = with_credits(stage, 1500)
    answer = poor.chat(stream=stream, max_tokens=50_000)
    (limit,) = limits_in(stage.upstream.call).values()
    assert answer.headers["x-farebox-output-limit"] == str(limit)
    receipt = poor.receipt()
    assert receipt["held"] <= 1500
    bound = 1500 if stream else receipt["held"]
    assert 1 <= limit < bound
    assert limit > receipt["held"] or not stream


def test_a_request_with_room_for_one_token_is_served(stage: Stage) -> None:
    """Credits for the estimated input and one token of output are enough, and nothing more is spent."""
    estimate = -(-len(json.dumps({"messages": HELLO})) // 4)
    poor = with_credits(stage, estimate + 1)
    assert poor.chat().status == 200
    assert limits_in(stage.upstream.call) == {"max_tokens": 1}
    assert poor.receipt()["held"] == estimate + 1


def test_a_request_that_its_credits_do_not_cover_is_402(stage: Stage) -> None:
    """One credit less is refused, says how much is missing, and reaches no provider."""
    estimate = -(-len(json.dumps({"messages": HELLO})) // 4)
    poor = with_credits(stage, estimate)
    answer = poor.chat()
    assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
    assert "1 are missing" in answer.error["message"]
    assert stage.upstream.calls == []
    assert poor.untouched()


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked", "usage not asked"])
def test_a_stream_that_outgrows_its_hold_is_cut_off(stage: Stage, asked: bool) -> None:
    """Where usage grows above the hold the answer ends with `length`, its usage if asked, and [DONE]."""
    poor = with_credits(stage, 600)

    def script(call: Call) -> None:
        call.stream()
        for _ in range(MORE_THAN_ENOUGH):
            call.event(chunk("more"))
        call.wait_gone()
        call.write(DONE)

    stage.upstream.play(script)
    answer = said(poor.post(STREAM | ({"stream_options": {"include_usage": True}} if asked else {})))
    assert answer[-1] == "[DONE]"
    ends = [event for event in answer[:-1] if event["choices"] and event["choices"][0]["finish_reason"]]
    assert [event["choices"][0]["finish_reason"] for event in ends] == ["length"]
    assert [bool(event.get("usage")) for event in answer[-3:-1]] == ([False, True] if asked else [False, False])
    receipt = poor.receipt()
    assert (receipt["outcome"], receipt["credits"]) == ("cut", receipt["held"])
    assert poor.balance()["available"] == 600 - receipt["held"]
    assert stage.upstream.call.gone.wait(WAIT_S), "the provider was not told to stop"


def test_a_response_that_outgrows_its_hold_is_incomplete(stage: Stage) -> None:
    """The Responses API says the same in its own words."""
    poor = with_credits(stage, 600)

    def script(call: Call) -> None:
        call.stream()
        call.event({"type": "response.created", "response": {"id": "r", "object": "response", "status": "in_progress"}})
        for _ in range(MORE_THAN_ENOUGH):
            call.event({"type": "response.output_text.delta", "item_id": "i", "delta": "more"})
        call.wait_gone()

    stage.upstream.play(script)
    last = said(poor.post({"input": "Hello", "stream": True}, "/v1/responses"))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    receipt = poor.receipt()
    assert (receipt["outcome"], receipt["credits"]) == ("cut", receipt["held"])


def test_the_receipt_of_a_stream_is_there_when_its_body_ends(stage: Stage) -> None:
    """Receipt and settle come before the end of the body, because on Lambda nothing runs after it."""
    stage.upstream.play(plain)
    answer = stage.post(STREAM)
    (receipt,) = stage.account()["receipts"]
    assert receipt["id"] == answer.headers["x-farebox-receipt"]
    assert stage.balance()["held"] == 0


def test_comments_of_the_provider_are_passed_on(stage: Stage) -> None:
    """Lines that keep a connection alive reach the client."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("Hi"))
        call.write(b": still there\n\n")
        call.write(DONE)

    stage.upstream.play(script)
    assert stage.post(STREAM).body.endswith(b": still there\n\ndata: [DONE]\n\n")


def test_a_provider_that_does_not_close_after_done_holds_nobody_up(stage: Stage) -> None:
    """After [DONE] the answer ends within seconds, is completed, and its hold is resolved."""
    released = threading.Event()

    def script(call: Call) -> None:
        events(chunk("Hi"), chunk(choices=[], usage=usage(5, 1)))(call)
        released.wait(WAIT_S)

    stage.upstream.play(script)
    assert said(stage.post(STREAM))[-1] == "[DONE]"
    assert not released.is_set()
    released.set()
    assert (stage.receipt()["outcome"], stage.receipt()["credits"]) == ("completed", 6)
