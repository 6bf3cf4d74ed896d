"""One request and the way to answer it, as an entry hands it to the story."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

Headers = dict[str, str]


class Presence(Protocol):
    """Whether the client is still there."""

    left: bool


@dataclass(slots=True)
class Sent:
    """What a request says of who sends it: every value of each header, in order."""

    authorization: list[str] = field(default_factory=list)
    api_key: list[str] = field(default_factory=list)
    """`x-api-key`, where Anthropic's SDKs put the key."""
    promptproxy_key: list[str] = field(default_factory=list)
    """`x-promptproxy-key`, which holds a user's token and is no key, whatever its name."""
    user_token: list[str] = field(default_factory=list)
    """`x-user-token`: the same by another name."""
    origin: list[str] = field(default_factory=list)
    scope: str = ""
    """What the client's address is counted under."""


class ClientLeft(Exception):
    """The client closed its connection."""


class Exchange(Protocol):
    """What the story knows of HTTP: neither ASGI nor Chalice."""

    endpoint: str
    sent: Sent
    idempotency_key: list[str]
    """Every Idempotency-Key header, in order."""
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
