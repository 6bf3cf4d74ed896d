"""Whether an event is Polar's: signed by the rules of Standard Webhooks, to the byte, before anything of it is read."""

import base64
import binascii
import contextlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from functions.errors import BadRequest
from functions.payments.provider import Header

TOLERANCE_S = 300
"""How far Polar's clock may be from ours: what is older may be somebody's copy. Polar's own tolerance."""
HEADER_LENGTH_MAX = 2048
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
UNTRUSTED = "The signature of this event is missing, wrong, or more than {} s old."


def check(secrets: Sequence[str], header: Header, raw: bytes, now_s: float) -> str:
    """The event's id, once one of the signatures is ours for it, its time and this body. Raises BadRequest.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    event_id, at, signatures = (_only(header, name) for name in HEADERS)
    if not EVENT_ID.fullmatch(event_id):
        raise BadRequest(UNTRUSTED.format(TOLERANCE_S), param="webhook-id")
    if not TIME.fullmatch(at) or abs(now_s - int(at)) > TOLERANCE_S:
        raise BadRequest(UNTRUSTED.format(TOLERANCE_S), param="webhook-timestamp")
    try:
        body = raw.decode()
    except UnicodeDecodeError:
        raise BadRequest(UNTRUSTED.format(TOLERANCE_S), param="webhook-signature") from None
    given = [text.encode(errors="replace") for text in signatures.split(" ")]
    when = datetime.fromtimestamp(int(at), UTC)
    right = [Webhook(key).sign(event_id, when, body).encode() for secret in secrets for key in _keys(secret)]
    found = [hmac.compare_digest(ours, theirs) for ours in right for theirs in given]
    if not any(found):
        raise BadRequest(UNTRUSTED.format(TOLERANCE_S), param="webhook-signature")
    return event_id


def _only(header: Header, name: str) -> str:
    """The one value of a header. Of two, which one counts must never be a question."""
    values = header(name)
    if len(values) != 1 or len(values[0]) > HEADER_LENGTH_MAX:
        raise BadRequest(UNTRUSTED.format(TOLERANCE_S), param=name)
    return values[0].strip()


def _keys(secret: str) -> list[bytes]:
    """What Polar signs with: the secret as it stands, and for newer ones what it is in base 64. As its library does."""
    text = secret.removeprefix("whsec_")
    keys = [secret.encode()]
    with contextlib.suppress(binascii.Error, ValueError):
        keys.append(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    return [key for key in keys if key]
