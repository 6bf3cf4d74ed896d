"""Posting to DynamoDB: HTTP/1.1 over kept connections, one request at a time on each; httptools reads the answers.

Only as much of HTTP as one well-behaved server needs. aiohttp does the same for 110 µs more CPU a call, of which a
request makes four (docs/decisions/0003). An answer is bounded in time and size, and nothing is ever sent again.
"""

import asyncio
import ssl
import time
from urllib.parse import urlsplit

import httptools

from functions.ledger.store import Ambiguous, NotApplied

ANSWER_BYTES_MAX = 17_000_000
"""DynamoDB answers with 16 MB at most (a transaction); a single item has 400 KB."""
CONNECTIONS_MAX = 1000
IDLE_S_MAX = 20
"""A connection idle for longer may have been closed, or the environment frozen: a new one is made."""


class Connection(asyncio.Protocol):
    """One kept connection; `answer` waits for the answer to what was sent."""

    def __init__(self) -> None:
        self.transport: asyncio.WriteTransport | None = None
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.parser: httptools.HttpResponseParser | None = None
        self.parts: list[bytes] = []
        self.size = 0
        self.reusable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            if self.parser is None:
                raise httptools.HttpParserError("nothing was asked")
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail("unreadable answer")

    def on_body(self, body: bytes) -> None:
        self.size += len(body)
        if self.size > ANSWER_BYTES_MAX:
            self.fail("answer too large")
        self.parts.append(body)

    def on_message_complete(self) -> None:
        parser, answer = self.parser, self.answer
        self.parser = self.answer = None
        if parser and answer and not answer.done():
            self.reusable = self.reusable and parser.should_keep_alive()
            answer.set_result((parser.get_status_code(), b"".join(self.parts)))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self.fail("connection lost")

    def fail(self, why: str) -> None:
        """No answer will come any more; whether the request was carried out is not known."""
        self.reusable = False
        if self.answer and not self.answer.done():
            self.answer.set_exception(Ambiguous(why))
        if self.transport:
            self.transport.abort()

    def post(self, request: bytes, answer: "asyncio.Future[tuple[int, bytes]]") -> None:
        """Send a request; `answer` becomes its status and body, or Ambiguous."""
        self.answer = answer
        self.parser = httptools.HttpResponseParser(self)
        self.parts, self.size = [], 0
        if self.transport:
            self.transport.write(request)


class Endpoint:
    """Where DynamoDB is, and the connections to it."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.tls else 80)
        self.timeout_s = timeout_s
        self.idle: list[Connection] = []
        self.count = 0

    async def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to one POST. Raises NotApplied (never sent) or Ambiguous (no answer)."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        request = f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body
        connection = self._reuse() or await self._connect()
        connection.idle_since = time.time()  # from when it asks: a freeze may come before its answer is read
        loop = asyncio.get_running_loop()
        coming: asyncio.Future[tuple[int, bytes]] = loop.create_future()
        timer = loop.call_later(self.timeout_s, connection.fail, "no answer in time")
        try:
            connection.post(request, coming)
            answer = await coming
        except BaseException:
            connection.fail("given up")
            self.count -= 1
            raise
        finally:
            timer.cancel()
        if connection.reusable:
            self.idle.append(connection)
        else:
            connection.fail("closed by the server")
            self.count -= 1
        return answer

    def _reuse(self) -> Connection | None:
        """The connection used last, if it is still good; the others age, and are closed when their turn comes."""
        while self.idle:
            connection = self.idle.pop()
            if connection.reusable and time.time() - connection.idle_since < IDLE_S_MAX:
                return connection
            connection.fail("idle for too long")
            self.count -= 1
        return None

    async def _connect(self) -> Connection:
        if self.count >= CONNECTIONS_MAX:
            raise NotApplied("too many connections")
        self.count += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, self.host, self.port, ssl=self.tls
                )
        except BaseException as error:
            self.count -= 1
            if isinstance(error, OSError):  # TimeoutError and ssl.SSLError too
                raise NotApplied("could not connect") from error
            raise
        return connection

    def close(self) -> None:
        """Close what is idle."""
        for connection in self.idle:
            connection.fail("closed")
        self.idle.clear()
