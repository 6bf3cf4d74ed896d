"""What an owner's request says: its JSON body and its query, checked field by field.

A field that is not asked for is refused by its name: nobody can believe that a `role` or a `balance` was taken.
"""

import re
from collections.abc import Mapping
from typing import Any

from functions.errors import BadRequest, TooLarge
from functions.forward import body as json_body

BODY_BYTES_MAX = 200_000
"""A project's document has 100 KB at most; nothing else that is sent here is longer."""
NAME_SHOWN = 60
LABEL_LENGTH_MAX = 100
WHY_LENGTH_MAX = 300
SECRET_LENGTH_MAX = 1000
SECRET = re.compile(rf"[\x21-\x7e]{{1,{SECRET_LENGTH_MAX}}}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Of a label: what breaks a line, or turns the direction of what follows."""


def fields(raw: bytes, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a body; optional ones are None where they are absent. No body is an empty one.

    Raises BadRequest that names the first field that is unknown or missing.
    """
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    return named(json_body.parse(raw) if raw else {}, required, optional)


def named(given: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    """The same of fields that are read already."""
    known = (*required, *optional)
    for name in given:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise BadRequest(f"Unknown field {name[:NAME_SHOWN]!r}; {there}.", param=name[:NAME_SHOWN])
    for name in required:
        if name not in given:
            raise BadRequest(f"{name} is required.", param=name)
    return dict.fromkeys(optional) | given


def document(raw: bytes) -> dict[str, Any]:
    """A project's document that is the whole body; its own reader checks what is in it. Raises BadRequest."""
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    return json_body.parse(raw)


def query(given: Mapping[str, list[str]] | None, known: tuple[str, ...]) -> dict[str, str]:
    """Query parameters, as API Gateway gives them. Raises BadRequest that names one that is unknown or there twice."""
    found: dict[str, str] = {}
    for name, values in (given or {}).items():
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise BadRequest(f"Unknown parameter {name[:NAME_SHOWN]!r}; {there}.", param=name[:NAME_SHOWN])
        if len(values) != 1:
            raise BadRequest(f"{name} stands twice.", param=name)
        found[name] = values[0]
    return found


def label(value: object, name: str = "label") -> str:
    """A line of text that people name something with; "" where there is none. Raises BadRequest."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LABEL_LENGTH_MAX or CONTROL.search(value):
        raise BadRequest(f"{name} must be one line of at most {LABEL_LENGTH_MAX} characters.", param=name)
    return value.strip()


def why(value: object) -> str:
    """What somebody says a change is for; "" where they say nothing. Raises BadRequest."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > WHY_LENGTH_MAX or CONTROL.search(value):
        raise BadRequest(f"why must be one line of at most {WHY_LENGTH_MAX} characters.", param="why")
    return value.strip()


def whole(value: object, name: str, least: int, most: int) -> int:
    """A whole number between two bounds, both included. Raises BadRequest; `true` is no number."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRequest(f"{name} must be a whole number between {least} and {most}.", param=name)
    return value


def digits(text: str, name: str, least: int, most: int) -> int:
    """The same of a query parameter."""
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise BadRequest(f"{name} must be a whole number between {least} and {most}.", param=name)
    return whole(int(text), name, least, most)


def secret(value: object, name: str, least: int) -> str:
    """A provider's key or an issuer's secret: printable ASCII without a space, as a header can carry it.

    Raises BadRequest, which never repeats it.
    """
    if not isinstance(value, str) or not SECRET.fullmatch(value) or len(value) < least:
        why = f"must be {least} to {SECRET_LENGTH_MAX} printable ASCII characters without a space"
        raise BadRequest(f"{name} {why}.", param=name)
    return value
