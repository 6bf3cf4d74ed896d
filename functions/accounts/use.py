"""Use, by day: of a project, from its statistics, and of an account, by model, from its receipts. docs/usage.md"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from functions import money
from functions.errors import BadRequest
from functions.ledger import ids, usage
from functions.ledger.pages import AFTER_ALL, receipts_between
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ledger
from functions.ledger.usage import DayUse
from functions.ledger.windows import DAY_S, HOUR_S

DAYS, DAYS_MAX = 30, 366
HOURS = 24
RECEIPTS_MAX = 5000
LASTS_S_MAX = HOUR_S
"""No request takes longer: what began before the first day by more has ended before it."""
COUNTED = ("requests", "input_tokens", "output_tokens")


def days_asked(query: Mapping[str, str]) -> int:
    """How many days the parameter `days` asks for. Raises BadRequest."""
    text = query.get("days", str(DAYS))
    if not re.fullmatch("[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= DAYS_MAX:
        raise BadRequest(f"days must be a whole number between 1 and {DAYS_MAX}.", param="days")
    return int(text)


async def project_use(ledger: Ledger, project_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A project's last days and hours, the current ones last, those without any use too.

    `query` may ask for a number of `days`. Raises BadRequest, LedgerUnavailable.
    """
    now_s, count = ledger.clock.now(), days_asked(query)
    today, hour = int(now_s) // DAY_S, int(now_s) // HOUR_S
    first = today - count + 1
    found = {one.day: one for one in await usage.days(ledger, project_id, min(first, today - 1), today)}
    return {
        "days": [_day(found.get(day, DayUse(day))) for day in range(first, today + 1)],
        "hours": [_hour(found, one) for one in range(hour - HOURS + 1, hour + 1)],
    }


def account_use(account_id: str, query: Mapping[str, str], now_s: float) -> dict[str, Any]:
    """An account's last days by model, today last, those without any use too; and each model's sum, the dearest first.

    It is summed from receipts, the newest RECEIPTS_MAX: not `complete` where there are more. A request belongs to the
    day it ended in, as in its account. Raises BadRequest, LedgerUnavailable.
    """
    count, today = days_asked(query), int(now_s) // DAY_S
    first = today - count + 1
    began = ids.first_at(first * DAY_S - LASTS_S_MAX)
    found = receipts_between(account_id, began, AFTER_ALL, RECEIPTS_MAX + 1)
    by_day: dict[int, dict[str, dict[str, int]]] = {day: {} for day in range(first, today + 1)}
    in_all: dict[str, dict[str, int]] = {}
    for receipt in found[:RECEIPTS_MAX]:
        day = min(receipt.ended // DAY_S, today)  # a clock may have been ahead of ours at midnight
        if day >= first:
            _add(by_day[day], receipt)
            _add(in_all, receipt)
    dearest = sorted(in_all.items(), key=lambda one: (-one[1]["cost"], -one[1]["requests"], one[0]))
    return {
        "days": [{"day": _date(day), "models": _shown(models)} for day, models in sorted(by_day.items())],
        "models": [{"model": model} | sums for model, sums in _shown(dict(dearest)).items()],
        "complete": len(found) <= RECEIPTS_MAX,
    }


def _add(models: dict[str, dict[str, int]], receipt: Receipt) -> None:
    sums = models.setdefault(receipt.model, dict.fromkeys((*COUNTED, "cost"), 0))
    sums["requests"] += 1
    sums["input_tokens"] += receipt.input
    sums["output_tokens"] += receipt.output
    sums["cost"] += receipt.cost


def _shown(models: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, Any]]:
    return {
        model: {name: sums[name] for name in COUNTED} | {"credits": money.credits(sums["cost"])}
        for model, sums in models.items()
    }


def _day(one: DayUse) -> dict[str, Any]:
    return {
        "day": _date(one.day),
        "requests": one.requests,
        "input_tokens": one.input,
        "output_tokens": one.output,
        "credits": money.credits(one.cost),
        "refused": _most_first(one.refused.items()),
        "outcomes": _most_first(one.outcomes.items()),
    }


def _hour(found: Mapping[int, DayUse], hour: int) -> dict[str, Any]:
    day, place = divmod(hour, HOURS)
    one = found.get(day, DayUse(day))
    return {
        "hour": datetime.fromtimestamp(hour * HOUR_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "requests": one.requests_by_hour.get(place, 0),
        "credits": money.credits(one.cost_by_hour.get(place, 0)),
    }


def _most_first(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(sorted(numbers, key=lambda one: (-one[1], one[0])))


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()
