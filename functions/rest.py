"""What the routes that answer in one piece share: the ledger over PynamoDB, and who is asking."""

import os
from collections.abc import Callable

from functions.admit import rules
from functions.authenticate.address import client_address, scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.authenticate.keys import bearer
from functions.errors import Unauthenticated
from functions.events import Event, headers, source_address
from functions.ledger import tables, tidy
from functions.ledger.account import Account
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ledger, nobody
from functions.settings import Settings


class Rest:
    """Made once per process."""

    def __init__(self, settings: Settings, healed: Callable[[Receipt], None] = nobody) -> None:
        """`healed` is told of holds that were resolved because an account was read."""
        settings.need("hash_secret")
        self.settings = settings
        store, clock = tables.Synchronous(settings), tables.SystemClock()
        tables.bind(settings, store.connection)
        self.ledger = Ledger(store, clock, os.urandom, settings.table_prefix, healed)
        self.rules = rules.of(settings)
        self.addresses = Addresses(self.rules.address_limits)

    def base_url(self, event: Event) -> str:
        """The address that people use: the setting, else the domain and stage that API Gateway says it was asked at.

        On one machine nobody checks a domain: it is what a client wrote in its Host header, and no mail may name that.
        """
        if self.settings.base_url or not self.settings.on_lambda:
            return (self.settings.base_url or Settings.base_url).rstrip("/")
        context = event["requestContext"]
        stage_path = str(context["path"]).rstrip("/").removesuffix(str(event["resource"]))
        return f"https://{context['domainName']}{stage_path}"

    def address_scope(self, event: Event) -> str:
        """What the client's address counts under."""
        peer = source_address(event)
        forwarded = ",".join(headers(event, "x-forwarded-for"))
        address = client_address(peer, forwarded, self.settings.trusted_hops)
        return scope("ip", address, self.settings.hash_secret)

    def account(self, event: Event) -> Account:
        """The account that is asking, tidied. Raises RateLimited, Unauthenticated, LedgerUnavailable."""
        tables.drive(self.addresses.count(self.ledger, self.address_scope(event)))
        caller = tables.drive(Callers().look_up(self.ledger, bearer(headers(event, "authorization"))))
        try:
            return tables.drive(tidy.read(self.ledger, caller.account_id))
        except tidy.AccountGone:
            raise Unauthenticated from None
