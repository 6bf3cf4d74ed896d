"""The key in a request."""

from collections.abc import Iterable

from functions.errors import Unauthenticated

KEY_LENGTH_MAX = 200
"""Longer than any key of ours; what is longer is not looked up."""


def bearer(authorization: Iterable[str]) -> str:
    """The key in the Authorization headers of a request, of which there must be exactly one.

    Two of them are refused even when they say the same: which one counts must never be a question.
    Raises Unauthenticated.
    """
    values = list(authorization)
    if len(values) != 1:
        raise Unauthenticated
    scheme, _, key = values[0].strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not 0 < len(key) <= KEY_LENGTH_MAX or not key.isascii():
        raise Unauthenticated
    return key
