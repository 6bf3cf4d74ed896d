"""What a provider of an owner may make us keep: it may send anything."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.errors import ProviderFailed
from functions.forward.answers import parsed
from functions.forward.anthropic import MessagesReader
from functions.forward.hosted_reader import CHOICES_MAX
from functions.forward.meter import Meter, read_anthropic
from functions.forward.responses import ITEMS_BYTES_MAX, ITEMS_MAX
from functions.money import Usage
from tests.forward.hosted_stage import Door
from tests.forward.scripted_hosted import completion, delta, named, response
from tests.forward.scripted_upstream import Call

CHAT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/responses", "/v1/embeddings"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
RESPOND = {"model": "m", "input": "Say hello.", "stream": True}
BOMB = b'"x":[' + b"{}," * 600_000 + b"{}]"


def of_items(*texts: str) -> Callable[[Call], None]:
    """A response with an item for each text, made until the credits end."""

    def script(call: Call) -> None:
        call.stream()
        for index, text in enumerate(texts):
            item = {"id": f"item_{index}", "type": "message", "content": text}
            named(call, "response.output_item.done", {"output_index": index, "item": item})
        for _ in range(3):
            named(call, "response.output_text.delta", {"delta": "more", "item_id": "item_0", "output_index": 0})
        call.wait_gone()

    return script


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["short"] * (ITEMS_MAX + 50), ITEMS_MAX),
        (["x" * 900_000] * 5, ITEMS_BYTES_MAX // 900_000),
        (["x" * 900_000] * 2 + ["short"], 3),
    ],
    ids=["many", "long", "both are kept"],
)
def test_only_so_much_of_a_response_is_kept(door: Door, texts: list[str], kept: int) -> None:
    """The event that ends what the credits do not cover shows what was kept; the client had all in their own events."""
    door.upstream.play(of_items(*texts))
    events = door.post(RESPONSES, RESPOND, credits=1).events
    assert [event["item"]["content"] for event in events if "item" in event] == texts
    assert [item["content"] for item in events[-1]["response"]["output"]] == texts[:kept]
    assert door.last.outcome == "cut"


def test_an_item_that_is_told_again_is_kept_once(door: Door) -> None:
    """What replaces another does not count on top of it."""

    def script(call: Call) -> None:
        call.stream()
        for number in range(5):
            named(call, "response.output_item.added", {"output_index": 0, "item": {"id": number, "x": "x" * 900_000}})
        for _ in range(3):
            named(call, "response.output_text.delta", {"delta": "more"})
        call.wait_gone()

    door.upstream.play(script)
    last = door.post(RESPONSES, RESPOND, credits=1).events[-1]
    assert [item["id"] for item in last["response"]["output"]] == [4]


def test_a_llama_server_s_response_of_too_many_items_fails(door: Door) -> None:
    """Each is given a place of its own, which has to be remembered."""

    def script(call: Call) -> None:
        call.stream()
        for index in range(ITEMS_MAX + 1):
            named(call, "response.output_text.delta", {"delta": "a" * 300, "item_id": f"item_{index}"})
        named(call, "response.completed", {"response": response()})

    door.upstream.play(script)
    events = door.post(RESPONSES, RESPOND, kind="llama").events
    assert (events[-1]["code"], door.last.outcome) == ("provider_failed", "provider_failed")
    assert len(events) <= ITEMS_MAX + 1


def test_only_so_many_choices_are_remembered(door: Door) -> None:
    """A provider that makes up choices does not make up events of ours for them."""

    def script(call: Call) -> None:
        call.stream()
        numbers = [-1, 0, CHOICES_MAX, 10**30, *range(2 * CHOICES_MAX)]
        call.event(delta() | {"choices": [{"index": number, "delta": {"content": "a"}} for number in numbers]})
        call.event(delta("a"))
        call.wait_gone()

    door.upstream.play(script)
    ended = door.post(CHAT, HELLO | {"stream": True}, credits=1).events[-2]["choices"]
    assert [choice["index"] for choice in ended] == list(range(CHOICES_MAX))


def test_only_counts_are_kept_of_a_message_s_usage() -> None:
    """Names of a provider's own would add up, event by event."""
    meter = Meter(read_anthropic)
    reader = MessagesReader(meter)
    for number in range(5):
        usage = {"input_tokens": 5, "output_tokens": number, f"of_its_own_{number}": "x"}
        reader.read(b"data: " + json.dumps({"type": "message_delta", "usage": usage}).encode())
    assert reader.counts == {"input_tokens": 5, "output_tokens": 4}
    assert meter.reported == Usage(5, 4)


@pytest.mark.parametrize("kind", ["openai", "llama"])
@pytest.mark.parametrize("bomb", [BOMB, BOMB.replace(b"{}", b"[]"), b'"x":[' + b'"ab",' * 1_100_000 + b"1]"])
def test_an_answer_of_too_many_values_is_none(door: Door, kind: str, bomb: bytes) -> None:
    """It would take thirty times its size to read."""
    door.upstream.play(lambda call: call.answer(json.dumps(completion()).encode()[:-1] + b"," + bomb + b"}"))
    reply = door.post(CHAT, HELLO, kind=kind)
    assert (reply.status, reply.error["code"], door.noted) == (502, "provider_failed", None)


def test_embeddings_of_many_numbers_are_read(door: Door) -> None:
    """A million numbers are no million values: nobody looks at them."""
    row = b'{"object":"embedding","embedding":[' + b"-0.25,\n" * 9_999 + b"1e-5]}"
    rows = b",".join([row] * 110)
    raw = b'{"object":"list","data":[%s],"model":"e","usage":{"prompt_tokens":7,"total_tokens":7}}' % rows
    door.upstream.play(lambda call: call.answer(raw))
    reply = door.post(EMBEDDINGS, {"model": "e", "input": ["a"] * 110})
    assert (reply.status, reply.body == raw) == (200, True)
    assert (door.last.usage, door.last.model, door.last.anomalies) == (Usage(7), "e", set())


def test_a_llama_server_s_numbers_stay(door: Door) -> None:
    """Of its large answers the model's name is replaced, and nothing else."""
    big = completion(model="/srv/models/tiny.gguf", logprobs=[0.5] * 100_000)
    door.upstream.play(lambda call: call.answer(big))
    assert door.post(CHAT, HELLO, kind="llama").json == big | {"model": "tiny.gguf"}


async def test_numbers_that_are_kept_count_as_well() -> None:
    """Those of a llama-server are all made."""
    numbers = b'{"x":[' + b"1.5," * 4_100_000 + b"1]}"
    assert await parsed(numbers, numbers=False) == {"x": []}
    with pytest.raises(ProviderFailed):
        await parsed(numbers, numbers=True)


@pytest.mark.parametrize("raw", [b"[%s1]", b'{"a":[%s1]', b"%s", b'{"a":' * 9_000 + b"[%s1]" + b"}" * 9_000])
async def test_a_large_answer_that_is_no_object_is_none(raw: bytes) -> None:
    """As a small one."""
    assert await parsed(raw % (b"1,true," * 50_000), numbers=False) is None


async def test_others_go_on_while_a_large_answer_is_read() -> None:
    """The loop turns again and again meanwhile."""
    raw = b'{"x":[' + b"{}," * 450_000 + b"{}]}"
    reading, turns = asyncio.ensure_future(parsed(raw, numbers=False)), 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert len((await reading or {})["x"]) == 450_001
