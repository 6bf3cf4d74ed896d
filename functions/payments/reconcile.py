"""Reconciliation: what providers say was paid, refunded or disputed lately, against orders and the journal.

Nothing is compared: each checkout is brought to where its provider is, as its event would have done. What a lost event
left is what changes by it. Then the orders that nobody heard of since they began, and so what a list left out; and
those that nobody can ask about any more.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from functions.errors import FareboxError, LedgerUnavailable, PaymentProviderFailed, where
from functions.ledger import orders, projects, unmatched
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.payments import gone, provider, top_up
from functions.payments.gone import KIND
from functions.payments.provider import PROVIDERS, Connection
from functions.payments.synchronize import NOT_OURS, Synchronized, keep_unmatched, synchronize
from functions.payments.walking import (
    DAY_S,
    GONE,
    HOUR_S,
    LISTED,
    OPEN,
    OPEN_DAYS,
    Looked,
    Pace,
    Patience,
    Position,
    Walk,
)
from functions.projects.live import Projects
from functions.projects.project import DEFAULT
from functions.settings import Settings

__all__ = ["DAY_S", "HOUR_S", "Looked", "Patience", "Position"]

log = logging.getLogger("farebox.reconcile")

DAYS = 7
"""How many days are looked at, unless somebody says otherwise."""
OPEN_FOR_S = HOUR_S
"""An order that is open for longer is asked about."""
FAILURES_MAX = 3
"""Failures in a row, each as everything else would fail, after which a pass is over."""
ORDERS_PER_PAGE = 20
UNKNOWN = "unknown_to_provider"
FAILED = "This is a fault of the gateway; its log says more."
AT_EASE = Patience()


async def reconcile(
    ledger: Ledger, settings: Settings, projects: Projects, position: Position, patience: Patience = AT_EASE
) -> AsyncGenerator[Looked, None]:
    """Look at every project's connections from a position on, and bring each order to where its provider is.

    Of each pass it says first that it begins, with or without anything to look at. A connection that cannot be asked
    ends nothing. Raises LedgerUnavailable where the projects cannot be listed.
    """
    walk = Walk(ledger, settings, projects, patience)
    async for project_id, sells in _projects(ledger, "" if position.project_id == DEFAULT else position.project_id):
        begins = position if project_id == position.project_id else Position(position.since, project_id)
        for name in PROVIDERS if sells and begins.passing != GONE else ():
            at = begins if name == begins.connection else Position(position.since, project_id, name)
            if begins.connection and PROVIDERS.index(name) < PROVIDERS.index(begins.connection):
                continue
            async with aclosing(_connection(walk, at)) as all_looked:
                async for looked in all_looked:
                    yield looked
        at = begins if begins.passing == GONE else Position(position.since, project_id, passing=GONE)
        async with aclosing(gone.left(walk, at)) as all_looked:
            async for looked in all_looked:
                yield looked


async def sellers(ledger: Ledger) -> AsyncGenerator[str, None]:
    """The built-in project, and all that name a payment provider. Raises LedgerUnavailable."""
    async for project_id, sells in _projects(ledger):
        if sells:
            yield project_id


async def _projects(ledger: Ledger, start: str = "") -> AsyncGenerator[tuple[str, bool], None]:
    """All projects, closed ones too, and whether each may sell; with `start`, that one and those after it."""
    yield start or DEFAULT, True
    after = start
    while True:
        page, after = await projects.page(ledger, after)
        for stored in page:
            yield stored.project_id, stored.state == "open" and bool(stored.document.get("payments"))
        if not after:
            return


async def _connection(walk: Walk, at: Position) -> AsyncGenerator[Looked, None]:
    """Both passes over one connection; nothing where a project has none of this name."""
    try:
        connection = await walk.connection(at.project_id, at.connection)
        if connection is None:
            return
        kept = await unmatched.listed(walk.ledger, at.project_id)
    except FareboxError as error:
        yield Looked(at, failed=error.message)
        return
    about = frozenset(one.about for one in kept if one.connection == at.connection)
    for passed in (_listed, _open) if at.passing == LISTED else (_open,):
        begins = at if passed is _listed or at.passing == OPEN else replace(at, passing=OPEN, done="", spent_s=0)
        yield Looked(begins, connection.mode)
        pace, failures = Pace(walk.patience, begins), 0
        look = _Look(walk, replace(connection, ends_s=pace.ends_s), about, pace)
        async with aclosing(passed(look, begins)) as all_looked:
            async for looked in all_looked:
                yield looked
                failures = failures + 1 if looked.is_of_all else 0
                if looked.is_put_off or failures >= FAILURES_MAX:
                    break


async def _listed(look: "_Look", at: Position) -> AsyncGenerator[Looked, None]:
    """What the provider lists, each once, without those that are done."""
    connection, done, seen = look.connection, int(at.done or 0), set[str]()
    try:
        for reference in provider.adapter(connection.provider).changed(connection, at.since):
            if reference in seen:
                continue
            if len(seen) >= look.pace.looks:
                yield look.pace.put_off(at, connection.mode)
                return
            seen.add(reference)
            if len(seen) > done:
                before, at = at, replace(at, done=str(len(seen)))
                yield await look.at(reference, before, at)
    except FareboxError as error:
        yield look.failed(at, at, error)
    except Exception as error:  # noqa: BLE001  an adapter's fault is no other connection's
        log.error("what %s lists cannot be read: %s", at.connection, where(error))
        yield Looked(look.pace.at(at), connection.mode, failed=FAILED)


async def _open(look: "_Look", at: Position) -> AsyncGenerator[Looked, None]:
    """Our orders that are still open, the newest first. Those of another mode are nobody's to ask here."""
    ledger, connection = look.walk.ledger, look.connection
    now_s, first = ledger.clock.now(), at.since - OPEN_DAYS * DAY_S
    while True:
        try:
            page, after = await orders.newest(ledger, orders.of_project(at.project_id), ORDERS_PER_PAGE, at.done)
        except LedgerUnavailable as error:
            yield look.failed(at, at, error)
            return
        for order in page:
            before, at = at, replace(at, done=orders.place_of(order))
            if order.created >= first and _is_waiting(order, connection, now_s):
                yield await look.at(order.reference, before, at, order)
        if not after or (page and page[-1].created < first):
            return
        at = replace(at, done=after)
        yield look.pace.put_off(at, connection.mode) if look.pace.is_over else Looked(look.pace.at(at), connection.mode)


def _is_waiting(order: Order, connection: Connection, now_s: float) -> bool:
    if (order.connection, order.mode) != (connection.provider, connection.mode):
        return False
    is_charged_soon = order.kind == orders.TOP_UP and not order.payment
    patience_s = top_up.CHARGE_WITHIN_S if is_charged_soon else OPEN_FOR_S
    return order.state in (provider.OPEN, provider.PROCESSING) and order.created + patience_s <= now_s


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks at the checkouts of one connection. `kept` are those that were kept because they fitted no order."""

    walk: Walk
    connection: Connection
    kept: frozenset[str]
    pace: Pace

    async def at(self, reference: str, before: Position, after: Position, order: Order | None = None) -> Looked:
        """Bring one to where its provider is, and keep what fits no order; or put it off. Raises nothing.

        `before` and `after` are where it is not and where it is done.
        """
        connection = self.connection
        if self.pace.is_over:
            return self.pace.put_off(before, connection.mode)
        try:
            if order and order.kind == orders.TOP_UP:
                await top_up.go_on(self.walk.ledger, self.walk.settings, self.walk.projects, order.account_id)
            found = await synchronize(self.walk.ledger, connection, reference)
            why = await self._filed(reference, found)
        except FareboxError as error:
            return self.failed(before, after, error, reference)
        except Exception as error:  # noqa: BLE001  it is told, and the next one is looked at
            log.error("%s %s cannot be looked at: %s", connection.provider, reference, where(error))
            return Looked(self.pace.at(after), connection.mode, reference, failed=FAILED)
        number = found.order.number if found.order else ""
        steps = found.steps or _taken(order, found)
        if steps:
            log.warning("project %s: order %s lacked %s", after.project_id, number, ", ".join(steps))
        return Looked(self.pace.at(after), connection.mode, reference, number, steps, why)

    def failed(self, before: Position, after: Position, error: FareboxError, reference: str = "") -> Looked:
        """It failed; or was put off, where that was because the time is over."""
        is_of_all = isinstance(error, LedgerUnavailable)
        if isinstance(error, PaymentProviderFailed):
            is_of_all = error.is_of_all
        if is_of_all and self.pace.is_over:
            return self.pace.put_off(before, self.connection.mode)
        told = Looked(self.pace.at(after), self.connection.mode, reference, failed=error.message)
        return replace(told, is_of_all=is_of_all)

    async def _filed(self, reference: str, found: Synchronized) -> str:
        """Why it fits no order, and keep it for people to look at; or do not keep it any more."""
        ledger, connection, why = self.walk.ledger, self.connection, found.unmatched
        if found.order is None:
            payment = provider.adapter(connection.provider).fetch(connection, reference)
            is_ours = payment and orders.is_number_of(ledger, connection.project_id, payment.order)
            why = why if is_ours else NOT_OURS
        if why not in ("", NOT_OURS, UNKNOWN):
            await keep_unmatched(ledger, connection, reference, KIND, why)
        elif not why and reference in self.kept:
            await unmatched.drop(ledger, connection.project_id, connection.provider, reference)
        return why


def _taken(order: Order | None, found: Synchronized) -> tuple[str, ...]:
    """What a top-up did with its order meanwhile."""
    if order is None or found.order is None:
        return ()
    return tuple(what for _, what in found.order.history[len(order.history) :])
