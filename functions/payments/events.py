"""What an event of a provider brings: the orders that it is about are brought to where the provider is."""

from functions.ledger import orders
from functions.ledger.store import Ledger
from functions.payments.provider import Connection, Event, adapter
from functions.payments.synchronize import NO_ORDER, NOT_OURS, keep_unmatched, synchronize


async def handle(ledger: Ledger, connection: Connection, event: Event) -> bool:
    """Whether it is about an order of ours; what it brings is in the ledger then.

    Money that fits no order is kept for people to look at. Raises PaymentProviderFailed, LedgerUnavailable: then
    nobody knows, and the event must come again.
    """
    handled = False
    for reference in event.references:
        found = await synchronize(ledger, connection, reference)
        why = found.unmatched
        if why and (found.order or event.is_money):
            why = why if found.order else _why(ledger, connection, reference)
            await keep_unmatched(ledger, connection, reference, event.kind, why)
        handled = handled or (found.order is not None and not found.unmatched)
    if not event.references and event.is_money and event.about:
        await keep_unmatched(ledger, connection, event.about, event.kind, NOT_OURS)
    return handled


def _why(ledger: Ledger, connection: Connection, reference: str) -> str:
    """Of a checkout without an order. Raises PaymentProviderFailed."""
    payment = adapter(connection.provider).fetch(connection, reference)
    is_ours = payment and orders.is_number_of(ledger, connection.project_id, payment.order)
    return NO_ORDER if is_ours else NOT_OURS
