"""Requests of megabytes: bounded before they are read, checked once for all providers, looked at beside others."""

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import BadRequest, ContentRefused, TooLarge
from functions.forward import body as json_body
from functions.forward import hosted
from functions.forward.endpoints import CHAT, COMPLETIONS, MODERATIONS
from functions.projects import blocked, requests, screening
from functions.projects.orders import Order
from functions.projects.project import Abuse, Project
from functions.projects.requests import MANAGED_BODY_BYTES_MAX
from tests.projects.papers import asked, project

HI = [{"role": "user", "content": "hi"}]
KINDS = (
    {"kind": "openai", "base_url": "https://a.example/v1"},
    {"kind": "openai", "base_url": "https://b.example/v1", "output_tokens": 100},
    {"kind": "openai", "base_url": "https://c.example/v1", "limit_name": "max_completion_tokens"},
    {"kind": "llama", "base_url": "https://d.example/v1"},
    {"kind": "llama", "base_url": "https://e.example/v1", "output_tokens": 100},
)
PROVIDERS = {f"p{number}": about for number, about in enumerate(KINDS)}


def serving(mode: str, targets: list[dict[str, Any]], **changes: Any) -> Project:
    paper = {
        "name": "App",
        "mode": mode,
        "auth": {"no_auth": {}},
        "providers": PROVIDERS,
        "models": [{"model": "m", "providers": targets}],
    }
    if mode == "managed":
        sets = ["max_tokens", "temperature"]
        paper["endpoints"] = {CHAT: {"template": {"model": "m", "min_p": 0.5}, "client_sets": sets}}
    return project(paper | changes)


TARGETS = st.lists(
    st.fixed_dictionaries(
        {"provider": st.sampled_from(sorted(PROVIDERS))}, optional={"model": st.sampled_from(["m", "ö", "n" * 90])}
    ),
    min_size=2,
    max_size=5,
)
BODIES = st.fixed_dictionaries(
    {"messages": st.just(HI), "model": st.just("m")},
    optional={
        "max_tokens": st.integers(1, 99),
        "max_completion_tokens": st.none() | st.integers(1, 99),
        "n": st.just(1),
        "stream": st.booleans(),
        "temperature": st.just(0.5),
    },
)


@given(targets=TARGETS, body=BODIES, mode=st.sampled_from(["managed", "forward"]))
def test_each_provider_gets_what_it_would_get_alone(targets: list[dict[str, Any]], body: Any, mode: str) -> None:
    """Whoever stands before it on the route: the same bodies, model and limits; its bound is not below its own."""
    together = asked(serving(mode, targets), CHAT, body).candidates
    assert len(together) == len(targets)
    for wanted, (target, provider, form) in zip(targets, together, strict=True):
        ((_, _, alone),) = asked(serving(mode, [wanted]), CHAT, body).candidates
        assert (target.provider, provider.name) == (wanted["provider"], wanted["provider"])
        assert form.input_bound >= alone.input_bound
        for limit in (1, alone.output_limit):
            assert json.loads(form.body(limit)) == json.loads(alone.body(limit))
        for name in ("model", "asked_model", "kind", "limit_name", "output_limit", "choices", "input_estimate"):
            assert getattr(form, name) == getattr(alone, name), name


@pytest.mark.parametrize("mode", ["managed", "forward"])
@pytest.mark.parametrize("wrong", [False, True])
def test_a_request_is_checked_once_for_providers_that_take_it_alike(
    monkeypatch: pytest.MonkeyPatch, mode: str, wrong: bool
) -> None:
    """Ten of them, each with another name for the model: one check, also where it finds something."""
    to = serving(mode, [{"provider": f"p{number % 2}", "model": f"m-{number}"} for number in range(10)])
    checks: list[Any] = []
    real = hosted.prepare

    def counted(*args: Any, **named: Any) -> Any:
        checks.append(args)
        if wrong:
            raise BadRequest("no", param="messages")
        return real(*args, **named)

    monkeypatch.setattr(hosted, "prepare", counted)
    if wrong:
        with pytest.raises(BadRequest, match="no"):
            asked(to, CHAT, {"messages": HI, "model": "m"})
    else:
        models = [
            json.loads(form.head)["model"] for *_, form in asked(to, CHAT, {"messages": HI, "model": "m"}).candidates
        ]
        assert models == [f"m-{number}" for number in range(10)]
    assert len(checks) == 1


def test_a_body_in_managed_mode_is_bounded_before_it_is_read() -> None:
    """413 for whatever bytes; as much as the bound goes on, and a project with images takes what the gateway does."""
    to = serving("managed", [{"provider": "p0"}])
    with pytest.raises(TooLarge) as raised:
        requests.prepare(to, CHAT, b"[" * (MANAGED_BODY_BYTES_MAX + 1), 256)
    assert raised.value.status == 413
    raw = json.dumps({"messages": [HI[0] | {"content": "x"}]}).encode()
    fits = raw.replace(b'"x"', b'"%s"' % (b"x" * (MANAGED_BODY_BYTES_MAX - len(raw) + 1)))
    assert len(fits) == MANAGED_BODY_BYTES_MAX
    assert requests.prepare(to, CHAT, fits, 256)
    with pytest.raises(TooLarge):
        requests.prepare(to, CHAT, fits + b" ", 256)
    assert requests.prepare(serving("managed", [{"provider": "p0"}], images=True), CHAT, fits + b" ", 256)
    assert requests.prepare(serving("forward", [{"provider": "p0"}]), CHAT, fits[:-1] + b',"model":"m"}', 256)


@pytest.mark.parametrize("opening", ["[]", "{}"])
def test_lists_and_objects_of_a_body_are_counted_before_they_are_made(opening: str) -> None:
    """So many and no more; what stands in strings is text, and closing ones without a beginning are as many."""
    most = json_body.CONTAINERS_MAX - 2
    text = json.dumps({"s": opening * most + '"\\', "a": "here"})
    assert len(json_body.parse(text.replace('"here"', f"[{','.join([opening] * most)}]").encode())["a"]) == most
    with pytest.raises(BadRequest, match="lists and objects"):
        json_body.parse(text.replace('"here"', f"[{','.join([opening] * (most + 1))}]").encode())
    with pytest.raises(BadRequest, match="lists and objects"):
        json_body.parse(b"[" * 65 + b"]" * (json_body.CONTAINERS_MAX + 1))


@pytest.mark.parametrize(("length", "elsewhere"), [(100, False), (screening.LONG + 1, True)])
def test_patterns_are_looked_for_beside_other_requests_where_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, length: int, elsewhere: bool
) -> None:
    """In another thread; whatever is found there is refused all the same."""
    threads: list[int] = []
    real = blocked.matching

    def noted(abuse: Abuse, texts: tuple[str, ...]) -> bool:
        threads.append(threading.get_ident())
        return real(abuse, texts)

    monkeypatch.setattr(blocked, "matching", noted)
    live = SimpleNamespace(project=SimpleNamespace(abuse=Abuse(1, "d", None, ("a bomb",))))
    for texts in (("x" * length, "a", "bomb"), ("x" * length, "a\nbomb")):
        order = Order("m", cast("Any", None), texts=texts)
        if "\n" in texts[1]:
            with pytest.raises(ContentRefused):
                asyncio.run(screening.screen(cast("Any", live), order, cast("Any", None), 1))
        else:
            asyncio.run(screening.screen(cast("Any", live), order, cast("Any", None), 1))
    assert [thread != threading.get_ident() for thread in threads] == [elsewhere] * 2


def test_a_moderation_needs_no_model_where_any_is_served() -> None:
    """It goes to whoever serves `*`, as it was sent; a target's own name is added. Elsewhere, and for "", 400."""
    targets = [{"provider": "p0"}, {"provider": "p1", "model": "omni"}]
    any_model = [{"model": "m", "providers": [{"provider": "p3"}]}, {"model": "*", "providers": targets}]
    to = serving("forward", targets, models=any_model)
    order = asked(to, MODERATIONS, {"input": "hi"})
    assert order.model == ""
    bodies = [json.loads(form.head) for *_, form in order.candidates]
    assert bodies == [{"input": "hi"}, {"input": "hi", "model": "omni"}]
    for model in ("", 5):
        with pytest.raises(BadRequest):
            asked(to, MODERATIONS, {"input": "hi", "model": model})
    with pytest.raises(BadRequest) as raised:
        asked(serving("forward", targets), MODERATIONS, {"input": "hi"})
    assert raised.value.param == "model"
    for provider in ("p0", "p3"):
        to = serving("forward", targets, models=[{"model": "*", "providers": [{"provider": provider}]}])
        for endpoint, content in ((CHAT, HI), (COMPLETIONS, "hi")):
            with pytest.raises(BadRequest):
                asked(to, endpoint, {hosted.CONTENT[endpoint]: content})
