"""Currencies in which all providers count alike, and how an amount is written with a decimal point."""

import re

TWO_DIGITS = (
    *("aed", "aud", "brl", "cad", "chf", "czk", "dkk", "eur", "gbp", "hkd", "ils", "inr"),
    *("mxn", "myr", "nok", "nzd", "pln", "ron", "sek", "sgd", "thb", "usd", "zar"),
)
DECIMALS = dict.fromkeys(TWO_DIGITS, 2) | {"jpy": 0}
"""How many digits of an amount stand behind the point: ISO 4217, where no provider counts otherwise."""

_DECIMAL = re.compile(r"(\d{1,12})(?:\.(\d{1,18}))?", re.ASCII)


def decimal_text(amount: int, currency: str) -> str:
    """An amount in the smallest unit, as text in the currency's usual one: 50 of `usd` is "0.50"."""
    digits = DECIMALS[currency]
    if not digits:
        return str(amount)
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}}"


def parse_decimal(text: str, currency: str) -> int:
    """The amount of such a text in the smallest unit. Raises ValueError where it is none, or finer than that unit."""
    found = _DECIMAL.fullmatch(text)
    digits = DECIMALS[currency]
    if not found:
        raise ValueError("not an amount")
    part = (found[2] or "").rstrip("0")
    if len(part) > digits:
        raise ValueError("finer than the smallest unit")
    return int(found[1] + part.ljust(digits, "0"))


def shown(amount: int, currency: str) -> str:
    """An amount as people read it: `0.50 USD`."""
    return f"{decimal_text(amount, currency)} {currency.upper()}" if currency in DECIMALS else f"{amount} {currency}"
