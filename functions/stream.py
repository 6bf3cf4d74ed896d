"""Entry of the streaming function: the ASGI app of all that is forwarded to a model, `ENDPOINTS`.

On Lambda it runs on uvicorn behind AWS Lambda Web Adapter; on one machine `infra.local.server` calls it.
"""

import asyncio
import gc
import json
import logging
import os
from dataclasses import replace
from typing import Any

from functions import settings as settings_module
from functions.admit import rules
from functions.asgi import HttpExchange, Receive, Scope, Send
from functions.authenticate.address import client_address, scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.authenticate.jwks import KeySets
from functions.authenticate.tokens import Verifier
from functions.errors import BadRequest, FareboxError, NotFound, TooLarge, where
from functions.forward.endpoints import ENDPOINTS
from functions.forward.exchange import ClientLeft
from functions.forward.outside import Outside
from functions.ledger.dynamodb import DynamoDB, endpoint_of, keys_from
from functions.ledger.http import Endpoint
from functions.ledger.store import Ledger, SystemClock
from functions.projects.asking import Door
from functions.projects.live import Projects
from functions.settings import Settings, projects_secrets
from functions.signature import Signer
from functions.story import Gateway, serve
from functions.tally import Tally
from functions.telemetry import Telemetry

log = logging.getLogger("farebox.stream")

GC_THRESHOLDS = (20_000, 20, 20)


def _object(text: str) -> dict[str, Any]:
    """A JSON object; {} for anything else."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def door_of(settings: Settings, ledger: Ledger, callers: Callers, outside: Outside) -> Door:
    """Who finds out who is asking; made anew when secrets changed."""
    keysets = KeySets(outside.fetch, ledger.clock.now, settings.outbound_allowed_cidrs)
    projects = Projects(settings, ledger, callers, in_background=True)
    return Door(projects, callers, Verifier(keysets, projects_secrets(settings), ledger.clock.now))


class App:
    """The ASGI app. Connections and caches are made when the first request comes, or at lifespan's start."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.source = None if settings else settings_module.source()
        self.settings = settings or settings_module.get()
        if self.settings.on_lambda:
            self.settings.need("hash_secret")  # on one machine it is asked for when the app is opened
        self.telemetry = Telemetry(self.settings, "stream")
        self.rules = rules.of(self.settings)  # malformed: nothing starts
        self.gateway: Gateway | None = None
        self.outside: Outside | None = None
        self.renewing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _renew(self, source: settings_module.Source) -> None:
        """Read secrets again that are too old; requests that come meanwhile wait for the same reading. Never raises."""
        if self.renewing is None:
            self.renewing = asyncio.create_task(self._read_again(source))
        await asyncio.wait({self.renewing})  # unlike `await`, does not end it with a request that is cancelled

    async def _read_again(self, source: settings_module.Source) -> None:
        try:
            settings = await asyncio.to_thread(source.renew)
            if settings is not self.settings:
                self.settings = settings
                if self.gateway and self.outside:
                    self.gateway = replace(
                        self.gateway,
                        settings=settings,
                        upstream=self.gateway.upstream.with_key(settings.llama_api_key),
                        door=door_of(settings, self.gateway.ledger, self.gateway.callers, self.outside),
                    )
        except Exception as error:  # noqa: BLE001  whatever it is, the settings that work go on
            log.error("the secrets stay as they are: %s", where(error))
        finally:
            self.renewing = None

    async def _http(self, http: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, list[str]] = {}
        for name, value in http["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        context = self._context(headers)
        path = str(context.get("resourcePath") or http["path"])  # a stage or a domain may put its own before it
        exchange = HttpExchange(path, headers, receive, send)
        trace, invocation = ((headers.get(name) or [""])[0] for name in (b"x-amzn-trace-id", b"x-amzn-lambda-context"))
        endpoint = path if path in ENDPOINTS else "other"
        watch = self.telemetry.watch(exchange.request_id, endpoint, trace=trace, context=invocation)
        exchange.ending = lambda: watch.done(exchange.status, exchange.first_byte_s)
        try:
            if path not in ENDPOINTS or http["method"] != "POST":
                raise NotFound("There is nothing at this path.")
            if headers.get(b"content-encoding", ["identity"]) != ["identity"]:
                raise BadRequest("A compressed body is not accepted.", param="content-encoding")
            await exchange.read(self.settings.max_body_bytes)
            if self.source and self.source.is_due():
                await self._renew(self.source)
            exchange.sent.scope = self._address(http, headers, context)
            exchange.ends_at_s = self._ends_at_s(headers)
            await serve(self.gateway or self.open(), exchange, watch)
        except FareboxError as error:
            watch.failed(error)
            self._count(exchange, error)
            await exchange.refuse(error)
            if isinstance(error, TooLarge):
                await exchange.drain(4 * self.settings.max_body_bytes)
        except ClientLeft:
            watch.left()
            return
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("a request failed: %s", where(error))  # a fault of ours: its hold, if it had one, expires
            watch.failed(failure := FareboxError("The gateway failed; nothing was charged."))
            self._count(exchange, failure)
            if exchange.started:
                return  # the server closes the connection: the client sees that the answer is not whole
            await exchange.refuse(failure)
        finally:
            exchange.ending()  # for an answer that has no end
        await exchange.finish()

    def _count(self, exchange: HttpExchange, error: FareboxError) -> None:
        """A refusal, for the statistics of the project whose key it came with."""
        if self.gateway:
            self.gateway.tally.refused(self.gateway.door.project_of(exchange.sent), error)

    def _context(self, headers: dict[bytes, list[str]]) -> dict[str, Any]:
        """What API Gateway says about the request, which the adapter hands on; {} where there is none."""
        if not self.settings.on_lambda:
            return {}
        return _object((headers.get(b"x-amzn-request-context") or [""])[0])

    def _address(self, http: Scope, headers: dict[bytes, list[str]], context: dict[str, Any]) -> str:
        """What the client's address counts under: API Gateway's word on Lambda, else the socket's peer."""
        peer = http["client"][0] if http.get("client") else ""
        if self.settings.on_lambda:
            peer = str((context.get("identity") or {}).get("sourceIp") or "")
        forwarded = ",".join(headers.get(b"x-forwarded-for", []))
        address = client_address(peer, forwarded, self.settings.trusted_hops)
        return scope("ip", address, self.settings.hash_secret)

    def _ends_at_s(self, headers: dict[bytes, list[str]]) -> float | None:
        """When Lambda ends this invocation, as its context says, which the adapter hands on."""
        if not self.settings.on_lambda:
            return None
        deadline_ms = _object((headers.get(b"x-amzn-lambda-context") or [""])[0]).get("deadline")
        return deadline_ms / 1000 if isinstance(deadline_ms, int) else None

    def open(self) -> Gateway:
        """Make what every request shares; needs a running loop."""
        settings = self.settings
        settings.need("hash_secret")
        endpoint, host = endpoint_of(settings.dynamodb_endpoint_url, settings.aws_region)
        keys = keys_from(settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token)
        store = DynamoDB(Endpoint(endpoint, settings.ledger_timeout_s), Signer(host, settings.aws_region, keys))
        ledger = Ledger(store, SystemClock(), os.urandom, settings.table_prefix, self.telemetry.healed)
        self.outside = Outside(settings)
        callers = Callers()
        self.gateway = Gateway(
            settings=settings,
            ledger=ledger,
            upstream=self.outside.llama(settings),
            callers=callers,
            addresses=Addresses(self.rules.address_limits),
            door=door_of(settings, ledger, callers, self.outside),
            connect=self.outside.connect,
            tally=Tally(ledger),
        )
        # What is there now stays for good, and a request makes few cycles: collect rarely (11 % of CPU otherwise).
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return self.gateway

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self.open()
                except settings_module.SettingsError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                if self.gateway:
                    await self.gateway.tally.close()
                if self.outside:
                    await self.outside.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


app = App()
