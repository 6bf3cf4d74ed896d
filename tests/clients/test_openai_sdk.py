"""The official OpenAI Python SDK, unchanged, against a gateway in front of a real model."""

import time
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.clients.conftest import User

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
SHORT = 5
"""Tokens; a small model on a busy machine is slow."""
ENOUGH = 400
"""For an answer that ends by itself: the SDK's helpers raise where the limit ended it, as with OpenAI."""


def test_buffered_chat_costs_its_usage(user: User) -> None:
    """A chat in one piece is charged exactly the tokens its usage reports."""
    answer = user.client.chat.completions.create(model="default", messages=MESSAGES, temperature=0, max_tokens=SHORT)
    assert answer.choices[0].message.content
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens


def test_streamed_chat_costs_its_usage(user: User) -> None:
    """A streamed chat ends with the usage that was asked for, and is charged exactly that."""
    options: openai.types.chat.ChatCompletionStreamOptionsParam = {"include_usage": True}
    stream = user.client.chat.completions.create(
        model="default", messages=MESSAGES, temperature=0, max_tokens=SHORT, stream=True, stream_options=options
    )
    *chunks, last = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "length"
    assert last.choices == []
    assert last.usage
    assert last.usage.completion_tokens == SHORT
    assert user.spent() == last.usage.total_tokens


def test_usage_is_hidden_from_who_did_not_ask(user: User) -> None:
    """Without `include_usage` a stream has neither usage nor timings, and is charged all the same."""
    stream = user.client.chat.completions.create(
        model="x", messages=MESSAGES, temperature=0, max_tokens=SHORT, stream=True
    )
    chunks = list(stream)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert not any("timings" in (chunk.model_extra or {}) for chunk in chunks)
    (receipt,) = user.gateway.account(user.key)["receipts"]
    assert user.spent() == receipt["input_tokens"] + receipt["output_tokens"]
    assert receipt["output_tokens"] == SHORT


def test_timings_are_shown_to_who_asked(user: User) -> None:
    """llama-server's own field for timings works as it does there."""
    stream = user.client.chat.completions.create(
        model="x", messages=MESSAGES, temperature=0, max_tokens=2, stream=True, extra_body={"timings_per_token": True}
    )
    assert any("timings" in (chunk.model_extra or {}) for chunk in stream)


def test_the_chat_stream_helper_works(user: User) -> None:
    """`client.chat.completions.stream()` builds the whole answer from its events."""
    with user.client.chat.completions.stream(
        model="default", messages=MESSAGES, temperature=0, max_tokens=ENOUGH, stream_options={"include_usage": True}
    ) as stream:
        kinds = {event.type for event in stream}
        whole = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert whole.choices[0].message.content
    assert whole.usage
    assert user.spent() == whole.usage.total_tokens


def test_buffered_completion_costs_its_usage(user: User) -> None:
    """A completion in one piece is charged exactly the tokens its usage reports."""
    answer = user.client.completions.create(model="default", prompt="Once upon a time", temperature=0, max_tokens=SHORT)
    assert answer.choices[0].text
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens


def test_streamed_completion_costs_its_usage(user: User) -> None:
    """A streamed completion as well."""
    stream = user.client.completions.create(
        model="x",
        prompt="Once upon a time",
        temperature=0,
        max_tokens=SHORT,
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert last.usage
    assert user.spent() == last.usage.total_tokens


def test_buffered_response_costs_its_usage(user: User) -> None:
    """A response in one piece is charged exactly the tokens its usage reports."""
    answer = user.client.responses.create(
        model="default", input="Say hello.", instructions="Be short.", temperature=0, max_output_tokens=SHORT
    )
    assert answer.output_text
    assert (answer.status, answer.usage and answer.usage.output_tokens) == ("incomplete", SHORT)
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens


def test_streamed_response_costs_its_usage(user: User) -> None:
    """A streamed response ends with the whole response and its usage, and numbers its events; each tells its time."""
    stream = user.client.responses.create(
        model="x", input="Say hello.", temperature=0, max_output_tokens=SHORT, stream=True
    )
    events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    told = [event.response for event in events if hasattr(event, "response")]
    assert {"response.created", "response.in_progress"} <= {event.type for event in events}
    assert all(response.created_at > time.time() - 600 and isinstance(response.model, str) for response in told)
    assert "response.output_text.delta" in {event.type for event in events}
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.usage
    assert user.spent() == last.response.usage.total_tokens


def test_a_response_of_message_style_text_works(user: User) -> None:
    """Input as a list of messages, with text as parts, is text input too."""
    answer = user.client.responses.create(
        model="x",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}],
        temperature=0,
        max_output_tokens=SHORT,
    )
    assert answer.output_text
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens


def test_the_response_stream_helper_works(user: User) -> None:
    """`client.responses.stream()` builds the whole response from its events."""
    with user.client.responses.stream(model="x", input="Say hello.", temperature=0, max_output_tokens=ENOUGH) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        whole = stream.get_final_response()
    assert deltas
    assert whole.output_text == deltas
    assert whole.usage
    assert user.spent() == whole.usage.total_tokens


def test_the_raw_helper_shows_headers(user: User) -> None:
    """`with_raw_response` gives the headers of an answer, its receipt among them, and the answer."""
    raw = user.client.chat.completions.with_raw_response.create(
        model="x", messages=MESSAGES, temperature=0, max_tokens=2
    )
    (receipt,) = user.gateway.account(user.key)["receipts"]
    assert raw.headers["x-farebox-receipt"] == receipt["id"]
    assert raw.request_id
    assert raw.parse().choices[0].message.content


def test_the_streaming_helper_shows_lines(user: User) -> None:
    """`with_streaming_response` gives the lines of an answer; those of events start `data: `."""
    with user.client.chat.completions.with_streaming_response.create(
        model="x", messages=MESSAGES, temperature=0, max_tokens=2, stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    assert user.spent() > 0


async def test_the_async_client_works(user: User) -> None:
    """The asynchronous client gets a buffered chat, a streamed one, and a response."""
    async with openai.AsyncOpenAI(base_url=f"{user.gateway.url}/v1", api_key=user.key, max_retries=0) as client:
        whole = await client.chat.completions.create(model="x", messages=MESSAGES, temperature=0, max_tokens=2)
        stream = await client.chat.completions.create(
            model="x",
            messages=MESSAGES,
            temperature=0,
            max_tokens=2,
            stream=True,
            stream_options={"include_usage": True},
        )
        usages = [chunk.usage async for chunk in stream]
        response = await client.responses.create(model="x", input="Hi", temperature=0, max_output_tokens=2)
    used = [usage.total_tokens for usage in (whole.usage, usages[-1], response.usage) if usage]
    assert len(used) == 3
    assert user.spent() == sum(used)


def test_the_list_of_models_names_the_file(user: User) -> None:
    """The model is named as its file, in the list and by itself; asking costs nothing."""
    (model,) = user.client.models.list().data
    assert (model.id, model.object) == (MODEL, "model")
    assert user.client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError) as missing:
        user.client.models.retrieve("gpt-none")
    assert missing.value.code == "model_not_found"
    assert user.spent() == 0


@pytest.mark.parametrize("asked", ["default", "gpt-5", "", "../../etc/passwd", "x" * 1000])
def test_the_model_field_is_ignored(user: User, asked: str) -> None:
    """Whatever model is asked for, the loaded one answers and is named."""
    answer = user.client.chat.completions.create(model=asked, messages=MESSAGES, temperature=0, max_tokens=1)
    assert answer.model == MODEL
    assert user.gateway.account(user.key)["receipts"][0]["model"] == MODEL


def models_named(user: User) -> Iterator[str]:
    yield user.client.completions.create(model="x", prompt="Hi", temperature=0, max_tokens=1).model
    yield user.client.responses.create(model="x", input="Hi", temperature=0, max_output_tokens=1).model
    for chunk in user.client.chat.completions.create(
        model="x", messages=MESSAGES, temperature=0, max_tokens=1, stream=True
    ):
        yield chunk.model
    for event in user.client.responses.create(model="x", input="Hi", temperature=0, max_output_tokens=1, stream=True):
        if event.type == "response.incomplete":
            yield event.response.model


def test_every_endpoint_names_the_model(user: User) -> None:
    """The name is the same wherever an answer carries one."""
    assert set(models_named(user)) == {MODEL}


def test_an_empty_last_answer_is_dropped(user: User) -> None:
    """An empty assistant message at the end changes nothing: the prompt has as many tokens without it."""
    empty: ChatCompletionMessageParam = {"role": "assistant", "content": ""}
    prompts = [MESSAGES, [*MESSAGES, empty]]
    answers = [
        user.client.chat.completions.create(model="x", messages=sent, temperature=0, max_tokens=1) for sent in prompts
    ]
    assert len({answer.usage and answer.usage.prompt_tokens for answer in answers}) == 1


def test_no_messages_are_the_providers_to_judge(user: User) -> None:
    """`messages: []` with key and credits gets whatever the provider says."""
    answer = user.client.chat.completions.create(model="x", messages=[], temperature=0, max_tokens=1)
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens
