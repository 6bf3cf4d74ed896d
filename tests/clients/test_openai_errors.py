"""Errors as the official SDK raises them, and what every answer of the gateway has."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.clients.conftest import User
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk
from tests.forward.stage import new_key
from tests.stand import RunningGateway, StartGateway

HELLO: Any = [{"role": "user", "content": "Hi"}]
UNKNOWN = "sk-" + "A" * 43


def client(gateway: RunningGateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)


def failed(user: User, **fields: Any) -> openai.APIStatusError:
    """The error that a chat raises."""
    with pytest.raises(openai.APIStatusError) as raised:
        user.client.chat.completions.create(**({"model": "x", "messages": HELLO} | fields))
    return raised.value


def test_an_unknown_key_is_an_authentication_error(played_gateway: RunningGateway) -> None:
    """401 is AuthenticationError, with OpenAI's code for it."""
    calls: list[Callable[[openai.OpenAI], object]] = [
        lambda sdk: sdk.chat.completions.create(model="x", messages=HELLO),
        lambda sdk: sdk.responses.create(model="x", input="Hi", stream=True),
        lambda sdk: sdk.models.list(),
    ]
    for call in calls:
        with pytest.raises(openai.AuthenticationError) as raised:
            call(client(played_gateway, UNKNOWN))
        assert raised.value.code == "invalid_api_key"
        assert raised.value.request_id


@pytest.mark.parametrize("stream", [True, False])
def test_no_credits_are_402(played_gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool) -> None:
    """402 is APIStatusError with OpenAI's code; nothing reaches the provider."""
    with pytest.raises(openai.APIStatusError) as raised:
        client(played_gateway, new_key(played_gateway, 0)).chat.completions.create(
            model="x", messages=HELLO, stream=stream
        )
    assert (raised.value.status_code, raised.value.code) == (402, "insufficient_quota")
    assert raised.value.type == "insufficient_quota"
    assert upstream.calls == []


def test_no_messages_are_judged_last(played_gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    """`messages: []` is 401 without a key, 402 without credits, else what the provider says."""
    upstream.play(lambda call: call.answer({"error": {"message": "no messages, no answer"}}, 400))
    statuses = []
    for key in (UNKNOWN, new_key(played_gateway, 0), new_key(played_gateway)):
        with pytest.raises(openai.APIStatusError) as raised:
            client(played_gateway, key).chat.completions.create(model="x", messages=[])
        statuses.append(raised.value.status_code)
    assert statuses == [401, 402, 400]
    assert "no messages, no answer" in raised.value.message


def test_a_full_window_is_a_rate_limit_error(start_gateway: StartGateway) -> None:
    """429 is RateLimitError and says when to come back."""
    gateway = start_gateway(INFERENCE_USER_RATE_LIMIT="0")
    with pytest.raises(openai.RateLimitError) as raised:
        client(gateway, gateway.key()).chat.completions.create(model="x", messages=HELLO)
    assert raised.value.code == "rate_limit_exceeded"
    assert int(raised.value.response.headers["retry-after"]) > 0
    assert raised.value.response.headers["x-ratelimit-limit-requests"] == "0"


def test_too_many_open_requests_are_a_rate_limit_error(start_gateway: StartGateway) -> None:
    """More requests at once than OPEN_REQUESTS_PER_USER are 429 with a code of their own."""
    gateway = start_gateway(OPEN_REQUESTS_PER_USER="0")
    with pytest.raises(openai.RateLimitError) as raised:
        client(gateway, gateway.key()).chat.completions.create(model="x", messages=HELLO)
    assert raised.value.code == "too_many_open_requests"
    assert raised.value.response.headers["x-should-retry"] == "false"  # where none may run, none ever will


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"n": 2}, "n"), ({"max_tokens": -1}, "max_tokens"), ({"extra_body": {"api_base": "x"}}, "api_base")],
)
def test_a_wrong_field_is_a_bad_request_error(played_user: User, fields: dict[str, Any], param: str) -> None:
    """400 is BadRequestError with the name of the field."""
    error = failed(played_user, **fields)
    assert isinstance(error, openai.BadRequestError)
    assert (error.param, error.type) == (param, "invalid_request_error")
    assert played_user.spent() == 0


def test_tools_for_a_response_are_a_bad_request_error(played_user: User) -> None:
    """The Responses API says by name what it does not offer."""
    with pytest.raises(openai.BadRequestError) as raised:
        played_user.client.responses.create(model="x", input="Hi", tools=[{"type": "web_search"}])
    assert raised.value.param == "tools"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(503, "model_loading", 503), (500, "provider_failed", 502), (404, "provider_refused", 400)],
)
def test_the_providers_trouble_is_a_status_error(
    played_user: User, upstream: ScriptedUpstream, status: int, code: str, told: int
) -> None:
    """What fails behind the gateway raises the SDK's own exception, and costs nothing."""
    upstream.play(lambda call: call.answer({"error": {"message": "no"}}, status))
    error = failed(played_user)
    assert (error.status_code, error.code) == (told, code)
    assert isinstance(error, openai.InternalServerError if told >= 500 else openai.BadRequestError)
    assert played_user.spent() == 0


def test_a_stream_that_breaks_off_raises_in_the_middle(played_user: User, upstream: ScriptedUpstream) -> None:
    """An error event in a stream is raised by the SDK, after what came before it."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        call.drop()

    upstream.play(script)
    stream = played_user.client.chat.completions.create(model="x", messages=HELLO, stream=True)
    assert next(stream).choices[0].delta.content == "Hel"
    with pytest.raises(openai.APIError, match="broke off"):
        next(stream)


def test_an_unknown_path_is_a_not_found_error(played_user: User) -> None:
    """Endpoints that there are not are 404 in OpenAI's shape, with a key and without."""
    with pytest.raises(openai.NotFoundError):
        played_user.client.embeddings.create(model="x", input="Hi")
    for method, path in [("GET", "/v1/nothing"), ("POST", "/v1/nothing/at/all"), ("DELETE", "/v1/files/x")]:
        answer = played_user.gateway.request(method, path, b"{}" if method == "POST" else None)
        assert answer.status == 404
        assert set(answer.error) == {"message", "type", "param", "code"}
        assert answer.error["type"] == "invalid_request_error"


def test_health_is_exactly_ok(played_gateway: RunningGateway) -> None:
    """GET /health answers `{"status":"ok"}`, without a key."""
    answer = played_gateway.request("GET", "/health")
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/health", None),
    ("GET", "/register", None),
    ("GET", "/account", None),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/none", None),
    ("GET", "/v1/chat/completions", None),
    ("GET", "/v1/nothing", None),
    ("POST", "/register", {"email": "nobody"}),
    ("POST", "/v1/chat/completions", {"messages": HELLO}),
    ("POST", "/v1/chat/completions", {"messages": HELLO, "stream": True}),
    ("POST", "/v1/chat/completions", b"{"),
    ("POST", "/v1/chat/completions", b" " * 5_000_000),
    ("POST", "/v1/completions", {"prompt": "Hi"}),
    ("POST", "/v1/responses", {"input": "Hi", "tools": [1]}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=lambda part: str(part)[:40])
@pytest.mark.parametrize("known", [True, False], ids=["with a key", "without"])
def test_every_answer_has_a_request_id(played_user: User, method: str, path: str, body: Any, known: bool) -> None:
    """Good or bad, every answer can be named; an error is JSON in OpenAI's shape."""
    answers = [played_user.gateway.request(method, path, body, key=played_user.key if known else "") for _ in range(2)]
    first, second = (answer.headers["x-request-id"] for answer in answers)
    assert first != second
    for answer in answers:
        if answer.status >= 400:
            assert set(json.loads(answer.body)["error"]) == {"message", "type", "param", "code"}


def test_the_sdk_shows_the_request_id(played_user: User) -> None:
    """`_request_id` of an answer, and `request_id` of an error, are the header's."""
    answer = played_user.client.chat.completions.create(model="x", messages=HELLO)
    assert answer._request_id
    assert failed(played_user, n=2).request_id
