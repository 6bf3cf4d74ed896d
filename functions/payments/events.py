"""What an event of a provider brings: the orders that it is about are brought to where the provider is."""

from functions.ledger import orders
from functions.ledger.counters import count_one
from functions.ledger.store import Ledger
from functions.ledger.windows import Limit
from functions.payments.provider import Connection, Event, adapter
from functions.payments.synchronize import NO_ORDER, NOT_OURS, keep_unmatched, synchronize

UNSIGNED_PER_MINUTE = 120


async def handle(ledger: Ledger, connection: Connection, event: Event) -> bool:
    """Whether it is about an order of ours; what it brings is in the ledger then.

    Money that fits no order is kept for people to look at. Raises PaymentProviderFailed, LedgerUnavailable: then
    nobody knows, and the event must come again; RateLimited where somebody sends too many that nobody signed.
    """
    handled = False
    for reference in event.references:
        if not connection.webhook_secrets and not await _may_ask(ledger, connection, reference):
            continue
        found = await synchronize(ledger, connection, reference)
        why = found.unmatched
        if why and (found.order or event.is_money):
            why = why if found.order else _why(ledger, connection, reference)
            await keep_unmatched(ledger, connection, reference, event.kind, why)
        handled = handled or (found.order is not None and not found.unmatched)
    if not event.references and event.is_money and event.about:
        await keep_unmatched(ledger, connection, event.about, event.kind, NOT_OURS)
    return handled


async def _may_ask(ledger: Ledger, connection: Connection, reference: str) -> bool:
    """Whether a provider may be asked because of an event that anybody can send: of our orders only, and not often.

    Raises RateLimited.
    """
    order = await orders.read(ledger, connection.project_id, connection.provider, reference)
    if order is None:
        return False
    limit = Limit("m", UNSIGNED_PER_MINUTE, "events a minute for one order")
    await count_one(ledger, f"events/{order.order_id}", (limit,), {})
    return True


def _why(ledger: Ledger, connection: Connection, reference: str) -> str:
    """Of a checkout without an order. Raises PaymentProviderFailed."""
    payment = adapter(connection.provider).fetch(connection, reference)
    is_ours = payment and orders.is_number_of(ledger, connection.project_id, payment.order)
    return NO_ORDER if is_ours else NOT_OURS
