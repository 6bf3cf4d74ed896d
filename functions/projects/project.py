"""A project as the gateway uses it: parsed, checked, never changed. Its document: functions/projects/document.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.admit.rules import Rules
from functions.authenticate.issuers import Issuer
from functions.forward.providers import Provider

DEFAULT = "default"
"""The built-in project, which the settings describe."""

MANAGED, FORWARD = "managed", "forward"
NO_AUTH, TEST, JWT, KEY = "no_auth", "test", "jwt", "key"
METHODS = (NO_AUTH, TEST, JWT, KEY)
"""How a user may be known. Their names stand in documents, on receipts and in the names of counters."""


@dataclass(frozen=True)
class Method:
    """One way to be known to a project, and what holds for all who use it."""

    name: str
    rules: Rules
    issuers: tuple[Issuer, ...] = ()
    """Of `jwt`: whose tokens are believed."""


@dataclass(frozen=True, slots=True)
class Target:
    """A provider of a route, and the model's name there; "" leaves the name as it is."""

    provider: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Which providers serve the models that a pattern names, in the order in which they are tried."""

    pattern: str
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Endpoint:
    """What managed mode makes of a request to one endpoint."""

    template: Mapping[str, Any]
    client_sets: tuple[str, ...] = ()
    """Fields that the client may set beside its messages, prompt or input, and `stream`."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """When a user is blocked: after `threshold` blocked requests in a window, for `block_s` seconds; None: for good."""

    threshold: int
    period: str
    """A letter of functions/ledger/windows.py: m, h, d, w or M."""
    block_s: int | None
    patterns: tuple[str, ...] = ()
    """Of input that is not forwarded: plain text, where `*` is any text in the same message; case does not matter."""
    moderation: Target | None = None
    """Who is asked about each input before it is forwarded."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What an app's users can buy: credits come from the rules of their method; `amount` is in the smallest unit."""

    pack_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What is no secret of a connection to a payment provider; `mode` is `live` or `test`."""

    mode: str
    url: str = ""
    """Of the owner's BTCPay Server, without a slash at its end."""
    store: str = ""
    """Of BTCPay Server."""
    product: str = ""
    """Of Polar."""


@dataclass(frozen=True)
class Project:
    """One version of a project. `version` is 0 for the built-in one."""

    project_id: str
    version: int
    name: str
    mode: str
    methods: Mapping[str, Method]
    """Those that are on."""
    providers: Mapping[str, Provider] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    """The first whose pattern matches a model counts. A model without one is not served."""
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    """By path, those that are served."""
    fields: frozenset[str] = frozenset()
    """Fields of requests that the owner lets pass though nothing here bounds what they cost; `*` is every one."""
    images: bool = False
    """Managed mode: whether messages may hold images."""
    origins: frozenset[str] = frozenset()
    """Pages that may call; none listed: all may."""
    abuse: Abuse | None = None
    packs: tuple[Pack, ...] = ()
    payments: Mapping[str, PaymentTerms] = field(default_factory=dict)
    """With whom it takes payments, by provider."""
    notices_url: str = ""
    """Where its owner is told what happens."""
