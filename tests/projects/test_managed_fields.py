"""Managed mode: nothing that a client sends, at any depth, changes model, provider, system prompt, tools or limits."""

import json
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from functions.errors import BadRequest, Forbidden
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, ENDPOINTS, MESSAGES, MODERATIONS, RESPONSES
from functions.projects import requests
from functions.projects.project import Project
from functions.projects.requests import Order
from tests.projects.fields_of_requests import ALL, CONTENT
from tests.projects.papers import project

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
SYSTEM = [{"role": "system", "content": "You help travellers."}, {"role": "developer", "content": "Briefly."}]
COMMON = {"model": "nano", "temperature": 0.5, "top_p": 0.9, "user": "the-app", "metadata": {"app": "a"}}
TEMPLATES: dict[str, dict[str, Any]] = {
    CHAT: COMMON | {"messages": SYSTEM, "max_completion_tokens": 300, "n": 2, "store": False, "service_tier": "auto"},
    COMPLETIONS: {"model": "nano", "prompt": "Q: ", "max_tokens": 300, "stop": ["Q:"], "seed": 7},
    RESPONSES: COMMON
    | {"instructions": "You help travellers.", "max_output_tokens": 300, "input": "Hello.", "store": False},
    MESSAGES: {"model": "nano", "max_tokens": 300, "system": "You help travellers.", "temperature": 0.5},
    EMBEDDINGS: {"model": "nano", "dimensions": 256},
    MODERATIONS: {"model": "nano"},
}
TOOLS: dict[str, Any] = {
    CHAT: [TOOL],
    RESPONSES: [{"type": "function", "name": "look", "parameters": {}}, {"type": "web_search"}],
    MESSAGES: [{"name": "look", "input_schema": {"type": "object"}}],
}
TWO: list[dict[str, Any]] = [{"provider": "one", "model": "nano-2026"}, {"provider": "two"}, {"provider": "claude"}]


def served(templates: dict[str, dict[str, Any]]) -> Project:
    paper = {
        "name": "App",
        "mode": "managed",
        "auth": {"no_auth": {}},
        "providers": {
            "one": {"preset": "openai", "output_tokens": 1000},
            "two": {"preset": "groq"},
            "claude": {"preset": "anthropic"},
        },
        "models": [{"model": "nano", "providers": TWO}, {"model": "large", "providers": TWO}],
        "endpoints": {endpoint: {"template": template} for endpoint, template in templates.items()},
        "images": True,
    }
    return project(paper)


PLAIN = served(TEMPLATES)
AS_WRITTEN = json.dumps(TEMPLATES)
WITH_TOOLS = served({endpoint: TEMPLATES[endpoint] | {"tools": tools} for endpoint, tools in TOOLS.items()})
IMAGE = "data:image/png;base64,AAAA"
SAID: dict[str, list[Any]] = {
    CHAT: [
        [{"role": "user", "content": "Where to?"}],
        [
            {"role": "user", "content": [{"type": "text", "text": "And this?"}]},
            {"role": "assistant", "content": "A bridge."},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]},
        ],
    ],
    COMPLETIONS: ["Where to?", ["Where to?"]],
    RESPONSES: [
        "Where to?",
        [
            {"role": "user", "content": [{"type": "input_text", "text": "And this?"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A bridge."}]},
            {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE}]},
        ],
    ],
    MESSAGES: [
        [{"role": "user", "content": "Where to?"}],
        [
            {"role": "user", "content": [{"type": "text", "text": "And this?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A bridge."}]},
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AA"}}]},
        ],
    ],
    EMBEDDINGS: ["Where to?", ["Where to?", "And back?"]],
    MODERATIONS: ["Where to?"],
}
SAID[MESSAGES][1][2]["content"][0]["source"]["media_type"] = "image/png"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["system", "developer", "gpt-5", "large", "claude-x", "https://evil.example/v1", "web_search", ""]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(ALL) | st.text("abc", max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(ALL)
fields = st.dictionaries(names, values, max_size=6)


def ask(to: Project, endpoint: str, body: dict[str, Any]) -> Order:
    return requests.prepare(to, endpoint, json.dumps(body).encode(), 256)


def outcome(order: Order) -> Any:
    """All that a request becomes: who is asked, with which body, under which bounds."""
    return [
        (target, provider, prepared.body(10**9), prepared.body(7), prepared.output_limit, prepared.input_bound)
        for target, provider, prepared in order.candidates
    ], order.model


def strewn(value: Any, draw: Any, own: tuple[str, ...]) -> Any:
    """The same with further fields in every object, at any depth. `own` are names that mean something there."""
    if isinstance(value, list):
        return [strewn(part, draw, own) for part in value]
    if not isinstance(value, dict):
        return value
    more = {name: part for name, part in draw(fields).items() if name not in own}
    return more | {name: strewn(part, draw, own) for name, part in value.items()}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(more=fields, data=st.data())
def test_fields_that_the_owner_did_not_open_change_nothing(endpoint: str, more: dict[str, Any], data: Any) -> None:
    """Any documented field, and any other, beside the content: what goes upstream is the same to the byte."""
    content = data.draw(st.sampled_from(SAID[endpoint]))
    clean = {CONTENT[endpoint]: content}
    more = {name: value for name, value in more.items() if name not in clean}
    assert outcome(ask(PLAIN, endpoint, more | clean)) == outcome(ask(PLAIN, endpoint, clean))


MEANT = {
    CHAT: ("role", "content", "type", "text", "image_url", "url", "detail"),
    RESPONSES: ("role", "content", "type", "text", "image_url", "detail"),
    MESSAGES: ("role", "content", "type", "text", "source", "data", "media_type"),
}
"""What may stand in a message, a part or an image. Everything else is nothing to the project."""


@pytest.mark.parametrize("endpoint", MEANT)
@settings(max_examples=50)
@given(data=st.data())
def test_fields_inside_messages_change_nothing(endpoint: str, data: Any) -> None:
    """Strewn into messages, their parts and their images, at every depth: what goes upstream is the same."""
    clean = {CONTENT[endpoint]: SAID[endpoint][-1]}
    dirty = {CONTENT[endpoint]: strewn(SAID[endpoint][-1], data.draw, MEANT[endpoint])}
    assert outcome(ask(PLAIN, endpoint, dirty)) == outcome(ask(PLAIN, endpoint, clean))


KEYS = {
    *("role", "content", "type", "text", "image_url", "url", "detail", "source", "data", "media_type", "refusal"),
    *("tool_calls", "tool_call_id", "id", "function", "name", "arguments", "call_id", "output", "tool_use_id"),
    *("is_error", "input"),
}


def keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if isinstance(value, dict):
        inside = (keys(part) for name, part in value.items() if name != "input")  # a tool's own words
        return set(value).union(*inside)
    return set()


def parts(endpoint: str, to: Project, body: dict[str, Any]) -> Any:
    """The template's fields as they must be upstream; whether its own content comes first; and what follows it."""
    template, name = dict(to.endpoints[endpoint].template), CONTENT[endpoint]
    first = template.pop(name, None)
    first = [{"role": "user", "content": first}] if endpoint == RESPONSES and isinstance(first, str) else first
    said = body.pop(name)
    for limit in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        template.pop(limit, None)
    length = len(first or "")
    return template, (said[:length] == first if first else True), said[length:]


messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "developer", "tool", "User", "system "])},
        optional={
            "content": values | st.text("ab ", max_size=5) | st.lists(st.fixed_dictionaries({"type": names}) | values),
            "tool_calls": values,
            "type": st.sampled_from(["message", "function_call", "item_reference", "reasoning", "mcp_call"]),
        },
    ),
    max_size=4,
)


@pytest.mark.parametrize("tools", [False, True])
@given(endpoint=st.sampled_from([*ENDPOINTS]), more=fields, content=messages | values | st.text("ab", max_size=4))
@example(endpoint=CHAT, more={}, content=[{"role": "system", "content": "x"}])
@example(endpoint=CHAT, more={"stream": True, "stream_options": {"include_usage": True}}, content=[])
@example(endpoint=RESPONSES, more={"instructions": "x", "previous_response_id": "r"}, content="x")
@example(endpoint=MESSAGES, more={"system": "x"}, content=[{"role": "user", "content": [{"type": "document"}]}])
def test_whatever_comes_the_template_stands(tools: bool, endpoint: str, more: dict[str, Any], content: Any) -> None:
    """Any body at all: refused, or built with the template's fields as they are, its messages first, and no role but
    the client's own after them."""
    to = WITH_TOOLS if tools else PLAIN
    assume(endpoint in to.endpoints)
    try:
        order = ask(to, endpoint, more | {CONTENT[endpoint]: content})
    except (BadRequest, Forbidden):
        return
    assert order.model == "nano"
    assert [target.provider for target, _, _ in order.candidates] == (
        ["claude"] if endpoint == MESSAGES else ["one", "two"]
    )
    for target, provider, prepared in order.candidates:
        assert provider == to.providers[target.provider]
        body = json.loads(prepared.body(prepared.output_limit))
        limits = {name: body.pop(name) for name in list(body) if name.startswith("max_")}
        assert all(0 < limit <= 300 for limit in limits.values())
        body.pop("stream", None), body.pop("stream_options", None)
        template, begins, said = parts(endpoint, to, body)
        assert body == template | {"model": target.model or "nano"}
        assert begins
        assert {message["role"] for message in said if isinstance(message, dict) and "role" in message} <= {
            "user",
            "assistant",
            "tool",
        }
        assert keys(said) <= KEYS
    assert json.dumps(TEMPLATES) == AS_WRITTEN


def test_a_client_says_only_whether_it_wants_a_stream() -> None:
    """`stream` and whether usage is told are the client's; the template's own `stream` holds where it says nothing."""
    body = {"messages": [], "stream": True, "stream_options": {"include_usage": True, "include_obfuscation": True}}
    prepared = ask(PLAIN, CHAT, body).candidates[0][2]
    assert (prepared.stream, prepared.usage_wanted) == (True, True)
    assert ask(PLAIN, CHAT, {"messages": []}).candidates[0][2].stream is False
    always = served({CHAT: TEMPLATES[CHAT] | {"stream": True, "stream_options": {"include_usage": True}}})
    assert ask(always, CHAT, {"messages": []}).candidates[0][2].stream is True
    assert ask(always, CHAT, {"messages": []}).candidates[0][2].usage_wanted is False
    assert ask(always, CHAT, {"messages": [], "stream": False}).candidates[0][2].stream is False


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
def test_stream_is_true_or_false(value: Any) -> None:
    """Anything else is refused by its name."""
    with pytest.raises(BadRequest) as refused:
        ask(PLAIN, CHAT, {"messages": [], "stream": value})
    assert refused.value.param == "stream"
