"""One request, as a story: authenticate → admit → forward → settle.

Knows neither ASGI nor Chalice: an entry hands in an Exchange, which is the request and the way to answer it.
"""

import asyncio
from dataclasses import dataclass, field, replace

from functions import money
from functions.admit.allowance import Allowance
from functions.admit.estimate import affordable_output
from functions.admit.gate import Ticket, repeat
from functions.admit.prices import FREE
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.errors import BadRequest, ContentRefused, FareboxError, ProviderFailed, ProviderLoading, ProviderTimedOut
from functions.forward.candidates import Candidate, Cooldowns
from functions.forward.exchange import ClientLeft, Exchange, Headers
from functions.forward.passing import Stream, Whole
from functions.forward.upstream import Upstream
from functions.ledger.account import Account
from functions.ledger.store import Ledger
from functions.ledger.windows import FOREVER_S
from functions.observer import NOBODY, Observer
from functions.projects import screening
from functions.projects.asking import Asking, Door
from functions.projects.live import Connect
from functions.projects.orders import Order, order
from functions.settings import Settings
from functions.settle.charge import charge, receipt
from functions.tally import Tally

HOLD_OUTLIVES_REQUEST_S = 60
SETTLES_WITHIN_S = 10
"""What is kept of a function's time for the receipt and the settle. Should it not be enough, the next read heals."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every request shares."""

    settings: Settings
    ledger: Ledger
    upstream: Upstream
    """The llama-server's, which the built-in project uses."""
    callers: Callers
    addresses: Addresses
    door: Door
    connect: Connect
    tally: Tally
    cooldowns: Cooldowns = field(default_factory=Cooldowns)

    def limit_s(self, exchange: Exchange, ticket: Ticket) -> float:
        """How long an answer may take from now on: its hold outlives it (rule 3), and so does its function."""
        outlives_s = min(HOLD_OUTLIVES_REQUEST_S, self.settings.hold_expiry_s / 2)
        ends_s = ticket.admission.hold.expires - outlives_s
        if exchange.ends_at_s is not None:
            ends_s = min(ends_s, exchange.ends_at_s - SETTLES_WITHIN_S)
        return ends_s - self.ledger.clock.now()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may go on: who asked, what it may become, and what was taken for it."""

    asking: Asking
    order: Order
    ticket: Ticket
    attempts: tuple[str, ...] = ()
    """Providers that failed before this one, and how."""
    hurried: bool = False
    """There is another provider to ask, should this one be silent."""


async def serve(gateway: Gateway, exchange: Exchange, observer: Observer = NOBODY) -> None:
    """Answer one request. FareboxError or ClientLeft come out only while nothing was answered or charged."""
    try:
        await _serve(gateway, exchange, observer)
    except asyncio.CancelledError:  # by the server that runs this: nobody waits for the answer any more
        observer.left()
        raise


async def _serve(gateway: Gateway, exchange: Exchange, observer: Observer) -> None:
    admitted = await authenticate_and_admit(gateway, exchange)
    ticket, lane = admitted.ticket, admitted.asking.lane
    observer.admitted(ticket.admission.hold.hold_id, stream=ticket.prepared.stream)
    try:
        await screening.screen(lane.live, admitted.order, gateway.connect, gateway.limit_s(exchange, ticket))
        await _ask_in_turn(gateway, exchange, admitted, observer)
    except (FareboxError, ClientLeft) as error:
        offence = lane.live.abuse if isinstance(error, ContentRefused) else None
        account = await lane.gate.give_back(ticket, offence, counts=isinstance(error, BadRequest))
        if isinstance(error, FareboxError):
            error.headers |= _told(gateway, ticket, account or ticket.admission.account)
        raise


async def _ask_in_turn(gateway: Gateway, exchange: Exchange, admitted: Admitted, observer: Observer) -> None:
    """Ask one provider after the other, until one begins to answer; then its answer is the answer, whatever comes."""
    project_id = admitted.asking.lane.live.project.project_id
    *others, last = gateway.cooldowns.order(project_id, admitted.order.candidates, gateway.ledger.clock.now())
    for candidate in others:
        try:
            return await _ask(gateway, exchange, replace(admitted, hurried=True), candidate, observer)
        except (ProviderFailed, ProviderLoading) as error:
            gateway.cooldowns.failed(project_id, candidate, gateway.ledger.clock.now())
            attempts = (*admitted.attempts, f"{candidate.name}:{error.code}")
            admitted = replace(admitted, attempts=attempts)
    return await _ask(gateway, exchange, admitted, last, observer)


async def _ask(
    gateway: Gateway, exchange: Exchange, admitted: Admitted, candidate: Candidate, observer: Observer
) -> None:
    if gateway.limit_s(exchange, admitted.ticket) <= 0:
        raise ProviderTimedOut("The request's time was over before it was forwarded; nothing was charged.")
    observer.asked(admitted.asking.lane.live.project.project_id, owners=candidate.owners)
    prepared = candidate.prepared
    if prepared.limit_name and not prepared.names_limit and admitted.ticket.price.output:
        prepared = replace(prepared, whole=b"")  # it names no limit, so there is none that credits could cover
    admitted = replace(admitted, ticket=replace(admitted.ticket, prepared=prepared))
    answer = _stream if candidate.prepared.stream else _whole
    await answer(gateway, exchange, admitted, candidate, observer)


async def authenticate_and_admit(gateway: Gateway, exchange: Exchange) -> Admitted:
    """Count the address, find the caller, check the request and pass the gate.

    For a caller seen before, the address is counted while the hold is taken: one round trip in all. If the
    address is refused then, all is given back. A key not seen before is looked up only after its address.
    """
    ledger, sent = gateway.ledger, exchange.sent
    gateway.addresses.check(ledger, sent.scope)
    counting = asyncio.ensure_future(gateway.addresses.count(ledger, sent.scope))
    try:
        asking = gateway.door.remembered(ledger, sent)
        if asking is None:
            await counting
            asking = await gateway.door.find(ledger, sent)
        live, gate = asking.lane.live, asking.lane.gate
        asked = order(gateway.settings, live, exchange, gateway.upstream, gateway.connect)
        repeated = repeat(exchange.idempotency_key, exchange.endpoint, exchange.body)
        ticket = await gate.admit(asking.caller, asking.asker, asked.model, asked.dearest, repeated)
    except FareboxError:
        await counting  # a full address speaks first, whatever else is wrong
        raise
    try:
        await counting
    except Exception:
        await gate.give_back(ticket)
        raise
    return Admitted(asking, asked, ticket)


async def _stream(
    gateway: Gateway, exchange: Exchange, admitted: Admitted, candidate: Candidate, observer: Observer
) -> None:
    """An answer event by event; receipt and settle come after its last event and before the body ends.

    Its output limit upstream is what all credits that are free would cover: its hold grows while it runs.
    """
    ticket = admitted.ticket
    admission, account = ticket.admission, ticket.admission.account
    credits = admission.hold.amount + account.available(gateway.ledger.clock.now())
    output_limit = affordable_output(ticket.prepared, ticket.price, ticket.asked.output_max, credits)
    allowance = Allowance(gateway.ledger, gateway.callers, ticket)
    stream = Stream(ticket.prepared, output_limit, allowance.reach)
    headers = _headers(gateway, ticket, account, output_limit)
    try:
        await stream.run(candidate.upstream, exchange, headers, gateway.limit_s(exchange, ticket))
    finally:
        ticket = replace(ticket, admission=await allowance.admission_for(stream.usage()))
    await _settle(gateway, replace(admitted, ticket=ticket), candidate, stream, observer)


async def _whole(
    gateway: Gateway, exchange: Exchange, admitted: Admitted, candidate: Candidate, observer: Observer
) -> None:
    """An answer in one piece; it waits for its settle."""
    ticket = admitted.ticket
    held = ticket.admission.hold.amount
    output_limit = affordable_output(ticket.prepared, ticket.price, ticket.asked.output_max, held)
    whole = Whole(ticket.prepared, output_limit, hurried=admitted.hurried)
    await whole.run(candidate.upstream, exchange, gateway.limit_s(exchange, ticket))
    after = await _settle(gateway, admitted, candidate, whole, observer)
    headers = _headers(gateway, ticket, after or ticket.admission.account, output_limit)
    if whole.outcome == "completed":
        await exchange.start(200, headers | {"content-type": "application/json", "content-length": str(len(whole.raw))})
        await exchange.send(whole.raw)


async def _settle(
    gateway: Gateway, admitted: Admitted, candidate: Candidate, answer: Stream | Whole, observer: Observer
) -> Account | None:
    """Charge what the answer used; the account after it, where that is known.

    An answer that the provider refused to give counts against its user in the same write.
    """
    ticket, lane = admitted.ticket, admitted.asking.lane
    anomalies, admission = answer.meter.anomalies, ticket.admission
    usage, most = answer.usage(), lane.gate.rules.input_max
    if most is not None and usage.input > most:
        anomalies.add("input_above_limit")
    paper = receipt(admission, ticket.prepared, ticket.price, usage, anomalies)
    paper = replace(
        paper,
        ended=int(gateway.ledger.clock.now()),
        outcome=answer.outcome,
        model=answer.reader.model if isinstance(answer, Stream) else answer.model,
        abort=candidate.upstream.abort if answer.unheard else "",
        claim=ticket.claim.claim_id if ticket.claim else "",
    )
    if lane.live.stored:
        paper = replace(
            paper,
            method=lane.name,
            project_version=lane.live.project.version,
            provider=candidate.name,
            attempts=admitted.attempts,
            blocked=answer.blocked,
        )
    seen = gateway.callers.accounts.get(paper.account_id, admission.account)  # by now it may be newer: fewer refusals
    offence = lane.live.abuse if answer.blocked else None
    gateway.tally.answered(lane.live.project.project_id, paper)
    after = await charge(gateway.ledger, replace(admission, account=seen), paper, observer, offence)
    if after:
        gateway.callers.saw(after)
    return after


def _headers(gateway: Gateway, ticket: Ticket, account: Account, output_limit: int) -> Headers:
    """What every answer tells about its receipt, its output limit, the credits left and the limits."""
    headers = {"x-farebox-receipt": ticket.admission.hold.hold_id}
    if output_limit < ticket.prepared.output_limit or not (ticket.prepared.names_limit or ticket.prepared.whole):
        headers["x-farebox-output-limit"] = str(output_limit)
    return headers | _told(gateway, ticket, account)


def _told(gateway: Gateway, ticket: Ticket, account: Account) -> Headers:
    """The credits that are left, where requests cost any; the limit of the account that is nearest to being full."""
    admission, now_s = ticket.admission, gateway.ledger.clock.now()
    headers: Headers = {}
    if ticket.price.version != FREE.version:
        headers["x-farebox-credits-remaining"] = money.shown(account.available(now_s))
    if admission.counts:
        # By the account as the ledger answered: the plan may have been made from an older one.
        left = [max(0, window.below - account.counters.get(window.attribute, 0)) for window in admission.counts]
        tightest = admission.counts[left.index(min(left))]
        headers["x-ratelimit-limit-requests"] = str(tightest.limit.limit)
        headers["x-ratelimit-remaining-requests"] = str(min(left))
        if tightest.end_s < FOREVER_S:
            headers["x-ratelimit-reset-requests"] = f"{max(0, int(tightest.end_s - now_s) + 1)}s"
    return headers
