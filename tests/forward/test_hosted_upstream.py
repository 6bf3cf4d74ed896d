"""The way to a hosted provider: where a request goes, with which headers, and how long it may take to begin."""

from typing import Any

import pytest

from functions.forward import upstream
from functions.forward.upstream import joined
from tests.forward.hosted_stage import PROVIDER_KEY, Door
from tests.forward.scripted_hosted import completion, delta, openai
from tests.forward.scripted_upstream import DONE, Call

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM = HELLO | {"stream": True}
TOO_LATE = "The provider took too long to begin; nothing was charged."


@pytest.mark.parametrize(
    ("kind", "base_url", "url"),
    [
        ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions"),
        ("openai", "https://llm.example/v1beta/openai", "https://llm.example/v1beta/openai/chat/completions"),
        ("openai", "https://llm.example", "https://llm.example/v1/chat/completions"),
        ("openai", "https://llm.example/", "https://llm.example/v1/chat/completions"),
        ("llama", "http://10.0.0.5:8080", "http://10.0.0.5:8080/v1/chat/completions"),
        ("llama", "http://10.0.0.5:8080/v1/", "http://10.0.0.5:8080/v1/chat/completions"),
        ("llama", "http://10.0.0.5/llama", "http://10.0.0.5/llama/v1/chat/completions"),
    ],
)
def test_an_endpoint_is_joined_once(kind: str, base_url: str, url: str) -> None:
    """A base URL ends with its version, or has none; nothing has it twice."""
    assert joined(kind, base_url, CHAT) == url


@pytest.mark.parametrize("path", ["/v1", "/openai/v1", "/api/v1/"])
def test_a_request_goes_to_the_provider_s_path(door: Door, path: str) -> None:
    """The path upstream is the base URL's and the endpoint's."""
    door.post(CHAT, HELLO, base_path=path)
    assert door.upstream.call.target == f"POST {path.rstrip('/')}/chat/completions HTTP/1.1"


def test_headers_are_a_list_of_our_own(door: Door) -> None:
    """Nothing of the client goes to the provider, above all not its key; the answer is not to be compressed."""
    door.post(CHAT, HELLO)
    sent = dict(door.upstream.call.headers)
    assert set(sent) == {
        "host",
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "user-agent",
    }
    assert (sent["authorization"], sent["accept-encoding"]) == (f"Bearer {PROVIDER_KEY}", "identity")


def test_anthropic_gets_its_key_in_its_own_header(door: Door) -> None:
    """With the version of its API, and without a bearer."""
    door.upstream.play(lambda call: call.answer({"content": [{}], "usage": {"input_tokens": 1, "output_tokens": 1}}))
    assert door.post("/v1/messages", HELLO | {"max_tokens": 9}, kind="anthropic").status == 200
    sent = dict(door.upstream.call.headers)
    assert (sent["x-api-key"], sent["anthropic-version"]) == (PROVIDER_KEY, "2023-06-01")
    assert "authorization" not in sent


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_no_provider_is_asked_for_more_than_it_makes(door: Door, stream: bool) -> None:
    """Credits may cover more, which another provider of the route would make."""
    door.post(CHAT, HELLO | {"stream": stream}, trusted=True, output_tokens=100, credits=10**6)
    assert door.upstream.call.json["max_tokens"] == 100


@pytest.mark.parametrize("said", [b"", b": OPENROUTER PROCESSING\n\n"], ids=["silent", "only comments"])
def test_a_stream_that_does_not_begin_in_time_is_given_up(door: Door, said: bytes) -> None:
    """The time is for the first event, whatever else comes: then another provider can be asked."""

    def script(call: Call) -> None:
        call.stream()
        call.write(said) if said else None
        call.wait_gone()

    door.upstream.play(script)
    reply = door.post(CHAT, STREAM, first_byte_s=0.2)
    assert (reply.status, reply.error["code"]) == (504, "provider_timed_out")
    assert reply.error["message"] == TOO_LATE


def test_a_provider_that_does_not_even_answer_is_given_up(door: Door) -> None:
    """The same without status and headers."""
    door.upstream.play(lambda call: (call.wait_gone(), None)[1])
    reply = door.post(CHAT, STREAM, first_byte_s=0.2)
    assert (reply.status, reply.error["code"]) == (504, "provider_timed_out")
    assert reply.error["message"] == TOO_LATE


def test_a_stream_that_has_begun_has_its_time(door: Door) -> None:
    """Once an event came, the time to begin holds no longer."""

    def script(call: Call) -> None:
        call.stream()
        call.event(delta("Hel"))
        call.gone.wait(0.6)
        openai_end(call)

    def openai_end(call: Call) -> None:
        call.event(delta("lo."))
        call.write(b"data: [DONE]\n\n")

    door.upstream.play(script)
    events = door.post(CHAT, STREAM, first_byte_s=0.3).events
    assert [event["choices"][0]["delta"]["content"] for event in events[:-1]] == ["Hel", "lo."]


def test_case_29_a_provider_that_fails_first_leaves_no_trace(door: Door) -> None:
    """The next answers, and what is charged is what that one used."""
    scripts = [lambda call: call.answer({"error": {"message": "busy"}}, 429), lambda call: call.drop(), openai()]
    door.upstream.play(lambda call: scripts[len(door.upstream.calls) - 1](call))
    again = door.upstream.url + "/v1"
    events = door.post(CHAT, STREAM, others=(again, again)).events
    assert events[-1] == "[DONE]"
    assert (door.last.usage.input, door.last.usage.output) == (20, 9)
    assert (door.last.failures, door.last.outcome) == (["provider_failed", "provider_failed"], "completed")


def test_case_29_a_provider_that_fails_later_is_the_last(door: Door) -> None:
    """Part of an answer cannot be taken back: the client hears of the failure, and pays for what came, once."""

    def script(call: Call) -> None:
        call.stream()
        call.event(delta("Hel"))
        call.drop()

    door.upstream.play(script)
    events = door.post(CHAT, STREAM, others=(door.upstream.url + "/v1",)).events
    assert events[-1]["error"]["code"] == "provider_failed"
    assert (len(door.upstream.calls), door.last.usage.output) == (1, 1)


def test_case_29_a_whole_answer_that_breaks_off_is_asked_for_again(door: Door) -> None:
    """Nothing of it was passed on, so the next is asked, and only that one counts."""

    def script(call: Call) -> None:
        if len(door.upstream.calls) == 1:
            call.head(content_length="1000")
            call.write(b'{"choices":[')
            call.drop()
        else:
            call.answer({"choices": [{}], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})

    door.upstream.play(script)
    reply = door.post(CHAT, HELLO, others=(door.upstream.url + "/v1",))
    assert (reply.status, door.last.usage.input, door.last.usage.output) == (200, 5, 2)
    assert door.last.failures == ["provider_failed"]


def given_up(call: Call) -> bool:
    """Whether the gateway closes the connection before its time for the whole request is over."""
    call.connection.settimeout(3)
    try:
        return not call.connection.recv(1)
    except TimeoutError:
        return False


def test_case_29_a_whole_answer_that_does_not_begin_in_time_is_asked_of_the_next(door: Door) -> None:
    """Where another provider can be asked, a hanging one has no longer than a stream's."""

    def script(call: Call) -> None:
        if len(door.upstream.calls) > 1 or not given_up(call):
            call.answer(completion())

    door.upstream.play(script)
    reply = door.post(CHAT, HELLO, first_byte_s=0.2, others=(door.upstream.url + "/v1",))
    assert (reply.status, door.last.failures) == (200, ["provider_timed_out"])


def test_case_29_the_last_provider_has_all_the_time_for_a_whole_answer(door: Door) -> None:
    """Most send nothing of it until it is whole."""

    def slow(call: Call) -> None:
        call.gone.wait(0.5)
        call.answer(completion())

    door.upstream.play(slow)
    assert door.post(CHAT, HELLO, first_byte_s=0.1).status == 200


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [400, 500])
def test_case_29_a_refusal_that_never_ends_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch, status: int, stream: bool
) -> None:
    """What it says of the request nobody knows then, so the next provider is asked."""
    monkeypatch.setattr(upstream, "ERROR_WITHIN_S", 0.2)

    def drips(call: Call) -> None:
        if len(door.upstream.calls) > 1:
            openai()(call) if stream else call.answer(completion())
            return
        call.head(status)
        call.write(b'{"error":{"message":"')
        call.wait_gone()

    door.upstream.play(drips)
    reply = door.post(CHAT, HELLO | {"stream": stream}, others=(door.upstream.url + "/v1",))
    assert (reply.status, door.last.failures) == (200, ["provider_timed_out"])


def test_a_stream_may_take_longer_to_begin_than_it_may_pause(door: Door) -> None:
    """A model that is loaded for its first request is silent for long, once."""

    def slow(call: Call) -> None:
        call.stream()
        call.gone.wait(0.8)
        call.event(delta("Hello."))
        call.write(DONE)

    door.upstream.play(slow)
    assert door.post(CHAT, STREAM, first_byte_s=10, idle_s=0.2).events[-1] == "[DONE]"
    assert door.last.outcome == "completed"


def test_a_stream_that_pauses_too_long_is_given_up_though_it_had_longer_to_begin(door: Door) -> None:
    """Once it has begun, its silence has its own bound."""

    def script(call: Call) -> None:
        call.stream()
        call.event(delta("Hel"))
        if not given_up(call):
            call.write(DONE)

    door.upstream.play(script)
    assert door.post(CHAT, STREAM, first_byte_s=60, idle_s=0.2).events[-1]["error"]["code"] == "provider_timed_out"


def test_case_29_an_answer_in_one_piece_to_a_streamed_request_is_none(door: Door) -> None:
    """What was asked for is a stream: the next provider is asked, and nothing of the other is charged."""

    def script(call: Call) -> None:
        call.answer(completion()) if len(door.upstream.calls) == 1 else openai()(call)

    door.upstream.play(script)
    assert door.post(CHAT, STREAM, others=(door.upstream.url + "/v1",)).events[-1] == "[DONE]"
    assert (door.last.failures, door.last.usage.output) == (["provider_failed"], 9)
    door.upstream.play(lambda call: call.answer(completion()))
    reply = door.post(CHAT, STREAM)
    assert (reply.status, reply.error["message"]) == (
        502,
        "The provider did not stream its answer; nothing was charged.",
    )
