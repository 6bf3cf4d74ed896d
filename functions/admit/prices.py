"""What models cost: patterns of names, each with dated versions. A model that no pattern matches is refused.

    [{"model": "gpt-4*", "input": 5000000, "output": 20000000, "cached": 2500000},
     {"model": "gpt-4*", "from": "2027-01-01", "input": 4000000, "output": 16000000},
     {"model": "*", "per_request": "0.5", "input": 1000000, "output": 1000000}]

The first pattern that matches counts (`*` and `?`, case matters), and of its versions the latest that has begun.
`input`, `output`, `cached` and `reasoning` are credits per million tokens, whole numbers, so that a cost is exact;
`cached` is `input` and `reasoning` is `output` where they are left out. `per_request` is credits, with up to six
decimals. A table without entries is that of a project that costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from functions.errors import NotPriced
from functions.money import AmountError, Price, parse_credits

PRICE_MAX = 10**15
"""Credits per million tokens; with the largest usage that is believed, a cost still fits a number of DynamoDB."""

FIELDS = ("model", "from", "per_request", "input", "output", "cached", "reasoning")

FREE = Price("free", input=0, output=0, cached=0)
"""Of a project without prices: its limits alone apply."""


class RulesError(ValueError):
    """A rule is malformed. The message begins with `path`, the field, such as `prices[0].input`."""

    def __init__(self, path: str, why: str) -> None:
        """`why` follows the path, and so begins with a space or a colon."""
        super().__init__(path + why)
        self.path = path


@dataclass(frozen=True, slots=True)
class Version:
    """What a pattern's models cost from a moment on (seconds since 1970)."""

    begins_s: float
    price: Price


@dataclass(frozen=True)
class PriceTable:
    """Prices by pattern, in the order in which patterns are tried; versions of each, the latest first."""

    patterns: tuple[tuple[str, tuple[Version, ...]], ...]

    def at(self, model: str, now_s: float) -> Price:
        """What a model costs now; nothing, where the table has no entries. Raises NotPriced."""
        if not self.patterns:
            return FREE
        for version in self._versions(model):
            if version.begins_s <= now_s:
                return version.price
        raise NotPriced(model)

    def _versions(self, model: str) -> tuple[Version, ...]:
        matching = (versions for pattern, versions in self.patterns if fnmatchcase(model, pattern.replace("[", "[[]")))
        return next(matching, ())


def parse(path: str, value: object) -> PriceTable:
    """A price table from its JSON; of an empty list one that costs nothing. Raises RulesError that names the field."""
    if not isinstance(value, list):
        raise RulesError(path, " must be a list of prices")
    patterns: dict[str, list[Version]] = {}
    for index, entry in enumerate(value):
        where = f"{path}[{index}]"
        model, version = _entry(where, entry)
        versions = patterns.setdefault(model, [])
        if any(other.begins_s == version.begins_s for other in versions):
            raise RulesError(f"{where}.from", f": {model!r} has a price from then on already")
        versions.append(version)
    ordered = (
        (model, tuple(sorted(versions, key=lambda version: -version.begins_s))) for model, versions in patterns.items()
    )
    return PriceTable(tuple(ordered))


def _entry(path: str, value: object) -> tuple[str, Version]:
    entry = fields(path, value, FIELDS)
    model = entry.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= 100 or not model.isprintable():
        raise RulesError(f"{path}.model", " must be a name or a pattern of 1 to 100 characters")
    for name in ("input", "output"):
        if name not in entry:
            raise RulesError(f"{path}.{name}", " is required")
    tokens_in, tokens_out = (whole(f"{path}.{name}", entry[name], PRICE_MAX) for name in ("input", "output"))
    cached = whole(f"{path}.cached", entry["cached"], tokens_in) if "cached" in entry else tokens_in
    request = credits_of(f"{path}.per_request", entry.get("per_request", 0))
    begins_s, day = _moment(f"{path}.from", entry["from"]) if "from" in entry else (0.0, "")
    name = f"{model}@{day}" if day else model
    version = f"{name}/{tokens_in}/{tokens_out}/{cached}/{request}"
    thought = None
    if "reasoning" in entry:
        thought = whole(f"{path}.reasoning", entry["reasoning"], tokens_out)
        version += f"/{thought}"
    return model, Version(begins_s, Price(version, tokens_in, tokens_out, cached, request, thought))


def _moment(path: str, value: object) -> tuple[float, str]:
    """An ISO 8601 time; without a zone it is UTC. Gives seconds since 1970 and the text as it stands on receipts."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RulesError(path, " must be a date or a time such as 2027-01-01 or 2027-01-01T12:00:00Z") from None
    return moment.timestamp(), moment.strftime("%Y-%m-%dT%H:%MZ")


def fields(path: str, value: object, known: tuple[str, ...]) -> Mapping[str, Any]:
    """An object of which every field is known."""
    if not isinstance(value, dict):
        raise RulesError(path or "the rules", " must be an object")
    for name in value:
        if name not in known:
            raise RulesError(f"{path}.{name}".lstrip("."), f" is not known; known are {', '.join(known)}")
    return value


def whole(path: str, value: object, most: int, least: int = 0) -> int:
    """A whole number; true and 1.0 are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RulesError(path, f" must be a whole number between {least} and {most}")
    return value


def credits_of(path: str, value: object) -> int:
    """Credits as microcredits."""
    try:
        return parse_credits(value)
    except AmountError as error:
        raise RulesError(path, f": {error}") from None
