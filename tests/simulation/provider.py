"""The provider behind the gateway: answers as llama-server writes them, with failures of every kind, in virtual time.

It stands where the gateway's aiohttp session would; functions.forward.upstream runs unchanged. What it has made for
each request is written down, and is what the request must be charged.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from unittest import mock

import aiohttp

from functions.forward.passing import Whole
from functions.forward.upstream import Reach
from tests.simulation.store import CRASH_IN_STREAM, REQUEST, Process

KINDS = (
    ("ok", 60),
    ("slow", 6),
    ("overrun", 6),
    ("break", 6),
    ("break_at_once", 4),
    ("no_end", 3),
    ("silent", 3),
    ("endless", 2),
    ("refuse", 4),
    ("500", 3),
    ("503", 2),
    ("429", 1),
)
"""How often the provider does what: well; slowly; more than its limit; and the ways in which it fails."""

BLOCKED = 0.25
"""How often an answer in one piece is blocked."""

HEAD = (
    '{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"word"}}],"created":1,"id":"chatcmpl-1","model":"m"'
)
TAIL = '{"choices":[],"created":1,"id":"chatcmpl-1","model":"m"'


@dataclass
class Served:
    """One call to the provider: what it was asked for, and what it has made so far. Tokens."""

    kind: str
    stream: bool
    limit: int
    input: int
    cached: int
    output: int = 0
    """As far as the gateway was told."""
    told: bool = False
    """The gateway was told any counts."""
    reached: bool = False
    ended: bool = False
    """The gateway was told that this was all."""
    blocked: bool = False
    """And that it was made for what should not have been asked."""

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }

    def timings(self) -> str:
        fresh = self.input - self.cached
        return (
            f',"timings":{{"cache_n":{self.cached},"prompt_n":{fresh},"prompt_ms":1.5,"predicted_n":{self.output}}}}}'
        )


@contextmanager
def blocking() -> Iterator[None]:
    """Answers that were blocked are read as such. A llama-server blocks none, so this is said beside its answer."""
    real = Whole._read

    async def read(self: Whole) -> None:
        await real(self)
        request = REQUEST.get()
        if request and request.served[-1].blocked:
            self.blocked = "content_filter"

    with mock.patch.object(Whole, "_read", read):
        yield


class Provider:
    """Plays `aiohttp.ClientSession` for one process."""

    def __init__(self, process: Process, limit_s: float) -> None:
        self.process, self.limit_s = process, limit_s

    def post(
        self, url: str, *, data: bytes, trace_request_ctx: Reach, timeout: aiohttp.ClientTimeout, **_: object
    ) -> "Answering":
        self.process.alive()
        request, rng = REQUEST.get(), self.process.stage.rng
        assert request, "the provider was called for nobody"
        kind = rng.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
        asked = json.loads(data)
        limit = min(value for name, value in asked.items() if name in ("max_tokens", "max_output_tokens"))
        tokens_in = rng.randint(4, len(data) // 2)
        served = Served(kind, bool(asked.get("stream")), limit, tokens_in, rng.choice((0, 0, tokens_in // 2)))
        request.called(served)
        self.process.stage.note(f"{self.process.name} {request} calls the provider, which will {kind}, limit {limit}")
        return Answering(self, served, trace_request_ctx, timeout.sock_read)


class Answering:
    """`async with` it: the provider's answer, which is its own content."""

    def __init__(self, provider: Provider, served: Served, reach: Reach, idle_s: float | None) -> None:
        self.process, self.limit_s = provider.process, provider.limit_s
        self.served, self.reach, self.idle_s = served, reach, idle_s
        self.status = int(served.kind) if served.kind.isdigit() else 200
        self.headers: Mapping[str, str] = {}
        self.content_type = "text/event-stream" if served.stream else "application/json"
        self.content = self
        self.pieces = self.iter_any()

    async def __aenter__(self) -> "Answering":
        await self._pass_time(0.02)
        if self.served.kind == "refuse":
            raise aiohttp.ClientConnectionError("connection refused")
        self.reach.reached = self.served.reached = True
        await self._pass_time(0.1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.alive()

    def close(self) -> None:
        """Nothing is open."""

    async def readany(self) -> bytes:
        """The next piece of the body; b"" at its end."""
        return await anext(self.pieces, b"")

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The answer's bytes, as they come."""
        if self.status != 200:
            yield b'{"error":{"message":"no"}}'
            return
        kind, rng, served = self.served.kind, self.process.stage.rng, self.served
        if kind == "break_at_once":
            raise aiohttp.ClientPayloadError("broke off")
        if kind == "silent":
            await self._idle(self.idle_s or self.limit_s * 2)
        if kind == "slow":
            await self._idle(self.limit_s * rng.uniform(0.5, 1.2))
        goal = served.limit * 3 if kind in ("overrun", "endless") else rng.randint(1, served.limit)
        if served.stream:
            async for data in self._events(goal):
                yield data
        else:
            for _ in range(3):
                await self._pause()
            if kind in ("break", "no_end"):
                raise aiohttp.ClientPayloadError("broke off")
            served.output, served.told, served.ended = goal, True, True
            served.blocked = rng.random() < BLOCKED
            message = {"choices": [{"message": {"content": "word"}}], "model": "m", "usage": served.usage()}
            yield json.dumps(message).encode()

    async def _events(self, goal: int) -> AsyncIterator[bytes]:
        served, rng = self.served, self.process.stage.rng
        steps = min(goal, rng.randint(1, 5))
        for step in range(steps):
            await self._pause()
            if served.kind == "break" and step == steps - 1:
                raise aiohttp.ClientPayloadError("broke off")
            if served.kind == "endless" and step == steps // 2:
                await self._idle(self.limit_s * 2)
            served.output, served.told = goal * (step + 1) // steps, True
            yield b"data: %s\n\n" % (HEAD + served.timings()).encode()
        if served.kind == "no_end":
            return
        await self._pause()
        usage = json.dumps(served.usage(), separators=(",", ":"))
        served.ended = True
        yield b'data: %s,"usage":%s%s\n\ndata: [DONE]\n\n' % (TAIL.encode(), usage.encode(), served.timings().encode())

    async def _pause(self) -> None:
        """Between two events; here the process can end."""
        stage = self.process.stage
        await self._pass_time(0.3)
        if stage.rng.random() < CRASH_IN_STREAM * stage.weather.level:
            self.process.crash("in the middle of an answer")

    async def _idle(self, seconds: float) -> None:
        """Nothing comes for so long."""
        if self.idle_s and seconds > self.idle_s:
            await self.process.sleep(self.idle_s)
            raise aiohttp.SocketTimeoutError("nothing came")
        await self.process.sleep(seconds)

    async def _pass_time(self, mean_s: float) -> None:
        if self.process.stage.weather.latency_s:
            await self.process.sleep(self.process.stage.rng.expovariate(1 / mean_s))
        else:
            await asyncio.sleep(0)
