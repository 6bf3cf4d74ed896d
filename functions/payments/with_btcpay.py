"""BTCPay Server: invoices of one store, which are paid in bitcoin at the price that they name in money.

An invoice is paid once it is `Settled`: it has the confirmations that the store asks for, or its merchant marked it so.
One that was paid in part, or too late, is not; its money is the merchant's to send back, or to mark the invoice for.
Marked `Invalid` after it was settled, all of it counts as refunded. What else went back: btcpay_refunds.py. Money that
was sent back in any other way is unknown to BTCPay. There are no disputes.

The API key needs `btcpay.store.cancreateinvoice`, `btcpay.store.canviewinvoices` and `btcpay.store.canviewpullpayments`
(on servers that do not know it `btcpay.store.canmanagepullpayments`): without the last nothing is credited, for nobody
could say what went back.

https://docs.btcpayserver.org/API/Greenfield/v1/
"""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from functions.currencies import decimal_text, parse_decimal
from functions.errors import BadRequest
from functions.payments import provider
from functions.payments.btcpay_refunds import SENT, invoice_of, pull_payments, refunded
from functions.payments.btcpay_server import ID, Server, asking, id_of, parsed, text_of
from functions.payments.provider import Connection, Event, Header, Made, Payment, Wanted
from functions.payments.signatures import check_btcpay

URL = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)

MINUTE_S, DAY_S = 60, 86_400
PAID_WITHIN_S = 7 * DAY_S
REFUNDED_WITHIN_S = 60 * DAY_S
"""How long after they began invoices are settled, and refunds are claimed and sent: lists know beginnings only."""
LIST_WITHIN_S = 60.0
"""How long all lists may take together."""
PAGE, PAGES_MAX = 200, 500

STATES = {
    "New": provider.OPEN,
    "Processing": provider.PROCESSING,
    "Settled": provider.PAID,
    "Expired": provider.EXPIRED,
    "Invalid": provider.FAILED,
}
MONEY = ("InvoiceSettled", "InvoicePaymentSettled")


def create(connection: Connection, wanted: Wanted) -> Made:
    """Make an invoice. Asked twice it makes two, and whichever is not paid expires."""
    metadata = {"orderId": wanted.order, provider.ORDER: wanted.order, "itemDesc": wanted.title}
    checkout: dict[str, object] = {"redirectURL": wanted.done_url, "redirectAutomatically": True}
    if wanted.expires:
        checkout["expirationMinutes"] = max(1, round((wanted.expires - time.time()) / MINUTE_S))
    asked = {
        "amount": decimal_text(wanted.amount, wanted.currency),
        "currency": wanted.currency.upper(),
        "metadata": metadata | ({"buyerEmail": wanted.email} if wanted.email else {}),
        "checkout": checkout,
    }
    with asking(connection, "create invoice") as server:
        made = server.of_store("invoices", asked)
        reference, url = text_of(made["id"]), text_of(made["checkoutLink"])
        if not ID.fullmatch(reference) or not URL.fullmatch(url):
            raise ValueError("no invoice")
        return Made(reference, url, int(made["expirationTime"]))


def receive(connection: Connection, header: Header, raw: bytes, now_s: float) -> Event:  # noqa: ARG001  nothing is dated
    """What an event points at: the invoice that it names, or that its payout refunds.

    An event says no time that is signed: a copy of one only asks once more how its invoice is.
    Raises BadRequest for a forgery, PaymentProviderFailed where the payout cannot be asked about.
    """
    check_btcpay(connection.webhook_secrets, header("btcpay-sig"), raw)
    told = _event(raw)
    kind, event_id = told["type"], told["deliveryId"]
    thing = next((thing for thing in ("Invoice", "Payout") if kind.startswith(thing)), "")
    if told.get("storeId", "" if thing else connection.store) != connection.store:
        raise BadRequest("The event is about another store.", param="storeId")
    if thing == "Invoice":
        reference, is_money = told.get("invoiceId"), kind in MONEY
    elif thing == "Payout":
        reference = _refunded_invoice(connection, told.get("pullPaymentId"))
        is_money = told.get("payoutState") in SENT
    else:
        return Event(event_id, kind, ())
    if not isinstance(reference, str) or not ID.fullmatch(reference):
        return Event(event_id, kind, ())
    return Event(event_id, kind, (reference,), about=reference, is_money=is_money)


def fetch(connection: Connection, reference: str) -> Payment | None:
    """What came of an invoice; None where the store has no such invoice."""
    if not ID.fullmatch(reference):
        return None
    with asking(connection, "get invoice") as server:
        invoice = server.of_store(f"invoices/{reference}", missing="invoice-not-found")
        if invoice is None:
            return None
        if (invoice["id"], invoice.get("storeId", connection.store)) != (reference, connection.store):
            raise ValueError("another invoice")
        currency = text_of(invoice["currency"]).lower()
        amount, metadata = _amount(invoice["amount"], currency), invoice.get("metadata")
        number = metadata.get(provider.ORDER) if isinstance(metadata, dict) else None
        return Payment(
            reference=reference,
            order=number if isinstance(number, str) else "",
            mode=connection.mode,
            state=_state(invoice),
            amount=amount,
            currency=currency,
            refunded=_refunded(server, invoice, amount, currency),
        )


def changed(connection: Connection, since_s: int) -> Iterator[str]:
    """Invoices that were settled, or marked invalid, since; then those that were refunded. Of each the oldest first.

    Too many rather than too few: BTCPay does not say when.
    """
    told: set[str] = set()
    with asking(connection, "lists", LIST_WITHIN_S) as server:
        for listed in (_decided, _refunds):
            for found in listed(server, since_s):
                if found not in told:
                    told.add(found)
                    yield found


def _event(raw: bytes) -> dict[str, Any]:
    """An event's fields; its `type` and `deliveryId` are texts. Raises BadRequest."""
    try:
        told = parsed(raw)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise BadRequest("The event must be an object.", param="body")
    for name in ("type", "deliveryId"):
        if not isinstance(told.get(name), str):
            raise BadRequest(f"{name} must be a string.", param=name)
    return told


def _refunded_invoice(connection: Connection, pull_payment: object) -> str | None:
    """The invoice that a pull payment refunds; None where it is no refund."""
    if not isinstance(pull_payment, str) or not ID.fullmatch(pull_payment):
        return None
    with asking(connection, "get pull payment") as server:
        found = server.ask(f"pull-payments/{pull_payment}", missing="pullpayment-not-found")
        return invoice_of(found) if found else None


def _state(invoice: Mapping[str, Any]) -> str:
    state = STATES[invoice["status"]]
    is_part = invoice.get("additionalStatus") == "PaidPartial"
    return provider.PROCESSING if state == provider.PAID and is_part else state


def _refunded(server: Server, invoice: Mapping[str, Any], amount: int, currency: str) -> int:
    if invoice["status"] == "Invalid":
        return amount
    return refunded(server, invoice, amount, currency) if amount and _state(invoice) == provider.PAID else 0


def _decided(server: Server, since_s: int) -> list[str]:
    """Invoices that are settled or invalid, the oldest first; their list begins with the newest."""
    found: dict[str, None] = {}
    start = max(0, since_s - PAID_WITHIN_S)
    for page in range(PAGES_MAX):
        query = f"startDate={start}&skip={page * PAGE}&take={PAGE}&includeArchived=true"
        listed = server.of_store(f"invoices?{query}")
        if len(listed) > PAGE:
            raise ValueError("a longer page than was asked for")
        found |= {id_of(invoice["id"]): None for invoice in listed if invoice["status"] in ("Settled", "Invalid")}
        if len(listed) < PAGE:
            return list(reversed(found))
    raise ValueError("a list without an end")


def _refunds(server: Server, since_s: int) -> list[str]:
    """Invoices of refunds, the oldest refund first."""
    first = since_s - REFUNDED_WITHIN_S
    recent = [refund for refund in pull_payments(server) if int(refund.get("startsAt") or first) >= first]
    return [reference for refund in reversed(recent) if (reference := invoice_of(refund))]


def _amount(text: object, currency: str) -> int:
    """In the smallest unit; 0 for what none of our orders can be of."""
    try:
        return parse_decimal(text_of(text), currency)
    except (KeyError, ValueError):
        return 0
