"""A stand-in for DynamoDB that answers each call at once and in one packet, so that the gateway's own CPU can be seen.

    python -m benchmarks.instant_dynamodb PORT PREFIX

Its answers have the headers that DynamoDB's have. Signatures are not looked at. It knows what the ledger asks
(benchmarks/instant_tables.py), and keeps nothing. Every GET is answered with `{}`: it is ready.
"""

import asyncio
import re
import sys
import zlib

import orjson
import uvloop

from benchmarks.instant_tables import Tables

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"\r\nx-amz-target: *DynamoDB_20120810\.(\w+)", re.IGNORECASE)
HEAD = (
    b"HTTP/1.1 %d %s\r\nServer: Server\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF\r\nx-amz-crc32: %d\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """One connection, requests one after the other."""

    transport: asyncio.Transport

    def __init__(self, tables: Tables) -> None:
        self.tables, self.received = tables, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not separator or len(rest) < size:
            return
        self.received = rest[size:]
        target = TARGET.search(head)
        if target:
            self._send(*self.tables.answer(target[1].decode(), orjson.loads(rest[:size])))
        else:
            self._send(200, {})

    def _send(self, status: int, document: object) -> None:
        body = orjson.dumps(document)
        reason = b"OK" if status == 200 else b"Bad Request"
        self.transport.write(HEAD % (status, reason, len(body), zlib.crc32(body)) + body)


async def serve(port: int, prefix: str) -> None:
    tables = Tables(prefix)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(tables), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
