"""Connections to a provider: one that is busy is waited for, one that is gone is noticed, and none is kept too long."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from functions.errors import ProviderFailed
from functions.forward import sockets
from functions.forward.sockets import connector, watched
from functions.forward.upstream import Reach, Upstream, reach_tracing, read_all
from tests.forward.scripted_upstream import Call, scripted_upstream

BODY = b"x" * 3_000_000
"""More than a connection takes while nobody reads at its end."""
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
CONNECT_S = 1.0
LLAMA_KEEPS_S = 5
"""How long llama-server keeps a connection that is idle."""


class Busy:
    """A provider that accepts, and reads nothing for a while: all its threads are at work."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended = threading.Event()

    def serve(self, reads_after_s: float) -> None:
        """Answer one request, so much later."""
        connection, _ = self.listener.accept()
        with connection, contextlib.suppress(OSError):
            if self.ended.wait(reads_after_s):
                return
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            read = len(body) if head else 0
            while read < len(BODY) and (more := connection.recv(1_000_000)):
                read += len(more)
            connection.sendall(ANSWER)


@pytest.fixture
def busy() -> Iterator[Busy]:
    made = Busy()
    yield made
    made.ended.set()
    made.listener.close()


@contextlib.asynccontextmanager
async def reaching(url: str, idle_s: float) -> AsyncIterator[Upstream]:
    """The way to a provider, as the streaming function has it."""
    connections = connector(10, CONNECT_S, idle_s)
    async with aiohttp.ClientSession(connector=connections, trace_configs=[reach_tracing()]) as session:
        yield Upstream(session, url, "", connect_s=CONNECT_S, idle_s=idle_s)


async def ask(upstream: Upstream, body: bytes = BODY, *, stream: bool = False) -> bytes:
    async with upstream.post("/v1/chat/completions", body, Reach(), stream=stream) as response:
        return await read_all(response)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_that_reads_late_is_waited_for(
    busy: Busy, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """Longer than a few times the time for connecting: that nobody reads yet does not mean that nobody is there."""
    monkeypatch.setattr(sockets, "TRIES", 1)
    reading = asyncio.create_task(asyncio.to_thread(busy.serve, 2.5 * CONNECT_S))
    async with reaching(busy.url, idle_s=20) as upstream:
        assert await ask(upstream, stream=stream) == b"{}"
    await reading


async def test_a_provider_that_never_reads_is_given_up(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stream's longest silence; without a limit, a request in one piece would wait for its own."""
    monkeypatch.setattr(sockets, "TRIES", 1)
    reading = asyncio.create_task(asyncio.to_thread(busy.serve, 30))
    async with reaching(busy.url, idle_s=2) as upstream:
        began_s = time.monotonic()
        with pytest.raises(ProviderFailed):
            await ask(upstream)
        assert 1.5 < time.monotonic() - began_s < 8
    busy.ended.set()
    await reading


async def test_a_connection_that_was_closed_in_a_frozen_environment_is_not_used() -> None:
    """Lambda freezes a process between requests: it wakes later than llama-server has closed what was idle."""

    def once(call: Call) -> None:
        call.answer(b"{}")
        call.connection.settimeout(LLAMA_KEEPS_S)  # what reads next on it gives up then, as llama-server does

    with scripted_upstream() as provider:
        provider.play(once)
        async with reaching(provider.url, idle_s=20) as upstream:
            assert await ask(upstream, b"{}") == b"{}"
            time.sleep(LLAMA_KEEPS_S + 0.3)  # as frozen: nothing here runs
            assert await ask(upstream, b"{}") == b"{}"


@pytest.mark.parametrize(
    ("connect_s", "idle_s", "every_s", "given_up_ms"),
    [
        (5, 120, 5, 120_000),
        (5, 2, 5, 15_000),
        (0.2, 1, 1, 3_000),
        (1e6, 1, 32_767, 98_301_000),
        (5, 1e12, 5, 2**31 - 1),
        (1e300, float("inf"), 32_767, 2**31 - 1),
    ],
)
def test_any_time_is_one_that_the_kernel_takes(connect_s: float, idle_s: float, every_s: int, given_up_ms: int) -> None:
    """Probed as often as connecting may take, given up after a stream's longest silence, each within its bounds."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))
    with watched(connect_s, idle_s)(address) as made:
        options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT")
        told = [made.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options]
        assert told == [every_s, every_s, given_up_ms]
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
