"""GET /account/receipts: what is asked for, and the answer, a page as JSON or a range as CSV. docs/receipts.md"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from functions import money
from functions.accounts.view import receipt_view
from functions.errors import BadRequest
from functions.ledger import ids
from functions.ledger.pages import AFTER_ALL, BEFORE_ALL, receipts_between
from functions.ledger.receipts import Receipt

LIMIT_MAX, LIMIT = 100, 20
ROWS_MAX = 10_000
CSV_BYTES_MAX = 6_000_000
"""Of a CSV as Lambda hands it over, a JSON string; 6,291,556 is what it takes in all:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

COLUMNS = (
    "id",
    "created",
    "endpoint",
    "model",
    "outcome",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "credits",
    "held",
    "shortfall",
    "price",
    "abort",
    "anomalies",
    "reasoning_tokens",
    "method",
    "project_version",
    "blocked",
)
"""Of the CSV, in order: the fields of `receipt_view`. New ones go last."""

PARAMETERS = ("limit", "after", "from", "to", "format")
FORMATS = ("json", "csv")
CURSOR = re.compile(f"[{ids.ALPHABET}]{{{ids.TIME_DIGITS + ids.RANDOM_DIGITS}}}")
UNIX = re.compile(r"[0-9]{1,7}|[0-9]{9,11}")  # eight digits are a date without its dashes
ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9:.]{5,15})(Z|[+ -][0-9]{2}:[0-9]{2}))?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_END = 3000
"""Ids can tell the time until 3084."""

FORMULA = re.compile(r'(^|[,;|"\t\r\n])(?=[\0-\x20]*[=+\-@＝＋－＠])|^(?=[\t\r\n])')
"""Where a spreadsheet may take text for a formula: where a cell begins, and where one would begin that was split at
another separator than ours. https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page or a range: ids from `first` up to, but not, `end`; at most `limit` receipts."""

    first: str
    end: str
    limit: int
    is_csv: bool


def parse(query: Mapping[str, list[str]], accept: str = "") -> Asked:
    """What query parameters ask for, as API Gateway gives them. Raises BadRequest that names the parameter."""
    given: dict[str, str] = {}
    for name, values in query.items():
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise BadRequest(f"Unknown parameter {name[:60]!r}; there are {known}.", param=name[:60])
        if len(values) != 1:
            raise BadRequest(f"{name} stands twice.", param=name)
        given[name] = values[0]
    is_csv = _format(given["format"]) == "csv" if "format" in given else _prefers_csv(accept)
    limit = _limit(given["limit"]) if "limit" in given else ROWS_MAX if is_csv else LIMIT
    first = _first_id("from", given["from"]) if "from" in given else BEFORE_ALL
    end = _first_id("to", given["to"]) if "to" in given else AFTER_ALL
    if first >= end:
        raise BadRequest("from must be before to.", param="from")
    return Asked(first, min(end, _cursor(given["after"])) if "after" in given else end, limit, is_csv)


def answer(account_id: str, asked: Asked, now_s: float) -> tuple[dict[str, Any] | str, dict[str, str]]:
    """Body and headers. Raises LedgerUnavailable."""
    found = receipts_between(account_id, asked.first, asked.end, asked.limit + 1)
    shown = found[: asked.limit]
    if not asked.is_csv:
        following = shown[-1].receipt_id if len(found) > len(shown) else None
        data = [receipt_view(receipt) for receipt in shown]
        return {"object": "list", "data": data, "has_more": following is not None, "next": following}, {}
    body, rows = _csv(shown)
    headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="farebox-receipts-{_day(now_s)}.csv"',
        "x-content-type-options": "nosniff",
    }
    if rows < len(found):
        headers["x-farebox-next"] = shown[rows - 1].receipt_id
    return body, headers


def _format(text: str) -> str:
    if text not in FORMATS:
        raise BadRequest("format must be json or csv.", param="format")
    return text


def _prefers_csv(accept: str) -> bool:
    """Whether an Accept header asks for CSV; where it names JSON too, for CSV rather than JSON."""
    best = {"text/csv": 0.0, "application/json": 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        if kind in best and re.fullmatch(r"[01](\.[0-9]{0,3})?", quality):
            best[kind] = max(best[kind], float(quality))
    return best["text/csv"] > best["application/json"]


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise BadRequest(f"limit must be a whole number between 1 and {LIMIT_MAX}.", param="limit")
    return int(text)


def _cursor(text: str) -> str:
    if not CURSOR.fullmatch(text):
        raise BadRequest("after must be the next of the page before.", param="after")
    return text


def _first_id(name: str, text: str) -> str:
    """The smallest id made at or after the time in a parameter."""
    try:
        milliseconds = int(text) * 1000 if UNIX.fullmatch(text) else _iso(text)
    except ValueError:
        milliseconds = -1
    if not 0 <= milliseconds < (datetime(YEAR_END, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1):
        raise BadRequest(
            f"{name} must be a date such as 2026-01-31, a time with its zone such as 2026-01-31T12:00:00Z, or seconds "
            f"since 1970; before the year {YEAR_END}.",
            param=name,
        )
    return ids.first_at((milliseconds + 0.5) / 1000)  # half a millisecond: floats never fall into the one before


def _iso(text: str) -> int:
    """Milliseconds since 1970 of a date, at midnight UTC, or of a time with its zone. Raises ValueError."""
    found = ISO.fullmatch(text)
    if not found:
        raise ValueError("neither a date nor a time with its zone")
    date, time, zone = found.groups()
    zone = (zone or "Z").replace(" ", "+")  # what a plus becomes in a URL where it is not encoded
    return (datetime.fromisoformat(f"{date}T{time or '00:00'}{zone}") - EPOCH) // timedelta(milliseconds=1)


def _csv(receipts: list[Receipt]) -> tuple[str, int]:
    """A CSV (RFC 4180) with as many of the receipts as an answer can hold, and how many these are."""
    lines = [_line(COLUMNS)]
    size = len(json.dumps(lines[0]))
    for receipt in receipts:
        line = _line(_cells(receipt))
        size += len(json.dumps(line))
        if size > CSV_BYTES_MAX:
            break
        lines.append(line)
    return "".join(lines), len(lines) - 1


def _cells(receipt: Receipt) -> list[str]:
    cells = {name: _cell(value) for name, value in receipt_view(receipt).items()}
    amounts = {"credits": receipt.cost, "held": receipt.hold, "shortfall": receipt.shortfall}
    cells |= {name: money.shown(amount) for name, amount in amounts.items()}  # a float may show an exponent
    return [cells[name] for name in COLUMNS]


def _cell(value: float | str | list[str] | None) -> str:
    """A value as a cell: lists with a space between, nothing for null, text with no formula in it."""
    if isinstance(value, int | float):
        return str(value)
    text = " ".join(value) if isinstance(value, list) else value or ""
    return FORMULA.sub(r"\1'", text)


def _line(cells: list[str] | tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _day(now_s: float) -> str:
    return datetime.fromtimestamp(now_s, UTC).date().isoformat()
