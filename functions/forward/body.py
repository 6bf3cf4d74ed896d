"""A request's body: JSON as strict as the standard, because Python's reader is not."""

import json
import math
import re
from typing import Any, NoReturn

from functions.errors import BadRequest

DEPTH_MAX = 64
DIGITS_MAX = 40
CONTAINERS_MAX = 100_000
"""Lists and objects: each costs a hundred times the memory of its two bytes."""
_LONG_NUMBER = re.compile(rb"[-0-9]{%d}" % (DIGITS_MAX + 1))
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in a request's body.

    Refused with BadRequest, where `json.loads` would not: keys that stand twice, NaN and Infinity, numbers that
    overflow, nesting deeper than DEPTH_MAX, lists and objects beyond CONTAINERS_MAX, half surrogates, and anything but
    an object.
    """
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX:
        _check_brackets(raw)
    try:
        body = json.loads(
            raw.decode("utf-8-sig"),  # by itself `json.loads` also takes UTF-16, whose bytes bound no token count
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int if _LONG_NUMBER.search(raw) else None,  # a call for each number would take most of the time
        )
    except BadRequest:
        raise
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def encode(body: dict[str, Any]) -> bytes:
    """A body as it goes upstream. Raises BadRequest for half surrogates, which UTF-8 cannot hold."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body holds half of a surrogate pair, which is no character.") from None


def _check_brackets(raw: bytes) -> None:
    """Count brackets outside of strings; only for bodies with enough of them to be deep."""
    bare = _STRING.sub(b"", raw)
    if b'"' in bare:
        raise BadRequest("The body is not valid JSON.")
    opening, closing = bare.count(b"[") + bare.count(b"{"), bare.count(b"]") + bare.count(b"}")
    if max(opening, closing) > CONTAINERS_MAX:
        raise BadRequest(f"The body has more than {CONTAINERS_MAX} lists and objects.")
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise BadRequest(f"The body is nested deeper than {DEPTH_MAX} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise BadRequest(f"The field {name[:50]!r} stands twice in one object.", param=name[:50])
            seen.add(name)
    return built


def _constant(name: str) -> NoReturn:
    raise BadRequest(f"{name} is not JSON.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadRequest("The body holds a number that is too large.")
    return number


def _int(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise BadRequest("The body holds a number that is too large.")
    return int(text)
