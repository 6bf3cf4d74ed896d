"""Reconciliation: what providers say was paid, refunded or disputed lately, against orders and the journal.

Nothing is compared: each checkout is brought to where its provider is, as its event would have done. What a lost event
left is what changes by it. Then the orders that nobody heard of since they began, and so what a list left out.
"""

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from functions.errors import FareboxError, LedgerUnavailable, NotConfigured, NotFound, Unauthenticated, where
from functions.ledger import orders, projects, unmatched
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.payments import connections, provider, top_up
from functions.payments.provider import Connection
from functions.payments.synchronize import NOT_OURS, Synchronized, keep_unmatched, synchronize
from functions.projects.live import Projects
from functions.projects.project import DEFAULT
from functions.settings import Settings

log = logging.getLogger("farebox.reconcile")

HOUR_S, DAY_S = 3600, 86_400
DAYS = 7
"""How many days are looked at, unless somebody says otherwise."""
OPEN_FOR_S = HOUR_S
"""An order that is open for longer is asked about."""
OPEN_DAYS = 30
"""Payments can take weeks; so much longer back orders are looked at that are still open."""
FAILURES_MAX = 3
"""Failures in a row after which a provider is not asked any more this time."""
ORDERS_PER_PAGE = 20
KIND = "reconciliation"
LISTED, OPEN = "listed", "open"
"""The two passes over a connection: what the provider lists, and our orders that are open."""
UNKNOWN = "unknown_to_provider"
FAILED = "This is a fault of the gateway; its log says more."


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reconciliation is: `since` (seconds since 1970), and what of a pass over a connection is done."""

    since: int
    project_id: str = DEFAULT
    connection: str = ""
    passing: str = LISTED
    done: str = ""
    """How many of what the provider lists; of our orders, where the page before ended."""

    def __str__(self) -> str:
        return f"{self.since}/{self.project_id}/{self.connection}/{self.passing}/{self.done}"

    @classmethod
    def of(cls, text: str) -> "Position":
        """What `str` made. Raises ValueError."""
        since, project_id, connection, passing, done = text.split("/")
        if passing not in (LISTED, OPEN) or (passing == LISTED and done and not done.isdecimal()):
            raise ValueError("no position")
        return cls(int(since), project_id, connection, passing, done)


@dataclass(frozen=True, slots=True)
class Looked:
    """One checkout that was looked at, or with no `reference` a connection that is begun or could not be asked."""

    position: Position
    """Where to go on after it."""
    mode: str = ""
    reference: str = ""
    order: str = ""
    """The number of its order."""
    steps: tuple[str, ...] = ()
    """What was missing, and is done now."""
    unmatched: str = ""
    failed: str = ""
    """Why nothing is known of it."""


@dataclass(frozen=True, slots=True)
class _Walk:
    ledger: Ledger
    settings: Settings
    projects: Projects


async def reconcile(
    ledger: Ledger, settings: Settings, projects: Projects, position: Position
) -> AsyncGenerator[Looked, None]:
    """Look at every project's connections from a position on, and bring each order to where its provider is.

    A connection that cannot be asked ends nothing. Raises LedgerUnavailable where the projects cannot be listed.
    """
    walk = _Walk(ledger, settings, projects)
    async for project_id in sellers(ledger, "" if position.project_id == DEFAULT else position.project_id):
        is_first = project_id == position.project_id
        for name in provider.PROVIDERS:
            at = Position(position.since, project_id, name)
            if is_first and position.connection:
                if provider.PROVIDERS.index(name) < provider.PROVIDERS.index(position.connection):
                    continue
                at = position if name == position.connection else at
            async for looked in _connection(walk, at):
                yield looked


async def sellers(ledger: Ledger, start: str = "") -> AsyncGenerator[str, None]:
    """The built-in project, and all that name a payment provider; with `start`, that one and those after it.

    Raises LedgerUnavailable.
    """
    yield start or DEFAULT
    after = start
    while True:
        page, after = await projects.page(ledger, after)
        for stored in page:
            if stored.state == "open" and stored.document.get("payments"):
                yield stored.project_id
        if not after:
            return


async def _connection(walk: _Walk, at: Position) -> AsyncGenerator[Looked, None]:
    """Both passes over one connection; nothing where a project has none of this name."""
    try:
        connection = await _find(walk, at)
        if connection is None:
            return
        kept = await unmatched.listed(walk.ledger, at.project_id)
    except FareboxError as error:
        yield Looked(at, failed=error.message)
        return
    yield Looked(at, connection.mode)
    look = _Look(walk, connection, frozenset(one.about for one in kept if one.connection == at.connection))
    failures = 0
    for passed in (_listed, _open) if at.passing == LISTED else (_open,):
        begins = at if passed is _listed or at.passing == OPEN else replace(at, passing=OPEN, done="")
        async for looked in passed(look, begins):
            yield looked
            failures = failures + 1 if looked.failed else 0
            if failures >= FAILURES_MAX:
                return


async def _find(walk: _Walk, at: Position) -> Connection | None:
    """Raises LedgerUnavailable, Unavailable where what is there cannot be used."""
    try:
        if at.project_id == DEFAULT:
            return connections.of_settings(walk.settings, at.connection)
        return connections.of_project(walk.settings, await walk.projects.get(at.project_id), at.connection)
    except (NotConfigured, NotFound, Unauthenticated):
        return None


async def _listed(look: "_Look", at: Position) -> AsyncGenerator[Looked, None]:
    """What the provider lists, each once, without those that are done."""
    connection, done, seen = look.connection, int(at.done or 0), set[str]()
    try:
        for reference in provider.adapter(connection.provider).changed(connection, at.since):
            if reference in seen:
                continue
            seen.add(reference)
            if len(seen) > done:
                yield await look.at(reference, replace(at, done=str(len(seen))))
    except FareboxError as error:
        yield Looked(at, connection.mode, failed=error.message)
    except Exception as error:  # noqa: BLE001  an adapter's fault is no other connection's
        log.error("what %s lists cannot be read: %s", at.connection, where(error))
        yield Looked(at, connection.mode, failed=FAILED)


async def _open(look: "_Look", at: Position) -> AsyncGenerator[Looked, None]:
    """Our orders that are still open, the newest first. Those of another mode are nobody's to ask here."""
    ledger, connection, after = look.walk.ledger, look.connection, at.done
    now_s, first = ledger.clock.now(), at.since - OPEN_DAYS * DAY_S
    while True:
        position = replace(at, done=after)
        try:
            page, after = await orders.newest(ledger, orders.of_project(at.project_id), ORDERS_PER_PAGE, after)
        except LedgerUnavailable as error:
            yield Looked(position, connection.mode, failed=error.message)
            return
        for order in page:
            if order.created >= first and _is_waiting(order, connection, now_s):
                yield await look.at(order.reference, position, order)
        if not after or (page and page[-1].created < first):
            return


def _is_waiting(order: Order, connection: Connection, now_s: float) -> bool:
    if (order.connection, order.mode) != (connection.provider, connection.mode):
        return False
    is_charged_soon = order.kind == orders.TOP_UP and not order.payment
    patience_s = top_up.CHARGE_WITHIN_S if is_charged_soon else OPEN_FOR_S
    return order.state in (provider.OPEN, provider.PROCESSING) and order.created + patience_s <= now_s


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks at the checkouts of one connection. `kept` are those that were kept because they fitted no order."""

    walk: _Walk
    connection: Connection
    kept: frozenset[str]

    async def at(self, reference: str, position: Position, order: Order | None = None) -> Looked:
        """Bring one to where its provider is, and keep what fits no order. Raises nothing."""
        connection = self.connection
        try:
            if order and order.kind == orders.TOP_UP:
                await top_up.go_on(self.walk.ledger, self.walk.settings, self.walk.projects, order.account_id)
            found = await synchronize(self.walk.ledger, connection, reference)
            why = await self._filed(reference, found)
        except FareboxError as error:
            return Looked(position, connection.mode, reference, failed=error.message)
        except Exception as error:  # noqa: BLE001  it is told, and the next one is looked at
            log.error("%s %s cannot be looked at: %s", connection.provider, reference, where(error))
            return Looked(position, connection.mode, reference, failed=FAILED)
        number = found.order.number if found.order else ""
        steps = found.steps or _taken(order, found)
        if steps:
            log.warning("project %s: order %s lacked %s", position.project_id, number, ", ".join(steps))
        return Looked(position, connection.mode, reference, number, steps, why)

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
