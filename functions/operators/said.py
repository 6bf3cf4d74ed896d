"""What an operator's request says: a form, as scripts and plain pages send it, or JSON; and the key in it.

Pairs of a form without a value count as absent, as those of a form's fields that were left empty.
"""

from typing import Any
from urllib.parse import parse_qsl

from functions.errors import BadRequest, TooLarge
from functions.events import Event, body_of, header
from functions.forward import body as json_body
from functions.owners import asked

FORM = "application/x-www-form-urlencoded"
PAIRS_MAX = 50
KEY = "key"


def is_form(event: Event) -> bool:
    return header(event, "content-type").partition(";")[0].strip().lower() == FORM


def key_in_body(event: Event) -> object:
    """The key that a request brings in its body; None where there is none, or the body cannot be read."""
    try:
        return _given(event).get(KEY)
    except BadRequest:
        return None


def keys_in_address(event: Event) -> list[str]:
    """The keys that a request brings in its address, but for an empty one."""
    query: dict[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    return [key for key in query.get(KEY) or [] if key]


def fields(event: Event, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a body, without the key; optional ones are None where they are absent.

    Raises BadRequest that names the first field that is unknown or missing.
    """
    asked.query(event.get("multiValueQueryStringParameters"), ())
    given = {name: value for name, value in _given(event).items() if name != KEY}
    return asked.named(given, required, optional)


def _given(event: Event) -> dict[str, Any]:
    raw = body_of(event)
    if len(raw) > asked.BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {asked.BODY_BYTES_MAX} bytes.")
    if not is_form(event):
        return json_body.parse(raw) if raw else {}
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=PAIRS_MAX, errors="strict")
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if not value:
            continue
        if name in found:
            raise BadRequest(f"{name[: asked.NAME_SHOWN]} stands twice.", param=name[: asked.NAME_SHOWN])
        found[name] = value
    return found
