"""Managed mode: fields that the owner lets the client set, and what their values may be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest, Forbidden
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.projects.client_sets import SETTABLE
from functions.projects.project import Project
from tests.projects.fields_of_requests import ALL, CONTENT
from tests.projects.papers import asked, project, sent

HI = [{"role": "user", "content": "hi"}]
SAID: dict[str, Any] = {CHAT: HI, MESSAGES: HI}
FUNCTION = {"type": "function", "function": {"name": "f"}}


def serving(endpoint: str, sets: list[str], **template: Any) -> Project:
    paper = {
        "name": "App",
        "mode": "managed",
        "auth": {"no_auth": {}},
        "providers": {
            "it": {"kind": "anthropic" if endpoint == MESSAGES else "openai", "base_url": "https://a.example"}
        },
        "models": [
            {"model": "m", "providers": [{"provider": "it"}]},
            {"model": "l", "providers": [{"provider": "it", "model": "l-2026"}]},
            {"model": "x-*", "providers": [{"provider": "it"}]},
        ],
        "endpoints": {endpoint: {"template": {"model": "m"} | template, "client_sets": sets}},
    }
    return project(paper)


def made(to: Project, endpoint: str, **fields: Any) -> dict[str, Any]:
    order = asked(to, endpoint, {CONTENT[endpoint]: SAID.get(endpoint, "hi")} | fields)
    return sent(order, output_limit=order.candidates[0][2].output_limit)


GOOD: list[tuple[str, str, Any]] = [
    (CHAT, "temperature", 0.3),
    (CHAT, "stop", ["a"]),
    (CHAT, "seed", 1),
    (CHAT, "response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}),
    (CHAT, "reasoning_effort", "low"),
    (CHAT, "logit_bias", {"1": -100}),
    (CHAT, "tools", [FUNCTION]),
    (CHAT, "tool_choice", "auto"),
    (COMPLETIONS, "suffix", "end"),
    (RESPONSES, "reasoning", {"effort": "low", "summary": "auto"}),
    (RESPONSES, "text", {"format": {"type": "json_object"}, "verbosity": "low"}),
    (RESPONSES, "tools", [{"type": "function", "name": "f"}]),
    (MESSAGES, "stop_sequences", ["a"]),
    (MESSAGES, "thinking", {"type": "enabled", "budget_tokens": 1024}),
    (EMBEDDINGS, "dimensions", 5),
]


@pytest.mark.parametrize(("endpoint", "name", "value"), GOOD, ids=[f"{e}-{n}" for e, n, _ in GOOD])
def test_a_field_is_the_clients_where_the_owner_says_so(endpoint: str, name: str, value: Any) -> None:
    """Listed it goes on as sent, over the template's; not listed it is ignored; null is as if it were not there."""
    assert made(serving(endpoint, [name]), endpoint, **{name: value})[name] == value
    assert name not in made(serving(endpoint, []), endpoint, **{name: value})
    assert name not in made(serving(endpoint, [name]), endpoint, **{name: None})


BAD: list[tuple[str, str, Any, str]] = [
    (CHAT, "temperature", "hot", "temperature"),
    (CHAT, "temperature", True, "temperature"),
    (CHAT, "n", 10**6, "n"),
    (CHAT, "max_tokens", -1, "max_tokens"),
    (CHAT, "max_tokens", 2**31, "max_tokens"),
    (CHAT, "max_completion_tokens", "5", "max_completion_tokens"),
    (CHAT, "tools", [{"type": "web_search"}], "tools[0].type"),
    (CHAT, "tools", [FUNCTION] * 129, "tools"),
    (CHAT, "tool_choice", {"type": "file_search"}, "tool_choice.type"),
    (CHAT, "response_format", {"type": "grammar"}, "response_format.type"),
    (CHAT, "reasoning_effort", "most", "reasoning_effort"),
    (CHAT, "metadata", {"a": {"b": 1}}, "metadata"),
    (CHAT, "model", 1, "model"),
    (RESPONSES, "tools", [{"type": "mcp", "server_url": "https://evil.example"}], "tools[0].type"),
    (RESPONSES, "tools", [{"type": ["function"]}], "tools[0].type"),
    (RESPONSES, "reasoning", "low", "reasoning"),
    (RESPONSES, "text", {"format": {"type": "grammar"}}, "text.format.type"),
    (MESSAGES, "thinking", {"type": "enabled", "budget_tokens": -1}, "thinking.budget_tokens"),
    (EMBEDDINGS, "encoding_format", "url", "encoding_format"),
]


@pytest.mark.parametrize(("endpoint", "name", "value", "path"), BAD, ids=range(len(BAD)))
def test_a_value_that_is_no_such_fields_is_refused(endpoint: str, name: str, value: Any, path: str) -> None:
    """What a listed field may be is checked: tools only those that the client runs itself, numbers in their bounds."""
    with pytest.raises(BadRequest) as refused:
        made(serving(endpoint, [name]), endpoint, **{name: value})
    assert refused.value.param == path


NEVER = {
    *("messages", "prompt", "input", "stream", "stream_options", "system", "instructions", "store", "service_tier"),
    *("background", "conversation", "previous_response_id", "include", "modalities", "audio", "prediction"),
    *(
        "web_search_options",
        "mcp_servers",
        "container",
        "functions",
        "prompt_cache_key",
        "safety_identifier",
        "plugins",
    ),
    *("models", "provider", "best_of", "api_base", "base_url", "user_id", "context_management", "max_tool_calls"),
}


def test_what_the_model_is_told_and_who_works_for_it_is_never_the_clients() -> None:
    """No list has the system prompt, stored state, tiers, targets; of what is documented, the rest is in a list."""
    listed = {name for table in SETTABLE.values() for name in table}
    assert not listed & NEVER
    assert listed <= set(ALL) | {"min_p", "repeat_penalty", "presence_penalty"}


LIMITS = st.integers(1, 5000)


@given(
    st.none() | LIMITS, st.none() | LIMITS, st.none() | LIMITS, st.sampled_from(["max_tokens", "max_completion_tokens"])
)
def test_a_client_can_only_lower_the_output_limit(
    template: int | None, one: int | None, other: int | None, name: str
) -> None:
    """Of all limits, by whatever names, the smallest goes on, and exactly one does."""
    given_ = {"max_tokens": one, "max_completion_tokens": other}
    to = serving(CHAT, list(given_), **({name: template} if template else {}))
    body = made(to, CHAT, **given_)
    limits = [body[field] for field in ("max_tokens", "max_completion_tokens") if field in body]
    assert limits == [min([limit for limit in (template, one, other) if limit is not None], default=16_384)]


def test_a_model_is_the_clients_only_by_its_very_name() -> None:
    """One of the document's models; a name that only a pattern matches, or nobody knows, is 403 `model_not_allowed`."""
    to = serving(CHAT, ["model"])
    assert made(to, CHAT, model="l")["model"] == "l-2026"
    assert asked(to, CHAT, {"messages": HI, "model": "l"}).model == "l"
    assert made(to, CHAT)["model"] == "m"
    for name in ("x-1", "x-*", "L", "l-2026", "gpt-5", " l"):
        with pytest.raises(Forbidden) as refused:
            made(to, CHAT, model=name)
        assert (refused.value.code, refused.value.param) == ("model_not_allowed", "model")
    assert made(serving(CHAT, []), CHAT, model="l")["model"] == "m"


def test_a_template_may_name_a_model_of_a_pattern() -> None:
    """The owner chose it, so it needs no entry of its own; the client's wish for it is the same wish."""
    to = serving(CHAT, ["model"], model="x-1")
    assert made(to, CHAT)["model"] == made(to, CHAT, model="x-1")["model"] == "x-1"


def test_every_endpoint_has_its_list() -> None:
    """Whatever is served has one; each lets an owner open the model."""
    assert set(SETTABLE) == {CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBEDDINGS, MODERATIONS}
    assert all("model" in table for table in SETTABLE.values())
