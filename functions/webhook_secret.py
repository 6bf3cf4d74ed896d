"""The shape of the secrets that webhooks to owners are signed with; settings look at it too, so it needs nothing."""

import base64
import binascii

SECRET_PREFIX = "whsec_"  # noqa: S105  what all such secrets begin with
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64


def is_secret(text: str) -> bool:
    """Whether something is a secret of the standard: `whsec_` and 24 to 64 bytes in base64."""
    try:
        raw = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and SECRET_BYTES_MIN <= len(raw) <= SECRET_BYTES_MAX
