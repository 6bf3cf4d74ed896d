"""The asynchronous store: DynamoDB's HTTP interface, signed directly.

botocore is synchronous and takes 0.35 ms of CPU a call; this takes less than 0.1 (docs/decisions/0003). The
format: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html,
the signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from functions.errors import where
from functions.ledger.http import Endpoint
from functions.ledger.store import Ambiguous, Item, NotApplied, error_of
from functions.settings import SettingsError

log = logging.getLogger("farebox.ledger")

VERSION = "DynamoDB_20120810."
CONTENT_TYPE = "application/x-amz-json-1.0"


@dataclass(frozen=True, slots=True)
class Keys:
    """AWS credentials; `token` is empty for long-lived ones."""

    access_key: str
    secret_key: str
    token: str


class Signer:
    """Signature version 4 for one host and region; the day's key is derived once."""

    def __init__(self, host: str, region: str, keys: Callable[[], Keys]) -> None:
        self.host, self.region, self.keys = host, region, keys
        self._derived: tuple[str, str, bytes] = ("", "", b"")
        self._second = (0, "")

    def headers(self, target: str, body: bytes, now_s: float) -> dict[str, str]:
        """The headers that authenticate one POST to `/`."""
        keys = self.keys()
        stamp = self._stamp(int(now_s))
        signed = {"content-type": CONTENT_TYPE, "host": self.host, "x-amz-date": stamp}
        if keys.token:
            signed["x-amz-security-token"] = keys.token
        signed["x-amz-target"] = target
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self.region}/dynamodb/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(stamp[:8], keys), to_sign.encode(), "sha256").hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _stamp(self, now: int) -> str:
        if self._second[0] != now:
            self._second = (now, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)))
        return self._second[1]

    def _key(self, day: str, keys: Keys) -> bytes:
        if self._derived[:2] != (day, keys.secret_key):
            derived = ("AWS4" + keys.secret_key).encode()
            for part in (day, self.region, "dynamodb", "aws4_request"):
                derived = hmac.digest(derived, part.encode(), "sha256")
            self._derived = (day, keys.secret_key, derived)
        return self._derived[2]


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
