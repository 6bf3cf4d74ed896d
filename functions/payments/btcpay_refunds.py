"""What of an invoice's price BTCPay Server sent back.

A refund is a pull payment of the store that BTCPay named `Refund <invoice>`: what its payouts sent, or are sending,
went back. In the invoice's own currency that counts as it is, in another at the rate that the invoice was paid at: of a
refund at a later day's rate it is the bitcoin that counts. What had been paid beyond the price bought nothing, so it is
what goes back first. All refunds come to no more than the price.

Names are those of BTCPay 2; before, payouts and payment methods had others.
https://github.com/btcpayserver/btcpayserver/blob/master/BTCPayServer/Controllers/GreenField/GreenfieldInvoiceController.cs
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from functions.currencies import DECIMALS
from functions.payments.btcpay_server import ID, Server, id_of, text_of

log = logging.getLogger("farebox.payments.btcpay")

Found = Mapping[str, Any]
"""An object of the API."""

NAME = re.compile(rf"Refund ({ID.pattern})", re.ASCII)
DECIMAL = re.compile(r"\d{1,20}(?:\.\d{1,30})?", re.ASCII)
SENT = ("InProgress", "Completed")
"""States of a payout whose money went back; one that is in progress can still come to nothing."""
SATS_PER_BTC = 10**8


def pull_payments(server: Server) -> list[Found]:
    """Of the store, the newest first; those too that were archived, as refunds are that are done."""
    return list(server.of_store("pull-payments?includeArchived=true"))


def invoice_of(pull_payment: Found) -> str | None:
    """The invoice that a pull payment refunds; None where it is no refund."""
    found = NAME.fullmatch(pull_payment.get("name") or "")
    return found[1] if found else None


def refunded(server: Server, invoice: Found, amount: int, currency: str) -> int:
    """What of the price, `amount` in the smallest unit of `currency`, went back. Raises within `asking` only."""
    sent = list(_sent(server, invoice["id"]))
    if not sent:
        return 0
    methods = server.of_store(f"invoices/{invoice['id']}/payment-methods")
    rates, price = _rates(methods, invoice["currency"]), _decimal(invoice["amount"])
    worth = sum((_worth(refund, payout, rates, price) for refund, payout in sent), Decimal(0))
    if invoice.get("additionalStatus") == "PaidOver":
        worth -= max(Decimal(0), _paid(methods) - price)
    back = (worth * 10 ** DECIMALS[currency]).to_integral_value(ROUND_HALF_UP)
    return max(0, min(amount, int(back)))


def _sent(server: Server, reference: str) -> Iterator[tuple[Found, Found]]:
    """Each payout whose money went back, with its pull payment."""
    for refund in pull_payments(server):
        if invoice_of(refund) == reference:
            for payout in server.ask(f"pull-payments/{id_of(refund['id'])}/payouts"):
                if text_of(payout["state"]) in SENT:
                    yield refund, payout


def _rates(methods: Sequence[Found], currency: str) -> dict[str, Decimal]:
    """What one unit of each currency was worth in the invoice's; of the methods of one, that which was paid by."""
    rates = {currency: Decimal(1)}
    for method in sorted(methods, key=lambda method: _decimal(method.get("paymentMethodPaid") or 0) == 0):
        if code := method.get("currency") or method.get("cryptoCode"):
            rates.setdefault(text_of(code), _decimal(method.get("rate") or 0))
    if "BTC" in rates:
        rates.setdefault("SATS", rates["BTC"] / SATS_PER_BTC)
    return rates


def _worth(refund: Found, payout: Found, rates: Mapping[str, Decimal], price: Decimal) -> Decimal:
    """A payout in the invoice's currency: what was asked for, or where that has no rate what was sent.

    Where neither has one it is the whole price: the money is gone.
    """
    amounts = (
        (payout.get("originalCurrency"), payout.get("originalAmount")),
        (refund.get("currency"), payout.get("amount")),
        (payout.get("payoutCurrency"), payout.get("payoutAmount")),
        (payout.get("cryptoCode"), payout.get("paymentMethodAmount")),
    )
    for currency, amount in amounts:
        if amount is not None and isinstance(currency, str) and rates.get(currency):
            return _decimal(amount) * rates[currency]
    log.error("btcpay: a refund counts as one of everything, for its currency has no rate")
    return price


def _paid(methods: Sequence[Found]) -> Decimal:
    """What was paid in all, in the invoice's currency."""
    paid = ((method.get("paymentMethodPaid") or 0, method.get("rate") or 0) for method in methods)
    return sum((_decimal(amount) * _decimal(rate) for amount, rate in paid), Decimal(0))


def _decimal(value: object) -> Decimal:
    """Raises TypeError, ValueError for what is no amount. There are no exponents: they could fill all memory."""
    text = str(value) if isinstance(value, int) else text_of(value)
    if not DECIMAL.fullmatch(text):
        raise ValueError("no amount")
    return Decimal(text)
