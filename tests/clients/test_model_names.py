"""What a provider says beside the text: its model's name, its reasoning."""

from typing import Any

import pytest

from tests.clients.conftest import User
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, events, usage, whole

HELLO: Any = [{"role": "user", "content": "Hi"}]
NAMES = [
    ("/models/x.gguf", "x.gguf"),
    ("/srv/my models/x.gguf", "x.gguf"),
    ("C:\\models\\x.gguf", "x.gguf"),
    ("./models/x.gguf", "x.gguf"),
    ("models/x.gguf", "x.gguf"),
    ("x.gguf", "x.gguf"),
    ("gpt-oss", "gpt-oss"),
    ("org/model", "org/model"),
]


@pytest.mark.parametrize(("told", "shown"), NAMES)
def test_the_name_of_a_model_is_never_a_path(
    played_user: User, upstream: ScriptedUpstream, told: str, shown: str
) -> None:
    """Where the provider names a path, answers and receipts name the file; an alias stays as it is."""
    upstream.play(lambda call: call.answer(whole(model=told)))
    assert played_user.client.chat.completions.create(model="x", messages=HELLO).model == shown
    upstream.play(events(chunk("Hel", model=told), chunk("lo", model=told), chunk(model=told, usage=usage(5, 2))))
    stream = played_user.client.chat.completions.create(model="x", messages=HELLO, stream=True)
    assert {event.model for event in stream} == {shown}
    assert {receipt["model"] for receipt in played_user.gateway.account(played_user.key)["receipts"]} == {shown}


@pytest.mark.parametrize("stream", [True, False])
def test_a_path_is_nowhere_in_a_response(played_user: User, upstream: ScriptedUpstream, stream: bool) -> None:
    """The Responses API names the file too."""
    response = {
        "id": "r",
        "object": "response",
        "model": "/models/x.gguf",
        "status": "completed",
        "output": [],
        "usage": {"input_tokens": 5, "output_tokens": 2},
    }

    def script(call: Call) -> None:
        if not stream:
            call.answer(response)
            return
        call.stream()
        call.event({"type": "response.completed", "response": response})

    upstream.play(script)
    answer = played_user.gateway.request(
        "POST", "/v1/responses", {"input": "Hi", "stream": stream}, key=played_user.key
    )
    assert b'"model":"x.gguf"' in answer.body
    assert b"/models" not in answer.body
    assert played_user.spent() == 7


def test_the_list_of_models_shows_no_path(played_user: User, upstream: ScriptedUpstream) -> None:
    """GET /v1/models has ids that can be asked for by name, and nothing of the provider's disk."""
    upstream.play(lambda call: call.answer({"data": [{"id": "/models/x.gguf", "meta": {"path": "/models"}}]}))
    answer = played_user.gateway.request("GET", "/v1/models", key=played_user.key)
    assert b"/models" not in answer.body
    assert [model.id for model in played_user.client.models.list()] == ["x.gguf"]
    assert played_user.client.models.retrieve("x.gguf").id == "x.gguf"


def test_reasoning_passes_through(played_user: User, upstream: ScriptedUpstream) -> None:
    """`reasoning_content` reaches the client beside the content, buffered and streamed, and is metered."""
    message = {"role": "assistant", "content": "4", "reasoning_content": "2 and 2"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    upstream.play(lambda call: call.answer(whole(choices=[choice])))
    answer = played_user.client.chat.completions.create(model="x", messages=HELLO)
    assert (answer.choices[0].message.model_extra or {})["reasoning_content"] == "2 and 2"
    thought = {"index": 0, "delta": {"reasoning_content": "2 and 2"}, "finish_reason": None}
    upstream.play(events(chunk(choices=[thought]), chunk(choices=[thought]), chunk("4"), chunk()))
    stream = list(played_user.client.chat.completions.create(model="x", messages=HELLO, stream=True))
    assert (stream[0].choices[0].delta.model_extra or {})["reasoning_content"] == "2 and 2"
    assert played_user.gateway.account(played_user.key)["receipts"][0]["output_tokens"] == 3


def test_tool_calls_pass_through(played_user: User, upstream: ScriptedUpstream) -> None:
    """A chat's tools reach the provider, and its calls the client, piece by piece."""
    tool: Any = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": text}}]} for text in ('{"a"', ": 1}")]
    sent = [chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}]) for delta in pieces]
    upstream.play(events(*sent, chunk(choices=[], usage=usage(20, 6))))
    stream = played_user.client.chat.completions.create(model="x", messages=HELLO, tools=[tool], stream=True)
    calls = [(event.choices[0].delta.tool_calls or [])[0] for event in stream]
    assert "".join((call.function and call.function.arguments) or "" for call in calls) == '{"a": 1}'
    assert upstream.call.json["tools"] == [tool]
    assert played_user.spent() == 26
