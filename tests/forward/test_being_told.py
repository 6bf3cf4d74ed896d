"""What a request is told to have come to never changes what it comes to; and one that was cut off is told as that."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from functions import whole
from functions.asgi import Message
from functions.telemetry import watch
from functions.telemetry.metrics import Metrics
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk
from tests.forward.test_whole import Context, Deploy, deploy, error_of, event_of

__all__ = ["deploy"]


def fails(*_: object, **__: object) -> None:
    raise OSError("it cannot be told")


class Broken:
    """Whatever it is asked, it raises."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return fails


def line_in(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line of the log that tells of a request."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line.get("message") == "request"]
    return dict(told)


@pytest.mark.parametrize("stream", [False, True])
async def test_whatever_fails_in_telling_no_request_does(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """With a log and metrics that raise at every call, a request is answered, charged and settled as ever."""
    stage = await deploy()
    monkeypatch.setattr(watch, "logs", Broken())
    monkeypatch.setattr(watch, "log", Broken())
    monkeypatch.setattr(watch, "charged", fails)
    monkeypatch.setattr(Metrics, "write", fails)
    assert (await stage.ask(event_of(stage.key, {"stream": stream})))["statusCode"] == 200
    assert await stage.spent() > 0
    refused = await stage.ask(event_of(stage.key, {"messages": 1}))
    assert (refused["statusCode"], error_of(refused)["param"]) == (400, "messages")


@pytest.mark.parametrize(("stream", "status"), [(False, 0), (True, 200)])
async def test_a_request_that_is_cancelled_is_not_told_as_completed(
    deploy: Deploy, upstream: ScriptedUpstream, capsys: pytest.CaptureFixture[str], stream: bool, status: int
) -> None:
    """The server that runs the function ends a request whose provider is at work: nobody got its answer."""
    stage, at_work = await deploy(), threading.Event()

    def begins(call: Call) -> None:
        if stream:
            call.stream()
            call.event(chunk("Hel"))
        at_work.set()
        call.wait_gone()

    upstream.play(begins)
    asking = asyncio.ensure_future(stage.ask(event_of(stage.key, {"stream": stream})))
    await asyncio.to_thread(at_work.wait, 20)
    await asyncio.sleep(0.1)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    told = line_in(capsys)
    assert (told["outcome"], told["status"]) == ("client_left", status)


async def test_a_request_that_ends_without_a_word_broke_off(deploy: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    """Cancelled while its body is still awaited: it has neither an answer nor an outcome, and is not `completed`."""
    stage = await deploy()

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(_: Message) -> None: ...

    asking = asyncio.ensure_future(stage.app(whole.scope_of(event_of(stage.key), Context()), receive, send))
    await asyncio.sleep(0.05)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    told = line_in(capsys)
    assert (told["outcome"], told["status"]) == (watch.BROKE_OFF, 0)
