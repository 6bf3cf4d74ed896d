"""The least that a gateway can be: a relay on the gateway's own stack, with no key, no ledger and no checks.

    UPSTREAM=http://127.0.0.1:9002 python -m benchmarks.bare_relay PORT

What the gateway costs above this is the price of knowing who asks and charging for it.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import aiohttp
import uvicorn

UPSTREAM = os.environ.get("UPSTREAM", "")
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application: `/health`, and everything else goes to the upstream."""
    if scope["type"] != "http":
        raise RuntimeError(f"not served: {scope['type']}")
    if scope["path"] == "/health":
        await _start(send, 200, b"application/json")
        await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
        return
    await _relay(scope["path"], await _body(receive), send)


async def _relay(path: str, body: bytes, send: Send) -> None:
    headers = {"content-type": "application/json"}
    async with _client().post(UPSTREAM + path, data=body, headers=headers) as response:
        await _start(send, response.status, response.headers["content-type"].encode())
        if response.content_type != "text/event-stream":
            await send({"type": "http.response.body", "body": await response.read()})
            return
        async for chunk in response.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(send: Send, status: int, content_type: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})


@cache
def _client() -> aiohttp.ClientSession:
    """One session, made in the first request because it belongs to the running loop."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
