"""Passing an answer on, from the provider to the client: event by event, or in one piece."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from functions.errors import FareboxError, ProviderFailed, ProviderTimedOut, where
from functions.forward import readers, responses
from functions.forward.answers import parsed, read_hosted
from functions.forward.endpoints import MODERATIONS, RESPONSES
from functions.forward.events import DONE, EVENT_BYTES_MAX, base_name, compact, cut
from functions.forward.exchange import ClientLeft, Exchange, Headers, Presence
from functions.forward.llama import BYTES_PER_TOKEN, Prepared
from functions.forward.providers import LLAMA
from functions.forward.refusals import content_refused
from functions.forward.upstream import STOP, Reach, Upstream, read_all, read_some
from functions.money import Usage

log = logging.getLogger("farebox.forward")

DRAIN_S = 2
"""How long a provider may take to close after it said that this was all."""

FAREWELL_S = 1
"""How long a client may take to take the last event of an answer that broke off."""

STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class Stream:
    """One streamed answer. `outcome` says how it went, the meter what it used."""

    def __init__(self, prepared: Prepared, output_limit: int, reach: Callable[[Usage], Awaitable[int]]) -> None:
        """`reach` says, of a usage, how many more tokens may come before it is to be asked again; negative: none."""
        self.prepared, self.credits_reach = prepared, reach
        output_limit = min(output_limit, prepared.output_limit)  # another of its route may make more
        self.output_limit = output_limit
        self.checked_until = 0
        """As far as this output, in tokens, the credits are known to reach."""
        self.meter = readers.meter(prepared)
        self.reader = readers.reader(prepared, output_limit, self.meter)
        self.outcome = "completed"
        self.reach = Reach()
        self.presence: Presence
        self.beginning: asyncio.Timeout | None = None
        """Runs until the first event, where the provider has its own time for that."""
        self.heard = False
        """The first event came."""
        self.held: list[bytes] = []
        """Events that say only that an answer begins: the client gets them with the first that says more."""
        self.begun = False
        """Something came that the client gets, or would have got."""
        self.unheard = False
        """The client left before the end of it."""

    @property
    def blocked(self) -> str:
        """Who kept the answer back because of its content; "" where nobody did."""
        return self.reader.blocked

    async def run(self, upstream: Upstream, exchange: Exchange, headers: Headers, limit_s: float) -> None:
        """Pass every event on as it comes. Raises FareboxError only while the client has got nothing."""
        try:
            async with (
                exchange.leaving(interrupts(upstream, self.reach)) as self.presence,
                asyncio.timeout(limit_s) as deadline,
            ):
                if upstream.first_byte_s is None:
                    await self._pass(upstream, exchange, headers | STREAM_HEADERS, deadline)
                else:
                    await self._begin_soon(upstream, exchange, headers | STREAM_HEADERS, deadline)
        except ClientLeft:
            if not self.reach.reached:
                raise
            if not self.reader.ended:
                self.unheard, self.outcome = True, "client_left"
        except TimeoutError:
            if not self.reader.ended:
                await self._broke_off(exchange, ProviderTimedOut("The request took too long."), "timed_out")
        except FareboxError as error:
            if not (self.begun and self.reader.ended):
                await self._broke_off(exchange, error, "provider_failed")
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("a stream failed: %s", where(error))  # a fault of ours must not make an answer free
            await self._broke_off(exchange, FareboxError("The gateway failed."), "gateway_failed")

    async def _begin_soon(
        self, upstream: Upstream, exchange: Exchange, headers: Headers, deadline: asyncio.Timeout
    ) -> None:
        """Pass an answer on whose first event must come in time; comments are none."""
        try:
            async with asyncio.timeout(upstream.first_byte_s) as beginning:
                self.beginning = beginning
                await self._pass(upstream, exchange, headers, deadline)
        except TimeoutError:
            if not beginning.expired():
                raise
            raise ProviderTimedOut("The provider took too long to begin; nothing was charged.") from None

    async def _pass(self, upstream: Upstream, exchange: Exchange, headers: Headers, deadline: asyncio.Timeout) -> None:
        reader, pending = self.reader, b""
        body = self.prepared.body(self.output_limit)
        async with upstream.post(self.prepared.endpoint, body, self.reach, stream=True) as response:
            while data := await read_some(response, upstream.idle_s if self.heard else None):
                if reader.ended:
                    continue  # until it closes, so that the connection can be used again
                events, pending = cut(pending, data)
                await self._show(exchange, headers, events)
                if reader.ended:
                    soon = asyncio.get_running_loop().time() + DRAIN_S
                    deadline.reschedule(min(soon, deadline.when() or soon))
                elif self.meter.output > self.checked_until and await self._is_over():
                    self.outcome = "cut"
                    if not self.begun and not self.presence.left:
                        await exchange.start(200, headers)
                    self._begin()
                    ending = reader.cut_off(self.meter.so_far(self.prepared.input_estimate))
                    await self._send(exchange, [*self.held, *ending])
                    return
        if pending and not reader.ended:
            await self._show(exchange, headers, [pending])
        if not self.begun:
            raise ProviderFailed("The provider sent nothing; nothing was charged.")
        if reader.failed:
            self.outcome = "provider_failed"
        elif not reader.ended:
            if not readers.closed(reader):
                raise ProviderFailed("The provider ended its answer too early.")
            await self._send(exchange, [DONE])

    async def _show(self, exchange: Exchange, headers: Headers, events: list[bytes]) -> None:
        """Read events, and pass on what of them is for the client.

        A comment begins no answer, and neither does an error: what fails before its first event is charged nothing.
        """
        read = self.reader.read
        shown: list[bytes] = []
        for event in events:
            if event and (show := read(event)) is not None:
                if not (self.begun or shown):
                    if self.reader.failed:
                        if self.reader.blocked:
                            raise content_refused()
                        raise ProviderFailed("The provider failed; nothing was charged.")
                    if show.startswith(b":") or self._holds_back(show):
                        continue
                shown.append(show)
            if self.reader.ended:
                break  # what comes after the end is not for the client
        if shown and self.presence.left:
            self._begin()
            self.unheard, self.outcome = True, "client_left"
        elif shown:
            if not self.begun:
                self._begin()
                await exchange.start(200, headers)
            shown = [*self.held, *shown, b""]
            self.held = []
            await exchange.send(b"\n\n".join(shown))

    def _holds_back(self, show: bytes) -> bool:
        """Whether an event is kept until more comes: what fails before that can still be asked of another."""
        self._hear()
        if not readers.opening(self.reader) or sum(map(len, self.held)) > EVENT_BYTES_MAX:
            return False
        self.held.append(show)
        return True

    def _hear(self) -> None:
        """The first event came, so its time is not over."""
        self.heard = True
        if self.beginning:
            self.beginning.reschedule(None)

    def _begin(self) -> None:
        """From now on the answer counts, and no other provider can be asked."""
        self.begun = True
        self._hear()

    async def _is_over(self) -> bool:
        """Whether the credits are used up; else notes as far as they reach."""
        reach = await self.credits_reach(self.meter.so_far(self.prepared.input_estimate))
        self.checked_until = self.meter.output + max(0, reach)
        return reach < 0

    async def _broke_off(self, exchange: Exchange, error: FareboxError, outcome: str) -> None:
        if not self.begun:
            if self.presence.left:
                raise ClientLeft from error
            raise error
        self.outcome = outcome
        if self.presence.left:
            return
        with contextlib.suppress(TimeoutError):  # a client that does not read must not hold up its settle
            async with asyncio.timeout(FAREWELL_S):
                await self._send(exchange, self.reader.broke_off(error))

    async def _send(self, exchange: Exchange, events: list[bytes]) -> None:
        if not self.presence.left:
            await exchange.send(b"\n\n".join(events) + b"\n\n")

    def usage(self) -> Usage:
        """What the answer used, by the meter's rules."""
        return self.meter.total(self.prepared.input_estimate, ended=self.reader.ended and not self.reader.failed)


def interrupts(upstream: Upstream, reach: Reach) -> Callable[[], bool]:
    """Whether a client that leaves ends its answer: always before the provider was reached, then by its rule."""
    return lambda: upstream.abort == STOP or not reach.reached


class Whole:
    """One answer in one piece. `raw` is what the client gets."""

    def __init__(self, prepared: Prepared, output_limit: int, *, hurried: bool = False) -> None:
        """`hurried`: another provider could be asked, so this one's head must come within its `first_byte_s`.

        Most providers send it when the answer is whole. The last one that can be asked has all the time there is.
        """
        self.hurried = hurried
        self.prepared, self.output_limit = prepared, min(output_limit, prepared.output_limit)
        self.meter = readers.meter(prepared)
        self.outcome = "completed"
        self.blocked = ""
        """Who kept the answer back because of its content; "" where nobody did."""
        self.model = ""
        self.raw = b""
        self.reach = Reach()
        self.presence: Presence
        self.unheard = False

    async def run(self, upstream: Upstream, exchange: Exchange, limit_s: float) -> None:
        """Fetch the answer. Raises FareboxError when there is none, ClientLeft when nobody waits for one either."""
        body = self.prepared.body(self.output_limit)
        try:
            async with (
                exchange.leaving(interrupts(upstream, self.reach)) as self.presence,
                asyncio.timeout(limit_s),
                upstream.post(self.prepared.endpoint, body, self.reach, stream=False, hurried=self.hurried) as response,
            ):
                self.raw = await read_all(response)
                if self.presence.left:
                    self.unheard, self.outcome = True, "client_left"
        except ClientLeft:
            if not self.reach.reached:
                raise
            self.unheard, self.outcome = True, "client_left"
        except TimeoutError:
            raise ProviderTimedOut("The provider took too long; nothing was charged.") from None
        except FareboxError as error:
            if self.presence.left:
                raise ClientLeft from error
            raise
        else:
            await self._read()

    async def _read(self) -> None:
        if self.prepared.kind != LLAMA:
            await self._read_hosted()
            return
        answer = await parsed(self.raw, numbers=True)
        if answer is None:
            raise ProviderFailed("The provider's answer is not JSON; nothing was charged.")
        full = str(answer.get("model", ""))
        if answer.get("error") and not (answer.get("choices") or answer.get("output")):
            raise ProviderFailed("The provider failed; nothing was charged.")
        self.meter.guess(len(self.raw) // BYTES_PER_TOKEN)
        self.meter.report(answer.get("usage"))
        self.model = base_name(full)
        if self.prepared.endpoint == RESPONSES:
            answer = responses.complete(answer, self.output_limit)
        elif self.model == full:
            return
        else:
            answer["model"] = self.model
        self.raw = compact(answer)

    async def _read_hosted(self) -> None:
        """Of a hosted provider the client gets what came, byte by byte."""
        told = await read_hosted(self.prepared.endpoint, self.raw)
        if self.prepared.endpoint != MODERATIONS:
            has_output = bool(self.prepared.limit_name)
            self.meter.guess(len(self.raw) // BYTES_PER_TOKEN if has_output else 0)
            self.meter.report(told.usage)
        self.model, self.blocked = told.model, told.blocked

    def usage(self) -> Usage:
        """What the answer used, by the meter's rules."""
        return self.meter.total(self.prepared.input_estimate, ended=bool(self.raw))
