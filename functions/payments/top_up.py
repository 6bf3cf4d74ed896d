"""Automatic top-ups: a saved card is charged where its user agreed to that, and for no more than was agreed.

The order is there before its charge, in one transaction with its place among the day's. The charge goes by the order's
number, which the provider takes once a day; so whoever dies in between, or gets no answer, does the same again and
charges nothing twice. After that day nothing is sent any more: the provider is asked whether it knows of the order.
"""

import logging
from dataclasses import dataclass, replace

from functions.errors import (
    BadRequest,
    FareboxError,
    LedgerUnavailable,
    NotConfigured,
    Unauthenticated,
    Unavailable,
)
from functions.ledger import crossing, notices, orders, tidy, top_ups
from functions.ledger.account import Account
from functions.ledger.notices import Notice
from functions.ledger.orders import Order, OrderChanged, Step
from functions.ledger.store import Item, Ledger
from functions.ledger.tables import drive
from functions.ledger.top_ups import Terms, TopUp, TopUpChanged
from functions.ledger.windows import DAY_S
from functions.payments import checkout, packs, provider
from functions.payments.agreements import cards, order_of
from functions.payments.packs import Offer
from functions.payments.provider import Connection
from functions.payments.synchronize import synchronize
from functions.payments.till import Till
from functions.projects.live import Live, Projects
from functions.settings import Settings

log = logging.getLogger("farebox.payments")

TRIES_MAX = 12
CHARGE_WITHIN_S = 20 * 3600
"""Of an order's life; Stripe knows a request again for 24 hours at least."""
UNKNOWN_FOR_S = 3600
"""An order that is not to be charged any more, and that the provider does not know after so long, was not charged."""
AGAIN_S = 300
"""Until a provider is asked again that does not answer, or has not made up its mind."""
LOOKED_AT = 20
"""So many of the newest orders are looked at for money that went back."""


class _Ended(Exception):
    """This top-up is not to be made, and none after it; `why` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Here:
    """What a step needs from outside."""

    ledger: Ledger
    settings: Settings
    projects: Projects


def run(till: Till, notice: Notice) -> int:
    """What a notice asks for; gives in how many seconds to come again for it, 0: not any more.

    Raises LedgerUnavailable.
    """
    return drive(go_on(till.ledger, till.settings, till.projects, notice.account_id))


async def go_on(ledger: Ledger, settings: Settings, projects: Projects, account_id: str) -> int:
    """Do what is due of an account's automatic top-up; gives in how many seconds there is more to do, 0: none is due.

    Safe to repeat, and in parallel. Raises LedgerUnavailable.
    """
    for attempt in range(TRIES_MAX):
        try:
            again_s = await _next(_Here(ledger, settings, projects), account_id)
        except TopUpChanged:
            await ledger.pause(min(attempt, 4))
        except tidy.AccountGone:
            return 0
        else:
            if again_s is not None:
                return again_s
    return AGAIN_S


async def _next(here: _Here, account_id: str) -> int | None:
    """One step; None where there may be another."""
    ledger = here.ledger
    top_up = await top_ups.read(ledger, account_id)
    account = await tidy.read(ledger, account_id)
    if top_up.placed:
        return await _go_on(here, top_up)
    if top_up.state == top_ups.WAITING and top_up.card:
        await top_ups.change(ledger, top_up, replace(top_up, state=top_ups.ON), [_wanted(ledger, top_up)])
        return None
    terms = top_up.terms
    if top_up.state != top_ups.ON or terms is None:
        if top_up.strays or "topping" in account.item or "top_up" in account.item:
            await top_ups.change(ledger, top_up, top_up, [top_ups.without(ledger, account_id)])
        return 0
    now_s = ledger.clock.now()
    if crossing.left(account, now_s) >= terms.below:
        if "topping" in account.item or account.number("top_up") != terms.below:
            await top_ups.change(ledger, top_up, top_up, [_wanted(ledger, top_up)])
        return 0
    if top_up.used(int(now_s) // DAY_S) >= terms.per_day:
        return DAY_S - int(now_s) % DAY_S
    return await _place(here, top_up, terms, account)


async def _place(here: _Here, top_up: TopUp, terms: Terms, account: Account) -> int | None:
    """Take one of the day's places, and put its order."""
    ledger = here.ledger
    try:
        live, connection = await _connection(here, top_up)
        offer = _offer(live, terms, connection)
        await _judge(ledger, top_up, account)
    except _Ended as ended:
        await _end(ledger, top_up, ended.why)
        return 0
    except Unavailable:
        return AGAIN_S
    now, number = int(ledger.clock.now()), orders.new_number(ledger, connection.project_id)
    day = now // DAY_S
    order = Order(
        project_id=connection.project_id,
        connection=connection.provider,
        reference=number,
        number=number,
        account_id=top_up.account_id,
        kind=orders.TOP_UP,
        pack=terms.pack,
        credits=offer.credits,
        amount=offer.pack.amount,
        currency=offer.pack.currency,
        mode=connection.mode,
        created=now,
        changed=now,
        expires=now + CHARGE_WITHIN_S,
        method=terms.method,
    )
    becomes = replace(top_up, day=day, today=top_up.used(day) + 1, order=number, placed=top_up.setup)
    await top_ups.place(ledger, top_up, becomes, order, [top_ups.under_way(ledger, top_up.account_id)])
    return None


async def _go_on(here: _Here, top_up: TopUp) -> int | None:
    """Charge what was placed, if that may still be done; see what came of it, and end it."""
    ledger = here.ledger
    order = await order_of(ledger, top_up)
    if order is None:
        raise LedgerUnavailable("An order is not there that was put.")  # never: they are put in one transaction
    is_agreed = top_up.state == top_ups.ON and top_up.placed == top_up.setup
    age_s = ledger.clock.now() - order.created
    try:
        _, connection = await _connection(here, top_up)
        if order.state == orders.OPEN and not order.payment and is_agreed and age_s < CHARGE_WITHIN_S:
            order = await _charge(ledger, connection, order, top_up.card)
        if order.state in (provider.OPEN, provider.PROCESSING):
            found = await synchronize(ledger, connection, order.reference)
            order = found.order or order
            unknown_for_s = CHARGE_WITHIN_S if is_agreed else UNKNOWN_FOR_S
            if found.unmatched == "unknown_to_provider" and age_s >= unknown_for_s:
                order = await orders.take(ledger, order, Step(replace(order, state=provider.EXPIRED), "not_charged"))
    except _Ended as ended:
        if is_agreed:
            await _end(ledger, top_up, ended.why)
            return 0
        await top_ups.change(ledger, top_up, replace(top_up, placed=""))
        return None
    except OrderChanged:
        return None
    except FareboxError as error:
        log.warning("the top-up %s waits: %s", order.number, error.code)
        return AGAIN_S
    if order.state in (provider.OPEN, provider.PROCESSING):
        return AGAIN_S
    if order.state != provider.PAID and is_agreed:
        await _end(ledger, top_up, "declined" if order.state == provider.FAILED else "not_charged")
        return 0
    part = _wanted(ledger, top_up)
    await top_ups.change(ledger, top_up, replace(top_up, placed=""), [part])
    return None


async def _charge(ledger: Ledger, connection: Connection, order: Order, card: str) -> Order:
    """Charge a card for an order, and keep by which payment. Raises PaymentProviderFailed, OrderChanged."""
    if not order.mode == connection.mode:
        raise _Ended("mode_changed")
    payment = cards().charge(
        connection,
        order=order.number,
        saved=card,
        amount=order.amount,
        currency=order.currency,
        title=f"{packs.shown(order.credits)} credits",
    )
    if not payment.reference:  # nothing was made of it that could be asked about
        return await orders.take(ledger, order, Step(replace(order, state=provider.FAILED), "declined"))
    return await orders.take(ledger, order, Step(replace(order, payment=payment.reference), "charged"))


async def _connection(here: _Here, top_up: TopUp) -> tuple[Live, Connection]:
    """The project, and its account at the provider. Raises _Ended where there is none any more; Unavailable."""
    try:
        live = await here.projects.get(top_up.account_id.rpartition("/")[0])
        return live, checkout.connection_of(here.settings, live, provider.STRIPE)
    except Unauthenticated:
        raise _Ended("project_closed") from None
    except (NotConfigured, BadRequest):
        raise _Ended("not_configured") from None


def _offer(live: Live, terms: Terms, connection: Connection) -> Offer:
    """The pack as it is sold now. Raises _Ended where it is not, or is not what was agreed to."""
    if connection.mode != terms.mode:
        raise _Ended("mode_changed")
    try:
        offer = packs.find(live.lane(terms.method), terms.pack)
    except Unauthenticated:
        raise _Ended("signed_out") from None
    except BadRequest:
        raise _Ended("pack_gone") from None
    pack = offer.pack
    if pack.amount > terms.amount or pack.currency != terms.currency or offer.credits < terms.credits:
        raise _Ended("price_changed")
    return offer


async def _judge(ledger: Ledger, top_up: TopUp, account: Account) -> None:
    """Raise _Ended where an account is not to be charged for: it is blocked, or its money went back since it agreed."""
    if account.state != "open" or account.blocked > ledger.clock.now():
        raise _Ended("blocked")
    if account.debt:
        raise _Ended("money_back")
    bought, _ = await orders.newest(ledger, orders.of_account(account.account_id), LOOKED_AT)
    if any(order.reversed and order.changed >= top_up.since for order in bought):
        raise _Ended("money_back")


def _wanted(ledger: Ledger, top_up: TopUp) -> Item:
    """The account's part of a change: none is under way; the next begins where less than `below` is left, if wanted."""
    if top_up.state == top_ups.OFF or top_up.terms is None or not top_up.card:
        return top_ups.without(ledger, top_up.account_id)
    return top_ups.within(ledger, top_up.account_id, top_up.terms.below)


async def _end(ledger: Ledger, top_up: TopUp, why: str) -> None:
    """Switch it off, forget the card, and have the user told."""
    terms, account_id = top_up.terms, top_up.account_id
    about: dict[str, str | int] = {"why": why, "order": top_up.order if top_up.placed else ""}
    if terms:
        about |= {"pack": terms.pack, "amount": terms.amount, "currency": terms.currency, "mode": terms.mode}
    off = replace(top_up, state=top_ups.OFF, why=why, card="", placed="")
    told = notices.part(ledger, notices.TOP_UP_FAILED, account_id, about)
    await top_ups.change(ledger, top_up, off, [top_ups.without(ledger, account_id), told])
    log.warning("the automatic top-up of %s is off: %s", account_id, why)
