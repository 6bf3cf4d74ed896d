"""Polar: checkouts of one product, each at a price of its own. Polar is the seller, and adds taxes to that price.

A checkout is paid when an order came of it that is. All amounts are those before taxes.
https://polar.sh/docs/api-reference, https://polar.sh/docs/integrate/webhooks/delivery
"""

import contextlib
import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import httpx
from polar import PolarClientError, PolarError, PolarNetworkError
from polar.base import PolarRateLimitError
from polar.v2026_10 import Polar, outputs
from polar.v2026_10.errors import HTTPValidationError, ResourceNotFound
from polar.v2026_10.inputs import CheckoutCreate
from polar.v2026_10.literals import PresentmentCurrency

from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import polar_signature, provider
from functions.payments.provider import Connection, Dispute, Event, Header, Made, Payment, Wanted

log = logging.getLogger("farebox.payments.polar")

T = TypeVar("T")

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

PAGE = 100
DAY_S = 86_400
PAID_WITHIN_S = 30 * DAY_S
REFUNDED_WITHIN_S = 60 * DAY_S
DECIDED_WITHIN_S = 180 * DAY_S
"""How long after they began orders are paid, refunds fail and disputes end: lists are sorted by their beginnings."""

STATES = {
    "open": provider.OPEN,
    "expired": provider.EXPIRED,
    "confirmed": provider.PROCESSING,
    "succeeded": provider.PROCESSING,
    "failed": provider.FAILED,
}
"""What a checkout is whose order is not paid."""
DISPUTES = {
    "needs_response": provider.OPEN,
    "under_review": provider.OPEN,
    "won": provider.WON,
    "lost": provider.LOST,
}
"""An `early_warning` took no money yet, and one that was `prevented` is a refund."""
REFUNDS = ("pending", "succeeded")
MONEY = ("order.paid", "order.refunded", "refund.created", "refund.updated")


def create(connection: Connection, wanted: Wanted) -> Made:
    """Make a checkout. Asked twice it makes two, and whichever is not paid expires."""
    asked: CheckoutCreate = {
        "products": [connection.product],
        "prices": {
            connection.product: [
                {
                    "amount_type": "fixed",
                    "price_amount": wanted.amount,
                    "price_currency": cast("PresentmentCurrency", wanted.currency),
                    "tax_behavior": "exclusive",
                }
            ]
        },
        "currency": cast("PresentmentCurrency", wanted.currency),
        "metadata": {provider.ORDER: wanted.order},
        "success_url": wanted.done_url,
        "return_url": wanted.cancel_url,
        "allow_discount_codes": False,
        "allow_trial": False,
    }
    with _asking(connection, "checkouts.create") as polar:
        try:
            prefilled: CheckoutCreate = asked | {"customer_email": wanted.email} if wanted.email else asked
            made = polar.api.checkouts.create(request_timeout=polar.left(), **prefilled)
        except HTTPValidationError:
            if not wanted.email:
                raise
            made = polar.api.checkouts.create(request_timeout=polar.left(), **asked)  # it takes not every address
        return Made(made.id, made.url, _seconds(made.expires_at))


def receive(connection: Connection, header: Header, raw: bytes, now_s: float) -> Event:
    """What an event points at: the checkout that it names, or that the order has which it names.

    Raises BadRequest for a forgery, PaymentProviderFailed where the order cannot be asked for.
    """
    event_id = polar_signature.check(connection.webhook_secrets, header, raw, now_s)
    kind, data = _content(raw)
    thing, _, _ = kind.partition(".")
    checkout_id = order_id = None
    if thing == "checkout":
        checkout_id = data.get("id")
    elif thing == "order":
        order_id, checkout_id = data.get("id"), data.get("checkout_id")
    elif thing in ("refund", "dispute"):
        order_id = data.get("order_id")
    if order_id and "checkout_id" not in data:
        checkout_id = _checkout_of(connection, str(order_id))
    return Event(
        event_id=event_id,
        kind=kind,
        references=(checkout_id,) if isinstance(checkout_id, str) and ID.fullmatch(checkout_id) else (),
        about=order_id if isinstance(order_id, str) and ID.fullmatch(order_id) else "",
        is_money=kind in MONEY or thing == "dispute",
    )


def fetch(connection: Connection, reference: str) -> Payment | None:
    """What came of a checkout; None where Polar has no such checkout."""
    if not ID.fullmatch(reference):
        return None
    with _asking(connection, "checkouts.get") as polar:
        try:
            checkout = polar.api.checkouts.get(reference, request_timeout=polar.left())
        except ResourceNotFound:
            return None
        order = None if checkout.status == "open" else _order(polar, reference)
        number = checkout.metadata.get(provider.ORDER)
        return Payment(
            reference=checkout.id,
            order=number if isinstance(number, str) else "",
            mode=connection.mode,
            state=_state(checkout, order),
            amount=order.net_amount if order else checkout.net_amount,
            currency=(order or checkout).currency.lower(),
            refunded=_refunded(polar, order) if order and order.paid else 0,
            disputes=_disputes(polar, order) if order and order.paid else (),
        )


def changed(connection: Connection, since_s: int) -> Iterator[str]:
    """The checkouts of orders that were paid, refunded or disputed since; orders from the oldest on."""
    told: set[str] = set()
    with _asking(connection, "lists") as polar:
        for found in _changed(polar, since_s):
            if found and found not in told:
                told.add(found)
                yield found


class _Calls:
    """Polar's API, and the time that is left for what is asked now."""

    def __init__(self, connection: Connection) -> None:
        self.api = Polar(connection.key, base_url=connection.url, timeout=provider.TIMEOUT_S / 2)
        self.ends_s = min(connection.ends_s, time.monotonic() + provider.TIMEOUT_S)
        self._lists_end_s = connection.ends_s

    def left(self) -> float:
        """A time limit for the next call: half of what is left is for connecting, the other half for the answer."""
        left_s = (self.ends_s - time.monotonic()) / 2
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def in_time(self, found: Iterator[T]) -> Iterator[T]:
        """What a list has, for as long as the connection may be asked."""
        for one in found:
            if time.monotonic() >= self._lists_end_s:
                raise TimeoutError
            yield one


@contextlib.contextmanager
def _asking(connection: Connection, what: str) -> Iterator[_Calls]:
    """Raises PaymentProviderFailed for all that can go wrong: what Polar and its library say stays here."""
    if not connection.key.isascii() or not connection.key.isprintable():
        raise _failed(what, "refused the access token", ValueError())  # httpcore would quote it
    try:
        calls = _Calls(connection)
        with calls.api:
            yield calls
    except (PolarNetworkError, httpx.HTTPError, OSError) as error:
        raise _failed(what, "did not answer", error) from None
    except PolarClientError as error:
        refused = "refused the access token" if error.status_code in (401, 403) else "refused what it was asked for"
        after_s = error.retry_after if isinstance(error, PolarRateLimitError) else None
        raise _failed(what, refused, error, after_s) from None
    except PolarError as error:
        raise _failed(what, "failed", error) from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise _failed(what, "answered what cannot be read", error) from None
    except httpx.InvalidURL as error:
        raise _failed(what, "has a URL that is none", error) from None


def _failed(what: str, how: str, error: Exception, after_s: int | None = None) -> PaymentProviderFailed:
    status = getattr(error, "status_code", "no")
    log.warning("polar %s: %s (%s, %s status)", what, how, type(error).__name__, status)
    return PaymentProviderFailed(f"Polar {how}.", max(1, min(after_s or 2, 60)), is_of_all=how in provider.OF_ALL)


def _content(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Type and data of an event that is Polar's. Raises BadRequest."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("type"), str) or not isinstance(body.get("data"), dict):
        raise BadRequest("The event must be an object with a type and data.", param="body")
    return body["type"], body["data"]


def _checkout_of(connection: Connection, order_id: str) -> str | None:
    """The checkout that an order came of; None where it came of none, or is not Polar's."""
    if not ID.fullmatch(order_id):
        return None
    with _asking(connection, "orders.get") as polar:
        try:
            return polar.api.orders.get(order_id, request_timeout=polar.left()).checkout_id
        except ResourceNotFound:
            return None


def _order(polar: _Calls, reference: str) -> outputs.Order | None:
    """The order that came of a checkout; the one that is paid, should there be several."""
    listed = polar.api.orders.list(checkout_id=reference, limit=PAGE, request_timeout=polar.left()).items
    found = [order for order in listed if order.checkout_id == reference]
    return next((order for order in found if order.paid), next(iter(found), None))


def _state(checkout: outputs.Checkout, order: outputs.Order | None) -> str:
    if order and order.paid:
        return provider.PAID
    return provider.FAILED if order and order.status == "void" else STATES[checkout.status]


def _refunded(polar: _Calls, order: outputs.Order) -> int:
    refunds = polar.api.refunds.iter_list(order_id=order.id, limit=PAGE, request_timeout=polar.left())
    return sum(refund.amount for refund in refunds if refund.order_id == order.id and refund.status in REFUNDS)


def _disputes(polar: _Calls, order: outputs.Order) -> tuple[Dispute, ...]:
    listed = polar.api.disputes.iter_list(order_id=order.id, limit=PAGE, request_timeout=polar.left())
    return tuple(
        Dispute(dispute.id, dispute.amount, DISPUTES[dispute.status])
        for dispute in listed
        if dispute.order_id == order.id and dispute.status in DISPUTES
    )


def _changed(polar: _Calls, since_s: int) -> Iterator[str | None]:
    begun = datetime.fromtimestamp(max(0, since_s - PAID_WITHIN_S), UTC).isoformat()
    orders = polar.api.orders.iter_list(
        created_after=begun, sorting=["created_at"], limit=PAGE, request_timeout=polar.left()
    )
    for order in polar.in_time(orders):
        if order.paid and _touched_s(order) >= since_s:
            yield order.checkout_id
    lists: tuple[tuple[Iterator[outputs.Refund | outputs.Dispute], int], ...] = (
        (polar.api.refunds.iter_list(limit=PAGE), REFUNDED_WITHIN_S),
        (polar.api.disputes.iter_list(limit=PAGE), DECIDED_WITHIN_S),
    )
    for newest_first, within_s in lists:
        for found in polar.in_time(newest_first):
            if _seconds(found.created_at) < since_s - within_s:
                break
            if _touched_s(found) >= since_s:
                with contextlib.suppress(ResourceNotFound):
                    yield polar.api.orders.get(found.order_id).checkout_id


def _touched_s(found: outputs.Order | outputs.Refund | outputs.Dispute) -> int:
    return _seconds(found.modified_at or found.created_at)


def _seconds(text: str) -> int:
    """ISO 8601 as seconds since 1970. Raises ValueError."""
    return int(datetime.fromisoformat(text).timestamp())
