"""What users agree to: that a saved card is charged for a pack whenever less than so many credits are left."""

from typing import Any, Protocol, cast

from functions import money
from functions.errors import BadRequest, Forbidden, LedgerUnavailable
from functions.ledger import abuse, orders, top_ups
from functions.ledger.account import Account
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.ledger.top_ups import Terms, TopUp, TopUpChanged
from functions.ledger.windows import DAY_S
from functions.payments import checkout, packs, provider
from functions.payments.checkout import Buyer
from functions.payments.packs import Offer
from functions.payments.provider import Connection, Made, Payment, Wanted
from functions.payments.purchases import order_view
from functions.settings import Settings

PER_DAY_MAX = 5
TRIES_MAX = 8
LASTS_S = 23 * 3600
"""How long the page to save a card at is there; Stripe takes up to a day."""


class Cards(Protocol):
    """What an adapter can do beside the others whose provider charges cards that were saved."""

    def setup(self, connection: Connection, wanted: Wanted, customer_hint: str) -> Made:
        """Make a checkout in which nothing is paid and a card is saved."""
        ...

    def charge(
        self, connection: Connection, *, order: str, saved: str, amount: int, currency: str, title: str
    ) -> Payment:
        """Charge a saved card for an order, once, however often it is asked for within a day."""
        ...


def cards() -> Cards:
    """Stripe's: the one provider of those here that charges saved cards while their owner is away."""
    return cast("Cards", provider.adapter(provider.STRIPE))


async def agree(ledger: Ledger, settings: Settings, buyer: Buyer, asked: dict[str, Any]) -> dict[str, Any]:
    """Agree to `pack`, `below` (credits) and `per_day`, in place of what was agreed; gives the `url` to save a card at.

    Until that is done nothing is charged. Raises BadRequest, Forbidden, RateLimited, NotConfigured, NotFound,
    PaymentProviderFailed, LedgerUnavailable.
    """
    live, account = buyer.lane.live, buyer.account
    offer = packs.find(buyer.lane, asked["pack"])
    below, per_day = _below(asked["below"], offer), _per_day(asked["per_day"])
    back = checkout.return_to(settings, buyer, asked.get("return_url"))
    connection = checkout.connection_of(settings, live, provider.STRIPE)
    checkout.may_buy(buyer, connection)
    _is_free(account, ledger.clock.now())
    await checkout.count(ledger, settings, account)
    number, now = orders.new_number(ledger, connection.project_id), int(ledger.clock.now())
    wanted = Wanted(
        order=number,
        title=f"Automatic top-up: {offer.title}",
        amount=0,
        currency=offer.pack.currency,
        done_url=checkout.with_outcome(back, number, "saved"),
        cancel_url=checkout.with_outcome(back, number, "cancelled"),
        webhook_url=checkout.webhook_url(buyer.base_url, connection),
        email=account.email,
        expires=now + LASTS_S,
    )
    made = cards().setup(connection, wanted, "")
    order = Order(
        project_id=connection.project_id,
        connection=connection.provider,
        reference=made.reference,
        number=number,
        account_id=account.account_id,
        kind=orders.SETUP,
        pack=offer.pack.pack_id,
        credits=0,
        amount=0,
        currency=offer.pack.currency,
        mode=connection.mode,
        created=now,
        changed=now,
        expires=made.expires,
        method=buyer.lane.name,
    )
    pack = offer.pack
    terms = Terms(
        pack.pack_id, offer.credits, pack.amount, pack.currency, below, per_day, connection.mode, buyer.lane.name
    )
    for attempt in range(TRIES_MAX):
        before = await top_ups.read(ledger, account.account_id)
        try:
            after = await top_ups.begin(ledger, before, terms, order)
        except TopUpChanged:
            await ledger.pause(attempt)
        else:
            return _view(after, now) | {"last": await _last(ledger, after), "url": made.url}
    raise LedgerUnavailable("The ledger is busy; nothing was agreed for certain. Try again.")


async def shown(ledger: Ledger, account_id: str) -> dict[str, Any]:
    """What a user agreed to, and what came of it. Raises LedgerUnavailable."""
    top_up = await top_ups.read(ledger, account_id)
    return _view(top_up, ledger.clock.now()) | {"last": await _last(ledger, top_up)}


async def forget(ledger: Ledger, account_id: str) -> dict[str, Any]:
    """Nothing is agreed any more, from now on. Gives what `shown` gives. Raises LedgerUnavailable."""
    for attempt in range(TRIES_MAX):
        before = await top_ups.read(ledger, account_id)
        if before.state == top_ups.NONE and not before.strays:
            return await shown(ledger, account_id)
        try:
            await top_ups.change(ledger, before, top_ups.emptied(before), [top_ups.without(ledger, account_id)])
        except TopUpChanged:
            await ledger.pause(attempt)
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


async def order_of(ledger: Ledger, top_up: TopUp) -> Order | None:
    """The newest order of a top-up. Raises LedgerUnavailable."""
    if not top_up.order:
        return None
    project_id = top_up.account_id.rpartition("/")[0]
    return await orders.read(ledger, project_id, provider.STRIPE, top_up.order)


async def _last(ledger: Ledger, top_up: TopUp) -> dict[str, Any] | None:
    order = await order_of(ledger, top_up)
    return order_view(order) if order else None


def _view(top_up: TopUp, now_s: float) -> dict[str, Any]:
    """Credits are numbers, `amount` is in the smallest unit of `currency`."""
    terms = top_up.terms
    return {
        "state": top_up.state,
        "pack": terms.pack if terms else None,
        "below": money.credits(terms.below) if terms else None,
        "per_day": terms.per_day if terms else None,
        "amount": terms.amount if terms else None,
        "currency": terms.currency if terms else None,
        "mode": terms.mode if terms else None,
        "today": top_up.used(int(now_s) // DAY_S),
        "why": top_up.why or None,
    }


def _below(value: object, offer: Offer) -> int:
    """Credits as microcredits: more than the pack brings would be charged again and again."""
    most = offer.credits // money.MICROCREDITS_PER_CREDIT
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise BadRequest(f"below must be a whole number of credits from 1 to {most}, what the pack brings.", "below")
    return value * money.MICROCREDITS_PER_CREDIT


def _per_day(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= PER_DAY_MAX:
        raise BadRequest(f"per_day must be a whole number from 1 to {PER_DAY_MAX}.", "per_day")
    return value


def _is_free(account: Account, now_s: float) -> None:
    if account.blocked > now_s:
        raise Forbidden(abuse.told(account.blocked), code="user_blocked")
