"""Entry of the streaming function where API Gateway cannot stream: the same ASGI app, each answer in one piece.

An event of API Gateway goes in as the app sees requests behind Lambda Web Adapter: with the headers that the adapter
adds. What the app answers, events too, is collected and returned whole.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from functions import cors
from functions.asgi import Message, Receive, Scope, Send
from functions.errors import ProviderFailed
from functions.stream import App

RESULT_BYTES_MAX = 6_000_000
"""Lambda refuses an answer above 6 MB, which would reach the client as a 502 without a reason.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

TOO_LARGE = "The answer is too large to be sent in one piece; what was made of it is charged."

ADDED = "x-amzn-"
"""What the adapter's headers begin with, which the app believes."""
TRACE = "x-amzn-trace-id"
"""The one that API Gateway itself adds."""

OF_ITS_BODY = ("content-type", "content-length", "cache-control", "x-accel-buffering")
"""Headers that describe one answer, and say nothing of another that is sent in its place."""

app = App()
runner = asyncio.Runner()
"""One event loop for all invocations, so that connections are used again."""


class Answer:
    """The other side of one ASGI exchange: hands over the body, then collects what the app sends."""

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self.headers: dict[str, list[str]] = {}
        self.body = bytearray()
        self.whole = False
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._full = asyncio.Event()

    async def receive(self) -> Message:
        """The body, once; later that the client has left, which is said only when no more can be returned."""
        if self._request is not None:
            request, self._request = self._request, None
            return request
        await self._full.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                self.headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        elif not self._full.is_set():
            self.body += message.get("body", b"")
            self.whole = not message.get("more_body", False)
            if len(self.body) > RESULT_BYTES_MAX:
                self._full.set()

    def result(self) -> dict[str, Any]:
        """The answer as API Gateway takes it from a function."""
        if self._full.is_set():
            return self._failed(TOO_LARGE)
        if not self.whole:
            return self._failed("The answer broke off.")
        try:
            body, is_base64 = self.body.decode(), False
        except UnicodeDecodeError:
            body, is_base64 = base64.b64encode(self.body).decode(), True
        headers = {name: values for name, values in self.headers.items() if name != "content-length"}  # the gateway's
        result = _result(self.status, headers, body, is_base64)
        return result if len(json.dumps(result)) <= RESULT_BYTES_MAX else self._failed(TOO_LARGE)

    def _failed(self, message: str) -> dict[str, Any]:
        """An answer of this entry's own. Sent again, the request would cost again: it says so.

        What the app told stays told, above all the receipt: the client may have been charged.
        """
        error = ProviderFailed(message, headers={"x-should-retry": "false"})
        own = {"content-type": "application/json"} | cors.HEADERS | error.headers
        told = {name: values for name, values in self.headers.items() if name not in OF_ITS_BODY}
        headers = {"x-request-id": ["req_" + secrets.token_hex(12)]} | told
        headers |= {name: [value] for name, value in own.items()}
        return _result(error.status, headers, json.dumps(error.body()))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one event of a Lambda proxy integration of a REST API."""
    return runner.run(answer(app, event, context))


async def answer(
    app: Callable[[Scope, Receive, Send], Awaitable[None]], event: dict[str, Any], context: Any
) -> dict[str, Any]:
    """What `handler` does, with any app and on any loop."""
    body = event.get("body") or ""
    exchange = Answer(base64.b64decode(body) if event.get("isBase64Encoded") else body.encode())
    await app(scope_of(event, context), exchange.receive, exchange.send)
    return exchange.result()


def scope_of(event: dict[str, Any], context: Any) -> Scope:
    """The ASGI scope of an event, with the adapter's headers.

    The path is that of the route where it has no parameters: a stage or a domain's base path is not part of it.
    """
    path = event["resource"] if "{" not in event["resource"] else event["path"]
    sent: list[tuple[str, str]] = [
        (name.lower(), value) for name, values in (event.get("multiValueHeaders") or {}).items() for value in values
    ]
    deadline_ms = int(time.time() * 1000) + context.get_remaining_time_in_millis()
    told = {
        "x-amzn-request-context": event["requestContext"],
        "x-amzn-lambda-context": {"request_id": context.aws_request_id, "deadline": deadline_ms},
    }
    headers = [(name, value) for name, value in sent if name == TRACE or not name.startswith(ADDED)]
    headers += [(name, json.dumps(value)) for name, value in told.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": event["httpMethod"],
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers],
        "client": None,
    }


def _result(status: int, headers: dict[str, list[str]], body: str, is_base64: bool = False) -> dict[str, Any]:
    return {"statusCode": status, "multiValueHeaders": headers, "body": body, "isBase64Encoded": is_base64}
