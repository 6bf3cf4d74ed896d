"""Whether an event's body is what BTCPay Server signed, to the byte: checked before anything of it is read.

Those of Stripe and Polar are checked by their libraries.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from functions.errors import BadRequest

HEADER_LENGTH_MAX = 2048
SHA256 = re.compile(r"[0-9a-f]{64}")


class _Untrusted(Exception):
    """The signature does not hold."""


def check_btcpay(secrets: Sequence[str], signature: Sequence[str], body: bytes) -> None:
    """Raise BadRequest unless the header `btcpay-sig` is `sha256=` and what one of the secrets makes of this body.

    https://docs.btcpayserver.org/API/Greenfield/v1/ ("Webhooks")
    """
    try:
        scheme, _, value = _only(signature).partition("=")
        if scheme != "sha256":
            raise _Untrusted
        _compare(secrets, body, [value])
    except _Untrusted:
        raise BadRequest("The btcpay-sig is missing or wrong.", param="btcpay-sig") from None


def _only(values: Sequence[str]) -> str:
    """The one value of a header. Of two, which one counts must never be a question."""
    if len(values) != 1 or len(values[0]) > HEADER_LENGTH_MAX:
        raise _Untrusted
    return values[0].strip()


def _compare(secrets: Sequence[str], signed: bytes, given: list[str]) -> None:
    """Raises _Untrusted unless one of the given signatures is that of one of the secrets; in constant time for each."""
    right = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets if secret]
    fitting = [value for value in given if SHA256.fullmatch(value)]
    if not any([hmac.compare_digest(ours, theirs) for ours in right for theirs in fitting]):  # noqa: C419  all of them
        raise _Untrusted
