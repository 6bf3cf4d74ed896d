"""A model server that costs almost nothing, so that what is measured is the gateway before it.

    python -m benchmarks.mock_upstream PORT

Every POST is a chat completion: with `"stream": true` as `events()`, GAP_S apart, else as `completion()`. As OpenAI
does, a stream carries its usage only if `stream_options.include_usage` asks for it; as llama-server does, its events
carry `timings` only if `timings_per_token` asks for them. Standard library only.
"""

import asyncio
import json
import sys
from typing import Any

GAP_S = 0.002
EVENTS = 66
"""Server-sent events of one stream, the one with the usage and `[DONE]` included."""

WORDS = EVENTS - 3
PROMPT_TOKENS = 12
ANSWER = "A fixed reply of moderate length, for measuring and nothing else."
USAGE = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": WORDS, "total_tokens": PROMPT_TOKENS + WORDS}
COMMON = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "mock"}


# Numbers as a llama-server sends them: what a gateway reads of each event, where it meters by them.
TIMINGS = {
    "cache_n": 0,
    "prompt_n": PROMPT_TOKENS,
    "prompt_ms": 31.415,
    "prompt_per_token_ms": 2.617916,
    "prompt_per_second": 381.983128,
    "predicted_ms": 27.182,
    "predicted_per_token_ms": 2.0,
    "predicted_per_second": 500.0,
}


def completion() -> bytes:
    """The JSON of an answer in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    return json.dumps(COMMON | {"object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()


def events(*, include_usage: bool, timings: bool) -> list[bytes]:
    """The server-sent events of a streamed answer: EVENTS of them, or one less without usage."""
    chunks: list[dict[str, Any]] = [_chunk({"content": f" word{number}"}, None) for number in range(WORDS)]
    chunks.append(_chunk({}, "stop"))
    if include_usage:
        chunks.append(COMMON | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    if timings:
        chunks = [
            chunk | {"timings": TIMINGS | {"predicted_n": min(number, WORDS)}} for number, chunk in enumerate(chunks, 1)
        ]
    compact = [json.dumps(chunk, separators=(",", ":")).encode() for chunk in chunks]
    return [b"data: %s\n\n" % chunk for chunk in compact] + [b"data: [DONE]\n\n"]


def _chunk(delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return COMMON | {"object": "chat.completion.chunk", "choices": [choice]}


def _json_response(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _stream_response(sse: list[bytes]) -> list[bytes]:
    """One write each: the head with the first event, the events, the last one with the end of the body."""
    writes = [b"%x\r\n%s\r\n" % (len(event), event) for event in sse]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head + writes[0], *writes[1:-1], writes[-1] + b"0\r\n\r\n"]


COMPLETION = _json_response(completion())
STREAM = {
    (usage, timings): _stream_response(events(include_usage=usage, timings=timings))
    for usage in (False, True)
    for timings in (False, True)
}
GET = _json_response(b'{"status": "ok", "object": "list", "data": [{"id": "mock", "object": "model"}]}')
LENGTH_REQUIRED = _json_response(b'{"error": {"message": "send content-length"}}', b"411 Length Required")


class Upstream(asyncio.Protocol):
    """One connection, requests one after the other; bodies only with `content-length`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
        if lines[0].startswith(b"get "):
            self.received = rest
            self.transport.write(GET)
        elif not lengths:
            self.transport.write(LENGTH_REQUIRED)
            self.transport.close()
        elif len(rest) >= lengths[0]:
            self.received = rest[lengths[0] :]
            self.answer(json.loads(rest[: lengths[0]]))

    def answer(self, request: dict[str, Any]) -> None:
        if request.get("stream"):
            usage = bool((request.get("stream_options") or {}).get("include_usage"))
            self.send(STREAM[usage, bool(request.get("timings_per_token"))], 0)
        else:
            self.transport.write(COMPLETION)

    def send(self, writes: list[bytes], number: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(writes[number])
        if number + 1 < len(writes):
            asyncio.get_running_loop().call_later(GAP_S, self.send, writes, number + 1)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
