"""Plays API Gateway on one machine: `python -m infra.local.server --port 8503`.

The endpoints that stream go straight to the streaming function's ASGI app. All others become API Gateway
events for the Chalice app, one at a time: Chalice keeps the current request on the app object, as one Lambda
environment serves one request.
"""

import argparse
import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn

from functions import settings
from functions.errors import FareboxError, NotFound, TooLarge
from infra.local.events import Answer, Context, answer_of, event_of, raw_path
from infra.local.gateway_answers import GatewayError, static_file
from infra.local.loopback import HOST
from infra.local.routes import Match, Routes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

STREAMED = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/responses"})
STATIC = Path("dashboard_static")
ANSWER_TIMEOUT_S = 29.0  # API Gateway's for an integration that does not stream
BODY_TIMEOUT_S = 30.0
SHUTDOWN_TIMEOUT_S = 5

log = logging.getLogger("farebox.local")


def gateway(streaming: App, rest: Any, static: Path, max_body_bytes: int) -> App:
    """The ASGI app in front of both. `rest` is a Chalice app, `streaming` also gets the lifespan."""
    answer = RestFunction(rest, static, max_body_bytes)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["path"] in STREAMED and scope["method"] == "POST"):
            await streaming(scope, receive, send)
        else:
            await answer(scope, receive, send)

    return app


class RestFunction:
    """The Chalice app behind its routes, as ASGI."""

    def __init__(self, rest: Any, static: Path, max_body_bytes: int) -> None:
        self._rest = rest
        self._routes = Routes(rest.routes)
        self._static = static.resolve()
        self._max_body_bytes = max_body_bytes
        self._one_at_a_time = ThreadPoolExecutor(max_workers=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        try:
            status, headers, body = static_file(self._static, scope) or await self._invoke(scope, receive, request_id)
        except _Gone:
            return
        except GatewayError as error:
            status, headers, body = error.answer(request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _invoke(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        match = self._route(scope)
        body = await self._body(scope, receive)
        if scope["method"] == "OPTIONS" and "OPTIONS" not in self._rest.routes[match.resource]:
            return self._preflight(match)
        event = event_of(scope, body, match, request_id, self._rest.api.binary_types)
        context = Context(request_id, ANSWER_TIMEOUT_S)
        call = asyncio.get_running_loop().run_in_executor(self._one_at_a_time, self._rest, event, context)
        try:
            return answer_of(await asyncio.wait_for(call, ANSWER_TIMEOUT_S))
        except TimeoutError:
            raise GatewayError(504, FareboxError("The function did not answer in time.")) from None
        except Exception:
            # As API Gateway does it: the caller learns nothing, the log everything.
            log.exception("%s %s failed", scope["method"], match.resource)
            raise GatewayError(502, FareboxError("The function failed.")) from None

    def _route(self, scope: Scope) -> Match:
        match = self._routes.match(raw_path(scope))
        routes = self._rest.routes[match.resource] if match else {}
        streamed = {"POST"} if raw_path(scope) in STREAMED else set()
        preflight = scope["method"] == "OPTIONS" and any(route.cors for route in routes.values())
        if match and (scope["method"] in routes or preflight):
            return match
        allowed = ", ".join(sorted({*routes, *streamed}))
        if not allowed:
            raise GatewayError(404, NotFound("There is nothing at this path."))
        raise GatewayError(405, NotFound(f"This path answers only to {allowed}."), allow=allowed)

    def _preflight(self, match: Match) -> Answer:
        """What Chalice deploys beside a route with CORS: an answer of API Gateway's own."""
        routes = self._rest.routes[match.resource]
        cors = next(route.cors for route in routes.values() if route.cors)
        headers = cors.get_access_control_headers() | {"Access-Control-Allow-Methods": ",".join([*routes, "OPTIONS"])}
        return answer_of({"statusCode": 200, "headers": headers})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises 413 as soon as it is known to be too large, 408 when it does not come."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    body += message.get("body", b"")
                    if len(body) > self._max_body_bytes:
                        raise self._too_large()
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise GatewayError(408, FareboxError("The body did not come in time."), connection="close") from None

    def _too_large(self) -> "GatewayError":
        error = TooLarge(f"The body is larger than {self._max_body_bytes} bytes.")
        # Not one byte more is read: the connection cannot be used again.
        return GatewayError(413, error, connection="close")


class _Gone(Exception):
    """The client left before its request was whole."""


def main() -> None:
    """Serve until SIGTERM. One process, one loop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8503)
    port = parser.parse_args().port
    import app  # noqa: PLC0415  what is served; tests put others behind the gateway
    import functions.stream  # noqa: PLC0415

    uvicorn.run(
        gateway(functions.stream.app, app.app, STATIC, settings.get().max_body_bytes),
        host=HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        # The socket's peer is the client here; uvicorn would believe X-Forwarded-For of a local one.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


if __name__ == "__main__":
    main()
