"""The gate: everything that must say yes before a request is forwarded, asked at once.

The account's own write decides credits and every limit of the user. What cannot be in it, the totals of the project
and the claim of an Idempotency-Key, is written beside it at the same time; where one of them refuses, whatever the
others took is given back. So one round trip stands between a known caller and the model.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from functions import money
from functions.admit.estimate import ask
from functions.admit.rules import Rules
from functions.admit.totals import Counted, Totals
from functions.authenticate.callers import Asker, Caller, Callers
from functions.errors import (
    BadRequest,
    KeyUsed,
    LedgerUnavailable,
    RateLimited,
    TooManyOpen,
    Unauthenticated,
)
from functions.forward.llama import Prepared
from functions.ledger import idempotency
from functions.ledger.abuse import Policy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, Ask, CredentialsChanged, admit
from functions.ledger.counters import give_back
from functions.ledger.idempotency import Claim
from functions.ledger.settle import HoldResolved, void
from functions.ledger.store import Ledger
from functions.ledger.tidy import AccountGone
from functions.ledger.windows import closed
from functions.money import Price

T = TypeVar("T")

log = logging.getLogger("farebox.admit")

IDEMPOTENCY_KEY_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class Repeat:
    """An Idempotency-Key, and what it stands for: the endpoint and the body as they came."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that may go on: what it was given, and what is to be given back where it comes to nothing."""

    prepared: Prepared
    price: Price
    asked: Ask
    admission: Admission
    counted: Counted | None
    claim: Claim | None


class Gate:
    """Admits the requests of one project and auth method."""

    def __init__(
        self, ledger: Ledger, rules: Rules, callers: Callers, *, hold_expiry_s: int, project: str = "default"
    ) -> None:
        self.ledger, self.rules, self.callers = ledger, rules, callers
        self.hold_expiry_s = hold_expiry_s
        self.never = tuple(limit for limit in rules.account_limits + rules.total_limits if limit.limit <= 0)
        self.totals = Totals(project, rules.total_limits, rules.shards) if rules.total_limits else None

    async def admit(
        self, caller: Caller, asker: Asker, model: str, prepared: Prepared, repeat: Repeat | None
    ) -> Ticket:
        """Take a request's hold, count it everywhere, claim its Idempotency-Key; all of it or nothing.

        `model` is the one whose price counts; `prepared` is the request, or the dearest of the forms it may be sent in.

        Raises what `functions.ledger.admit.plan` raises; Unauthenticated, NotPriced, InputTooLarge, KeyUsed,
        LedgerUnavailable. Of several refusals the Idempotency-Key's speaks first: a repeated request is no new one.
        """
        now_s = self.ledger.clock.now()
        if self.rules.open_max <= 0:
            raise TooManyOpen("No requests are allowed.", None)
        try:
            closed(self.never, now_s)
        except RateLimited as error:
            raise self._telling(error, self.callers.account(caller)) from None
        price = self.rules.prices.at(model, now_s)
        expires = math.ceil(now_s) + self.hold_expiry_s
        asked = ask(prepared, self.rules, price, caller.credentials_version, expires)
        claim = None
        if repeat:
            claim = idempotency.wanted(self.ledger, caller.account_id, repeat.key, repeat.body, self.hold_expiry_s)
        counting = asyncio.ensure_future(self.totals.count(self.ledger)) if self.totals else None
        claiming = asyncio.ensure_future(idempotency.claim(self.ledger, claim)) if claim else None
        admission: Admission | None = None
        refused: Exception | None = None
        try:
            admission, asked = await self._hold(caller, asker, asked)
            if admission.hold.expires <= self.ledger.clock.now():  # whoever slept so long may have lost its claim
                refused = LedgerUnavailable("The ledger did not answer in time; nothing was charged.")
        except Exception as error:  # noqa: BLE001  raised below, when nothing is left behind
            refused = error
        counted, no_room = await _outcome(counting)
        _, used = await _outcome(claiming)
        if admission and not (refused or no_room or used):
            return Ticket(prepared, price, asked, admission, counted, claim)
        await self._undo(admission, counted, None if isinstance(used, KeyUsed) else claim)
        if isinstance(refused, Unauthenticated):
            raise refused  # a key that is revoked learns nothing
        raise self._telling(used or no_room or refused or Unauthenticated(), self.callers.account(caller))

    async def give_back(self, ticket: Ticket, offence: Policy | None = None, *, counts: bool = False) -> Account | None:
        """Nothing came of a request: give back all it took. Returns the account after, where that is known.

        An `offence` is counted in the same write, which may block the account. Where it `counts`, because a provider
        was asked and found the request wrong, it stays counted in every window.
        """
        admission, counted = ticket.admission, ticket.counted
        if counts:
            admission, counted = replace(admission, counts=[]), None
        return await self._undo(admission, counted, ticket.claim, offence)

    def _telling(self, error: Exception, account: Account | None) -> Exception:
        """A refusal that tells the credits as last seen, where it is about the account of a known caller."""
        if account and isinstance(error, RateLimited | KeyUsed):
            available = account.available(self.ledger.clock.now())
            error.headers.setdefault("x-farebox-credits-remaining", money.shown(available))
        return error

    async def _hold(self, caller: Caller, asker: Asker, asked: Ask) -> tuple[Admission, Ask]:
        """Take the hold. Where the account's keys have changed since they were read, they are read again, once."""
        for remembered in (True, False):
            if not remembered:
                caller = await self.callers.look_up(self.ledger, asker)
                asked = asked.by(caller.credentials_version)
            account = self.callers.account(caller)
            if account is None:
                continue
            try:
                admission = await admit(self.ledger, account, asked, fresh=False)
            except (CredentialsChanged, AccountGone):
                continue
            self.callers.saw(admission.account)
            return admission, asked
        raise Unauthenticated

    async def _undo(
        self,
        admission: Admission | None,
        counted: Counted | None,
        claim: Claim | None,
        offence: Policy | None = None,
    ) -> Account | None:
        """The claim last: while it stands, nobody repeats a request whose hold is still there."""
        account = None
        if admission:
            try:
                account = await void(self.ledger, admission.account, admission.hold, admission.counts, offence)
                self.callers.saw(account)
            except (HoldResolved, LedgerUnavailable):
                log.warning("not voided: hold %s expires by itself", admission.hold.hold_id)
        if counted:
            await give_back(self.ledger, counted.scope, counted.counts)
        if claim:
            await idempotency.release(self.ledger, claim)
        return account


async def _outcome(task: "asyncio.Task[T] | None") -> tuple[T | None, Exception | None]:
    """What came of a task: its result, or what it raised."""
    if task is None:
        return None, None
    try:
        return await task, None
    except Exception as error:  # noqa: BLE001  raised by `admit`, when nothing is left behind
        return None, error


def repeat(values: Sequence[str], endpoint: str, body: bytes) -> Repeat | None:
    """What a request's Idempotency-Key headers say; None where there is none. Raises BadRequest."""
    if not values:
        return None
    key = values[0].strip()
    well_formed = 0 < len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX and key.isascii() and key.isprintable()
    if len(values) != 1 or not well_formed:
        raise BadRequest(
            f"Idempotency-Key must be one text of 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} ASCII characters.",
            param="idempotency-key",
        )
    return Repeat(key, endpoint.encode() + b"\n" + body)
