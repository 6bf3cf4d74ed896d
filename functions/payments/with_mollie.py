"""Mollie: payments. Its webhooks are not signed, and say no more than a payment's id: what came of it is asked.

A payment that was charged back stays `paid`; that it was, its chargebacks say.
https://docs.mollie.com/reference/payments-api, https://docs.mollie.com/reference/webhooks
"""

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import requests
from mollie.api.client import Client
from mollie.api.error import Error, NotFoundError, RequestError, RequestSetupError, ResponseError, UnauthorizedError

from functions.currencies import DECIMALS, decimal_text, parse_decimal
from functions.errors import BadRequest, PaymentProviderFailed
from functions.payments import provider
from functions.payments.provider import Connection, Dispute, Event, Header, Made, Payment, Wanted

log = logging.getLogger("farebox.payments.mollie")

ID = re.compile(r"tr_[A-Za-z0-9]{1,64}", re.ASCII)
BODY_BYTES_MAX = 1000
FIELDS_MAX = 10
DESCRIPTION_MAX = 255

PAGE = 250
DAY_S = 86_400
PAID_WITHIN_S = 30 * DAY_S
REFUNDED_WITHIN_S = 60 * DAY_S
REVERSED_WITHIN_S = 180 * DAY_S
"""How long after they began payments are paid, refunds fail and chargebacks are reversed: lists sort by beginnings."""

STATES = {
    "open": provider.OPEN,
    "pending": provider.PROCESSING,
    "authorized": provider.PROCESSING,
    "paid": provider.PAID,
    "failed": provider.FAILED,
    "canceled": provider.FAILED,
    "expired": provider.EXPIRED,
}
NOT_REFUNDED = ("failed", "canceled")
"""Every other refund went back, or is on its way."""


def create(connection: Connection, wanted: Wanted) -> Made:
    """Make a payment. Asked twice within an hour for the same order it is the same one."""
    currency = wanted.currency
    asked: dict[str, object] = {
        "amount": {"currency": currency.upper(), "value": decimal_text(wanted.amount, currency)},
        "description": wanted.title[:DESCRIPTION_MAX],
        "redirectUrl": wanted.done_url,
        "cancelUrl": wanted.cancel_url,
        "metadata": {provider.ORDER: wanted.order},
    }
    if wanted.webhook_url:
        asked["webhookUrl"] = wanted.webhook_url
    with _asking(connection, "payments.create") as mollie:
        made = mollie.payments.create(asked, idempotency_key=wanted.order)
        expires = _seconds(made["expiresAt"]) if made.get("expiresAt") else wanted.expires
        return Made(_reference(made["id"]), _text(made.checkout_url), expires)


def receive(connection: Connection, header: Header, raw: bytes, now_s: float) -> Event:  # noqa: ARG001  as every provider's
    """The payment that an event names. Anybody could have sent it, so it tells nothing but where to look.

    Raises BadRequest for what is no event of Mollie's.
    """
    named: list[str] = []
    if len(raw) <= BODY_BYTES_MAX:
        with contextlib.suppress(ValueError):
            given = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
            named = [value for name, value in given if name == "id"]
    if len(named) != 1 or not ID.fullmatch(named[0]):
        raise BadRequest("The event must have one id, that of a payment.", param="id")
    return Event(named[0], "payment", (named[0],), about=named[0])


def fetch(connection: Connection, reference: str) -> Payment | None:
    """What came of a payment; None where Mollie has no such payment."""
    if not ID.fullmatch(reference):
        return None
    with _asking(connection, "payments.get") as mollie:
        try:
            found = mollie.payments.get(reference, embed="refunds,chargebacks")
        except NotFoundError:
            return None
        currency = _text(found["amount"]["currency"]).lower()
        metadata = found.get("metadata")
        number = metadata.get(provider.ORDER) if isinstance(metadata, dict) else None
        return Payment(
            reference=_reference(found["id"]),
            order=number if isinstance(number, str) else "",
            mode=_text(found["mode"]),
            state=STATES[found["status"]],
            amount=_amount(found["amount"], currency),
            currency=currency,
            refunded=_refunded(found, currency),
            disputes=_disputes(found, currency),
        )


def changed(connection: Connection, since_s: int) -> Iterator[str]:
    """Payments that were paid, refunded or charged back since; of each the newest first, as Mollie lists them."""
    told: set[str] = set()
    with _asking(connection, "lists") as mollie:
        for found in _changed(connection, mollie, since_s):
            reference = _reference(found)
            if reference not in told:
                told.add(reference)
                yield reference


@contextlib.contextmanager
def _asking(connection: Connection, what: str) -> Iterator[Client]:
    """Raises PaymentProviderFailed for all that can go wrong: the library's errors name keys, and quote answers."""
    limits = (provider.CONNECT_TIMEOUT_S, provider.TIMEOUT_S - provider.CONNECT_TIMEOUT_S)
    with requests.Session() as session:
        try:
            client = Client(api_endpoint=connection.url, timeout=limits, retry=0)  # type: ignore[arg-type]
            client.set_api_key(connection.key)
            session.trust_env, session.max_redirects = False, 0
            client._client = session  # its own would take keys from a .netrc, and follow redirects
            _check_time(connection)
            yield client
        except (UnauthorizedError, RequestSetupError) as error:
            raise _failed(what, "refused the API key", error) from None
        except RequestError as error:
            raise _failed(what, "did not answer", error) from None
        except ResponseError as error:
            status = error.status if isinstance(error.status, int) else 0
            how = "failed" if status >= 500 else "refused what it was asked for"
            raise _failed(what, how, error) from None
        except Error as error:
            raise _failed(what, "failed", error) from None
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise _failed(what, "answered what cannot be read", error) from None


def _check_time(connection: Connection) -> None:
    if time.monotonic() >= connection.ends_s:
        raise RequestError("no time is left")


def _failed(what: str, how: str, error: Exception) -> PaymentProviderFailed:
    status = getattr(error, "status", None)
    shown = status if isinstance(status, int) else "no"
    log.warning("mollie %s: %s (%s, %s status)", what, how, type(error).__name__, shown)
    return PaymentProviderFailed(f"Mollie {how}.", is_of_all=how in provider.OF_ALL)


def _refunded(payment: Any, currency: str) -> int:
    """What of a payment went back. More than all of it can: Mollie lets merchants pay for a parcel sent back."""
    embedded = payment.get("_embedded") or {}
    if "refunds" in embedded:
        refunds = [refund for refund in embedded["refunds"] if refund["status"] not in NOT_REFUNDED]
        refunded = sum(_amount(refund["amount"], currency) for refund in refunds)
    else:
        refunded = _amount(payment["amountRefunded"], currency) if payment.get("amountRefunded") else 0
    return min(refunded, _amount(payment["amount"], currency))


def _disputes(payment: Any, currency: str) -> tuple[Dispute, ...]:
    """A chargeback is lost when it is heard of, unless it is reversed."""
    return tuple(
        Dispute(
            _text(chargeback["id"]),
            _amount(chargeback["amount"], currency),
            provider.WON if chargeback.get("reversedAt") else provider.LOST,
        )
        for chargeback in (payment.get("_embedded") or {}).get("chargebacks", ())
    )


def _changed(connection: Connection, mollie: Client, since_s: int) -> Iterator[object]:
    for payment in _listed(connection, mollie.payments, since_s - PAID_WITHIN_S):
        if payment.get("paidAt") and _seconds(payment["paidAt"]) >= since_s:
            yield payment["id"]
    for refund in _listed(connection, mollie.refunds, since_s - REFUNDED_WITHIN_S):
        yield refund["paymentId"]  # when one failed nobody says
    for chargeback in _listed(connection, mollie.chargebacks, since_s - REVERSED_WITHIN_S):
        if _seconds(chargeback.get("reversedAt") or chargeback["createdAt"]) >= since_s:
            yield chargeback["paymentId"]


def _listed(connection: Connection, resource: Any, from_s: int) -> Iterator[dict[str, Any]]:
    """A list page by page, from the newest until what was created before a time."""
    page = resource.list(limit=PAGE)
    while page is not None:
        for found in page["_embedded"][resource.object_type.get_object_name()]:
            if _seconds(found["createdAt"]) < from_s:
                return
            yield found
        _check_time(connection)
        page = page.get_next()


def _amount(given: Any, currency: str) -> int:
    """An amount in the smallest unit of the payment's currency; 0 for one that nothing is sold in."""
    if currency not in DECIMALS:
        return 0
    if given["currency"].lower() != currency:
        raise ValueError("two currencies in one payment")
    return parse_decimal(given["value"], currency)


def _reference(found: object) -> str:
    if not isinstance(found, str) or not ID.fullmatch(found):
        raise ValueError("no payment's id")
    return found


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError("no text")
    return found


def _seconds(text: str) -> int:
    """ISO 8601 as seconds since 1970. Raises ValueError."""
    return int(datetime.fromisoformat(text).timestamp())
