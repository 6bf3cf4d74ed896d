"""What Stripe's objects say of a payment. https://docs.stripe.com/api"""

from collections.abc import Iterable
from typing import Any

from functions.payments import provider
from functions.payments.provider import Dispute, Payment
from functions.payments.stripe_calls import Object

INTENTS = {
    "succeeded": provider.PAID,
    "processing": provider.PROCESSING,
    "requires_capture": provider.PROCESSING,
    "requires_confirmation": provider.OPEN,
    "requires_payment_method": provider.FAILED,
    "requires_action": provider.FAILED,
    "canceled": provider.FAILED,
}
"""Of charges that nobody is there for: what asks for an action has failed."""
UNFINISHED = ("requires_payment_method", "canceled")
"""What a payment intent is after its checkout was completed, and its payment failed after all."""
NOT_REFUNDED = ("failed", "canceled")
"""Every other refund went back, or is on its way."""
DISPUTES = {
    "needs_response": provider.OPEN,
    "under_review": provider.OPEN,
    "appeal_needs_response": provider.OPEN,
    "appeal_under_review": provider.OPEN,
    "won": provider.WON,
    "lost": provider.LOST,
}


def of_session(session: Object, refunds: Iterable[Object] = (), disputes: Iterable[Object] = ()) -> Payment:
    """What a checkout session says, its payment intent or setup intent expanded. Raises what a malformed one brings.

    Its price is that of its items less discounts: tax that comes on top is no part of what was asked for.
    """
    if session["mode"] == "setup":
        return _of_setup(session)
    details = session.get("total_details") or {}
    amount = max(0, whole(session["amount_subtotal"] or 0) - whole(details.get("amount_discount") or 0))
    charged, currency = whole(session["amount_total"] or 0), text(session["currency"] or "")
    return Payment(
        reference=text(session["id"]),
        order=order_of(session),
        mode=mode(session),
        state=_state(session),
        amount=amount,
        currency=currency,
        refunded=_refunded(refunds, amount, charged),
        disputes=_disputes(disputes, amount, charged, currency),
    )


def of_intent(intent: Object, refunds: Iterable[Object] = (), disputes: Iterable[Object] = ()) -> Payment:
    """What a payment intent says that no checkout made. Raises what a malformed one brings."""
    state, currency = INTENTS[intent["status"]], text(intent["currency"])
    amount = whole(intent["amount_received"] if state == provider.PAID else intent["amount"])
    return Payment(
        reference=text(intent["id"]),
        order=order_of(intent),
        mode=mode(intent),
        state=state,
        amount=amount,
        currency=currency,
        refunded=_refunded(refunds, amount, amount),
        disputes=_disputes(disputes, amount, amount, currency),
    )


def order_of(thing: Object) -> str:
    """The number of our order that was given with it; "" where none was."""
    number = (thing.get("metadata") or {}).get(provider.ORDER)
    return number if isinstance(number, str) else ""


def mode(thing: Object) -> str:
    """By Stripe's own word."""
    return {True: provider.LIVE, False: provider.TEST}[thing["livemode"]]


def id_of(thing: object) -> str:
    """The id of what may be expanded; "" where there is none."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) else ""


def text(found: object) -> str:
    """Raises TypeError for anything but text."""
    if not isinstance(found, str):
        raise TypeError("no text")
    return found


def whole(found: object) -> int:
    """Raises TypeError for anything but a whole number."""
    if not isinstance(found, int) or isinstance(found, bool):
        raise TypeError("no whole number")
    return found


def _state(session: Object) -> str:
    """`no_payment_required` is not paid: nothing was."""
    if session["payment_status"] == "paid":
        return provider.PAID
    if session["status"] != "complete":
        return {"open": provider.OPEN, "expired": provider.EXPIRED}[session["status"]]
    intent = session.get("payment_intent")
    pending = isinstance(intent, dict) and intent["status"] not in UNFINISHED
    return provider.PROCESSING if session["payment_status"] == "unpaid" and pending else provider.FAILED


def _of_setup(session: Object) -> Payment:
    intent: Any = session.get("setup_intent")
    saved, state = "", {"open": provider.OPEN, "expired": provider.EXPIRED}.get(session["status"], provider.FAILED)
    if session["status"] == "complete" and isinstance(intent, dict):
        customer, method = id_of(intent.get("customer")), id_of(intent.get("payment_method"))
        if intent["status"] == "succeeded" and customer and method:
            saved, state = f"{customer}/{method}", provider.PAID
        elif intent["status"] == "processing":
            state = provider.PROCESSING
    return Payment(
        reference=text(session["id"]),
        order=order_of(session),
        mode=mode(session),
        state=state,
        amount=0,
        currency=text(session.get("currency") or ""),
        saved=saved,
    )


def _refunded(refunds: Iterable[Object], amount: int, charged: int) -> int:
    total = sum(whole(refund["amount"]) for refund in refunds if refund["status"] not in NOT_REFUNDED)
    return _part(total, amount, charged)


def _disputes(disputes: Iterable[Object], amount: int, charged: int, currency: str) -> tuple[Dispute, ...]:
    """A dispute in another currency than the charge is taken for one of everything."""
    return tuple(
        Dispute(
            text(dispute["id"]),
            _part(whole(dispute["amount"]), amount, charged) if dispute["currency"] == currency else amount,
            state,
        )
        for dispute in disputes
        if (state := _dispute_state(dispute))
    )


def _dispute_state(dispute: Object) -> str:
    """Empty where no money went, as with an inquiry (`warning_…`). What was prevented, or is new, its money says."""
    status = text(dispute["status"])
    if status in DISPUTES:
        return DISPUTES[status]
    moved = sum(whole(transaction["amount"]) for transaction in dispute.get("balance_transactions") or ())
    return provider.LOST if moved < 0 else ""


def _part(back: int, amount: int, charged: int) -> int:
    """What of the price went back where `back` went back of all that was charged, which may have had tax on top."""
    return min(amount, back * amount // charged if charged > amount else back)
