"""Forward mode: what goes upstream is, as parsed JSON, what was sent, but for what is written down."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest, Forbidden
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.projects.project import Project
from tests.projects.fields_of_requests import ALL, CONTENT
from tests.projects.papers import SMALL, asked, project, sent

HI = [{"role": "user", "content": "hi"}]
PROVIDERS = {
    "it": {"preset": "openai"},
    "claude": {"preset": "anthropic"},
    "home": {"operator": "llama"},
    "again": {"preset": "openrouter"},
}
MODELS: list[dict[str, Any]] = [
    {"model": "gpt-*", "providers": [{"provider": "it"}, {"provider": "again", "model": "openai/gpt"}]},
    {"model": "claude-?", "providers": [{"provider": "claude"}]},
    {"model": "both", "providers": [{"provider": "claude"}, {"provider": "it"}, {"provider": "home"}]},
    {"model": "small", "providers": [{"provider": "home"}]},
]


def forwarding(**changes: Any) -> Project:
    return project(SMALL | {"providers": PROVIDERS, "models": MODELS} | changes)


TO = forwarding()
OPEN = forwarding(fields=["*"])

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=5), inner, max_size=3),
    max_leaves=8,
)
BOUNDING = {
    *("model", "stream", "stream_options", "n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens"),
    *("n_predict", "tools", "messages", "prompt", "input", "system"),
}
"""What a request is bounded by: these are checked; every other field is the provider's to judge."""
FREE = sorted(set(ALL) - BOUNDING)
PARTS = st.fixed_dictionaries({"type": st.just("text"), "text": st.text("ab", max_size=4)}, optional={"x": values})
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant"]),
        "content": st.text("ab ", max_size=9) | st.lists(PARTS, max_size=2),
    },
    optional={"name": st.text("ab", max_size=3), "extra": values},
)
SAYING: dict[str, Any] = {
    CHAT: st.lists(MESSAGE, max_size=3),
    COMPLETIONS: st.text(max_size=5) | st.lists(st.text("ab", max_size=5), min_size=1, max_size=3) | st.just([1, 2]),
    RESPONSES: st.text("ab", max_size=5) | st.just([{"role": "developer", "content": "x"}]),
    MESSAGES: st.lists(MESSAGE, max_size=3),
    EMBEDDINGS: st.text("ab", max_size=5) | st.just([[1, 2], [3]]),
    MODERATIONS: st.text("ab", max_size=5),
}
MODEL = dict.fromkeys(CONTENT, "gpt-4.1") | {MESSAGES: "claude-x"}
LIMIT = {RESPONSES: "max_output_tokens", CHAT: "max_completion_tokens"}


@pytest.mark.parametrize("endpoint", CONTENT)
@given(data=st.data(), stream=st.booleans(), limit=st.none() | st.integers(1, 10_000))
def test_the_body_goes_on_as_it_was_sent(endpoint: str, data: Any, stream: bool, limit: int | None) -> None:
    """With every field that the project opens, at any depth: equal as parsed JSON, but for the request for usage."""
    body = data.draw(st.dictionaries(st.sampled_from(FREE), values, max_size=6))
    body |= {"model": MODEL[endpoint], CONTENT[endpoint]: data.draw(SAYING[endpoint])}
    name = LIMIT.get(endpoint, "max_tokens")
    if endpoint not in (EMBEDDINGS, MODERATIONS):
        body |= {"stream": True} if stream else {}
        body |= {name: limit or 9} if limit or endpoint == MESSAGES else {}
    prepared = asked(OPEN, endpoint, body).candidates[0][2]
    upstream = json.loads(prepared.body(prepared.output_limit))
    asks = upstream.pop("stream_options", None)
    assert (asks == {"include_usage": True}) == (prepared.stream and endpoint in (CHAT, COMPLETIONS))
    assert upstream == body


@given(st.integers(2, 10_000), st.none() | st.integers(2, 10_000))
def test_where_credits_do_not_cover_it_the_output_limit_is_another(covered: int, limit: int | None) -> None:
    """One limit, and nothing else is changed."""
    body = {"model": "gpt-4.1", "messages": HI, "temperature": 0.5} | (
        {"max_completion_tokens": limit} if limit else {}
    )
    prepared = asked(TO, CHAT, body).candidates[0][2]
    upstream = json.loads(prepared.body(covered))
    assert prepared.output_limit == (limit or 16_384)
    if covered >= prepared.output_limit:
        assert upstream == body
    else:
        assert upstream == body | {"max_completion_tokens": covered}


def test_an_empty_last_answer_is_kept() -> None:
    """Managed mode and the built-in project drop it; here the body is the back-end's."""
    said = [*HI, {"role": "assistant", "content": ""}]
    assert sent(asked(TO, CHAT, {"model": "gpt-4.1", "messages": said}))["messages"] == said


def test_a_llama_server_gets_the_body_and_its_timings() -> None:
    """Model, user and an empty last answer stay; in a stream it is asked for usage and timings."""
    body = {"model": "small", "messages": [*HI, {"role": "assistant", "content": ""}], "user": "u", "temperature": 0.5}
    assert sent(asked(TO, CHAT, body), output_limit=2048) == body
    upstream = sent(asked(TO, CHAT, body | {"stream": True}), output_limit=2048)
    added = {"stream": True, "timings_per_token": True, "stream_options": {"include_usage": True}}
    assert upstream == body | added


def test_the_first_pattern_that_matches_says_who_is_asked() -> None:
    """In the order written; a provider that calls the model otherwise is asked by that name, priced by the client's."""
    order = asked(TO, CHAT, {"model": "gpt-4.1", "messages": HI})
    assert [
        (provider.name, sent(order, number)["model"]) for number, (_, provider, _) in enumerate(order.candidates)
    ] == [
        ("it", "gpt-4.1"),
        ("again", "openai/gpt"),
    ]
    assert order.model == "gpt-4.1"
    assert [prepared.asked_model for _, _, prepared in order.candidates] == ["", "gpt-4.1"]


def test_only_providers_that_have_the_endpoint_are_asked() -> None:
    """Of three, the messages are one's, chat completions two's; what nobody has is 403 `model_not_allowed`."""

    def names(endpoint: str, **body: Any) -> list[str]:
        order = asked(TO, endpoint, {"model": "both"} | body)
        return [provider.name for _, provider, _ in order.candidates]

    assert names(MESSAGES, messages=HI, max_tokens=5) == ["claude"]
    assert names(CHAT, messages=HI) == ["it", "home"]
    assert names(EMBEDDINGS, input="x") == ["it"]
    with pytest.raises(Forbidden) as refused:
        asked(TO, EMBEDDINGS, {"model": "claude-x", "input": "x"})
    assert refused.value.code == "model_not_allowed"


def test_a_provider_that_does_not_take_the_request_is_left_out() -> None:
    """`n` is nothing for a llama-server, so the other is asked alone; where nobody takes it, the field is named."""
    order = asked(TO, CHAT, {"model": "both", "messages": HI, "n": 2})
    assert [provider.name for _, provider, _ in order.candidates] == ["it"]
    with pytest.raises(BadRequest) as refused:
        asked(TO, CHAT, {"model": "small", "messages": HI, "n": 2})
    assert refused.value.param == "n"


@pytest.mark.parametrize("model", ["claude-10", "GPT-4", "gpt", "", "bot", "small ", "x" * 100])
def test_a_model_without_a_route_is_not_served(model: str) -> None:
    """403 `model_not_allowed`; an empty name is no name."""
    with pytest.raises((Forbidden, BadRequest)) as refused:
        asked(TO, CHAT, {"model": model, "messages": HI})
    assert (refused.value.code, refused.value.param) == ("model_not_allowed" if model else None, "model")


@pytest.mark.parametrize("model", [None, 1, True, ["gpt-4"], {}, "x" * 201])
def test_a_model_is_a_name(model: Any) -> None:
    """Left out, or of another type: 400."""
    with pytest.raises(BadRequest) as refused:
        asked(TO, CHAT, {"messages": HI} | ({} if model is None else {"model": model}))
    assert refused.value.param == "model"


def test_an_endpoint_that_the_project_does_not_serve_is_refused() -> None:
    """403 `endpoint_not_allowed`, whatever the body is."""
    to = forwarding(endpoints=[CHAT])
    assert asked(to, CHAT, {"model": "gpt-4", "messages": HI}).model == "gpt-4"
    with pytest.raises(Forbidden) as refused:
        asked(to, RESPONSES, "no object")
    assert refused.value.code == "endpoint_not_allowed"


def test_fields_are_open_where_the_project_says_so() -> None:
    """What would cost beside tokens is 400 by its name, unless the owner opened it."""
    body = {"model": "gpt-4", "messages": HI, "web_search_options": {}}
    with pytest.raises(BadRequest) as refused:
        asked(TO, CHAT, body)
    assert refused.value.param == "web_search_options"
    assert sent(asked(forwarding(fields=["web_search_options"]), CHAT, body)) == body


def test_numbers_arrive_as_they_were_sent() -> None:
    """Large, small and exact ones, keys in their order, and text of any script."""
    raw = {
        "model": "gpt-4",
        "messages": HI,
        "seed": 2**60,
        "temperature": 1e-7,
        "user": "ünï\u2028\U0001f600",
        "top_p": 1.0,
    }
    upstream = sent(asked(TO, CHAT, raw))
    assert upstream == raw
    assert list(upstream) == list(raw)
    assert isinstance(upstream["top_p"], float)
