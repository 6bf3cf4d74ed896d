"""The three parts of a token, read so that nothing in them can be understood in two ways.

Nothing here says that a token is worth anything: `is_signed` does, with a key that the token did not choose.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.errors import Unauthenticated

TOKEN_LENGTH_MAX = 8192
KID_LENGTH_MAX = 200
TYPES = ("jwt", "at+jwt")
"""Of `typ`, where it is there. Others are made for something else, such as signing somebody out."""
REFUSED = ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip")
"""Header fields that say where a key is, or that a token is to be read otherwise."""
_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parts:
    """A token that has the form of one."""

    token: str
    algorithm: str
    kid: str
    """"" where the header has none."""
    claims: dict[str, Any]

    def is_signed(self, key: Any) -> bool:
        """Whether it was signed with this key: bytes for HS256, else a public key of `cryptography`."""
        from jwt import PyJWTError, api_jws  # noqa: PLC0415  a request without a token does not pay for it

        try:
            api_jws.decode(self.token, key, algorithms=[self.algorithm])
        except (PyJWTError, ValueError, TypeError):
            return False
        return True


def parts(token: str) -> Parts:
    """A token's parts. Raises Unauthenticated for what is none."""
    found = _TOKEN.fullmatch(token) if len(token) <= TOKEN_LENGTH_MAX else None
    if not found:
        raise Unauthenticated
    header, claims = _object(found[1]), _object(found[2])
    algorithm, kid, kind = header.get("alg"), header.get("kid", ""), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(kind, str) or kind.lower() not in TYPES:
        raise Unauthenticated
    if any(name in header for name in REFUSED):
        raise Unauthenticated
    if not isinstance(kid, str) or len(kid) > KID_LENGTH_MAX or not (kid.isascii() and kid.isprintable()):
        raise Unauthenticated
    return Parts(token, algorithm, kid, claims)


def _object(part: str) -> dict[str, Any]:
    """The JSON object in one part of a token. Raises Unauthenticated where it is none, or has a name twice."""
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except (binascii.Error, ValueError, RecursionError):
        raise Unauthenticated from None
    if not isinstance(value, dict):
        raise Unauthenticated
    return value


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose names stands twice: readers differ in which of them counts."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("twice")
    return value


def _no_number(constant: str) -> None:
    """NaN and Infinity, which are no JSON."""
    raise ValueError(constant)
