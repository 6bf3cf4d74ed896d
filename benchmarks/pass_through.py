"""A listener that passes HTTP on to another server and notes every request: what, to which table, from when to when."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

TABLE = re.compile(rb'"TableName"\s*:\s*"([^"]+)"')
STATISTICS = re.compile(rb'"scope"\s*:\s*\{\s*"S"\s*:\s*"usage/')
CHUNK_BYTES = 65_536


@dataclass
class Call:
    """One request and its answer, in seconds of `time.perf_counter()`. `ended_s` is the answer's latest byte."""

    operation: str
    tables: tuple[str, ...]
    started_s: float
    ended_s: float = 0.0
    is_statistics: bool = False
    """Of functions/ledger/usage.py: of no request, and by no request waited for."""


@dataclass
class PassThrough:
    """Everything that goes to `target` (a URL) while the `async with` block runs; `url` is where to send it.

    Each request is held back for `delay_s`, so that requests sent together and one after the other are told apart.
    """

    target: str
    delay_s: float = 0.0
    calls: list[Call] = field(default_factory=list)
    url: str = ""
    connections: dict["asyncio.Task[None]", asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> "PassThrough":
        self.server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.server.close()
        for writer in self.connections.values():
            writer.close()  # its reader then meets the end, and the connection's task ends by itself
        await asyncio.gather(*self.connections)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections[task] = writer
        place = urlsplit(self.target)
        answers, requests = await asyncio.open_connection(place.hostname, place.port)
        open_calls: list[Call] = []
        backwards = asyncio.create_task(self._answers(answers, writer, open_calls))
        try:
            await self._requests(reader, requests, open_calls)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed its connection
        finally:
            backwards.cancel()
            requests.close()
            writer.close()
            del self.connections[task]

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open_calls: list[Call]
    ) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            started_s = time.perf_counter()
            line, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            # "DynamoDB_20120810.GetItem"; other servers are told apart by "POST /v1/chat/completions"
            operation = headers.get("x-amz-target", "").partition(".")[2] or line.rpartition(" ")[0]
            tables = tuple(sorted({name.decode() for name in TABLE.findall(body)}))
            call = Call(operation, tables, started_s, is_statistics=bool(STATISTICS.search(body)))
            self.calls.append(call)
            open_calls[:] = [call]  # without pipelining, whatever comes back next answers this
            await asyncio.sleep(self.delay_s)
            writer.write(head + body)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, open_calls: list[Call]
    ) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                for call in open_calls:
                    call.ended_s = time.perf_counter()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # either side is gone; closing tells the other
        writer.close()
