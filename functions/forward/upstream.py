"""The connection to a provider: what is sent, and what its refusals mean to a client.

Outbound headers are a list of our own: nothing of the client's, and above all not its key, goes upstream.
"""

import asyncio
import copy
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from functions.errors import ProviderFailed, ProviderTimedOut
from functions.forward.providers import ANTHROPIC, LLAMA
from functions.forward.refusals import refusal, unreachable

ANSWER_BYTES_MAX = 32_000_000
ERROR_BYTES_MAX = 65_536
ERROR_WITHIN_S = 10.0
"""How long the body of a refusal may take. Nothing of it is an answer, and another provider may be waiting."""

STOP = "stop"
"""The provider stops when the connection is closed: what was made until then is charged."""
DRAIN = "drain"
"""The provider makes, and bills, the answer anyway: it is read to its end, and charged whole."""


ANTHROPIC_VERSION = "2023-06-01"
"""https://docs.anthropic.com/en/api/versioning"""


def _headers(kind: str, api_key: str) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "farebox"}
    if kind == ANTHROPIC:
        headers["anthropic-version"] = ANTHROPIC_VERSION
        return headers | {"x-api-key": api_key} if api_key else headers
    return headers | {"authorization": f"Bearer {api_key}"} if api_key else headers


def joined(kind: str, base_url: str, path: str) -> str:
    """The URL of an endpoint. A hosted provider's base URL ends with its version, which may be another than `v1`.

    A llama-server's may do so; one that is only a host has version 1.
    """
    base_url = base_url.rstrip("/")
    if kind != LLAMA and urlsplit(base_url).path:
        return base_url + path.removeprefix("/v1")
    return base_url.removesuffix("/v1") + path


class Upstream:
    """A provider's base URL and how long it may take."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        api_key: str,
        *,
        connect_s: float,
        idle_s: float,
        abort: str = STOP,
        kind: str = LLAMA,
        first_byte_s: float | None = None,
    ) -> None:
        """`abort` is what happens to an answer whose client left: STOP or DRAIN; `kind` what the provider speaks.

        `first_byte_s` is how long a stream may take to its first event; None: as long as `idle_s` lets it. An answer in
        one piece may take as long to its head, where others could be asked.
        """
        self.abort, self.kind, self.first_byte_s = abort, kind, first_byte_s
        self.session, self.base_url = session, base_url
        self.headers = _headers(kind, api_key)
        self.buffered_timeout = aiohttp.ClientTimeout(sock_connect=connect_s)
        self.stream_timeout = aiohttp.ClientTimeout(sock_connect=connect_s, sock_read=max(idle_s, first_byte_s or 0))
        self.idle_s = idle_s if (first_byte_s or 0) > idle_s else None
        """How long a stream may be silent once it has begun, where the socket's own time-out has to be longer."""

    def with_key(self, api_key: str) -> "Upstream":
        """The same provider, asked with another key from now on."""
        other = copy.copy(self)
        other.headers = _headers(self.kind, api_key)
        return other

    def post(self, path: str, body: bytes, reach: "Reach", *, stream: bool, hurried: bool = False) -> "Answer":
        """`async with` it: an answer of status 200, its body still to be read. `reach` learns of the connection.

        `hurried`: its head must come within `first_byte_s`. A stream has that for its first event anyway.
        """
        request = self.session.post(
            joined(self.kind, self.base_url, path),
            data=body,
            headers=self.headers,
            timeout=self.stream_timeout if stream else self.buffered_timeout,
            allow_redirects=False,
            trace_request_ctx=reach,
        )
        return Answer(request, self.kind, stream=stream, head_s=self.first_byte_s if hurried else None)


class Reach:
    """Whether a provider was reached: until then nothing can have been made, so nothing is charged."""

    __slots__ = ("reached",)

    def __init__(self) -> None:
        self.reached = False


def reach_tracing() -> aiohttp.TraceConfig:
    """What an aiohttp session needs so that Upstream's requests know when they have a connection."""
    tracing = aiohttp.TraceConfig()

    async def reached(session: aiohttp.ClientSession, context: Any, params: Any) -> None:  # noqa: ARG001
        if isinstance(context.trace_request_ctx, Reach):
            context.trace_request_ctx.reached = True

    tracing.on_connection_create_end.append(reached)
    tracing.on_connection_reuseconn.append(reached)
    return tracing


class Answer:
    """A provider's answer while it is open. Every failure of it becomes an error of ours.

    Raises BadRequest where the provider says the request is wrong, ProviderLoading, ProviderFailed,
    ProviderTimedOut; nothing else but what its user raises.
    """

    __slots__ = ("head_s", "kind", "request", "stream")

    def __init__(
        self,
        request: "AbstractAsyncContextManager[aiohttp.ClientResponse]",
        kind: str = LLAMA,
        *,
        stream: bool = False,
        head_s: float | None = None,
    ) -> None:
        """`head_s` is how long its status and headers may take; None: as long as its user lets it."""
        self.request, self.kind, self.stream, self.head_s = request, kind, stream, head_s

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self.head_s):
                response = await self.request.__aenter__()
        except (aiohttp.ClientError, OSError) as error:
            raise failure(error) from error
        try:
            await check(response, self.kind, stream=self.stream)
        except BaseException:
            response.close()
            raise
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.request.__aexit__(kind, error, trace)
        if isinstance(error, aiohttp.ClientError | OSError):
            raise failure(error) from error


async def check(response: aiohttp.ClientResponse, kind: str = LLAMA, *, stream: bool = False) -> None:
    """Raise what a response that cannot be passed on means."""
    if response.status != 200:
        try:
            async with asyncio.timeout(ERROR_WITHIN_S):
                body = await read_error(response)
        except (aiohttp.ClientError, OSError) as error:
            raise failure(error) from error
        raise refusal(response.status, body, kind)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProviderFailed("The provider sent a compressed answer, which was not asked for.")
    if stream and response.content_type == "application/json":
        raise ProviderFailed("The provider did not stream its answer; nothing was charged.")


def failure(error: Exception) -> ProviderFailed:
    """What went wrong between us and the provider, as an error of ours; TimeoutError is an OSError."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return unreachable()
    if isinstance(error, TimeoutError):
        return ProviderTimedOut("The provider took too long.")
    return ProviderFailed("The provider broke off.")


async def read_some(response: aiohttp.ClientResponse, within_s: float | None) -> bytes:
    """What comes next of an answer, b"" at its end; None: as long as the socket's time-out lets it."""
    if within_s is None:
        return await response.content.readany()
    async with asyncio.timeout(within_s):
        return await response.content.readany()


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """A whole answer, of at most ANSWER_BYTES_MAX. Raises ProviderFailed."""
    parts, size = [], 0
    async for data in response.content.iter_any():
        size += len(data)
        if size > ANSWER_BYTES_MAX:
            raise ProviderFailed("The provider sent an answer that is too large.")
        parts.append(data)
    return b"".join(parts)


async def read_error(response: aiohttp.ClientResponse) -> bytes:
    """The body of a refusal, or its beginning where it is longer than ERROR_BYTES_MAX."""
    body = b""
    async for data in response.content.iter_any():
        body += data
        if len(body) > ERROR_BYTES_MAX:
            break
    return body
