"""What hosted providers refuse: whether another may be asked, whether the user is to blame, whose words are passed."""

import json
from typing import Any

import pytest

from tests.forward.hosted_stage import Door
from tests.forward.scripted_hosted import (
    FILTERED,
    anthropic,
    completion,
    delta,
    message,
    named,
    openai,
    response,
    responses,
)
from tests.forward.scripted_upstream import Call, Script

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM = HELLO | {"stream": True}
RESPOND = {"model": "m", "input": "Say hello."}
SECRET = "In organization org-123: "

BAD_KEY = {
    "code": 400,
    "message": "API key not valid. Please pass a valid API key.",
    "status": "INVALID_ARGUMENT",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
}
"""As Google says it, in a list of one."""

LOW_CREDIT = {"type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API."}


def refusing(status: int, error: Any) -> Script:
    return lambda call: call.answer({"error": error}, status)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"code": "invalid_api_key"}),
        (402, {"code": 402}),
        (403, {"code": "unsupported_country_region_territory"}),
        (404, {"code": "model_not_found"}),
        (408, {}),
        (409, {}),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}),
        (429, {"code": "rate_limit_exceeded"}),
        (500, {"type": "server_error"}),
        (502, "a text"),
        (503, {"message": "overloaded"}),
        (529, {"type": "overloaded_error"}),
        (400, {"code": "billing_hard_limit_reached"}),
        (400, {"type": "authentication_error"}),
        (400, LOW_CREDIT),
        (302, {}),
    ],
)
def test_what_is_about_us_is_a_failure_of_the_provider(door: Door, stream: bool, status: int, error: Any) -> None:
    """Our key, our account there, the model, its load: 502, so that the next can be asked; its words are not passed."""
    if isinstance(error, dict):
        error = {"message": SECRET} | error
    door.upstream.play(refusing(status, error))
    reply = door.post(CHAT, STREAM if stream else HELLO)
    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (502, "provider_failed", "5")
    assert not {b"org-123", b"credit", b"text"} & set(reply.body.split())
    assert b"org-123" not in reply.body


@pytest.mark.parametrize(
    "body",
    [
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***gA. Get one."},
        {"error": {"message": "Incorrect API key provided: sk-abcdefgh. Project proj_123 of org-123"}},
        [{"error": BAD_KEY}],
        {"error": BAD_KEY | {"message": "x", "status": "?"}},
        {"error": {"message": "User location is not supported.", "status": "FAILED_PRECONDITION"}},
        {"error": {"message": "Your organization must be verified to stream this model.", "param": "stream"}},
        {"error": {"message": "The api_key isn't one of 'this' kind.", "code": "x"}},
        {"error": {"message": "Please enable billing on your project."}},
        {"message": "You didn't provide an API key. It's needed.", "code": "invalid_request_error"},
    ],
)
def test_a_400_about_our_key_or_account_is_a_failure_of_the_provider(door: Door, body: Any) -> None:
    """xAI, Google and OpenAI say so with a 400: the next provider is asked, and none of their words are passed."""
    door.upstream.play(lambda call: call.answer(body, 400))
    reply = door.post(CHAT, HELLO)
    assert (reply.status, reply.error["code"]) == (502, "provider_failed")
    assert reply.error["message"] == "The provider failed; nothing was charged."
    door.post(CHAT, HELLO, others=(door.upstream.url + "/v1",))
    assert len(door.upstream.calls) == 3


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ("Bad value sk-abc_DEF-12*45, see logs.", "Bad value …, see logs."),
        ("Limit for gsk_abc1 (tier x) in org-9.", "Limit for … (tier x) in …"),
        ("Of proj_a1B: AIzaSyD-12_x is wrong", "Of …: … is wrong"),
        ("With Bearer abc.def and na***ys or **** it ends", "With … and … or … it ends"),
        ("Token 0123456789abcdef0123456789abcdef is odd", "Token … is odd"),
        ("A task-list, a risk-free desk-1 stay", "A task-list, a risk-free desk-1 stay"),
        ("Invalid schema for function 'get_project_plan'", "Invalid schema for function 'get_project_plan'"),
        ("Unknown value: 'my project'.", "The provider refused the request."),
        ('{"error": "API key not valid"}', "The provider refused the request."),
        ("x" * 5000, "x" * 1000),
        ("sk-" + "a" * 5000, "…"),
        (5, "The provider refused the request."),
        (None, "The provider refused the request."),
    ],
)
def test_a_provider_s_words_are_passed_without_secrets(door: Door, said: Any, passed: str) -> None:
    """Keys, whole or masked, names of accounts and long runs that may be either are taken out."""
    door.upstream.play(refusing(400, {"message": said, "type": "invalid_request_error"}))
    reply = door.post(CHAT, HELLO)
    assert (reply.status, reply.error["code"], reply.error["message"]) == (400, "provider_refused", passed)


def test_an_error_that_is_a_text_is_passed_too(door: Door) -> None:
    """As xAI has it."""
    door.upstream.play(refusing(400, "Temperature is too high."))
    assert door.post(CHAT, HELLO).error["message"] == "Temperature is too high."


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_about_the_request_is_told_in_the_provider_s_words(door: Door, status: int) -> None:
    """A request that no provider would take: 400, and nobody else is asked."""
    error = {
        "message": "Unsupported parameter: 'max_tokens'.",
        "code": "unsupported_parameter",
        "type": "invalid_request_error",
    }
    door.upstream.play(refusing(status, error))
    reply = door.post(CHAT, HELLO, others=(door.upstream.url + "/v1",))
    assert (reply.status, reply.error["code"]) == (400, "provider_refused")
    assert reply.error["message"] == error["message"]
    assert len(door.upstream.calls) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"error":null}', b'"x"', b"\xff", b"[" * 5000])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_refusals_that_cannot_be_read_are_refusals(door: Door, status: int, body: bytes) -> None:
    """Their status alone says what they are."""
    door.upstream.play(lambda call: call.answer(body, status))
    reply = door.post(CHAT, HELLO)
    assert reply.status == (400 if status == 400 else 502)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, FILTERED),
        (400, {"code": "content_policy_violation", "message": SECRET}),
        (400, {"code": "invalid_prompt", "message": SECRET}),
        (403, {"code": 403, "message": SECRET, "metadata": {"reasons": ["violence"], "flagged_input": "the words"}}),
    ],
)
def test_a_refusal_because_of_content_says_so(door: Door, status: int, error: dict[str, Any]) -> None:
    """400 with the code `content_filter`, whatever the provider calls it; what it flagged is not repeated."""
    door.upstream.play(refusing(status, error))
    reply = door.post(CHAT, HELLO, others=(door.upstream.url + "/v1",))
    assert (reply.status, reply.error["code"]) == (400, "content_filter")
    assert b"the words" not in reply.body
    assert len(door.upstream.calls) == 1


def test_a_filter_in_the_middle_of_a_chat_is_noted(door: Door) -> None:
    """The client has the event as it came; the receipt can say that the answer was blocked."""
    door.upstream.play(openai(delta("Hel"), delta(finish="content_filter")))
    assert door.post(CHAT, STREAM).events[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert (door.last.blocked, door.last.outcome) == ("content_filter", "completed")


def test_a_refusal_of_the_model_is_noted(door: Door) -> None:
    """Also where a model says it in the field of its own that structured outputs have."""
    refused = delta() | {"choices": [{"index": 0, "delta": {"refusal": "I cannot"}, "finish_reason": None}]}
    door.upstream.play(openai(refused, delta(finish="stop")))
    door.post(CHAT, STREAM)
    assert door.last.blocked == "refusal"
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "No."}, "finish_reason": "stop"}
    door.upstream.play(lambda call: call.answer(completion(choices=[choice])))
    door.post(CHAT, HELLO)
    assert door.last.blocked == "refusal"


def test_an_error_of_the_filter_in_the_middle_is_told_as_such(door: Door) -> None:
    """The event that ends the stream has the code `content_filter`."""

    def script(call: Call) -> None:
        call.stream()
        call.event(delta("Hel"))
        call.event({"error": FILTERED})

    door.upstream.play(script)
    assert door.post(CHAT, STREAM).events[-1]["error"]["code"] == "content_filter"
    assert (door.last.blocked, door.last.outcome) == ("content_filter", "provider_failed")


def test_an_error_of_the_filter_at_once_is_a_refusal(door: Door) -> None:
    """Before the first event it is an answer of its own, and nothing was made."""

    def script(call: Call) -> None:
        call.stream()
        call.event({"error": FILTERED})

    door.upstream.play(script)
    reply = door.post(CHAT, STREAM)
    assert (reply.status, reply.error["code"]) == (400, "content_filter")
    door.upstream.play(lambda call: call.answer({"error": FILTERED}))
    reply = door.post(CHAT, HELLO)
    assert (reply.status, reply.error["code"]) == (400, "content_filter")


@pytest.mark.parametrize(
    ("ending", "fields", "blocked"),
    [
        ("response.incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ("response.incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, ""),
        ("response.failed", {"error": {"code": "invalid_prompt", "message": SECRET}}, "content_filter"),
        ("response.failed", {"error": {"code": "server_error", "message": SECRET}}, ""),
        ("response.completed", {"output": [{"content": [{"type": "refusal", "refusal": "No."}]}]}, "refusal"),
        ("response.completed", {}, ""),
    ],
)
def test_blocked_responses_are_noted(door: Door, ending: str, fields: dict[str, Any], blocked: str) -> None:
    """Whether streamed or whole, and by whom: a filter that cut it off, or the model that refused."""
    made = response(ending.removeprefix("response."), **fields)
    door.upstream.play(responses((ending, {"response": made})))
    door.post("/v1/responses", RESPOND | {"stream": True})
    assert door.last.blocked == blocked
    door.upstream.play(lambda call: call.answer(made))
    door.post("/v1/responses", RESPOND)
    assert door.last.blocked == blocked


def test_a_refusal_that_a_response_streams_is_noted(door: Door) -> None:
    """Its events are enough, should the end not repeat it."""
    refused = ("response.refusal.delta", {"output_index": 0, "delta": "I cannot"})
    door.upstream.play(responses(refused, ("response.completed", {"response": response()})))
    door.post("/v1/responses", RESPOND | {"stream": True})
    assert door.last.blocked == "refusal"


def test_an_error_event_of_a_response_may_be_the_filter_s(door: Door) -> None:
    """The code of the event says so."""
    door.upstream.play(responses(("error", {"code": "content_filter", "message": SECRET})))
    last = door.post("/v1/responses", RESPOND | {"stream": True}).events[-1]
    assert (last["code"], door.last.blocked) == ("content_filter", "content_filter")


def test_a_refusal_of_anthropic_s_model_is_noted(door: Door) -> None:
    """`stop_reason` says it, streamed or whole."""
    body = STREAM | {"max_tokens": 9}
    door.upstream.play(anthropic(stop_reason="refusal"))
    door.post("/v1/messages", body, kind="anthropic")
    assert door.last.blocked == "refusal"
    door.upstream.play(lambda call: call.answer(message(stop_reason="refusal")))
    door.post("/v1/messages", body | {"stream": False}, kind="anthropic")
    assert door.last.blocked == "refusal"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (CHAT, {"error": {"message": SECRET, "code": 502}}),
        (CHAT, {"error": {"message": SECRET}, "choices": []}),
        ("/v1/responses", response("failed", error={"code": "server_error", "message": SECRET}, output=[])),
        ("/v1/messages", {"type": "error", "error": {"type": "overloaded_error", "message": SECRET}}),
        (CHAT, b"not JSON"),
        (CHAT, b"[]"),
        (CHAT, b""),
    ],
)
def test_an_error_with_status_200_is_a_failure(door: Door, path: str, answer: Any) -> None:
    """An answer in one piece without anything made is none, whatever its status says."""
    door.upstream.play(lambda call: call.answer(answer))
    body = {"/v1/responses": RESPOND}.get(path, HELLO) | ({"max_tokens": 9} if path == "/v1/messages" else {})
    reply = door.post(path, body, kind="anthropic" if path == "/v1/messages" else "openai")
    assert (reply.status, reply.error["code"]) == (502, "provider_failed")
    assert b"org-123" not in reply.body


def test_anthropic_s_errors_have_anthropic_s_shape(door: Door) -> None:
    """An error event of a message is one that its SDKs know."""

    def script(call: Call) -> None:
        call.stream()
        named(call, "message_start", {"message": message()})
        named(call, "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hel"}})
        call.drop()

    door.upstream.play(script)
    reply = door.post("/v1/messages", STREAM | {"max_tokens": 9}, kind="anthropic")
    assert b"event: error\n" in reply.body
    assert reply.events[-1] == {"type": "error", "error": {"type": "api_error", "message": "The provider broke off."}}
    assert json.loads(reply.body.split(b"data: ")[1].split(b"\n")[0])["type"] == "message_start"
