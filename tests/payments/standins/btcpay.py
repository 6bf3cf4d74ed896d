"""BTCPay Server as the reference of its Greenfield API describes it: one store, invoices, pull payments and payouts.

Written from https://docs.btcpayserver.org/API/Greenfield/v1/; what the reference leaves open (the names of refunds, the
order of lists, the events of payouts) from the server's public sources, https://github.com/btcpayserver/btcpayserver.
"""

import hashlib
import hmac
import json
import random
import re
import string
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.payments.standins.base import Delivery, Reply, Request, StandIn

ALPHABET = string.digits + string.ascii_letters
CURRENCIES = {"USD": 2, "EUR": 2, "JPY": 0, "BTC": 8}
RATE = Decimal(64_000)
"""What one bitcoin costs, in any currency."""
AMOUNT = re.compile(r"\d+(\.\d+)?")
PERMISSIONS = frozenset({"cancreateinvoice", "canviewinvoices", "canviewpullpayments", "cancreatepullpayments"})
UNAUTHENTICATED = {"code": "unauthenticated", "message": "Authentication is required for accessing this endpoint"}


@dataclass
class Refused(Exception):
    """An answer that is an error."""

    reply: Reply


def error(status: int, code: str) -> Refused:
    return Refused(Reply(status, {"code": code, "message": f"No: {code}"}))


def invalid(path: str) -> Refused:
    return Refused(Reply(422, [{"path": path, "message": f"{path} is invalid"}]))


class BTCPay(StandIn):
    """A server with one store and one API key. `before_2`: names of fields are those of version 1."""

    def __init__(self, key: str, secret: str, mode: str = "test", *, store: str) -> None:
        super().__init__(key, secret, mode)
        self.store = store
        self.permissions = set(PERMISSIONS)
        self.before_2 = False
        self.invoices: dict[str, dict[str, Any]] = {}
        self.paid: dict[str, Decimal] = {}
        """What came in for an invoice, in bitcoin."""
        self.pull_payments: dict[str, dict[str, Any]] = {}
        self.payouts: dict[str, dict[str, Any]] = {}
        self._random = random.Random(store)

    def reply(self, request: Request) -> Reply:
        """The API; pull payments and their payouts are public."""
        try:
            return Reply(200, self._route(request))
        except Refused as refusal:
            return refusal.reply

    def _route(self, request: Request) -> Any:
        match request.route.removeprefix("/api/v1/").split("/"):
            case ["pull-payments", pull_payment]:
                return self._pull_payment(pull_payment)
            case ["pull-payments", pull_payment, "payouts"]:
                self._pull_payment(pull_payment)
                return [self._payout(one) for one in self._payouts(pull_payment) if one["state"] != "Cancelled"]
            case ["stores", store, *rest]:
                if request.headers.get("authorization") != f"token {self.key}":
                    raise Refused(Reply(401, UNAUTHENTICATED))
                if store != self.store:
                    raise error(403, "missing-permission")
                return self._of_store(request, rest)
        raise error(404, "not-found")

    def _of_store(self, request: Request, path: list[str]) -> Any:
        query = dict(request.query)
        match request.method, path:
            case "GET", ["invoices"]:
                self._may("canviewinvoices")
                return self._listed(query)
            case "POST", ["invoices"]:
                self._may("cancreateinvoice")
                return self._create(json.loads(request.body))
            case "GET", ["invoices", reference]:
                self._may("canviewinvoices")
                return self._invoice(reference)
            case "GET", ["invoices", reference, "payment-methods"]:
                self._may("canviewinvoices")
                return self._methods(self._invoice(reference))
            case "POST", ["invoices", reference, "refund"]:
                self._may("cancreatepullpayments")
                return self._refund(self._invoice(reference), json.loads(request.body))
            case "GET", ["pull-payments"]:
                self._may("canviewpullpayments")
                archived = query.get("includeArchived") == "true"
                newest_first = reversed(self.pull_payments.values())
                return [one for one in newest_first if archived or not one["archived"]]
        raise error(404, "not-found")

    def _may(self, permission: str) -> None:
        if permission not in self.permissions:
            raise error(403, "missing-permission")

    def _new_id(self) -> str:
        return "".join(self._random.choices(ALPHABET, k=22))

    def _invoice(self, reference: str) -> dict[str, Any]:
        if reference not in self.invoices:
            raise error(404, "invoice-not-found")
        return self.invoices[reference]

    def _pull_payment(self, pull_payment: str) -> dict[str, Any]:
        if pull_payment not in self.pull_payments:
            raise error(404, "pullpayment-not-found")
        return self.pull_payments[pull_payment]

    def _payouts(self, pull_payment: str) -> list[dict[str, Any]]:
        return [payout for payout in self.payouts.values() if payout["pullPaymentId"] == pull_payment]

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The newest first."""
        first, last = float(query.get("startDate", 0)), float(query.get("endDate", "inf"))
        archived = query.get("includeArchived") == "true"
        found = [one for one in self.invoices.values() if first <= one["createdTime"] <= last]
        found = [one for one in found if archived or not one["archived"]]
        found.sort(key=lambda one: -one["createdTime"])
        skip = int(query.get("skip", 0))
        return found[skip : skip + int(query.get("take", len(found)))]

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        amount, currency = asked.get("amount"), asked.get("currency")
        checkout = asked.get("checkout") or {}
        if not isinstance(amount, str) or not AMOUNT.fullmatch(amount):
            raise invalid("amount")
        if currency not in CURRENCIES:
            raise invalid("currency")
        minutes = checkout.get("expirationMinutes", 15)
        if not isinstance(minutes, int) or minutes < 1:
            raise invalid("checkout.expirationMinutes")
        reference, now = self._new_id(), int(time.time())
        self.invoices[reference] = {
            "id": reference,
            "storeId": self.store,
            "amount": amount,
            "currency": currency,
            "type": "Standard",
            "checkoutLink": f"{self.url}/i/{reference}",
            "createdTime": now,
            "expirationTime": now + minutes * 60,
            "monitoringExpiration": now + minutes * 60 + 86_400,
            "status": "New",
            "additionalStatus": "None",
            "availableStatusesForManualMarking": ["Settled", "Invalid"],
            "archived": False,
            "metadata": asked.get("metadata") or {},
            "checkout": checkout,
        }
        self.paid[reference] = Decimal(0)
        return self.invoices[reference]

    def _methods(self, invoice: dict[str, Any]) -> list[dict[str, Any]]:
        paid = self.paid[invoice["id"]]
        told = {"rate": str(RATE), "paymentMethodPaid": str(paid), "totalPaid": str(paid), "activated": True}
        if self.before_2:
            return [told | {"paymentMethod": "BTC", "cryptoCode": "BTC"}]
        lazy = {
            "paymentMethodId": "BTC-LN",
            "currency": None,
            "rate": "0",
            "paymentMethodPaid": "0",
            "activated": False,
        }
        return [lazy, told | {"paymentMethodId": "BTC-CHAIN", "currency": "BTC"}]

    def _payout(self, payout: dict[str, Any]) -> dict[str, Any]:
        if not self.before_2:
            return payout
        names = {"originalAmount": "amount", "payoutAmount": "paymentMethodAmount", "payoutCurrency": "cryptoCode"}
        return {names.get(name, name): value for name, value in payout.items() if name != "originalCurrency"}

    def _refund(self, invoice: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """A pull payment, which somebody then claims."""
        if invoice["status"] not in ("Settled", "Invalid") and invoice["additionalStatus"] == "None":
            raise error(400, "non-refundable")
        paid = self.paid[invoice["id"]]
        match asked.get("refundVariant"):
            case "RateThen":
                currency, amount = "BTC", paid
            case "Fiat":
                currency, amount = invoice["currency"], paid * RATE
            case "OverpaidAmount":
                currency, amount = "BTC", paid - Decimal(invoice["amount"]) / RATE
            case "Custom":
                currency, amount = asked["customCurrency"], Decimal(asked["customAmount"])
            case _:
                raise invalid("refundVariant")
        return self._new_pull_payment(asked.get("name") or f"Refund {invoice['id']}", amount, currency)

    def _new_pull_payment(self, name: str, amount: Decimal, currency: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": self._new_id(),
            "name": name,
            "currency": currency,
            "amount": f"{amount:f}",
            "startsAt": int(time.time()),
            "archived": False,
            "autoApproveClaims": currency == "BTC",
        }
        self.pull_payments[made["id"]] = made
        return made

    def _claim(self, pull_payment: dict[str, Any], state: str) -> dict[str, Any]:
        """Somebody claims all of a pull payment, and it is sent."""
        amount, currency = Decimal(pull_payment["amount"]), pull_payment["currency"]
        bitcoin = amount if currency == "BTC" else amount / RATE
        made = {
            "id": self._new_id(),
            "revision": 0,
            "pullPaymentId": pull_payment["id"],
            "date": str(int(time.time())),
            "destination": "bcrt1qexample",
            "originalCurrency": currency,
            "originalAmount": pull_payment["amount"],
            "payoutCurrency": "BTC",
            "payoutAmount": f"{bitcoin:.8f}",
            "payoutMethodId": "BTC-CHAIN",
            "state": state,
        }
        self.payouts[made["id"]] = made
        return made

    def pay(self, reference: str, part: Decimal = Decimal(1)) -> list[Delivery]:
        """So much of the price is paid, and confirmed. In part, and after the end, that settles nothing."""
        with self.lock:
            invoice = self.invoices[reference]
            price = Decimal(invoice["amount"]) / RATE
            paid = self.paid[reference] = self.paid[reference] + price * part
            is_late = invoice["status"] == "Expired"
            events = [self._told("InvoiceReceivedPayment", reference, afterExpiration=is_late)]
            if is_late or paid < price:
                invoice["additionalStatus"] = "PaidLate" if is_late else "PaidPartial"
                return [*events, self._told("InvoicePaymentSettled", reference, afterExpiration=is_late)]
            is_over = paid > price
            invoice |= {"status": "Settled", "additionalStatus": "PaidOver" if is_over else "None"}
            events.append(self._told("InvoiceProcessing", reference, overPaid=is_over))
            events.append(self._told("InvoicePaymentSettled", reference, afterExpiration=False))
            return [*events, self._told("InvoiceSettled", reference, manuallyMarked=False, overPaid=is_over)]

    def process(self, reference: str) -> list[Delivery]:
        with self.lock:
            self.invoices[reference]["status"] = "Processing"
            received = self._told("InvoiceReceivedPayment", reference, afterExpiration=False)
            return [received, self._told("InvoiceProcessing", reference, overPaid=False)]

    def fail(self, reference: str) -> list[Delivery]:
        """What was paid was never confirmed."""
        with self.lock:
            self.invoices[reference]["status"] = "Invalid"
            return [self._told("InvoiceInvalid", reference, manuallyMarked=False)]

    def expire(self, reference: str) -> list[Delivery]:
        with self.lock:
            invoice = self.invoices[reference]
            invoice["status"] = "Expired"
            is_part = invoice["additionalStatus"] == "PaidPartial"
            return [self._told("InvoiceExpired", reference, partiallyPaid=is_part)]

    def mark(self, reference: str, status: str) -> list[Delivery]:
        """The merchant says that it is `Settled` or `Invalid`."""
        with self.lock:
            self.invoices[reference] |= {"status": status, "additionalStatus": "Marked"}
            return [self._told(f"Invoice{status}", reference, manuallyMarked=True)]

    def refund(
        self, reference: str, amount: int, *, currency: str = "", variant: str = "Custom", state: str = "Completed"
    ) -> list[Delivery]:
        """`amount` is in the smallest unit of the invoice's currency; what goes back is as much of `currency`."""
        with self.lock:
            invoice = self.invoices[reference]
            money = Decimal(amount) / 10 ** CURRENCIES[invoice["currency"]]
            worth = money / RATE if currency == "BTC" else money / RATE * 10**8 if currency == "SATS" else money
            asked: dict[str, Any] = {"refundVariant": variant}
            if variant == "Custom":
                asked |= {"customAmount": f"{worth:f}", "customCurrency": currency or invoice["currency"]}
            payout = self._claim(self._refund(invoice, asked), state)
            steps = (("Created", "AwaitingApproval"), ("Approved", "AwaitingPayment"), ("Updated", state))
            return [self._paid_out(f"Payout{step}", payout | {"state": then}) for step, then in steps]

    def fail_refund(self, reference: str) -> list[Delivery]:
        """What the newest payout was sent with never arrives: it waits to be sent again."""
        with self.lock:
            refunds = {one["id"] for one in self.pull_payments.values() if one["name"] == f"Refund {reference}"}
            payout = [one for one in self.payouts.values() if one["pullPaymentId"] in refunds][-1]
            payout["state"] = "AwaitingPayment"
            return [self._paid_out("PayoutUpdated", payout)]

    def pull_payment(self, name: str, amount: str = "0.001", currency: str = "BTC") -> list[Delivery]:
        """The merchant pays somebody by a pull payment of any name."""
        with self.lock:
            made = self._new_pull_payment(name, Decimal(amount), currency)
            return [self._paid_out("PayoutUpdated", self._claim(made, "Completed"))]

    def strange(self) -> Delivery:
        return self._delivery({"type": "StorePhaseOfTheMoonChanged", "storeId": self.store, "phase": "full"})

    def sign(self, body: bytes, at_s: float | None = None, secret: str | None = None) -> dict[str, str]:
        """There is no time in BTCPay's signatures."""
        key = self.secret if secret is None else secret
        signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "BTCPay-Sig": f"sha256={signature}"}

    def alter(self, reference: str, **fields: Any) -> None:
        """Besides `amount` (in the smallest unit), `currency` and `order`: fields of the API. There are no modes."""
        with self.lock:
            invoice = self.invoices[reference]
            for name, value in fields.items():
                if name == "amount":
                    digits = CURRENCIES[invoice["currency"]]
                    invoice["amount"] = f"{Decimal(value) / 10**digits:.{digits}f}"
                elif name == "currency":
                    invoice["currency"] = value.upper()
                elif name == "order":
                    invoice["metadata"] = invoice["metadata"] | {"farebox_order": value}
                elif name in invoice:
                    invoice[name] = value
                else:
                    raise NotImplementedError(name)

    def references(self) -> list[str]:
        with self.lock:
            return list(self.invoices)

    def told(self, content: dict[str, Any]) -> Delivery:
        """An event with these fields, signed."""
        with self.lock:
            return self._delivery(content)

    def _told(self, kind: str, reference: str, **more: Any) -> Delivery:
        about = {"storeId": self.store, "invoiceId": reference, "metadata": self.invoices[reference]["metadata"]}
        return self._delivery({"type": kind, **about, **more})

    def _paid_out(self, kind: str, payout: dict[str, Any]) -> Delivery:
        about = {"storeId": self.store, "payoutId": payout["id"], "pullPaymentId": payout["pullPaymentId"]}
        return self._delivery({"type": kind, **about, "payoutState": payout["state"]})

    def _delivery(self, content: dict[str, Any]) -> Delivery:
        delivery = self._new_id()
        told = {"deliveryId": delivery, "webhookId": "w", "originalDeliveryId": delivery, "isRedelivery": False}
        body = json.dumps(told | {"timestamp": int(time.time())} | content).encode()
        return Delivery(self.sign(body), body)
