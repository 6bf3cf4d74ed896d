"""One HTTP request under ASGI, as the story knows requests: read, answered, and left by its client."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

from functions import cors
from functions.errors import BadRequest, FareboxError, TooLarge
from functions.forward.exchange import ClientLeft, Headers, Sent

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_TIMEOUT_S = 30
DRAIN_TIMEOUT_S = 2
CORS = tuple((name.encode(), value.encode()) for name, value in cors.HEADERS.items())


class HttpExchange:
    """One HTTP request under ASGI."""

    def __init__(self, path: str, headers: dict[bytes, list[str]], receive: Receive, send: Send) -> None:
        self.endpoint = path
        self.sent = Sent(
            authorization=headers.get(b"authorization", []),
            api_key=headers.get(b"x-api-key", []),
            promptproxy_key=headers.get(b"x-promptproxy-key", []),
            user_token=headers.get(b"x-user-token", []),
            origin=headers.get(b"origin", []),
        )
        self.idempotency_key = headers.get(b"idempotency-key", [])
        self.ends_at_s: float | None = None
        self.body = b""
        self.started = False
        self.status = 0
        self.first_byte_s: float | None = None
        self.ending: Callable[[], None] = lambda: None
        """Called before the last byte goes out: afterwards nothing runs for sure, on Lambda."""
        self.is_whole = False
        self.request_id = "req_" + secrets.token_hex(12)
        self._receive, self._send = receive, send
        self._more = True
        """Some of the body is still to come, as far as is known."""

    async def read(self, bytes_max: int) -> None:
        """Read the body. Raises TooLarge, BadRequest where it does not come, ClientLeft."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while self._more and size <= bytes_max:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeft
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    self._more = message.get("more_body", False)
        except TimeoutError:
            raise BadRequest(f"The body did not come within {BODY_TIMEOUT_S} s.") from None
        if size > bytes_max:
            raise TooLarge(f"The body is larger than {bytes_max} bytes.")
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)

    async def drain(self, bytes_max: int) -> None:
        """Read on, within bounds, and forget: a client that still sends would not hear that it was refused."""
        size = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while self._more and size <= bytes_max:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    self._more = message.get("more_body", False)

    async def start(self, status: int, headers: Headers) -> None:
        self.started, self.status, self.first_byte_s = True, status, time.perf_counter()
        self.is_whole = "content-length" in headers  # what is sent then is all: nobody waits for the end of the body
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        told += [(b"x-request-id", self.request_id.encode()), *CORS]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def send(self, data: bytes) -> None:
        if self.is_whole:
            self.ending()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """End the body."""
        self.ending()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def leaving(self, interrupts: Callable[[], bool]) -> "Leaving":
        return Leaving(self._receive, interrupts)

    async def refuse(self, error: FareboxError) -> None:
        """Answer with an error."""
        told = error.body()
        if self.endpoint == "/v1/messages":  # Anthropic's shape, which holds what is in OpenAI's
            told = {"type": "error", **told}
        body = json.dumps(told).encode()
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
