"""Plays API Gateway on one machine: `python -m infra.local.server --port 8503`.

The endpoints that stream go straight to the streaming function's ASGI app. All others become API Gateway
events for the Chalice apps, each of which answers one at a time: Chalice keeps the current request on the app object,
as one Lambda environment serves one request.

With `--stage staging` all of it is at `/staging/…`, as at the address that API Gateway gives to a stage.
"""

import argparse
import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

from functions import settings
from functions.errors import FareboxError, NotFound, TooLarge
from functions.forward.endpoints import ENDPOINTS
from functions.routing import Match
from infra.local import errands
from infra.local.authorizing import authorize
from infra.local.events import Answer, Context, answer_of, event_of, raw_path
from infra.local.functions import Function, Resources, operators, owners, routed
from infra.local.gateway_answers import GatewayError
from infra.local.loopback import HOST
from infra.local.outbox_page import OutboxPage
from infra.local.static_site import StaticSite
from infra.site.files import files

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

ANSWER_TIMEOUT_S = 29.0  # API Gateway's for an integration that does not stream
BODY_TIMEOUT_S = 30.0
SHUTDOWN_TIMEOUT_S = 5

log = logging.getLogger("farebox.local")


def gateway(
    streaming: App, functions: list[Function], site: StaticSite, max_body_bytes: int, *, stage: str = ""
) -> App:
    """The ASGI app in front of all. `streaming` also gets the lifespan; `stage` is where all of it is, "" the root."""
    answer = Gateway(functions, site, max_body_bytes, stage)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await streaming(scope, receive, send)
            return
        inner = _inside(scope, stage)
        if inner and raw_path(inner) in ENDPOINTS and inner["method"] == "POST":
            await streaming(inner, receive, send)
        else:
            await answer(inner, receive, send)

    return app


def _inside(scope: Scope, stage: str) -> Scope | None:
    """The request with its path as it is below the stage; None where it is not below."""
    if not stage:
        return scope
    prefix, path = f"/{stage}", raw_path(scope)
    if not path.startswith(prefix + "/"):
        return None
    raw = path.removeprefix(prefix)
    return {**scope, "path": scope["path"].removeprefix(prefix), "raw_path": raw.encode("latin-1")}


class Gateway:
    """The Chalice apps behind their routes, and the site where no route is, as ASGI."""

    def __init__(self, functions: list[Function], site: StaticSite, max_body_bytes: int, stage: str) -> None:
        self._resources = Resources(functions)
        self._site = site
        self._max_body_bytes = max_body_bytes
        self._stage = stage

    async def __call__(self, scope: Scope | None, receive: Receive, send: Send) -> None:
        """Answer a request, as it is below the stage; None: it is not."""
        request_id = str(uuid.uuid4())
        try:
            status, headers, body = await self._answer(scope, receive, request_id)
        except _Gone:
            return
        except GatewayError as error:
            status, headers, body = error.answer(request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope | None, receive: Receive, request_id: str) -> Answer:
        found = self._resources.find(raw_path(scope), scope["method"]) if scope else None
        if scope and found is None and (page := self._site.answer(scope)):
            return page
        if scope is None or found is None:
            raise GatewayError(404, NotFound("There is nothing at this path."))
        function, match = found
        try:
            body = await self._body(scope, receive)
            return await self._invoke(function, match, scope, body, request_id)
        except GatewayError as error:
            error.readable_by_pages = function.readable_by_pages
            raise

    async def _invoke(self, function: Function, match: Match, scope: Scope, body: bytes, request_id: str) -> Answer:
        event = event_of(scope, body, match, request_id, function.app.api.binary_types, stage=self._stage)
        context = Context(request_id, ANSWER_TIMEOUT_S)

        def call() -> Any:
            if function.authorizer and event["httpMethod"] != "OPTIONS":
                authorize(function.authorizer, event, context)
            return function.app(event, context)

        answering = asyncio.get_running_loop().run_in_executor(function.one_at_a_time, call)
        try:
            return answer_of(await asyncio.wait_for(answering, ANSWER_TIMEOUT_S))
        except TimeoutError:
            raise GatewayError(504, FareboxError("The function did not answer in time.")) from None
        except GatewayError:
            raise
        except Exception:
            # As API Gateway does it: the caller learns nothing, the log everything.
            log.exception("%s %s failed", scope["method"], match.resource)
            raise GatewayError(502, FareboxError("The function failed.")) from None

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
    parser.add_argument("--stage", default="", help="serve below /STAGE, as API Gateway does")
    parser.add_argument("--outbox", action="store_true", help="show the mails of MAIL_OUTBOX at /outbox")
    parser.add_argument("--errands", type=float, default=0, help="tell what is due every so many seconds; 0: never")
    given = parser.parse_args()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    import app  # noqa: PLC0415  what is served; tests put others behind the gateway
    import functions.admin  # noqa: PLC0415
    import functions.authorizer  # noqa: PLC0415
    import functions.console  # noqa: PLC0415
    import functions.stream  # noqa: PLC0415
    import functions.webhooks  # noqa: PLC0415

    behind = [
        routed(app.app),
        routed(functions.webhooks.app),
        owners(functions.console.app),
        operators(functions.admin.app, functions.authorizer.handler),
    ]
    found = settings.get()
    shows = given.outbox and found.mail_outbox
    outbox = OutboxPage(Path(found.mail_outbox), found.base_url) if shows else None
    site = StaticSite(files(), found.base_url.rstrip("/"), outbox)
    with errands.running(given.errands):
        uvicorn.run(
            gateway(functions.stream.app, behind, site, found.max_body_bytes, stage=given.stage),
            host=HOST,
            port=given.port,
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
