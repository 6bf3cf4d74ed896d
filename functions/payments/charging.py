"""The order of an automatic top-up: whether it may be charged, the charge itself, and what came of it.

That a charge is asked for is written before it is: so an order for which none was can be dropped at once, and one for
which one was is asked about first. Then it is judged anew, for it may be hours old.
"""

from dataclasses import dataclass, replace

from functions.errors import BadRequest, NotConfigured, Unauthenticated
from functions.ledger import crossing, orders, tidy
from functions.ledger.account import Account
from functions.ledger.orders import Order, Step
from functions.ledger.store import Ledger
from functions.ledger.top_ups import Terms, TopUp
from functions.payments import checkout, packs, provider
from functions.payments.agreements import cards
from functions.payments.packs import Offer
from functions.payments.provider import Connection
from functions.payments.synchronize import keep_unmatched, synchronize
from functions.projects.live import Live, Projects
from functions.settings import Settings

UNKNOWN_FOR_S = 3600
"""An order that the provider does not know so long after it was last asked to charge for it was not charged."""
UNREACHED_FOR_S = 86_400
"""So long it is tried to ask about an order whose provider cannot be asked: its project closed, or changed its mode."""
LOOKED_AT = 20
"""So many of the newest orders are looked at for money that went back."""
UNDECIDED = (provider.OPEN, provider.PROCESSING)
UNKNOWN = "unknown_to_provider"
ASKED, CHARGED, NOT_NEEDED, NOT_CHARGED, UNMATCHED = "asked", "charged", "not_needed", "not_charged", "unmatched"
"""Of an order's history: a charge was asked for, the last time; there is a payment; why it came to nothing."""


class Ended(Exception):
    """This top-up is not to be made, and none after it; `why` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Here:
    """What a step needs from outside."""

    ledger: Ledger
    settings: Settings
    projects: Projects


async def decide(here: Here, top_up: TopUp, order: Order, *, is_agreed: bool) -> Order:
    """Take an order further: ask about it where it may be charged, charge it where that may still be done.

    One for which a charge was asked is given up only after nobody knew of it for UNKNOWN_FOR_S since; one for which
    none was, at once. Raises Ended, only where it is agreed; OrderChanged, Unavailable.
    """
    ledger, unheard_s = here.ledger, here.ledger.clock.now() - order.changed
    was_asked = any(what == ASKED for _, what in order.history)
    try:
        live, connection = await connection_of(here, top_up)
        if order.mode != connection.mode:  # the other one knows nothing of it
            raise Ended("mode_changed")
    except Ended:
        if is_agreed:
            raise
        if was_asked and unheard_s < UNREACHED_FOR_S:
            return order
        return await _expire(ledger, order, NOT_CHARGED)
    if was_asked:
        order, is_known = await _ask(ledger, connection, order)
        if is_known:
            return order
    is_on_time = ledger.clock.now() < order.expires
    is_needed = True
    if is_agreed and is_on_time and not order.payment:
        is_needed = await _is_needed(here, top_up, live, connection)
        if is_needed:
            return await _charge(ledger, connection, order, top_up.card)
    if was_asked and unheard_s < UNKNOWN_FOR_S:
        return order
    return await _expire(ledger, order, NOT_CHARGED if is_needed else NOT_NEEDED)


async def _ask(ledger: Ledger, connection: Connection, order: Order) -> tuple[Order, bool]:
    """The order as the provider sees it, and whether it knows of it. What does not fit it, people are to look at.

    Raises PaymentProviderFailed, OrderChanged, LedgerUnavailable.
    """
    if not order.payment:
        payment = provider.adapter(connection.provider).fetch(connection, order.number)
        if payment is None:
            return order, False
        order = await orders.take(ledger, order, Step(replace(order, payment=payment.reference), CHARGED))
    found = await synchronize(ledger, connection, order.reference)
    order = found.order or order
    if found.unmatched == UNKNOWN:
        return order, False
    if found.unmatched:
        await keep_unmatched(ledger, connection, order.payment or order.number, orders.TOP_UP, found.unmatched)
        order = await orders.take(ledger, order, Step(replace(order, state=provider.FAILED), UNMATCHED))
    return order, order.state != provider.OPEN  # what was only begun takes no money


async def _is_needed(here: Here, top_up: TopUp, live: Live, connection: Connection) -> bool:
    """Whether still less is left than was agreed to; the order may be hours old. Raises Ended as for a new one."""
    ledger, terms = here.ledger, top_up.terms
    account = await tidy.read(ledger, top_up.account_id)
    if terms is None or crossing.left(account, ledger.clock.now()) >= terms.below:
        return False
    offer_of(live, terms, connection)
    await judge(ledger, top_up, account)
    return True


async def _charge(ledger: Ledger, connection: Connection, order: Order, card: str) -> Order:
    """Charge a card for an order, keep by which payment, and see what came of it; that it is asked is written first.

    Raises PaymentProviderFailed, OrderChanged, LedgerUnavailable.
    """
    before = tuple(one for one in order.history if one[1] != ASKED)
    order = await orders.take(ledger, order, Step(replace(order, history=before), ASKED))
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
    order = await orders.take(ledger, order, Step(replace(order, payment=payment.reference), CHARGED))
    return (await _ask(ledger, connection, order))[0]


async def _expire(ledger: Ledger, order: Order, what: str) -> Order:
    """Nothing is charged for it any more. Should it be heard of after all, it still counts. Raises OrderChanged."""
    return await orders.take(ledger, order, Step(replace(order, state=provider.EXPIRED), what))


async def connection_of(here: Here, top_up: TopUp) -> tuple[Live, Connection]:
    """The project, and its account at the provider. Raises Ended where there is none any more; Unavailable."""
    try:
        live = await here.projects.get(top_up.account_id.rpartition("/")[0])
        return live, checkout.connection_of(here.settings, live, provider.STRIPE)
    except Unauthenticated:
        raise Ended("project_closed") from None
    except (NotConfigured, BadRequest):
        raise Ended("not_configured") from None


def offer_of(live: Live, terms: Terms, connection: Connection) -> Offer:
    """The pack as it is sold now. Raises Ended where it is not, or is not what was agreed to."""
    if connection.mode != terms.mode:
        raise Ended("mode_changed")
    try:
        offer = packs.find(live.lane(terms.method), terms.pack)
    except Unauthenticated:
        raise Ended("signed_out") from None
    except BadRequest:
        raise Ended("pack_gone") from None
    pack = offer.pack
    if pack.amount > terms.amount or pack.currency != terms.currency or offer.credits < terms.credits:
        raise Ended("price_changed")
    return offer


async def judge(ledger: Ledger, top_up: TopUp, account: Account) -> None:
    """Raise Ended where an account is not to be charged for: it is blocked, or its money went back since it agreed."""
    if account.state != "open" or account.blocked > ledger.clock.now():
        raise Ended("blocked")
    if account.debt:
        raise Ended("money_back")
    bought, _ = await orders.newest(ledger, orders.of_account(account.account_id), LOOKED_AT)
    if any(order.reversed and order.changed >= top_up.since for order in bought):
        raise Ended("money_back")
