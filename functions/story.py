"""One request, as a story: authenticate → admit → forward → settle.

Knows neither ASGI nor Chalice: an entry hands in an Exchange, which is the request and the way to answer it.
"""

import asyncio
import logging
from dataclasses import dataclass, replace

from functions import money
from functions.admit.estimate import affordable_output, ask
from functions.admit.rules import Rules
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Caller, Callers
from functions.authenticate.keys import bearer
from functions.errors import FareboxError, LedgerUnavailable, Unauthenticated
from functions.forward.exchange import ClientLeft, Exchange, Headers
from functions.forward.llama import Prepared, prepare
from functions.forward.passing import Stream, Whole
from functions.forward.upstream import Upstream
from functions.ledger.account import Account
from functions.ledger.admit import Admission, CredentialsChanged, admit
from functions.ledger.settle import HoldResolved, void
from functions.ledger.store import Ledger
from functions.ledger.tidy import AccountGone
from functions.settings import Settings
from functions.settle.charge import charge, receipt

log = logging.getLogger("farebox.story")

HOLD_OUTLIVES_REQUEST_S = 60


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every request shares."""

    settings: Settings
    ledger: Ledger
    upstream: Upstream
    rules: Rules
    callers: Callers
    addresses: Addresses

    @property
    def limit_s(self) -> float:
        """How long one request may take: its hold outlives it (rule 3)."""
        expiry_s = self.settings.hold_expiry_s
        return expiry_s - min(HOLD_OUTLIVES_REQUEST_S, expiry_s / 2)


async def serve(gateway: Gateway, exchange: Exchange) -> None:
    """Answer one request. FareboxError or ClientLeft come out only while nothing was answered or charged."""
    prepared, admission = await authenticate_and_admit(gateway, exchange)
    try:
        if prepared.stream:
            await _stream(gateway, exchange, prepared, admission)
        else:
            await _whole(gateway, exchange, prepared, admission)
    except (FareboxError, ClientLeft):
        await _give_back(gateway, admission)
        raise


async def authenticate_and_admit(gateway: Gateway, exchange: Exchange) -> tuple[Prepared, Admission]:
    """Count the address, find the caller, check the request and take its hold.

    For a caller seen before, the address is counted while the hold is taken: one round trip in all. If the
    address is refused then, the hold is given back. A key not seen before is looked up only after its address.
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
        admission = await _admit(gateway, caller, key, prepared)
    except FareboxError:
        await counting  # a full address speaks first, whatever else is wrong
        raise
    try:
        await counting
    except FareboxError:
        await _give_back(gateway, admission)
        raise
    return prepared, admission


async def _admit(gateway: Gateway, caller: Caller, key: str, prepared: Prepared) -> Admission:
    """Take the hold. Where the account's keys have changed since they were read, they are read again, once."""
    expires = int(gateway.ledger.clock.now()) + gateway.settings.hold_expiry_s
    for remembered in (True, False):
        if not remembered:
            caller = await gateway.callers.look_up(gateway.ledger, key)
        account = gateway.callers.account(caller)
        if account is None:
            continue
        wanted = ask(prepared, gateway.rules, caller.credentials_version, expires)
        try:
            admission = await admit(gateway.ledger, account, wanted, fresh=False)
        except (CredentialsChanged, AccountGone):
            continue
        gateway.callers.saw(admission.account)
        return admission
    raise Unauthenticated


async def _stream(gateway: Gateway, exchange: Exchange, prepared: Prepared, admission: Admission) -> None:
    """An answer event by event; receipt and settle come after its last event and before the body ends."""
    output_limit = affordable_output(prepared, gateway.rules.price, admission.hold.amount)
    price, held = gateway.rules.price, admission.hold.amount
    stream = Stream(prepared, output_limit, lambda usage: (held - price.cost(usage)) // max(1, price.output))
    headers = _headers(gateway, prepared, admission, admission.account, output_limit)
    await stream.run(gateway.upstream, exchange, headers, gateway.limit_s)
    await _settle(gateway, prepared, admission, stream, stream.reader.model)


async def _whole(gateway: Gateway, exchange: Exchange, prepared: Prepared, admission: Admission) -> None:
    """An answer in one piece; it waits for its settle."""
    output_limit = affordable_output(prepared, gateway.rules.price, admission.hold.amount)
    whole = Whole(prepared, output_limit)
    await whole.run(gateway.upstream, exchange, gateway.limit_s)
    after = await _settle(gateway, prepared, admission, whole, whole.model)
    headers = _headers(gateway, prepared, admission, after or admission.account, output_limit)
    if whole.outcome == "completed":
        await exchange.start(200, headers | {"content-type": "application/json", "content-length": str(len(whole.raw))})
        await exchange.send(whole.raw)


async def _settle(
    gateway: Gateway, prepared: Prepared, admission: Admission, answer: Stream | Whole, model: str
) -> Account | None:
    """Charge what the answer used; the account after it, where that is known."""
    paper = receipt(admission, prepared, gateway.rules.price, answer.usage(), answer.meter.anomalies)
    now = int(gateway.ledger.clock.now())
    paper = replace(paper, ended=now, outcome=answer.outcome, model=model)
    seen = gateway.callers.accounts.get(paper.account_id, admission.account)  # by now it may be newer: fewer refusals
    after = await charge(gateway.ledger, replace(admission, account=seen), paper)
    if after:
        gateway.callers.saw(after)
    return after


async def _give_back(gateway: Gateway, admission: Admission) -> None:
    """Void a hold whose request was not answered; if that fails now, it expires by itself."""
    try:
        account = await void(gateway.ledger, admission.account, admission.hold, admission.counts)
        gateway.callers.saw(account)
    except (HoldResolved, LedgerUnavailable):
        log.warning("not voided: hold %s expires by itself", admission.hold.hold_id)


def _headers(
    gateway: Gateway, prepared: Prepared, admission: Admission, account: Account, output_limit: int
) -> Headers:
    """What every answer tells about its receipt, the credits left and the limits."""
    now_s = gateway.ledger.clock.now()
    headers = {
        "x-farebox-receipt": admission.hold.hold_id,
        "x-farebox-credits-remaining": money.shown(account.available(now_s)),
    }
    if output_limit < prepared.output_limit:
        headers["x-farebox-output-limit"] = str(output_limit)
    if admission.counts:
        # By the account as the ledger answered: the plan may have been made from an older one.
        left = [max(0, window.below - account.counters.get(window.attribute, 0)) for window in admission.counts]
        tightest = admission.counts[left.index(min(left))]
        headers["x-ratelimit-limit-requests"] = str(tightest.limit.limit)
        headers["x-ratelimit-remaining-requests"] = str(min(left))
        headers["x-ratelimit-reset-requests"] = f"{max(0, int(tightest.end_s - now_s) + 1)}s"
    return headers
