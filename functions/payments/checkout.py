"""Beginning a purchase: a checkout at a payment provider, and its order, which is there before anybody can pay."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from functions.errors import BadRequest, Forbidden, NotConfigured, NotFound
from functions.ledger import orders
from functions.ledger.account import Account
from functions.ledger.counters import count_one
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.ledger.windows import Limit
from functions.outbound import URL_LENGTH_MAX, check_url
from functions.payments import connections, packs, provider
from functions.payments.provider import Connection, Wanted
from functions.payments.purchases import order_view
from functions.projects.live import Lane, Live
from functions.projects.project import DEFAULT, NO_AUTH, TEST
from functions.settings import Settings

LASTS_S = 3600
"""How long a page to pay at is there, where the provider takes our word for it. Stripe takes 30 minutes to a day."""
DONE_PAGE = "/paid.html"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, and how they are known; `base_url` is the address at which they asked.

    `site_url` is where our pages are; "" where that is not configured.
    """

    lane: Lane
    account: Account
    base_url: str
    site_url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a buyer asks for, as it came: a pack; one of provider.PROVIDERS; a page to come back to."""

    pack: object
    method: object = None
    return_url: object = None


async def begin(ledger: Ledger, settings: Settings, buyer: Buyer, asked: Asked) -> dict[str, Any]:
    """Make a checkout for a pack, at the provider that is asked for, or the first that is there.

    Gives what `order_view` gives, and the `url` of the page to pay at. Raises BadRequest, Forbidden, RateLimited,
    NotConfigured, PaymentProviderFailed, LedgerUnavailable.
    """
    is_user(buyer)
    live = buyer.lane.live
    offer = packs.find(buyer.lane, asked.pack)
    back = return_to(settings, buyer, asked.return_url)
    connection = connection_of(settings, live, asked.method)
    may_buy(buyer, connection)
    await count(ledger, settings, buyer.account)
    number, now = orders.new_number(ledger, connection.project_id), int(ledger.clock.now())
    made = provider.adapter(connection.provider).create(
        connection,
        Wanted(
            order=number,
            title=offer.title,
            amount=offer.pack.amount,
            currency=offer.pack.currency,
            done_url=with_outcome(back, number, "done"),
            cancel_url=with_outcome(back, number, "cancelled"),
            webhook_url=webhook_url(buyer.base_url, connection),
            email=buyer.account.email,
            expires=now + LASTS_S,
        ),
    )
    order = Order(
        project_id=connection.project_id,
        connection=connection.provider,
        reference=made.reference,
        number=number,
        account_id=buyer.account.account_id,
        kind=orders.PACK,
        pack=offer.pack.pack_id,
        credits=offer.credits,
        amount=offer.pack.amount,
        currency=offer.pack.currency,
        mode=connection.mode,
        created=now,
        changed=now,
        expires=made.expires,
        method=buyer.lane.name,
    )
    await orders.put(ledger, order)
    return order_view(order) | {"url": made.url}


def connection_of(settings: Settings, live: Live, method: object) -> Connection:
    """The connection that a buyer names, or the project's first. Raises BadRequest, NotConfigured, Unavailable."""
    if method is None:
        there = connections.available(settings, live)
        method = there[0] if there else provider.STRIPE
    if not isinstance(method, str) or method not in provider.PROVIDERS:
        raise BadRequest(f"method must be one of: {', '.join(provider.PROVIDERS)}.", param="method")
    if live.stored is None:
        return connections.of_settings(settings, method)
    try:
        return connections.of_project(settings, live, method)
    except NotFound:
        raise NotConfigured(f"payments.{method}") from None


def is_user(buyer: Buyer) -> None:
    """Raise Forbidden where credits would be nobody's."""
    if buyer.lane.name == NO_AUTH:
        raise Forbidden("Sign in to buy: credits belong to a user.", code="sign_in_to_buy")


def may_buy(buyer: Buyer, connection: Connection) -> None:
    """Raise Forbidden where money and play money would mix, or where the account is closed."""
    is_user(buyer)
    if buyer.lane.name == TEST and connection.mode != provider.TEST:
        raise Forbidden("A test token buys only where payments are in test mode.", code="test_mode_only")
    if buyer.account.state != "open":
        raise Forbidden("This account is closed.")


async def count(ledger: Ledger, settings: Settings, account: Account) -> None:
    """Count a checkout of an account: each is a request to the provider. Raises RateLimited, LedgerUnavailable."""
    limit = Limit("h", settings.checkout_rate_limit, "checkouts an hour for one account")
    await count_one(ledger, f"checkout/{account.account_id}", (limit,), {})


def webhook_url(base_url: str, connection: Connection) -> str:
    """Where a provider is to send the events of a connection."""
    of = "" if connection.project_id == DEFAULT else f"/projects/{connection.project_id}"
    return f"{base_url}{of}/{connection.provider}/webhook"


def return_to(settings: Settings, buyer: Buyer, given: object) -> str:
    """Where a buyer goes back to: a page of ours, or one of the app's own, on an origin that the project allows.

    Raises BadRequest, and NotConfigured where it is to be a page of ours.
    """
    live = buyer.lane.live
    if given is None:
        if not buyer.site_url:
            raise NotConfigured("SITE_URL")
        return buyer.site_url + DONE_PAGE
    ours = {*settings.site_origins, _origin(buyer.base_url), _origin(buyer.site_url)} - {""}
    origins = live.project.origins if live.stored else ours
    if not isinstance(given, str) or _origin(given) not in origins:
        if isinstance(given, str) and live.stored and not origins:
            return check_url("return_url", given, settings.outbound_allowed_cidrs, query=True)
        raise BadRequest("return_url must be on an origin that this project lists.", param="return_url")
    if len(given) > URL_LENGTH_MAX or not given.isascii() or not given.isprintable() or "#" in given or " " in given:
        why = f"return_url must be a URL of at most {URL_LENGTH_MAX} characters, without a fragment."
        raise BadRequest(why, param="return_url")
    return given


def _origin(url: str) -> str:
    """Of a URL, as browsers write it; "" where it has none."""
    try:
        parts = urlsplit(url.lower())
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or "\\" in url:
            return ""
        return f"{parts.scheme}://{parts.netloc.removesuffix(f':{usual}')}"
    except ValueError:
        return ""


def with_outcome(url: str, number: str, outcome: str) -> str:
    """A URL to go back to that says of which order, and how it ended; never a key."""
    return url + ("&" if "?" in url else "?") + urlencode({"checkout": outcome, "order": number})
