"""Entry of the streaming function: the ASGI app of /v1/chat/completions, /v1/completions and /v1/responses.

On Lambda it runs on uvicorn behind AWS Lambda Web Adapter; on one machine `infra.local.server` calls it.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

import aiohttp

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.gate import Gate
from functions.authenticate.address import client_address, scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.errors import BadRequest, FareboxError, NotFound, TooLarge, where
from functions.forward.exchange import ClientLeft, Headers
from functions.forward.llama import ENDPOINTS
from functions.forward.upstream import Upstream, reach_tracing
from functions.ledger.dynamodb import DynamoDB, Signer, endpoint_of, keys_from
from functions.ledger.http import Endpoint
from functions.ledger.store import Ledger, SystemClock
from functions.settings import Settings
from functions.story import Gateway, serve

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("farebox.stream")

BODY_TIMEOUT_S = 30
CONNECTIONS_MAX = 1000
DRAIN_TIMEOUT_S = 2
GC_THRESHOLDS = (20_000, 20, 20)


class HttpExchange:
    """One HTTP request under ASGI."""

    def __init__(self, path: str, headers: dict[bytes, list[str]], receive: Receive, send: Send) -> None:
        self.endpoint = path
        self.authorization = headers.get(b"authorization", [])
        self.idempotency_key = headers.get(b"idempotency-key", [])
        self.scope = ""
        self.ends_at_s: float | None = None
        self.body = b""
        self.started = False
        self.request_id = "req_" + secrets.token_hex(12)
        self._receive, self._send = receive, send

    async def read(self, bytes_max: int) -> None:
        """Read the body. Raises TooLarge, BadRequest where it does not come, ClientLeft."""
        parts, size, more = [], 0, True
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while more and size <= bytes_max:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeft
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    more = message.get("more_body", False)
        except TimeoutError:
            raise BadRequest(f"The body did not come within {BODY_TIMEOUT_S} s.") from None
        if size > bytes_max:
            raise TooLarge(f"The body is larger than {bytes_max} bytes.")
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)

    async def drain(self, bytes_max: int) -> None:
        """Read on, within bounds, and forget: a client that still sends would not hear that it was refused."""
        size, more = 0, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while more and size <= bytes_max:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    more = message.get("more_body", False)

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        told.append((b"x-request-id", self.request_id.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """End the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def leaving(self, interrupts: Callable[[], bool]) -> "Leaving":
        return Leaving(self._receive, interrupts)

    async def refuse(self, error: FareboxError) -> None:
        """Answer with an error."""
        body = json.dumps(error.body()).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        await self.start(error.status, headers | error.headers)
        await self.send(body)


class Leaving:
    """While open, notes when the client leaves.

    Where `interrupts` says so then, it ends what the task that opened it does there, and raises ClientLeft in it.
    """

    __slots__ = ("interrupted", "interrupts", "left", "receive", "task", "watch")

    def __init__(self, receive: Receive, interrupts: Callable[[], bool] = lambda: True) -> None:
        self.receive, self.interrupts = receive, interrupts
        self.left = self.interrupted = False

    async def __aenter__(self) -> "Leaving":
        self.task = asyncio.current_task()
        self.watch = asyncio.ensure_future(self.receive())
        self.watch.add_done_callback(self._leave)
        return self

    def _leave(self, watch: "asyncio.Future[Message]") -> None:
        if self.task and not watch.cancelled():
            self.left = True
            if self.interrupts():
                self.interrupted = True
                self.task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.watch.remove_done_callback(self._leave)
        self.watch.cancel()
        if not self.interrupted or self.task is None:
            self.task = None  # a `_leave` that is queued already must find nobody to interrupt
            return
        if kind is not asyncio.CancelledError:
            # The cancellation is still on its way: meet it here, not in the settle.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if not self.task.uncancel():
            raise ClientLeft from None


class App:
    """The ASGI app. Connections and caches are made when the first request comes, or at lifespan's start."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or settings_module.get()
        self.rules = rules.of(self.settings)  # malformed: nothing starts
        self.gateway: Gateway | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, http: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, list[str]] = {}
        for name, value in http["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        exchange = HttpExchange(http["path"], headers, receive, send)
        try:
            if http["path"] not in ENDPOINTS or http["method"] != "POST":
                raise NotFound(f"There is no {http['method']} {http['path'][:100]}.")
            if headers.get(b"content-encoding", ["identity"]) != ["identity"]:
                raise BadRequest("A compressed body is not accepted.", param="content-encoding")
            await exchange.read(self.settings.max_body_bytes)
            exchange.scope = self._address(http, headers)
            exchange.ends_at_s = self._ends_at_s(headers)
            await serve(self.gateway or self.open(), exchange)
        except FareboxError as error:
            await exchange.refuse(error)
            if isinstance(error, TooLarge):
                await exchange.drain(4 * self.settings.max_body_bytes)
        except ClientLeft:
            return
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("a request failed: %s", where(error))  # a fault of ours: its hold, if it had one, expires
            if exchange.started:
                return  # the server closes the connection: the client sees that the answer is not whole
            await exchange.refuse(FareboxError("The gateway failed; nothing was charged."))
        await exchange.finish()

    def _address(self, http: Scope, headers: dict[bytes, list[str]]) -> str:
        """What the client's address counts under: API Gateway's word on Lambda, else the socket's peer."""
        peer = http["client"][0] if http.get("client") else ""
        if self.settings.on_lambda:
            context = json.loads((headers.get(b"x-amzn-request-context") or ["{}"])[0])
            peer = context.get("identity", {}).get("sourceIp", "")
        forwarded = ",".join(headers.get(b"x-forwarded-for", []))
        address = client_address(peer, forwarded, self.settings.trusted_hops)
        return scope("ip", address, self.settings.hash_secret)

    def _ends_at_s(self, headers: dict[bytes, list[str]]) -> float | None:
        """When Lambda ends this invocation, as its context says, which the adapter hands on."""
        if not self.settings.on_lambda:
            return None
        context = json.loads((headers.get(b"x-amzn-lambda-context") or ["{}"])[0])
        deadline_ms = context.get("deadline")
        return deadline_ms / 1000 if isinstance(deadline_ms, int) else None

    def open(self) -> Gateway:
        """Make what every request shares; needs a running loop."""
        settings = self.settings
        settings.need("hash_secret")
        endpoint, host = endpoint_of(settings.dynamodb_endpoint_url, settings.aws_region)
        keys = keys_from(settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=60),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[reach_tracing()],
        )
        store = DynamoDB(Endpoint(endpoint, settings.ledger_timeout_s), Signer(host, settings.aws_region, keys))
        upstream = Upstream(
            session,
            settings.llama_base_url,
            settings.llama_api_key,
            connect_s=settings.upstream_connect_timeout_s,
            idle_s=settings.upstream_idle_timeout_s,
            abort=settings.llama_client_left,
        )
        ledger, callers = Ledger(store, SystemClock(), os.urandom, settings.table_prefix), Callers()
        self.gateway = Gateway(
            settings=settings,
            ledger=ledger,
            upstream=upstream,
            callers=callers,
            addresses=Addresses(self.rules.address_limits),
            gate=Gate(ledger, self.rules, callers, model=settings.llama_model, hold_expiry_s=settings.hold_expiry_s),
        )
        # What is there now stays for good, and a request makes few cycles: collect rarely (11 % of CPU otherwise).
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return self.gateway

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.open()
                await send({"type": "lifespan.startup.complete"})
            else:
                if self.gateway:
                    await self.gateway.upstream.session.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


app = App()
