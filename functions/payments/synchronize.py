"""Bringing an order to what its provider says came of it: the one way in which money becomes credits, and back.

The provider is asked, and the order is taken there step by step, each one transaction. Whether an event came first,
twice, late or never, and whatever came of an earlier attempt, changes nothing: the next one finds what is left to do.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from functions.errors import LedgerUnavailable
from functions.ledger import notices, orders, tidy, top_ups, unmatched
from functions.ledger.journal import Entry
from functions.ledger.orders import Order, OrderChanged, Step
from functions.ledger.store import Item, Ledger
from functions.ledger.unmatched import Unmatched
from functions.payments import provider
from functions.payments.provider import Connection, Dispute, Payment

log = logging.getLogger("farebox.payments")

STEPS_MAX = 60
"""Steps and attempts for one order; a payment with more refunds and disputes than that is gone on with next time."""
ABOUT_LENGTH_MAX = 200

NO_ORDER, NOT_OURS = "no_order", "not_ours"
"""Why money fits nothing: an order of ours that is not there; a payment that was never for one."""

Fetch = Callable[[Connection, str], Payment | None]


@dataclass(frozen=True, slots=True)
class Synchronized:
    """The order, where there is one; the steps that it took now; why nothing fits it, where nothing does."""

    order: Order | None
    steps: tuple[str, ...] = ()
    unmatched: str = ""


async def synchronize(
    ledger: Ledger, connection: Connection, reference: str, *, fetch: Fetch | None = None
) -> Synchronized:
    """Bring the order of a checkout of this connection to where its provider is. Safe to repeat, and in parallel.

    Before each attempt the order is read first and the provider asked then, and it is asked once more after the last
    step: what somebody else entered meanwhile is never taken back because of an older answer, nor left behind by one.

    A checkout that is no order of ours is not asked about, but for a payment that was made without one (a top-up's),
    whose order its provider names. Raises PaymentProviderFailed, LedgerUnavailable.
    """
    ask = fetch or provider.adapter(connection.provider).fetch
    order = await orders.read(ledger, connection.project_id, connection.provider, reference)
    if order is None and reference.startswith("pi_"):
        named = ask(connection, reference)
        if named and named.order:
            order = await orders.read(ledger, connection.project_id, connection.provider, named.order)
        if order and order.payment not in ("", reference):
            return Synchronized(order, unmatched="payment")
        order = order and replace(order, payment=reference)  # kept by its next step
    if order is None:
        return Synchronized(None, unmatched="no_order")
    asked = order.payment or reference
    payment: Payment | None = None
    steps: list[str] = []
    for attempt in range(STEPS_MAX):
        just_asked = payment is None
        payment = payment or ask(connection, asked)
        if payment is None:
            return Synchronized(order, tuple(steps), unmatched="unknown_to_provider")
        if why := mismatch(connection, order, payment):
            return Synchronized(order, tuple(steps), unmatched=why)
        step = next_step(ledger, order, payment)
        if step is None and just_asked:
            return Synchronized(order, tuple(steps))
        if step is None:
            payment = None
            continue
        try:
            order = await orders.take(ledger, order, step)
            steps.append(step.what)
        except tidy.AccountGone:
            return Synchronized(order, tuple(steps), unmatched="account_gone")
        except OrderChanged:
            await ledger.pause(min(attempt, 4))
            order = await orders.read(ledger, connection.project_id, connection.provider, order.reference) or order
            payment = None
    raise LedgerUnavailable("The order is busy. Send this again.")


def mismatch(connection: Connection, order: Order, payment: Payment) -> str:
    """Why a payment cannot be this order's: the name of what differs; "" where it can."""
    if payment.order != order.number:
        return "order"
    if not payment.mode == connection.mode == order.mode:
        return "mode"
    if order.kind == orders.SETUP:
        return ""
    if payment.currency != order.currency:
        return "currency"
    return "amount" if payment.amount != order.amount else ""


def next_step(ledger: Ledger, order: Order, payment: Payment) -> Step | None:
    """The next step from where an order is to where its payment is; None where they agree.

    The purchase comes first, then what was refunded, then each dispute: so a refund that is heard of before its
    payment takes nothing that was not given.
    """
    if order.state != provider.PAID:
        return _before(ledger, order, payment)
    if payment.state != provider.PAID and payment.refunded < order.refunded:
        return None  # of what is not paid any more, a provider says nothing about money that came back
    if payment.refunded != order.refunded:
        return _refund(ledger, order, payment.refunded)
    disputes = {dispute.dispute_id: dispute for dispute in payment.disputes}
    gone = [
        Dispute(name, amount, provider.WON)
        for name, (amount, state) in order.disputes.items()
        if name not in disputes and state == provider.OPEN and payment.state == provider.PAID
    ]
    for dispute in (*disputes.values(), *gone):
        if step := _dispute(ledger, order, dispute):
            return step
    return None


def _before(ledger: Ledger, order: Order, payment: Payment) -> Step | None:
    if payment.state in (order.state, provider.OPEN):
        return None
    becomes = replace(order, state=payment.state)
    if payment.state != provider.PAID:
        return Step(becomes, payment.state)
    if order.kind == orders.SETUP:
        return Step(becomes, provider.PAID, others=top_ups.finished(ledger, order, payment.saved))
    reference = f"{order.connection}/{order.reference}"
    return Step(becomes, provider.PAID, Entry(order.credits, "purchase", reference), _told(ledger, order, "purchase"))


def _refund(ledger: Ledger, order: Order, refunded: int) -> Step:
    """More was refunded than was entered; or less, where a refund failed after all."""
    reason = "refund" if refunded > order.refunded else "refund_failed"
    return _reverse(ledger, order, replace(order, refunded=refunded), reason)


def _dispute(ledger: Ledger, order: Order, dispute: Dispute) -> Step | None:
    """The next step of one dispute. One that is heard of late goes through each state that it had.

    One that was open and is not there any more took no money in the end.
    """
    known = order.disputes.get(dispute.dispute_id)
    if known is None:
        state, reason = provider.OPEN, "dispute"
    elif known == (dispute.amount, dispute.state):
        return None
    elif known[1] == dispute.state:
        state, reason = dispute.state, "dispute"
    else:
        state = dispute.state
        reason = {provider.WON: "dispute_won", provider.LOST: "dispute_lost"}.get(state, "dispute")
    disputes = {**order.disputes, dispute.dispute_id: (dispute.amount, state)}
    return _reverse(ledger, order, replace(order, disputes=disputes), reason)


def _reverse(ledger: Ledger, order: Order, becomes: Order, reason: str) -> Step:
    """Credits go as the money went: of all that is refunded or disputed, the same part of the credits."""
    gone = min(order.amount, becomes.refunded + becomes.disputed)
    target = order.credits * gone // order.amount
    less = target - order.reversed
    becomes = replace(becomes, reversed=target)
    what = "dispute_won" if reason == "dispute" and less < 0 else reason  # it became a smaller one
    told = _told(ledger, becomes, what, abs(less))
    if not less and what != "dispute_lost":
        return Step(becomes, what, others=told)
    return Step(becomes, what, Entry(-less, _entered(what, less), _reference(order)), told)


def _entered(reason: str, less: int) -> str:
    """The journal's word for what a step brings. A dispute may be lost that had been won: that takes credits."""
    if less > 0:
        return reason if reason in ("refund", "dispute") else "dispute"
    if less < 0:
        return reason if reason in ("refund_failed", "dispute_won") else "dispute_won"
    return reason


def _reference(order: Order) -> str:
    """Of the entry of a step: the order's version makes it one that is entered once."""
    return f"{order.connection}/{order.reference}/{order.version}"


def _told(ledger: Ledger, order: Order, kind: str, credits: int | None = None) -> list[Item]:
    about: dict[str, str | int] = {"order": order.number, "pack": order.pack, "connection": order.connection}
    about |= {"amount": order.amount, "currency": order.currency, "refunded": order.refunded, "mode": order.mode}
    about |= {"credits": order.credits if credits is None else credits, "method": order.method}
    return [notices.part(ledger, kind, order.account_id, about)]


async def keep_unmatched(ledger: Ledger, connection: Connection, about: str, kind: str, why: str) -> None:
    """Keep money that fits no order for people to look at, and tell the owner, once. Raises LedgerUnavailable.

    Of money that has nothing to do with this gateway, such as another shop's with the same account, nobody is told.
    """
    project_id, about = connection.project_id, about[:ABOUT_LENGTH_MAX]
    found = Unmatched(connection.provider, about, kind, why, int(ledger.clock.now()))
    if why == NOT_OURS:
        await unmatched.keep_foreign(ledger, project_id, found)
        return
    told: dict[str, str | int] = {"connection": connection.provider, "about": about, "kind": kind, "why": why}
    if await unmatched.keep(ledger, project_id, found, [notices.part(ledger, "unmatched", f"{project_id}/", told)]):
        log.error("project %s: %s %s fits no order: %s", project_id, connection.provider, about, why)
