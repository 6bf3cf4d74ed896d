"""A door of its own to what forwards: a request comes by HTTP, is prepared, forwarded, answered; nobody is charged.

What would have been charged is noted instead. Who is asking, and what it costs, is tested where it belongs.
"""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvicorn

from functions.asgi import HttpExchange, Receive, Scope, Send
from functions.errors import FareboxError
from functions.forward import body as json_body
from functions.forward import hosted
from functions.forward.exchange import ClientLeft
from functions.forward.passing import Stream, Whole
from functions.forward.upstream import Upstream, reach_tracing
from functions.money import Usage
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.stand import wait_until

PROVIDER_KEY = "the-owners-key-at-the-provider"
LIMIT_S = 20.0
NO_END = 10**12


@dataclass
class Rules:
    """How the next request is forwarded."""

    kind: str = "openai"
    base_path: str = "/v1"
    """Of the provider's base URL."""
    url: str = ""
    """Another provider than the scripted one."""
    limit_name: str = "max_tokens"
    output_tokens: int = 4096
    fields: frozenset[str] = frozenset()
    trusted: bool = False
    credits: int = NO_END
    """Tokens of output that they cover."""
    first_byte_s: float | None = None
    idle_s: float = LIMIT_S
    abort: str = "stop"
    others: tuple[str, ...] = ()
    """Providers that are asked where one has failed: their URLs."""


@dataclass
class Noted:
    """What is known of a request once it was answered."""

    usage: Usage
    anomalies: set[str]
    outcome: str
    blocked: str
    model: str
    failures: list[str] = field(default_factory=list)


@dataclass
class Reply:
    """An answer as the client got it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.json["error"])

    @property
    def events(self) -> list[Any]:
        """The data of a stream's events; JSON decoded."""
        lines = [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [json.loads(line) if line.startswith("{") else line for line in lines]


class Door:
    """The ASGI app, and a client of it."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self.upstream, self.rules = upstream, Rules()
        self.noted: Noted | None = None
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = HttpExchange(scope["path"], {}, receive, send)
        await exchange.read(5_000_000)
        try:
            await self._answer(exchange)
        except FareboxError as error:
            await exchange.refuse(error)
        except ClientLeft:
            return
        await exchange.finish()

    async def _answer(self, exchange: HttpExchange) -> None:
        rules, failures = self.rules, list[str]()
        body = json_body.parse(exchange.body)
        prepared = hosted.prepare(
            rules.kind,
            exchange.endpoint,
            body,
            len(exchange.body),
            limit_name=rules.limit_name,
            output_limit=rules.output_tokens,
            fields=rules.fields,
            trusted=rules.trusted,
        )
        limit = rules.credits
        async with aiohttp.ClientSession(auto_decompress=False, trace_configs=[reach_tracing()]) as session:
            urls = [(rules.url or self.upstream.url) + rules.base_path, *rules.others]
            for left, url in reversed(list(enumerate(reversed(urls)))):
                provider = Upstream(
                    session,
                    url,
                    PROVIDER_KEY,
                    connect_s=2,
                    idle_s=rules.idle_s,
                    abort=rules.abort,
                    kind=rules.kind,
                    first_byte_s=rules.first_byte_s,
                )
                answer: Stream | Whole
                try:
                    if prepared.stream:
                        answer = Stream(prepared, limit, self._reach)
                        await answer.run(provider, exchange, {}, LIMIT_S)
                    else:
                        answer = Whole(prepared, limit, hurried=bool(left))
                        await answer.run(provider, exchange, LIMIT_S)
                except FareboxError as error:
                    failures.append(str(error.code))
                    if error.status < 500 or not left:
                        raise
                else:
                    break
        model = answer.reader.model if isinstance(answer, Stream) else answer.model
        self.noted = Noted(answer.usage(), answer.meter.anomalies, answer.outcome, answer.blocked, model, failures)
        if isinstance(answer, Whole) and answer.outcome == "completed":
            await exchange.start(200, {"content-type": "application/json", "content-length": str(len(answer.raw))})
            await exchange.send(answer.raw)

    async def _reach(self, usage: Usage) -> int:
        return self.rules.credits - usage.output

    def post(self, path: str, body: Any, **rules: Any) -> Reply:
        """Send a request that is forwarded by these rules."""
        self.rules, self.noted = Rules(**rules), None
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=LIMIT_S)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", path, data, {"authorization": "Bearer pk-of-the-client", "x-mine": "secret"})
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    @property
    def last(self) -> Noted:
        """What was noted of the last request; it is noted after its last byte went out."""
        wait_until(lambda: self.noted, "the request is noted")
        if self.noted is None:
            raise AssertionError("nothing was noted")
        return self.noted


@contextmanager
def door(upstream: ScriptedUpstream) -> Iterator[Door]:
    """A door that is open, on a port of its own."""
    app = Door(upstream)
    listener = socket.create_server(("127.0.0.1", 0))
    app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", access_log=False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
