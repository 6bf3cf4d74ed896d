"""What the routes that answer in one piece share: the ledger over PynamoDB, and who is asking."""

import base64
import os
from typing import Any

from functions.admit import rules
from functions.authenticate.address import client_address, scope
from functions.authenticate.addresses import Addresses
from functions.authenticate.callers import Callers
from functions.authenticate.keys import bearer
from functions.errors import FareboxError, Unauthenticated
from functions.ledger import tables, tidy
from functions.ledger.account import Account
from functions.ledger.store import Ledger
from functions.settings import Settings

Event = dict[str, Any]
"""An API Gateway REST proxy event:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""


class Rest:
    """Made once per process."""

    def __init__(self, settings: Settings) -> None:
        settings.need("hash_secret")
        tables.bind(settings)
        self.settings = settings
        self.ledger = Ledger(tables.Synchronous(settings), tables.SystemClock(), os.urandom, settings.table_prefix)
        self.rules = rules.of(settings)
        self.addresses = Addresses(self.rules.address_limits)

    def address_scope(self, event: Event) -> str:
        """What the client's address counts under."""
        peer = str(event["requestContext"].get("identity", {}).get("sourceIp") or "")
        forwarded = ",".join(_headers(event, "x-forwarded-for"))
        address = client_address(peer, forwarded, self.settings.trusted_hops)
        return scope("ip", address, self.settings.hash_secret)

    def account(self, event: Event) -> Account:
        """The account that is asking, tidied. Raises RateLimited, Unauthenticated, LedgerUnavailable."""
        tables.drive(self.addresses.count(self.ledger, self.address_scope(event)))
        caller = tables.drive(Callers().look_up(self.ledger, bearer(_headers(event, "authorization"))))
        try:
            return tables.drive(tidy.read(self.ledger, caller.account_id))
        except tidy.AccountGone:
            raise Unauthenticated from None


def _headers(event: Event, name: str) -> list[str]:
    """Every value of a header, in order, whatever the case of its name."""
    headers: dict[str, list[str]] = event.get("multiValueHeaders") or {}
    return [value for key, values in headers.items() if key.lower() == name for value in values]


def header(event: Event, name: str) -> str:
    """The first value of a header, "" where there is none."""
    return next(iter(_headers(event, name)), "")


def body_of(event: Event) -> bytes:
    """The body of an event; API Gateway gives bytes that are no text in base 64."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def gateway_error(status: int, message: str) -> dict[str, Any]:
    """The body of an error that the framework found, in the shape of ours."""
    error = FareboxError(message)
    error.type = "invalid_request_error" if status < 500 else "api_error"
    return error.body()
