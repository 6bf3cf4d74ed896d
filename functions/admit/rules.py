"""What requests cost and how many there may be: the rules of one auth method of a project.

The built-in project's come from the settings; `RULES` is a JSON document that says more, or otherwise. The document of
any other project has such rules for each auth method; what they leave out is as PROJECT says.

    {"credits": {"signup": 100000, "signup_days": 7, "purchases": {"starter": 5000000}},
     "prices": [{"model": "*", "input": 1000000, "output": 1000000, "cached": 1000000, "per_request": 0}],
     "limits": {"user": {"minute": 60, "hour": 1000, "day": 5000, "week": 20000, "month": 50000, "total": 100000},
                "method": {"minute": 600}, "project": {"month": 1000000}, "shards": 1,
                "open_requests": 16, "input_tokens": 8000, "output_tokens": 2048}}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.admit.prices import PriceTable, RulesError, credits_of, fields, whole
from functions.admit.prices import parse as parse_prices
from functions.ledger.windows import DAY_S, Limit
from functions.settings import Settings, SettingsError

LIMIT_MAX = 10**12
SHARDS_MAX = 64
SIGNUP_DAYS_MAX = 36_500
ADDRESS_LIMIT = "requests a minute from one address"
PERIOD_NAMES = {"minute": "m", "hour": "h", "day": "d", "week": "w", "month": "M", "total": "t"}
PROJECT_PERIODS = ("minute", "hour", "day", "week", "month")
PROJECT: Mapping[str, Any] = {
    "credits": {"signup": 0, "signup_days": 0, "purchases": {}},
    "prices": [],
    "limits": {
        "user": {},
        "method": {},
        "project": {},
        "shards": 1,
        "open_requests": 16,
        "input_tokens": None,
        "output_tokens": None,
    },
}
"""What the rules of a project leave out: it costs nothing, and nothing is limited but requests at the same time."""


@dataclass(frozen=True, slots=True)
class Gain:
    """Credits that an account gets, in microcredits; they expire after `lasts_s` seconds, or never where it is 0."""

    amount: int
    lasts_s: int = 0


@dataclass(frozen=True)
class Rules:
    """What one way to sign in gets, pays and may do. A token limit of None is no limit."""

    signup: Gain
    purchases: Mapping[str, int]
    """By pack: the microcredits that it brings."""
    prices: PriceTable
    account_limits: tuple[Limit, ...]
    address_limits: tuple[Limit, ...]
    total_limits: tuple[Limit, ...]
    """Of everybody who signs in in this way, and of the whole project."""
    shards: int
    open_max: int
    input_max: int | None
    output_max: int | None


def of(settings: Settings, method: str = "key") -> Rules:
    """The rules that the settings give to the project `default`. Raises SettingsError that names the field."""
    try:
        document = json.loads(settings.rules, object_pairs_hook=_object) if settings.rules else {}
        rules = parse(_defaults(settings), document, method, settings.inference_ip_rate_limit)
        if not rules.prices.patterns:
            raise RulesError("prices", " must be a list of prices, with one at least")
        return rules
    except RulesError as error:
        raise SettingsError(f"RULES: {error}") from None
    except (ValueError, RecursionError):
        raise SettingsError("RULES must be a JSON object") from None


def of_project(path: str, value: object, method: str) -> Rules:
    """The rules of one auth method in a project's document. Raises RulesError whose path begins with `path`."""
    try:
        return parse(PROJECT, value, method, None)
    except RulesError as error:
        inside, why = error.path, str(error)[len(error.path) :]
        raise RulesError(path if inside == "the rules" else f"{path}.{inside}", why) from None


def parse(defaults: Mapping[str, Any], value: object, method: str, address_limit: int | None) -> Rules:
    """Rules from their JSON; what it leaves out is as in `defaults`, a document of the same form. Raises RulesError.

    `address_limit` is in requests a minute; None where addresses are counted by somebody else.
    """
    document = fields("", value, ("credits", "prices", "limits"))
    credits = defaults["credits"] | fields("credits", document.get("credits", {}), tuple(defaults["credits"]))
    limits = fields("limits", document.get("limits", {}), tuple(defaults["limits"]))
    user = defaults["limits"]["user"] | fields("limits.user", limits.get("user", {}), tuple(PERIOD_NAMES))
    limits = {**defaults["limits"], **limits, "user": user}
    days = whole("credits.signup_days", credits["signup_days"], SIGNUP_DAYS_MAX)
    return Rules(
        signup=Gain(credits_of("credits.signup", credits["signup"]), days * DAY_S),
        purchases=_purchases(credits["purchases"]),
        prices=parse_prices("prices", document.get("prices", defaults["prices"])),
        account_limits=_limits("limits.user", user, "for one account", tuple(PERIOD_NAMES)),
        address_limits=() if address_limit is None else (Limit("m", address_limit, ADDRESS_LIMIT),),
        total_limits=(
            *_limits("limits.method", limits["method"], "of all who sign in this way", PROJECT_PERIODS, method),
            *_limits("limits.project", limits["project"], "for the whole project", PROJECT_PERIODS),
        ),
        shards=whole("limits.shards", limits["shards"], SHARDS_MAX, 1),
        open_max=whole("limits.open_requests", limits["open_requests"], LIMIT_MAX),
        input_max=_tokens("limits.input_tokens", limits["input_tokens"]),
        output_max=_tokens("limits.output_tokens", limits["output_tokens"], 1),
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the document; of a field that stands twice nobody knows which is meant."""
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise RulesError(repr(twice), " stands twice in one object")
    return dict(pairs)


def _defaults(settings: Settings) -> dict[str, Any]:
    price = {
        "model": "*",
        "input": settings.credits_per_1m_input_tokens,
        "output": settings.credits_per_1m_output_tokens,
        "cached": min(settings.credits_per_1m_cached_tokens, settings.credits_per_1m_input_tokens),
    }
    credits = {"signup": settings.trial_tokens, "signup_days": settings.trial_expiry_days, "purchases": {}}
    limits = {"user": {"minute": settings.inference_user_rate_limit}, "method": {}, "project": {}, "shards": 1}
    limits |= {"open_requests": settings.open_requests_per_user, "input_tokens": None, "output_tokens": None}
    return {"credits": credits, "prices": [price], "limits": limits}


def _limits(path: str, value: object, of_whom: str, periods: tuple[str, ...], group: str = "") -> tuple[Limit, ...]:
    limits = []
    for period, most in fields(path, value, periods).items():
        if most is not None:
            article = "an" if period == "hour" else "a"
            name = "requests in all" if period == "total" else f"requests {article} {period}"
            limit = whole(f"{path}.{period}", most, LIMIT_MAX)
            limits.append(Limit(PERIOD_NAMES[period], limit, f"{name} {of_whom}", group))
    return tuple(limits)


def _purchases(value: object) -> Mapping[str, int]:
    if not isinstance(value, dict):
        raise RulesError("credits.purchases", " must be an object")
    return {str(pack): credits_of(f"credits.purchases.{pack}", gain) for pack, gain in value.items()}


def _tokens(path: str, value: object, least: int = 0) -> int | None:
    return None if value is None else whole(path, value, LIMIT_MAX, least)
