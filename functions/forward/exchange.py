"""One request and the way to answer it, as an entry hands it to the story."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

Headers = dict[str, str]


class ClientLeft(Exception):
    """The client closed its connection."""


class Exchange(Protocol):
    """What the story knows of HTTP: neither ASGI nor Chalice."""

    endpoint: str
    authorization: list[str]
    """Every Authorization header, in order."""
    scope: str
    """What the client's address is counted under."""
    body: bytes
    started: bool
    """Status and headers have been sent."""

    async def start(self, status: int, headers: Headers) -> None: ...
    async def send(self, data: bytes) -> None: ...
    def leaving(self) -> AbstractAsyncContextManager[None]:
        """While open, raises ClientLeft in this task when the client leaves."""
        ...
