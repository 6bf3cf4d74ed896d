"""One request, as a story: authenticate → admit → forward → settle.

Knows neither ASGI nor Chalice: an entry hands in an Exchange, which is the request and the way to answer it.
"""

import asyncio
from dataclasses import dataclass, replace

from functions import money
from functions.admit.allowance import Allowance
from functions.admit.estimate import affordable_output
from functions.admit.gate import Gate, Ticket, repeat
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.authenticate.keys import bearer
from functions.errors import FareboxError, ProviderTimedOut
from functions.forward.exchange import ClientLeft, Exchange, Headers
from functions.forward.llama import prepare
from functions.forward.passing import Stream, Whole
from functions.forward.upstream import Upstream
from functions.ledger.account import Account
from functions.ledger.admit import Admission
from functions.ledger.store import Ledger
from functions.ledger.windows import FOREVER_S
from functions.observer import NOBODY, Observer
from functions.settings import Settings
from functions.settle.charge import charge, receipt

HOLD_OUTLIVES_REQUEST_S = 60
SETTLES_WITHIN_S = 10
"""What is kept of a function's time for the receipt and the settle. Should it not be enough, the next read heals."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every request shares."""

    settings: Settings
    ledger: Ledger
    upstream: Upstream
    callers: Callers
    addresses: Addresses
    gate: Gate

    def limit_s(self, exchange: Exchange, ticket: Ticket) -> float:
        """How long an answer may take from now on: its hold outlives it (rule 3), and so does its function."""
        outlives_s = min(HOLD_OUTLIVES_REQUEST_S, self.settings.hold_expiry_s / 2)
        ends_s = ticket.admission.hold.expires - outlives_s
        if exchange.ends_at_s is not None:
            ends_s = min(ends_s, exchange.ends_at_s - SETTLES_WITHIN_S)
        return ends_s - self.ledger.clock.now()


async def serve(gateway: Gateway, exchange: Exchange, observer: Observer = NOBODY) -> None:
    """Answer one request. FareboxError or ClientLeft come out only while nothing was answered or charged."""
    try:
        await _serve(gateway, exchange, observer)
    except asyncio.CancelledError:  # by the server that runs this: nobody waits for the answer any more
        observer.left()
        raise


async def _serve(gateway: Gateway, exchange: Exchange, observer: Observer) -> None:
    ticket = await authenticate_and_admit(gateway, exchange)
    observer.admitted(ticket.admission.hold.hold_id, stream=ticket.prepared.stream)
    try:
        if gateway.limit_s(exchange, ticket) <= 0:
            raise ProviderTimedOut("The request's time was over before it was forwarded; nothing was charged.")
        if ticket.prepared.stream:
            await _stream(gateway, exchange, ticket, observer)
        else:
            await _whole(gateway, exchange, ticket, observer)
    except (FareboxError, ClientLeft) as error:
        account = await gateway.gate.give_back(ticket)
        if isinstance(error, FareboxError):
            error.headers |= _told(gateway, ticket.admission, account or ticket.admission.account)
        raise


async def authenticate_and_admit(gateway: Gateway, exchange: Exchange) -> Ticket:
    """Count the address, find the caller, check the request and pass the gate.

    For a caller seen before, the address is counted while the hold is taken: one round trip in all. If the
    address is refused then, all is given back. A key not seen before is looked up only after its address.
    """
    gateway.addresses.check(gateway.ledger, exchange.scope)
    counting = asyncio.ensure_future(gateway.addresses.count(gateway.ledger, exchange.scope))
    try:
        key = bearer(exchange.authorization)
        caller = gateway.callers.remembered(key)
        if caller is None:
            await counting
            caller = await gateway.callers.look_up(gateway.ledger, key)
        limits = gateway.settings.llama_max_output_tokens, gateway.settings.llama_template_tokens
        prepared = prepare(exchange.endpoint, exchange.body, *limits)
        repeated = repeat(exchange.idempotency_key, exchange.endpoint, exchange.body)
        ticket = await gateway.gate.admit(caller, key, prepared, repeated)
    except FareboxError:
        await counting  # a full address speaks first, whatever else is wrong
        raise
    try:
        await counting
    except Exception:
        await gateway.gate.give_back(ticket)
        raise
    return ticket


async def _stream(gateway: Gateway, exchange: Exchange, ticket: Ticket, observer: Observer) -> None:
    """An answer event by event; receipt and settle come after its last event and before the body ends.

    Its output limit upstream is what all credits that are free would cover: its hold grows while it runs.
    """
    admission, account = ticket.admission, ticket.admission.account
    credits = admission.hold.amount + account.available(gateway.ledger.clock.now())
    output_limit = affordable_output(ticket.prepared, ticket.price, ticket.asked.output_max, credits)
    allowance = Allowance(gateway.ledger, gateway.callers, ticket)
    stream = Stream(ticket.prepared, output_limit, allowance.reach)
    headers = _headers(gateway, ticket, account, output_limit)
    try:
        await stream.run(gateway.upstream, exchange, headers, gateway.limit_s(exchange, ticket))
    finally:
        ticket = replace(ticket, admission=await allowance.admission_for(stream.usage()))
    await _settle(gateway, ticket, stream, stream.reader.model, observer)


async def _whole(gateway: Gateway, exchange: Exchange, ticket: Ticket, observer: Observer) -> None:
    """An answer in one piece; it waits for its settle."""
    output_limit = affordable_output(
        ticket.prepared, ticket.price, ticket.asked.output_max, ticket.admission.hold.amount
    )
    whole = Whole(ticket.prepared, output_limit)
    await whole.run(gateway.upstream, exchange, gateway.limit_s(exchange, ticket))
    after = await _settle(gateway, ticket, whole, whole.model, observer)
    headers = _headers(gateway, ticket, after or ticket.admission.account, output_limit)
    if whole.outcome == "completed":
        await exchange.start(200, headers | {"content-type": "application/json", "content-length": str(len(whole.raw))})
        await exchange.send(whole.raw)


async def _settle(
    gateway: Gateway, ticket: Ticket, answer: Stream | Whole, model: str, observer: Observer
) -> Account | None:
    """Charge what the answer used; the account after it, where that is known."""
    anomalies, admission = answer.meter.anomalies, ticket.admission
    usage, most = answer.usage(), gateway.gate.rules.input_max
    if most is not None and usage.input > most:
        anomalies.add("input_above_limit")
    paper = receipt(admission, ticket.prepared, ticket.price, usage, anomalies)
    paper = replace(
        paper,
        ended=int(gateway.ledger.clock.now()),
        outcome=answer.outcome,
        model=model,
        abort=gateway.upstream.abort if answer.unheard else "",
        claim=ticket.claim.claim_id if ticket.claim else "",
    )
    seen = gateway.callers.accounts.get(paper.account_id, admission.account)  # by now it may be newer: fewer refusals
    after = await charge(gateway.ledger, replace(admission, account=seen), paper, observer)
    if after:
        gateway.callers.saw(after)
    return after


def _headers(gateway: Gateway, ticket: Ticket, account: Account, output_limit: int) -> Headers:
    """What every answer tells about its receipt, its output limit, the credits left and the limits."""
    headers = {"x-farebox-receipt": ticket.admission.hold.hold_id}
    if output_limit < ticket.prepared.output_limit:
        headers["x-farebox-output-limit"] = str(output_limit)
    return headers | _told(gateway, ticket.admission, account)


def _told(gateway: Gateway, admission: Admission, account: Account) -> Headers:
    """The credits that are left, and the limit of the account that is nearest to being full."""
    now_s = gateway.ledger.clock.now()
    headers = {"x-farebox-credits-remaining": money.shown(account.available(now_s))}
    if admission.counts:
        # By the account as the ledger answered: the plan may have been made from an older one.
        left = [max(0, window.below - account.counters.get(window.attribute, 0)) for window in admission.counts]
        tightest = admission.counts[left.index(min(left))]
        headers["x-ratelimit-limit-requests"] = str(tightest.limit.limit)
        headers["x-ratelimit-remaining-requests"] = str(min(left))
        if tightest.end_s < FOREVER_S:
            headers["x-ratelimit-reset-requests"] = f"{max(0, int(tightest.end_s - now_s) + 1)}s"
    return headers
