"""The official SDKs of OpenAI and Anthropic, in front of a hosted provider: what they build of an answer is whole."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.forward import scripted_hosted as scripted
from tests.forward.hosted_stage import Door
from tests.forward.hosted_stage import door as open_door
from tests.forward.scripted_hosted import delta, named
from tests.forward.scripted_upstream import Call, scripted_upstream

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with scripted_upstream() as provider, open_door(provider) as made:
        yield made


@pytest.fixture
def client(door: Door) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{door.url}/v1", api_key="pk-of-a-project", max_retries=0)


@pytest.fixture
def claude(door: Door) -> anthropic.Anthropic:
    door.rules.kind = "anthropic"
    return anthropic.Anthropic(base_url=door.url, api_key="pk-of-a-project", max_retries=0)


@pytest.fixture(autouse=True)
def usual(door: Door) -> None:
    """Each test begins with a provider that speaks OpenAI's API."""
    door.rules.kind, door.rules.credits = "openai", 10**12


def test_openai_s_chat(door: Door, client: openai.OpenAI) -> None:
    """Streamed with its usage, and in one piece."""
    door.upstream.play(scripted.openai())
    stream = client.chat.completions.create(
        model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello."
    assert chunks[-1].usage
    assert (chunks[-1].usage.prompt_tokens, door.last.usage.input) == (20, 20)
    door.upstream.play(lambda call: call.answer(scripted.completion()))
    assert client.chat.completions.create(model="m", messages=HELLO).choices[0].message.content == "Hello."


def test_openai_s_responses(door: Door, client: openai.OpenAI) -> None:
    """`responses.create` of the Node snippet's kind, and the SDK's own stream, which builds the whole response."""
    door.upstream.play(lambda call: call.answer(scripted.response()))
    assert client.responses.create(model="gpt-5", input="Say hello.").output_text == "Hello."
    door.upstream.play(scripted.responses())
    with client.responses.stream(model="gpt-5", input="Say hello.") as stream:
        final = stream.get_final_response()
    assert (final.status, final.output_text, door.last.usage.reasoning) == ("completed", "Hello.", 6)


def test_openai_s_sdk_sees_a_response_that_was_cut(door: Door, client: openai.OpenAI) -> None:
    """One that its credits ended is incomplete, with what came."""

    def script(call: Call) -> None:
        scripted.responses(("response.output_text.delta", {"item_id": "msg_1", "output_index": 0, "delta": "more"}))(
            call
        )
        call.wait_gone()

    door.upstream.play(script)
    door.rules.credits = 1
    events = list(client.responses.create(model="gpt-5", input="Say hello.", stream=True))
    assert events[-1].type == "response.incomplete"


def test_openai_s_embeddings_and_moderations(door: Door, client: openai.OpenAI) -> None:
    """Both as the provider answers them."""
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}
    made = {"object": "list", "model": "text-embedding-3-small", "data": [vector], "usage": usage}
    door.upstream.play(lambda call: call.answer(made))
    found = client.embeddings.create(model="m", input=["a", "b"], encoding_format="float")
    assert (found.data[0].embedding, door.last.usage.input, door.last.usage.output) == ([0.5, -0.25], 8, 0)
    door.upstream.play(lambda call: call.answer({"id": "m", "model": "omni", "results": [{"flagged": True}]}))
    assert client.moderations.create(model="m", input="Say hello.").results[0].flagged


def test_openai_s_sdk_raises_its_own_errors(door: Door, client: openai.OpenAI) -> None:
    """Before the answer begins, and in the middle of it."""
    door.upstream.play(lambda call: call.answer({"error": scripted.FILTERED}, 400))
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="m", messages=HELLO)
    assert refused.value.code == "content_filter"
    door.upstream.play(scripted.openrouter_fails)
    with pytest.raises(openai.APIError) as failed:
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))
    assert failed.value.code == "provider_failed"


def test_anthropic_s_messages(door: Door, claude: anthropic.Anthropic) -> None:
    """In one piece, and by the SDK's own stream, which builds the whole message."""
    door.upstream.play(lambda call: call.answer(scripted.message()))
    made = claude.messages.create(model="claude", max_tokens=100, messages=HELLO)
    assert (made.content[0].text, door.last.usage.input) == ("Hello.", 20)  # type: ignore[union-attr]
    door.upstream.play(scripted.anthropic())
    with claude.messages.stream(model="claude", max_tokens=100, messages=HELLO) as stream:
        final = stream.get_final_message()
    assert (final.content[0].text, final.stop_reason) == ("Hello.", "end_turn")  # type: ignore[union-attr]
    assert (final.usage.output_tokens, door.last.usage.output, door.last.usage.cached) == (9, 9, 12)


def test_anthropic_s_sdk_sees_a_message_that_was_cut(door: Door, claude: anthropic.Anthropic) -> None:
    """One that its credits ended has reached its limit."""

    def script(call: Call) -> None:
        call.stream()
        named(call, "message_start", {"message": scripted.message({"input_tokens": 5, "output_tokens": 1}, content=[])})
        named(call, "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        for _ in range(4):
            named(call, "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "word "}})
        call.wait_gone()

    door.upstream.play(script)
    door.rules.credits = 2
    with claude.messages.stream(model="claude", max_tokens=100, messages=HELLO) as stream:
        final = stream.get_final_message()
    assert (final.stop_reason, final.content[0].text.startswith("word ")) == ("max_tokens", True)  # type: ignore[union-attr]
    assert final.usage.output_tokens == door.last.usage.output


def test_anthropic_s_sdk_raises_its_own_errors(door: Door, claude: anthropic.Anthropic) -> None:
    """Before the answer begins, and in the middle of it."""
    door.upstream.play(lambda call: call.answer({"type": "error", "error": {"type": "overloaded_error"}}, 529))
    with pytest.raises(anthropic.InternalServerError):
        claude.messages.create(model="claude", max_tokens=100, messages=HELLO)

    def script(call: Call) -> None:
        call.stream()
        named(call, "message_start", {"message": scripted.message()})
        named(call, "error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})

    door.upstream.play(script)
    with (
        pytest.raises(anthropic.APIError),
        claude.messages.stream(model="claude", max_tokens=100, messages=HELLO) as stream,
    ):
        stream.get_final_message()


def test_every_finish_is_passed_on(door: Door, client: openai.OpenAI) -> None:
    """Several choices each have their own end."""
    ends = [delta() | {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]} for index in (0, 1)]
    door.upstream.play(scripted.openai(delta("a"), *ends))
    chunks = list(client.chat.completions.create(model="m", messages=HELLO, stream=True, n=2))
    assert [chunk.choices[0].index for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [0, 1]
