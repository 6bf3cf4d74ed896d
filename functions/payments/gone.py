"""Orders that are open, of connections that are not there any more: paid or not, no event and no list tells of them.

The connection was taken out of the document, is of another mode now, lost its key, or its project was closed.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace

from functions.errors import FareboxError, PaymentProviderFailed
from functions.ledger import orders, unmatched
from functions.ledger.orders import Order
from functions.ledger.unmatched import Unmatched
from functions.payments import provider
from functions.payments.provider import PROVIDERS, Connection
from functions.payments.synchronize import keep_unmatched
from functions.payments.walking import DAY_S, OPEN_DAYS, Looked, Position, Walk

CONNECTION_GONE = "connection_gone"
KIND = "reconciliation"
PAGE, ORDERS_MAX = 100, 1000
"""So many of a project's newest orders are looked at."""

Terms = tuple[str, str]
"""Provider and mode."""


async def left(walk: Walk, at: Position) -> AsyncGenerator[Looked, None]:
    """Keep each order of a project that nobody can ask about, for people to look at. Begins with where it begins.

    Its owner is told of the first of each connection; the list has them all. Raises nothing.
    """
    yield Looked(at)
    try:
        waiting = await _waiting(walk, at)
        if not waiting:
            return
        there, told = await _there(walk, at.project_id), set[str]()
        kept = {(one.connection, one.about) for one in await unmatched.listed(walk.ledger, at.project_id)}
        for order in waiting:
            if (order.connection, order.mode) in there:
                continue
            if (order.connection, order.reference) not in kept:
                await _keep(walk, order, is_told=order.connection not in told)
                told.add(order.connection)
            place = replace(at, connection=order.connection, done=orders.place_of(order))
            yield Looked(place, order.mode, order.reference, order.number, unmatched=CONNECTION_GONE)
    except FareboxError as error:
        yield Looked(at, failed=error.message)


async def _waiting(walk: Walk, at: Position) -> list[Order]:
    """Orders that may have been paid, whose page to pay at is over, the newest first. Raises LedgerUnavailable."""
    ledger, after, found = walk.ledger, at.done, list[Order]()
    now_s, first = ledger.clock.now(), at.since - OPEN_DAYS * DAY_S
    for _ in range(ORDERS_MAX // PAGE):
        page, after = await orders.newest(ledger, orders.of_project(at.project_id), PAGE, after)
        found += [order for order in page if order.created >= first and _is_waiting(order, now_s)]
        if not after or (page and page[-1].created < first):
            break
    return found


def _is_waiting(order: Order, now_s: float) -> bool:
    is_open = order.state in (provider.OPEN, provider.PROCESSING) and order.expires <= now_s
    return is_open and order.kind != orders.SETUP


async def _there(walk: Walk, project_id: str) -> set[Terms]:
    """The connections that can be used. Raises FareboxError where that is not known."""
    found: set[Terms] = set()
    for name in PROVIDERS:
        try:
            connection = await walk.connection(project_id, name)
        except PaymentProviderFailed:
            continue  # what is sealed is for another mode or server
        if connection:
            found.add((name, connection.mode))
    return found


async def _keep(walk: Walk, order: Order, *, is_told: bool) -> None:
    """Raises LedgerUnavailable."""
    ledger = walk.ledger
    if is_told:
        lost = Connection(order.project_id, order.connection, order.mode, "", (), "")
        await keep_unmatched(ledger, lost, order.reference, KIND, CONNECTION_GONE)
        return
    seen = Unmatched(order.connection, order.reference, KIND, CONNECTION_GONE, int(ledger.clock.now()))
    await unmatched.keep(ledger, order.project_id, seen)
