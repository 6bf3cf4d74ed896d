"""The page of the headers: infra/openapi/headers.py in tables."""

from collections.abc import Iterable

from infra.openapi import headers
from infra.openapi.headers import Header
from infra.reference.shapes import type_of

BEGINNING = """\
# Headers

What the gateway reads and says besides what every HTTP server does. Names may be written in any case.

## Of requests

"""
ANSWERS = """
## Of answers

Pages of other origins may read those that are about their request.

"""
NOTICES = """
## Of notices

What Farebox sends to owners and operators is signed as Standard Webhooks says: [notices](../notices.md).

"""


def page() -> str:
    """The page as Markdown."""
    parts = ((BEGINNING, headers.REQUEST), (ANSWERS, headers.ANSWER), (NOTICES, headers.NOTICE))
    return "".join(beginning + _table(listed) for beginning, listed in parts)


def _table(listed: Iterable[Header]) -> str:
    rows = "".join(f"| `{each.name}` | {type_of(each.schema, '')} | {each.description} |\n" for each in listed)
    return "| header | | |\n|---|---|---|\n" + rows
