"""Case 25 for hosted providers: the rules of functions/forward/meter.py hold for each shape that usage comes in."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.forward.meter import Meter, read_anthropic, read_input, read_usage, total_above
from functions.money import TOKENS_MAX, Usage
from tests.forward.hosted_stage import Door
from tests.forward.scripted_hosted import (
    START_USAGE,
    anthropic,
    completion,
    delta,
    message,
    openai,
    response,
    responses,
)
from tests.forward.scripted_upstream import DONE, Call

HELLO = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 100}
STREAM = HELLO | {"stream": True}
RESPOND = {"model": "m", "input": "Say hello.", "stream": True}
ESTIMATE = -(-len(json.dumps(STREAM)) // 4)

WRONG = [-1, 2.5, "5", True, [], {}, TOKENS_MAX + 1, 10**30]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*START_USAGE, "prompt_tokens"]), inner)
    ),
    max_leaves=8,
)


def counts(tokens_in: Any, tokens_out: Any) -> dict[str, Any]:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}


def told(door: Door) -> tuple[int, int, set[str]]:
    """Tokens in and out, and what was odd."""
    return door.last.usage.input, door.last.usage.output, door.last.anomalies


def streamed(door: Door, *sent: dict[str, Any]) -> tuple[int, int, set[str]]:
    """What is metered of a chat with these events."""

    def script(call: Call) -> None:
        call.stream()
        for event in sent:
            call.event(event)
        call.write(DONE)

    door.upstream.play(script)
    assert door.post("/v1/chat/completions", STREAM).status == 200
    return told(door)


def end(usage: Any) -> dict[str, Any]:
    return delta() | {"choices": [], "usage": usage}


@pytest.mark.parametrize(
    ("sent", "metered"),
    [
        ([delta("a"), end(counts(9, 4))], (9, 4, set())),
        ([delta("a"), end(counts(9, 3)), end(counts(9, 4))], (9, 4, set())),
        ([delta("a"), end(counts(9, 4)), end(counts(8, 2))], (9, 4, {"usage_decreased"})),
        ([end(counts(9, 4)), delta("a"), delta("b")], (9, 6, {"usage_before_end"})),
        ([delta("a"), end(counts(0, 0))], (0, 0, {"usage_zero"})),
        ([delta("a"), delta("b")], (ESTIMATE, 2, {"usage_missing"})),
        ([delta("a"), end(None)], (ESTIMATE, 1, {"usage_missing"})),
        ([delta("a"), end(counts(9, None))], (ESTIMATE, 1, {"usage_malformed", "usage_missing"})),
        ([delta("a"), delta("", "stop", x_groq={"usage": counts(9, 4)}), end(counts(9, 4))], (9, 4, set())),
        ([delta("a"), end(counts(9, 4) | {"total_tokens": 13})], (9, 4, set())),
        ([delta("a"), end(counts(9, 4) | {"total_tokens": 20})], (9, 11, {"usage_total_above"})),
        ([delta("a"), end(counts(9, 4) | {"total_tokens": 12})], (9, 4, set())),
        ([delta("a"), delta("", "stop", x_groq={"usage": "?"})], (ESTIMATE, 1, {"usage_malformed", "usage_missing"})),
    ],
)
def test_case_25_hosted_chats_follow_the_table(
    door: Door, sent: list[dict[str, Any]], metered: tuple[int, int, set[str]]
) -> None:
    """Each row of the table holds for a hosted provider's stream."""
    assert streamed(door, *sent) == metered


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_case_25_hosted_counts_that_are_none_are_as_if_absent(door: Door, wrong: Any) -> None:
    """A malformed count is never charged, wherever it stands."""
    malformed = {"usage_malformed", "usage_missing"}
    assert streamed(door, delta("a"), end(counts(wrong, 4))) == (ESTIMATE, 1, malformed)
    assert streamed(door, delta("a"), end(counts(9, wrong))) == (ESTIMATE, 1, malformed)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_case_25_counts_of_responses_that_are_none_are_as_if_absent(door: Door, wrong: Any) -> None:
    """The same for the Responses API: two deltas came, and are charged."""
    usage = {"input_tokens": wrong, "output_tokens": 4}
    door.upstream.play(responses(("response.completed", {"response": response(usage=usage)})))
    assert door.post("/v1/responses", RESPOND).status == 200
    assert told(door)[1:] == (2, {"usage_malformed", "usage_missing"})


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_case_25_counts_of_messages_that_are_none_leave_those_before(door: Door, wrong: Any) -> None:
    """Anthropic tells usage twice: a malformed second report leaves the first, and what came after it counts on top."""
    door.upstream.play(anthropic(end={"output_tokens": wrong}))
    assert door.post("/v1/messages", STREAM, kind="anthropic").status == 200
    assert told(door) == (20, 3, {"usage_malformed", "usage_before_end"})
    door.upstream.play(anthropic(start={"input_tokens": wrong, "output_tokens": 1}))
    assert door.post("/v1/messages", STREAM, kind="anthropic").status == 200
    assert told(door)[1:] == (2, {"usage_malformed", "usage_missing"})


@pytest.mark.parametrize(
    ("start", "end", "metered"),
    [
        (START_USAGE, {"output_tokens": 9}, (20, 9, set())),
        (START_USAGE, {"output_tokens": 9, "input_tokens": 3, "cache_read_input_tokens": None}, (20, 9, set())),
        (START_USAGE, {"output_tokens": 9, "input_tokens": 103}, (120, 9, set())),
        (START_USAGE, {"output_tokens": 0}, (20, 1, {"usage_decreased"})),
        (START_USAGE, None, (20, 3, {"usage_before_end"})),
        (None, None, (ESTIMATE, 2, {"usage_missing"})),
        (None, {"output_tokens": 9}, (ESTIMATE, 2, {"usage_malformed", "usage_missing"})),
        ({"input_tokens": 0, "output_tokens": 0}, {"output_tokens": 0}, (0, 0, {"usage_zero"})),
    ],
)
def test_case_25_messages_follow_the_table(
    door: Door, start: Any, end: Any, metered: tuple[int, int, set[str]]
) -> None:
    """What message_delta leaves out is as message_start told it; the two are never added up."""
    door.upstream.play(anthropic(start=start, end=end))
    assert door.post("/v1/messages", STREAM, kind="anthropic").status == 200
    assert told(door) == metered


@pytest.mark.parametrize(
    ("path", "kind", "answer", "usage"),
    [
        ("/v1/chat/completions", "openai", completion(), Usage(20, 9, 16, 6)),
        ("/v1/chat/completions", "openai", completion(None, x_groq={"usage": counts(9, 4)}), Usage(9, 4)),
        ("/v1/completions", "openai", {"choices": [{"text": "Hi"}], "usage": counts(9, 4)}, Usage(9, 4)),
        ("/v1/responses", "openai", response(), Usage(20, 9, 16, 6)),
        ("/v1/messages", "anthropic", message(), Usage(20, 9, 16)),
        ("/v1/embeddings", "openai", {"data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 8}}, Usage(8)),
        ("/v1/moderations", "openai", {"id": "m", "results": [{"flagged": True}]}, Usage()),
    ],
)
def test_case_25_answers_in_one_piece_have_their_usage(
    door: Door, path: str, kind: str, answer: dict[str, Any], usage: Usage
) -> None:
    """The usage of each endpoint is read, nothing is odd about it, and the client gets the answer as it came."""
    door.upstream.play(lambda call: call.answer(answer))
    body = HELLO | {"prompt": "Hi", "input": "Hi"}
    names = {
        "/v1/completions": "prompt",
        "/v1/responses": "input",
        "/v1/embeddings": "input",
        "/v1/moderations": "input",
    }
    content = names.get(path, "messages")
    reply = door.post(
        path, {"model": "m", content: body[content]} | ({"max_tokens": 9} if kind == "anthropic" else {}), kind=kind
    )
    assert reply.body == json.dumps(answer).encode()
    assert (door.last.usage, door.last.anomalies, door.last.outcome) == (usage, set(), "completed")


def test_case_25_embeddings_without_usage_are_charged_their_input(door: Door) -> None:
    """As estimated; a vector is no output, however long it is."""
    door.upstream.play(lambda call: call.answer({"data": [{"embedding": [0.5] * 1000}]}))
    body = {"model": "m", "input": "Say hello."}
    assert door.post("/v1/embeddings", body).status == 200
    assert told(door) == (-(-len(json.dumps(body)) // 4), 0, {"usage_missing"})


def test_case_25_chats_in_one_piece_without_usage_are_charged_by_their_bytes(door: Door) -> None:
    """A token every four bytes, of the request and of the answer."""
    answer = completion(None)
    door.upstream.play(lambda call: call.answer(answer))
    door.post("/v1/chat/completions", HELLO)
    size = len(json.dumps(answer))
    assert told(door) == (-(-len(json.dumps(HELLO)) // 4), size // 4, {"usage_missing"})


XAI = counts(32, 9) | {"total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 94}}
"""The example of xAI's documentation."""


@pytest.mark.parametrize(
    ("usage", "metered"),
    [
        (XAI, Usage(32, 103, 0, 94)),
        (XAI | {"completion_tokens_details": {"reasoning_tokens": 940}}, Usage(32, 103, 0, 103)),
        (XAI | {"completion_tokens_details": {"reasoning_tokens": -1}}, Usage(32, 103)),
        (counts(9, 1) | {"total_tokens": 103}, Usage(9, 94)),
        (counts(9, 1) | {"total_tokens": TOKENS_MAX}, Usage(9, TOKENS_MAX - 9)),
        (counts(TOKENS_MAX, TOKENS_MAX) | {"total_tokens": TOKENS_MAX}, Usage(TOKENS_MAX, TOKENS_MAX)),
    ],
)
def test_case_25_thoughts_outside_completion_tokens_are_output(door: Door, usage: Any, metered: Usage) -> None:
    """xAI and Gemini count them in the total alone, and bill them as output; so they are charged."""
    door.upstream.play(lambda call: call.answer(completion(usage)))
    assert door.post("/v1/chat/completions", HELLO).status == 200
    above = {"usage_total_above"} if metered.output != usage["completion_tokens"] else set()
    assert (door.last.usage, door.last.anomalies) == (metered, above)


def test_case_25_totals_of_responses_are_read_the_same(door: Door) -> None:
    """Whatever the counts are called; and each of Gemini's events has them, each more than before."""
    usage = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 103}
    door.upstream.play(lambda call: call.answer(response(usage=usage)))
    door.post("/v1/responses", RESPOND | {"stream": False})
    assert told(door) == (9, 94, {"usage_total_above"})
    growing = [delta("a") | {"usage": counts(9, said) | {"total_tokens": 102 + said}} for said in (1, 3, 6)]
    assert streamed(door, *growing) == (9, 99, {"usage_total_above"})


@pytest.mark.parametrize("wrong", [*WRONG, None], ids=repr)
def test_case_25_totals_that_are_none_are_as_if_absent(wrong: Any) -> None:
    """What cannot be believed of a total takes nothing from the counts beside it."""
    usage = XAI | {"total_tokens": wrong}
    assert (read_usage(usage), total_above(usage)) == (Usage(32, 9, 0, 9), False)
    assert not total_above(wrong)
    meter = Meter(read_input)
    meter.report({"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 50})
    assert (meter.total(0, ended=True), meter.anomalies) == (Usage(5), set())


def test_parts_of_counts_are_never_more_than_the_whole() -> None:
    """Cached input is at most the input, reasoning at most the output; what is malformed of them counts as none."""
    usage = counts(5, 4) | {
        "prompt_tokens_details": {"cached_tokens": 50},
        "completion_tokens_details": {"reasoning_tokens": 40},
    }
    assert read_usage(usage) == Usage(5, 4, 5, 4)
    for wrong in WRONG[:-2]:
        details = {"prompt_tokens_details": {"cached_tokens": wrong}, "completion_tokens_details": wrong}
        assert read_usage(counts(5, 4) | details) == Usage(5, 4)


@settings(deadline=None)
@given(sent=st.lists(JSON, max_size=4))
def test_case_25_no_usage_breaks_a_meter(sent: list[Any]) -> None:
    """Whatever usage is reported, the meter has counts that can be charged, and says so where it had to guess."""
    for read in (read_usage, read_input, read_anthropic):
        meter = Meter(read)
        for usage in sent:
            meter.content()
            meter.report(usage)
        total = meter.total(7, ended=True)
        assert 0 <= total.cached <= total.input <= TOKENS_MAX
        assert 0 <= total.reasoning <= total.output <= TOKENS_MAX + len(sent)
        assert meter.reported or "usage_missing" in meter.anomalies


def test_reasoning_is_kept_by_running_totals() -> None:
    """A later report that is smaller takes no reasoning away."""
    meter = Meter()
    meter.report(counts(5, 9) | {"completion_tokens_details": {"reasoning_tokens": 6}})
    meter.report(counts(5, 4))
    assert meter.total(0, ended=True) == Usage(5, 9, 0, 6)


def test_openai_asks_for_usage_once(door: Door) -> None:
    """A client that asks for usage itself has its request changed in nothing."""
    door.upstream.play(openai())
    asked = STREAM | {"stream_options": {"include_usage": True}}
    door.post("/v1/chat/completions", asked)
    assert door.upstream.call.json == asked
