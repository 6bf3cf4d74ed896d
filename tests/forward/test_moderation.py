"""Asking a moderation model: flagged or not, and nothing in between."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from functions.errors import ProviderFailed, ProviderTimedOut
from functions.forward import moderation
from functions.forward.moderation import flagged
from functions.forward.upstream import Upstream, reach_tracing
from tests.forward.scripted_upstream import Call, ScriptedUpstream

KEY = "the-owners-key"


async def ask(provider: ScriptedUpstream, *texts: str, limit_s: float = 10) -> bool:
    async with aiohttp.ClientSession(auto_decompress=False, trace_configs=[reach_tracing()]) as session:
        upstream = Upstream(session, provider.url + "/v1", KEY, connect_s=2, idle_s=5, kind="openai")
        return await flagged(upstream, "omni-moderation-latest", texts, limit_s)


def verdicts(*flags: Any) -> Callable[[Call], None]:
    return lambda call: call.answer({"id": "m", "results": [{"flagged": flag} for flag in flags]})


async def test_one_flagged_text_is_enough(upstream: ScriptedUpstream) -> None:
    """All that was written goes in one request; any of it flagged is flagged."""
    for flags, expected in (((False, False), False), ((False, True), True), ((True, False), True)):
        upstream.play(verdicts(*flags))
        assert await ask(upstream, "one", "two") is expected
        assert upstream.call.json == {"model": "omni-moderation-latest", "input": ["one", "two"]}
        assert upstream.call.target == "POST /v1/moderations HTTP/1.1"


async def test_nothing_written_is_not_asked(upstream: ScriptedUpstream) -> None:
    """Providers refuse an empty input."""
    upstream.play(verdicts(True))
    assert await ask(upstream, "", "  ") is False
    assert upstream.calls == []
    assert await ask(upstream, "", "one") is True
    assert upstream.call.json["input"] == ["one"]


async def test_input_that_the_provider_refuses_for_its_content_is_flagged(upstream: ScriptedUpstream) -> None:
    """A refusal of that kind is an answer."""
    upstream.play(lambda call: call.answer({"error": {"code": "content_filter"}}, 400))
    assert await ask(upstream, "one") is True


@pytest.mark.parametrize(
    "script",
    [
        verdicts(),
        verdicts(False),
        verdicts(False, None),
        verdicts(False, "true"),
        verdicts(0, 0),
        lambda call: call.answer({"results": None}),
        lambda call: call.answer({"results": [1, 2]}),
        lambda call: call.answer([]),
        lambda call: call.answer(b"not JSON"),
        lambda call: call.answer({"error": {"message": "no such model"}}, 400),
        lambda call: call.answer({"error": {}}, 401),
        lambda call: call.answer({"error": {}}, 503),
        lambda call: call.drop(),
    ],
)
async def test_what_is_no_verdict_is_a_failure(upstream: ScriptedUpstream, script: Callable[[Call], None]) -> None:
    """Nobody is let through, or blocked, because a moderation failed."""
    upstream.play(script)
    with pytest.raises(ProviderFailed):
        await ask(upstream, "one", "two")


async def test_a_moderation_that_takes_too_long_is_a_failure(upstream: ScriptedUpstream) -> None:
    """Its time is the caller's to say."""
    upstream.play(lambda call: (call.wait_gone(), None)[1])
    with pytest.raises(ProviderTimedOut):
        await ask(upstream, "one", limit_s=0.1)


async def test_a_moderation_never_has_the_whole_time_of_a_request(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that hangs must not hold a request for as long as its hold lasts."""
    monkeypatch.setattr(moderation, "MODERATION_WITHIN_S", 0.1)
    upstream.play(lambda call: (call.wait_gone(), None)[1])
    with pytest.raises(ProviderTimedOut):
        await ask(upstream, "one", limit_s=600)


async def test_a_verdict_of_too_many_parts_is_none(upstream: ScriptedUpstream) -> None:
    """A provider of an owner may send anything."""
    upstream.play(lambda call: call.answer(b'{"results":[{"flagged":true}%s]}' % (b",{}" * 600_000)))
    with pytest.raises(ProviderFailed):
        await ask(upstream, "one")
