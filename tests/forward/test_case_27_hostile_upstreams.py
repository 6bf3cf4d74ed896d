"""Case 27: providers that break off, never end, or send what is no answer: all bounded, all charged by a rule."""

import gzip
import json
import threading
import time
from collections.abc import Callable

import pytest

from tests import stand
from tests.forward.scripted_upstream import WAIT_S, Call, Script, chunk, events, usage, whole
from tests.forward.stage import CHAT, HELLO, Stage, new_key, said

STREAM = {"messages": HELLO, "stream": True}
ESTIMATE = -(-len(json.dumps(STREAM)) // 4)


def silent(call: Call) -> None:
    """Takes the request and never answers."""
    call.wait_gone()
    call.drop()


def endless(call: Call) -> None:
    """Shows a comment again and again, and no token."""
    call.stream()
    call.event(chunk("Hi"))
    while not call.gone.wait(0.02):
        call.write(b": still there\n\n")


def a_byte_at_a_time(call: Call) -> None:
    """1 byte a second, of an event that never ends."""
    call.stream()
    call.event(chunk("Hi"))
    while not call.gone.wait(0.5):
        call.write(b"x")


def closes(call: Call) -> None:
    call.drop()


def resets(call: Call) -> None:
    call.reset()


def garbage(call: Call) -> None:
    call.ended = True
    call.raw(b"\x16\x03\x01 this is not HTTP\r\n\r\n")


def compressed(call: Call) -> None:
    """A whole answer in gzip, which was not asked for, cut short."""
    data = gzip.compress(json.dumps(whole()).encode())
    call.head(content_encoding="gzip", content_length=str(len(data)))
    call.write(data[:-8])


def redirects(call: Call) -> None:
    call.head(302, location="/v1/elsewhere", content_length="0")


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])
@pytest.mark.parametrize("script", [closes, resets, garbage, compressed, redirects])
def test_case_27_a_failure_before_the_first_byte_is_502_and_free(stage: Stage, script: Script, stream: bool) -> None:
    """Where the provider fails before the client got anything: 502, and nothing is charged."""
    stage.upstream.play(script)
    answer = stage.chat(stream=stream)
    assert (answer.status, answer.error["code"]) == (502, "provider_failed")
    assert stage.upstream.call.target == f"POST {CHAT} HTTP/1.1"
    assert stage.untouched()


@pytest.mark.parametrize("status", [500, 502, 429, 401, 418])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])
def test_case_27_a_provider_that_refuses_is_502_with_retry_after(stage: Stage, status: int, stream: bool) -> None:
    """The provider's trouble is told as ours, without its words, and costs nothing."""
    stage.upstream.play(lambda call: call.answer({"error": {"message": "secret path /srv"}}, status))
    answer = stage.chat(stream=stream)
    assert (answer.status, b"/srv" in answer.body) == (502, False)
    assert int(answer.headers["retry-after"]) > 0
    assert stage.untouched()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])
def test_case_27_a_model_that_is_loading_is_503_with_retry_after(stage: Stage, stream: bool) -> None:
    """While the model loads nothing is charged, and the client is told when to come back."""
    stage.upstream.play(lambda call: call.answer({"error": {"message": "Loading model", "code": 503}}, 503))
    answer = stage.chat(stream=stream)
    assert (answer.status, answer.error["code"]) == (503, "model_loading")
    assert int(answer.headers["retry-after"]) > 0
    assert stage.untouched()


def test_case_27_a_refusal_in_two_pieces_keeps_its_words(stage: Stage) -> None:
    """What the provider says about a wrong request reaches the client, however the network cuts it."""

    def script(call: Call) -> None:
        call.head(400)
        call.write(b'{"error": {"message": "the temperature ')
        time.sleep(0.1)
        call.write(b'is not to be had"}}')

    stage.upstream.play(script)
    answer = stage.chat()
    assert (answer.status, answer.error["message"]) == (400, "the temperature is not to be had")
    assert stage.untouched()


def test_case_27_a_provider_that_nobody_answers_for_is_502(start_gateway: stand.StartGateway) -> None:
    """Connection refused: 502 with Retry-After, for chats and for the list of models; nothing is charged."""
    gateway = start_gateway(LLAMA_BASE_URL=f"http://127.0.0.1:{stand.free_port()}")
    key = new_key(gateway)
    for stream in (True, False):
        answer = gateway.request("POST", CHAT, {"messages": HELLO, "stream": stream}, key=key)
        assert (answer.status, answer.error["code"]) == (502, "provider_failed")
        assert int(answer.headers["retry-after"]) > 0
    models = gateway.request("GET", "/v1/models", key=key)
    assert (models.status, "retry-after" in models.headers) == (502, True)
    assert gateway.account(key)["balance"]["spent"] == gateway.account(key)["balance"]["held"] == 0


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "buffered"])
def test_case_27_silence_is_504_and_free(brief: Stage, stream: bool) -> None:
    """A provider that never answers is given up in time, and costs nothing."""
    brief.upstream.play(silent)
    answer = brief.chat(stream=stream)
    assert (answer.status, answer.error["code"]) == (504, "provider_timed_out")
    assert brief.untouched()
    assert brief.upstream.call.gone.wait(WAIT_S)


@pytest.mark.parametrize("script", [endless, a_byte_at_a_time])
def test_case_27_a_stream_that_never_ends_is_ended(brief: Stage, script: Script) -> None:
    """A stream that goes on for ever ends with an error at the deadline, and what came is charged."""
    brief.upstream.play(script)
    last = said(brief.post(STREAM))[-1]
    assert last["error"]["code"] == "provider_timed_out"
    receipt = brief.receipt()
    assert (receipt["outcome"], receipt["credits"]) == ("timed_out", ESTIMATE + 1)


def test_case_27_a_buffered_answer_that_never_ends_is_504(brief: Stage) -> None:
    """An answer in one piece that drips in is given up at the deadline, and costs nothing."""

    def script(call: Call) -> None:
        call.head()
        while not call.gone.wait(0.3):
            call.write(b" ")

    brief.upstream.play(script)
    assert brief.chat().status == 504
    assert brief.untouched()


@pytest.mark.parametrize("leave", [Call.drop, Call.reset])
def test_case_27_a_stream_that_breaks_off_is_charged_for_what_came(stage: Stage, leave: Callable[[Call], None]) -> None:
    """After the first event a failure is an error event; what was received is charged, the rest given back."""
    shown = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        call.event(chunk("lo"))
        shown.wait(0.3)  # a reset throws away what was not read yet
        leave(call)

    stage.upstream.play(script)
    first, second, last = said(stage.post(STREAM))
    assert [event["choices"][0]["delta"]["content"] for event in (first, second)] == ["Hel", "lo"]
    assert last["error"]["code"] == "provider_failed"
    receipt = stage.receipt()
    assert (receipt["outcome"], receipt["credits"]) == ("provider_failed", ESTIMATE + 2)


def test_case_27_an_error_of_the_provider_in_a_stream_is_passed_on(stage: Stage) -> None:
    """llama-server's error events reach the client in the shape its SDK raises, and what came is charged."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        call.write(b'error: {"code":500,"message":"out of memory","type":"server_error"}\n\n')

    stage.upstream.play(script)
    assert said(stage.post(STREAM))[-1]["error"]["message"] == "out of memory"
    assert stage.receipt()["credits"] == ESTIMATE + 1


def test_case_27_a_stream_of_nothing_is_502_and_free(stage: Stage) -> None:
    """An empty stream is a failure of the provider, not an answer."""
    stage.upstream.play(lambda call: call.stream())
    assert (stage.post(STREAM).status, stage.untouched()) == (502, True)


def test_case_27_a_connection_that_the_provider_closed_meanwhile_fails_nobody(stage: Stage) -> None:
    """Connections are kept for the next request; one that was closed in between is not used."""

    def script(call: Call) -> None:
        events(chunk("Hi"), chunk(usage=usage(5, 1)))(call)
        call.end()
        call.drop()

    stage.upstream.play(script)
    for _ in range(3):
        assert said(stage.post(STREAM))[-1] == "[DONE]"
