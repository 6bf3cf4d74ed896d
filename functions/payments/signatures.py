"""Whether a webhook's body is what a payment provider signed, to the byte: checked before anything of it is read."""

import hashlib
import hmac
import re
from collections.abc import Sequence

from functions.errors import BadRequest

TOLERANCE_S = 300
"""How far Stripe's clock may be from ours; what is older may be somebody's copy. Stripe's own tolerance."""
HEADER_LENGTH_MAX = 2048
TIME = re.compile(r"[0-9]{1,12}")
SHA256 = re.compile(r"[0-9a-f]{64}")


class _Untrusted(Exception):
    """The signature does not hold."""


def check_stripe(secret: str, signature: Sequence[str], body: bytes, now_s: float) -> None:
    """Raise BadRequest unless one of the `v1` in the header `stripe-signature` is ours for its time and this body.

    Stripe sends several `v1` while a secret is being replaced, one for each that is valid.
    https://docs.stripe.com/webhooks?verify=verify-manually#verify-manually
    """
    try:
        parts = [part.strip().partition("=") for part in _only(signature).split(",")]
        times = [value for name, _, value in parts if name == "t"]
        if len(times) != 1 or not TIME.fullmatch(times[0]) or abs(now_s - int(times[0])) > TOLERANCE_S:
            raise _Untrusted
        signed = times[0].encode() + b"." + body
        _compare(secret, signed, [value for name, _, value in parts if name == "v1"])
    except _Untrusted:
        said = f"The stripe-signature is missing, wrong, or more than {TOLERANCE_S} s old."
        raise BadRequest(said, param="stripe-signature") from None


def check_btcpay(secret: str, signature: Sequence[str], body: bytes) -> None:
    """Raise BadRequest unless the header `btcpay-sig` is `sha256=` and ours for this body.

    https://docs.btcpayserver.org/API/Greenfield/v1/ ("Webhooks")
    """
    try:
        scheme, _, value = _only(signature).partition("=")
        if scheme != "sha256":
            raise _Untrusted
        _compare(secret, body, [value])
    except _Untrusted:
        raise BadRequest("The btcpay-sig is missing or wrong.", param="btcpay-sig") from None


def _only(values: Sequence[str]) -> str:
    """The one value of a header. Of two, which one counts must never be a question."""
    if len(values) != 1 or len(values[0]) > HEADER_LENGTH_MAX:
        raise _Untrusted
    return values[0].strip()


def _compare(secret: str, signed: bytes, given: list[str]) -> None:
    """Raises _Untrusted unless one of the given signatures is the right one; each is compared in constant time."""
    if not secret:
        raise _Untrusted  # anybody could sign
    right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    found = [hmac.compare_digest(right, value) for value in given if SHA256.fullmatch(value)]
    if not any(found):
        raise _Untrusted
