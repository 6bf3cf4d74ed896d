"""A server that answers each connection with the bytes a test gives, whatever was asked."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """`requests` are the bodies that came; `answers` are given in turn, the last one again and again."""

    answers: list[Answer]
    url: str = ""
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                headers = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:-2])
                self.requests.append(await reader.readexactly(int(headers[b"content-length"])))
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if callable(answer):
                    await answer(writer)
                    return
                writer.write(answer)
                await writer.drain()


@contextlib.asynccontextmanager
async def raw_server(*answers: Answer) -> AsyncIterator[RawServer]:
    """On 127.0.0.1, for the length of a test."""
    played = RawServer(list(answers))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await played.serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield played
    finally:
        server.close()


def http(status: int, body: bytes, *headers: bytes) -> bytes:
    """A whole answer with a length."""
    lines = [b"HTTP/1.1 %d Raw" % status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def reset(writer: asyncio.StreamWriter) -> None:
    """Close as a crash does: RST."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


async def silence(writer: asyncio.StreamWriter) -> None:
    """Say nothing, until the other side gives up."""
    while not writer.transport.is_closing():
        await asyncio.sleep(0.01)


def then_close(data: bytes) -> Answer:
    """These bytes, then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer
