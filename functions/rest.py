"""What the routes that answer in one piece share: the ledger over PynamoDB, and who is asking."""

import os
from collections.abc import Callable

from functions import places
from functions.admit import rules
from functions.authenticate.address import client_address, scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.authenticate.jwks import KeySets
from functions.authenticate.tokens import Verifier
from functions.errors import BadRequest, Unauthenticated
from functions.events import Event, headers, source_address
from functions.forward.exchange import Sent
from functions.ledger import tables, tidy
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ledger, nobody
from functions.outbound import fetch
from functions.projects.asking import Asking, Door
from functions.projects.live import Projects
from functions.settings import Settings, projects_secrets

KEYS_TIMEOUT_S, KEYS_BYTES_MAX = 3.0, 256_000
"""Of an issuer's documents; a request waits for them."""


class Rest:
    """Made once per process."""

    def __init__(self, settings: Settings, healed: Callable[[Receipt], None] = nobody) -> None:
        """`healed` is told of holds that were resolved because an account was read."""
        settings.need("hash_secret")
        self.settings = settings
        store, clock = tables.Synchronous(settings), tables.SystemClock()
        tables.bind(settings, store.connection)
        self.ledger = Ledger(store, clock, os.urandom, settings.table_prefix, healed, settings.hash_secret)
        self.rules = rules.of(settings)
        self.addresses = Addresses(self.rules.address_limits)
        callers = Callers()
        verifier = Verifier(
            KeySets(self._fetch, clock.now, settings.outbound_allowed_cidrs), projects_secrets(settings), clock.now
        )
        self.door = Door(Projects(settings, self.ledger, callers), callers, verifier)

    async def _fetch(self, url: str) -> bytes:
        """A document of an issuer. There is no loop to hold up: see `tables.drive`. Raises OutboundFailed."""
        allowed = self.settings.outbound_allowed_cidrs
        return fetch(url, allowed, timeout_s=KEYS_TIMEOUT_S, bytes_max=KEYS_BYTES_MAX)

    def base_url(self, event: Event) -> str:
        """The address that people use."""
        return places.base_url(self.settings, event)

    def site_url(self, event: Event) -> str:
        """Where the pages are. Raises NotConfigured."""
        return places.site_url(self.settings, event)

    def address_scope(self, event: Event) -> str:
        """What the client's address counts under."""
        peer = source_address(event)
        forwarded = ",".join(headers(event, "x-forwarded-for"))
        address = client_address(peer, forwarded, self.settings.trusted_hops)
        return scope("ip", address, self.settings.hash_secret)

    def asking(self, event: Event, key: str = "") -> Asking:
        """Who is asking, by the same headers as in front of a model; never one remembered, so that revoked is revoked.

        A `key` that came otherwise stands for the header that is missing then.

        Raises RateLimited, Unauthenticated, Forbidden, BadRequest, LedgerUnavailable, Unavailable.
        """
        scope = self.address_scope(event)
        tables.drive(self.addresses.count(self.ledger, scope))
        authorization = headers(event, "authorization")
        if key and authorization:
            raise BadRequest("A key came twice: in the address and in a header.", param="key")
        sent = Sent(
            authorization=[f"Bearer {key}"] if key else authorization,
            api_key=headers(event, "x-api-key"),
            promptproxy_key=headers(event, "x-promptproxy-key"),
            user_token=headers(event, "x-user-token"),
            origin=headers(event, "origin"),
            scope=scope,
        )
        return tables.drive(self.door.find(self.ledger, sent))

    def account(self, asking: Asking) -> Account:
        """Its account, tidied. Raises Unauthenticated where it is gone, LedgerUnavailable."""
        try:
            return tables.drive(tidy.read(self.ledger, asking.caller.account_id))
        except tidy.AccountGone:
            raise Unauthenticated from None
