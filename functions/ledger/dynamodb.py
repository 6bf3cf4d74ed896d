"""The asynchronous store: DynamoDB's HTTP interface, signed directly.

botocore is synchronous and takes 0.35 ms of CPU a call; this takes less than 0.1 (docs/decisions/0003). The
format: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson

from functions.errors import where
from functions.ledger.http import Endpoint
from functions.ledger.store import Ambiguous, Item, NotApplied, error_of
from functions.settings import SettingsError
from functions.signature import Keys, Signer

log = logging.getLogger("farebox.ledger")

VERSION = "DynamoDB_20120810."


class DynamoDB:
    """A Store over HTTP. Never retries; every call is bounded in time."""

    def __init__(self, endpoint: Endpoint, signer: Signer) -> None:
        self.endpoint, self.signer = endpoint, signer

    async def call(self, operation: str, request: Item) -> Item:
        body = orjson.dumps(request)
        try:
            headers = self.signer.headers(VERSION + operation, body, time.time())
        except Exception as error:  # whatever the source of credentials raises: nothing was sent
            log.error("a call to DynamoDB could not be signed: %s", where(error))
            raise NotApplied("not signed") from error
        status, answer = await self.endpoint.post(headers, body)
        try:
            decoded: Item = orjson.loads(answer)
        except (ValueError, RecursionError) as error:
            raise Ambiguous("unreadable answer") from error
        if not isinstance(decoded, dict):
            raise Ambiguous("unreadable answer")
        if status == 200:
            return decoded
        code = str(decoded.get("__type", "")).rpartition("#")[2]
        message = str(decoded.get("message") or decoded.get("Message") or "")
        raise error_of(code, message, status, decoded)


def endpoint_of(endpoint_url: str, region: str) -> tuple[str, str]:
    """The URL of DynamoDB and the host that is signed."""
    url = endpoint_url or f"https://dynamodb.{region}.amazonaws.com"
    return url, urlsplit(url).netloc


def keys_from(access_key: str, secret_key: str, token: str) -> Callable[[], Keys]:
    """A source of credentials: those given, else what botocore finds (a profile, a container role) and renews."""
    if access_key and secret_key:
        given = Keys(access_key, secret_key, token)
        return lambda: given
    from botocore.session import Session  # noqa: PLC0415  slow to import, and not needed on Lambda

    found = Session().get_credentials()
    if found is None:
        raise SettingsError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set, or a profile be there")

    def current() -> Keys:
        frozen = found.get_frozen_credentials()
        return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token or "")

    return current
