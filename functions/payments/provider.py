"""What all payment providers have in common, and where the code of each is: `with_stripe`, `with_polar` and so on.

An event only points at a checkout. What came of it, the provider's API is asked; nobody believes an event's amounts.
"""

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from functions.outbound import Networks

STRIPE, POLAR, MOLLIE, BTCPAY = "stripe", "polar", "mollie", "btcpay"
PROVIDERS = (STRIPE, POLAR, MOLLIE, BTCPAY)
"""Their names are also those of a project's connections: a project has at most one with each."""
LIVE, TEST = "live", "test"
MODES = (LIVE, TEST)

OPEN, PROCESSING, PAID, FAILED, EXPIRED = "open", "processing", "paid", "failed", "expired"
"""States of a checkout."""
WON, LOST = "won", "lost"
"""States of a dispute, beside OPEN."""

ORDER = "farebox_order"
"""Under this name a provider keeps the number of our order with the checkout."""

TIMEOUT_S, CONNECT_TIMEOUT_S = 10.0, 5.0
"""How long a provider may take for one call; some functions have 29 seconds in all."""
OF_ALL = ("did not answer", "is busy", "refused the API key", "refused the access token")
"""Failures of a provider that are not about what it was asked for."""

Header = Callable[[str], Sequence[str]]
"""All values of a header of the request that brought an event."""


@dataclass(frozen=True, repr=False)
class Connection:
    """A project's account at one provider. It has no repr, for it holds secrets."""

    project_id: str
    provider: str
    mode: str
    key: str
    """An API key or an access token."""
    webhook_secrets: tuple[str, ...]
    """The newest first; none where the provider does not sign."""
    url: str
    """Of the provider's API, without a slash at its end."""
    store: str = ""
    """Of BTCPay."""
    product: str = ""
    """Of Polar: what every checkout sells, at a price of its own."""
    guarded: bool = False
    """Its URL is an owner's."""
    allowed: Networks = ()
    ends_s: float = math.inf
    """Nothing is asked after that, by time.monotonic(): it did not answer then."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A checkout that is to be made. `amount` is in the smallest unit of `currency`, such as cents of `usd`."""

    order: str
    """Its number; the same one asked for twice makes one checkout where the provider can see to that."""
    title: str
    amount: int
    currency: str
    done_url: str
    cancel_url: str
    webhook_url: str
    """For providers that are told with each checkout where to send its events."""
    email: str = ""
    """To fill in for the buyer; may be empty."""
    expires: int = 0
    """When it is to be over where the provider can be told, in seconds since 1970; 0: as the provider does it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A checkout at a provider: `url` is the page to pay at, until `expires` (seconds since 1970)."""

    reference: str
    url: str
    expires: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """A buyer took `amount` back through their bank; it is `open`, `won` (the money is ours again) or `lost`."""

    dispute_id: str
    amount: int
    state: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What a provider says of a checkout, asked just now."""

    reference: str
    order: str
    """The number that the checkout was made with; empty where there is none."""
    mode: str
    state: str
    """`paid` only where the money is really there."""
    amount: int
    """The price, without tax that the provider adds on top, in the smallest unit of `currency`."""
    currency: str
    refunded: int = 0
    """What of `amount` went back in all; refunds on their way count, failed ones do not."""
    disputes: tuple[Dispute, ...] = ()
    saved: str = ""
    """Where a card was saved for later: `<customer>/<payment method>`."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a provider told, after its signature was checked."""

    event_id: str
    kind: str
    references: tuple[str, ...]
    """Checkouts that it is about."""
    about: str = ""
    """What it is about where that is no checkout of its account, such as a charge."""
    is_money: bool = False
    """It tells of money that came or went: where it fits no order, somebody has to look at it."""


class Adapter(Protocol):
    """What each provider's module can do. Each raises PaymentProviderFailed where the provider does not answer."""

    def create(self, connection: Connection, wanted: Wanted) -> Made:
        """Make a checkout."""
        ...

    def receive(self, connection: Connection, header: Header, raw: bytes, now_s: float) -> Event:
        """What an event points at. Its signature comes first. Raises BadRequest for a forgery."""
        ...

    def fetch(self, connection: Connection, reference: str) -> Payment | None:
        """What came of a checkout; None where the provider has no such checkout."""
        ...

    def changed(self, connection: Connection, since_s: int) -> Iterator[str]:
        """The references of checkouts that were paid, refunded or disputed since, page by page."""
        ...


def adapter(provider: str) -> Adapter:
    """The module of a provider, one of PROVIDERS. Its library is loaded only now: it can take half a second."""
    if provider not in PROVIDERS:
        raise ValueError(f"{provider!r} is no payment provider")
    return cast("Adapter", importlib.import_module(f"functions.payments.with_{provider}"))
