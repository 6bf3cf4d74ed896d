"""The rules for fields, and the adapter's tables made of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest
from functions.forward import fields
from functions.forward.fields import DROP
from functions.forward.llama import (
    BYTES_PER_TOKEN,
    ENDPOINTS,
    LIMIT_NAMES,
    OUTPUT_LIMIT_MAX,
    TOKENS_PER_MESSAGE,
    TOKENS_PER_TOOL,
    Prepared,
    prepare,
)

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def prepared(endpoint: str = CHAT, **body: Any) -> Prepared:
    return prepare(endpoint, json.dumps(body).encode(), output_limit=2048, template_tokens=256)


def upstream(endpoint: str = CHAT, **body: Any) -> dict[str, Any]:
    """The fields that go upstream."""
    sent: dict[str, Any] = json.loads(prepared(endpoint, **body).body(7))
    return sent


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (fields.boolean, [True, False], [1, 0, "true", None, []]),
        (fields.integer(1, 5), [1, 5], [0, 6, True, 2.0, "2", None, 10**40]),
        (fields.number(0, 1), [0, 1, 0.5], [-0.1, 1.1, True, "0", float("nan"), None]),
        (fields.text(3), ["", "abc"], ["abcd", 1, None, ["a"]]),
        (fields.one_of("a", 1, False), ["a", 1, False], ["b", True, 0, 1.0, None, []]),
        (fields.array(fields.integer(1, 5), 2), [[], [1], [1, 2]], [[1, 2, 3], [6], 1, "12", {"0": 1}]),
        (fields.many(fields.text(3), 2), ["a", ["a", "b"]], [["a", "b", "c"], [1], 1, ["abcd"]]),
        (fields.shaped({"a": fields.boolean}), [{}, {"a": True}], [{"b": 1}, {"a": 1}, [], "a"]),
        (fields.object_, [{}, {"a": 1}], [[], "a", 1, None]),
    ],
)
def test_a_rule_passes_what_it_allows_and_names_what_it_does_not(rule: Any, good: list[Any], bad: list[Any]) -> None:
    """What a rule allows goes on unchanged, everything else is a bad request that names the field."""
    for value in good:
        assert rule("field", value) == value
    for value in bad:
        with pytest.raises(BadRequest) as refused:
            rule("field", value)
        assert str(refused.value.param).startswith("field")


def test_rules_that_send_nothing_on() -> None:
    """Some fields are accepted and kept back; some only where they ask for what happens anyway."""
    assert fields.drop("field", object()) is DROP
    assert fields.only("auto")("field", "auto") is DROP
    for rule in (fields.only("auto"), fields.refuse):
        with pytest.raises(BadRequest):
            rule("field", "other")


@given(body=st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_a_field_that_no_rule_knows_is_refused_by_name(body: dict[str, Any]) -> None:
    """Whatever is in no table is refused and named, unless it says nothing."""
    said = {name: value for name, value in body.items() if value is not None and value != []}
    if not said:
        assert fields.apply({}, body) == {}
        return
    with pytest.raises(BadRequest) as refused:
        fields.apply({}, body)
    assert refused.value.param in said


@given(endpoint=st.sampled_from(sorted(ENDPOINTS)), data=st.data())
def test_any_value_in_any_field_is_served_or_a_bad_request(endpoint: str, data: st.DataObject) -> None:
    """No value of a known field raises anything but BadRequest, and what is served has one output limit."""
    table, content, limit_name = ENDPOINTS[endpoint]
    good = {"messages": HELLO, "prompt": "Hello", "input": "Hello"}[content]
    names = data.draw(st.lists(st.sampled_from(sorted(table)), max_size=3))
    body = {content: good} | {name: data.draw(JSON) for name in names}
    try:
        ready = prepare(endpoint, json.dumps(body).encode(), output_limit=2048, template_tokens=256)
    except BadRequest:
        return
    sent = json.loads(ready.body(7))
    assert {name: sent[name] for name in LIMIT_NAMES if name in sent} == {limit_name: 7}
    assert 1 <= ready.output_limit <= OUTPUT_LIMIT_MAX
    assert ready.input_bound > ready.input_estimate > 0
    assert not {"model", "user", "metadata", "n", "service_tier", "store"} & set(sent)


@pytest.mark.parametrize(
    "last",
    [{"role": "assistant"}, {"role": "assistant", "content": ""}, {"role": "assistant", "content": None}],
)
def test_an_empty_last_answer_is_dropped(last: dict[str, Any]) -> None:
    """The empty answer that some toolkits append is not sent on."""
    assert upstream(messages=[*HELLO, last])["messages"] == HELLO


@pytest.mark.parametrize(
    "messages",
    [
        [],
        HELLO,
        [{"role": "assistant", "content": ""}, *HELLO],
        [*HELLO, {"role": "assistant", "content": "Go on:"}],
        [*HELLO, {"role": "user", "content": ""}],
        [*HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
    ],
)
def test_other_messages_stay(messages: list[Any]) -> None:
    """Only an empty answer, and only the last, is dropped."""
    assert upstream(messages=messages)["messages"] == messages


def test_unknown_fields_of_messages_and_tools_pass() -> None:
    """What a chat template may read is the provider's to judge."""
    tool = TOOL | {"strict": True}
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "Ada", "mood": ["x"]}]
    sent = upstream(messages=messages, tools=[tool], tool_choice="auto", response_format={"type": "json_object"})
    assert (sent["messages"], sent["tools"], sent["tool_choice"]) == (messages, [tool], "auto")


def test_usage_and_timings_are_asked_of_a_stream() -> None:
    """The provider is asked for usage and running counts of a stream, whatever the client asked for."""
    sent = upstream(messages=HELLO, stream=True, stream_options={"include_usage": False})
    assert (sent["stream_options"], sent["timings_per_token"]) == ({"include_usage": True}, True)
    assert "timings_per_token" not in upstream(messages=HELLO, timings_per_token=True)


@given(count=st.integers(0, 20), tools=st.integers(1, 5), text=st.text(max_size=50))
def test_the_bound_of_the_input_grows_with_all_that_a_template_adds(count: int, tools: int, text: str) -> None:
    """The bound is a token a byte, and constants for the template, each message and each tool."""
    body = {"messages": [{"role": "user", "content": text}] * count, "tools": [TOOL] * tools}
    raw = json.dumps(body).encode()
    ready = prepare(CHAT, raw, output_limit=5, template_tokens=100)
    assert ready.input_bound >= len(raw) + 100 + count * TOKENS_PER_MESSAGE + tools * TOKENS_PER_TOOL
    assert ready.input_estimate == -(-len(raw) // BYTES_PER_TOKEN)
    assert len(ready.body(1)) <= len(raw) + 20


@pytest.mark.parametrize(
    "limits", [{"max_tokens": 9}, {"max_tokens": 9, "n_predict": 800}, {"max_completion_tokens": 9}]
)
def test_the_smallest_of_several_limits_counts(limits: dict[str, Any]) -> None:
    """Aliases of the output limit never raise it."""
    assert prepared(messages=HELLO, **limits).output_limit == 9


def test_a_request_without_a_limit_gets_the_models() -> None:
    """The model's own limit is a setting."""
    assert prepared(messages=HELLO).output_limit == 2048
