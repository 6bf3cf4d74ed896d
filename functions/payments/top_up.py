"""Automatic top-ups: a saved card is charged where its user agreed to that, and for no more than was agreed.

The order is there before its charge, in one transaction with its place among the day's. The charge goes by the order's
number, which the provider takes once a day; so whoever dies in between, or gets no answer, asks whether the provider
knows of the order, judges anew, does the same again and charges nothing twice. After that day it is only asked.
"""

import logging
from dataclasses import replace

from functions.errors import (
    FareboxError,
    LedgerUnavailable,
    Unavailable,
)
from functions.ledger import crossing, notices, orders, tidy, top_ups
from functions.ledger.account import Account
from functions.ledger.notices import Notice
from functions.ledger.orders import Order, OrderChanged
from functions.ledger.store import Item, Ledger
from functions.ledger.tables import drive
from functions.ledger.top_ups import Terms, TopUp, TopUpChanged
from functions.ledger.windows import DAY_S
from functions.payments import charging, provider
from functions.payments.agreements import order_of
from functions.payments.till import Till
from functions.projects.live import Projects
from functions.settings import Settings

log = logging.getLogger("farebox.payments")

TRIES_MAX = 12
CHARGE_WITHIN_S = 20 * 3600
"""Of an order's life; Stripe knows a request again for 24 hours at least."""
AGAIN_S = 300
"""Until a provider is asked again that does not answer, or has not made up its mind."""


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
            again_s = await _next(charging.Here(ledger, settings, projects), account_id)
        except TopUpChanged:
            await ledger.pause(min(attempt, 4))
        except tidy.AccountGone:
            return 0
        else:
            if again_s is not None:
                return again_s
    return AGAIN_S


async def _next(here: charging.Here, account_id: str) -> int | None:
    """One step; None where there may be another."""
    ledger = here.ledger
    top_up = await top_ups.read(ledger, account_id)
    if top_up.placed:
        return await _go_on(here, top_up)
    account = await tidy.read(ledger, account_id)
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


async def _place(here: charging.Here, top_up: TopUp, terms: Terms, account: Account) -> int | None:
    """Take one of the day's places, and put its order."""
    ledger = here.ledger
    try:
        live, connection = await charging.connection_of(here, top_up)
        offer = charging.offer_of(live, terms, connection)
        await charging.judge(ledger, top_up, account)
    except charging.Ended as ended:
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


async def _go_on(here: charging.Here, top_up: TopUp) -> int | None:
    """See what comes of the order that was placed, and end it."""
    ledger = here.ledger
    order = await order_of(ledger, top_up)
    if order is None:
        raise LedgerUnavailable("An order is not there that was put.")  # never: they are put in one transaction
    is_agreed = top_up.state == top_ups.ON and top_up.placed == top_up.setup
    try:
        if order.state in charging.UNDECIDED:
            order = await charging.decide(here, top_up, order, is_agreed=is_agreed)
    except charging.Ended as ended:
        await _end(ledger, top_up, ended.why, placed=top_up.placed)
        return None
    except OrderChanged:
        return None
    except FareboxError as error:
        log.warning("the top-up %s waits: %s", order.number, error.code)
        return AGAIN_S
    if order.state in charging.UNDECIDED:
        return AGAIN_S
    what = order.history[-1][1]
    if order.state != provider.PAID and is_agreed and what != charging.NOT_NEEDED:
        declined = "declined" if order.state == provider.FAILED else charging.NOT_CHARGED
        await _end(ledger, top_up, what if what == charging.UNMATCHED else declined)
        return 0
    await top_ups.change(ledger, top_up, replace(top_up, placed=""), [_wanted(ledger, top_up)])
    return None


def _wanted(ledger: Ledger, top_up: TopUp) -> Item:
    """The account's part of a change: none is under way; the next begins where less than `below` is left, if wanted."""
    if top_up.state == top_ups.OFF or top_up.terms is None or not top_up.card:
        return top_ups.without(ledger, top_up.account_id)
    return top_ups.within(ledger, top_up.account_id, top_up.terms.below)


async def _end(ledger: Ledger, top_up: TopUp, why: str, placed: str = "") -> None:
    """Switch it off, forget the card, and have the user told; an order stays `placed` until it is decided."""
    terms, account_id = top_up.terms, top_up.account_id
    about: dict[str, str | int] = {"why": why, "order": top_up.order if top_up.placed else ""}
    if terms:
        about |= {"pack": terms.pack, "amount": terms.amount, "currency": terms.currency, "mode": terms.mode}
    off = replace(top_up, state=top_ups.OFF, why=why, card="", placed=placed)
    told = notices.part(ledger, notices.TOP_UP_FAILED, account_id, about)
    await top_ups.change(ledger, top_up, off, [top_ups.without(ledger, account_id), told])
    log.warning("the automatic top-up of %s is off: %s", account_id, why)
