"""One request and the way to answer it, as an entry hands it to the story."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Headers = dict[str, str]


class Presence(Protocol):
    """Whether the client is still there."""

    left: bool


class ClientLeft(Exception):
    """The client closed its connection."""


class Exchange(Protocol):
    """What the story knows of HTTP: neither ASGI nor Chalice."""

    endpoint: str
    authorization: list[str]
    """Every Authorization header, in order."""
    idempotency_key: list[str]
    """Every Idempotency-Key header, in order."""
    scope: str
    """What the client's address is counted under."""
    body: bytes
    started: bool
    """Status and headers have been sent."""
    ends_at_s: float | None
    """When the function that serves this request is ended, in seconds since 1970; None where nobody ends it."""

    async def start(self, status: int, headers: Headers) -> None: ...
    async def send(self, data: bytes) -> None: ...
    def leaving(self, interrupts: Callable[[], bool]) -> AbstractAsyncContextManager[Presence]:
        """While open, notes when the client leaves; raises ClientLeft in this task where `interrupts` says so then."""
        ...
