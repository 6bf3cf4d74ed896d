"""Integer money.

A *credit* is what users buy and spend. Everything is stored and computed in whole **microcredits**,
so a price in credits per million tokens is also a price in microcredits per token, and a cost is one
integer multiplication: nothing is ever rounded.
"""

import re
from dataclasses import dataclass

MICROCREDITS_PER_CREDIT = 1_000_000

AMOUNT_MAX_MICROCREDITS = 10**24
"""The largest single amount. DynamoDB numbers hold 38 digits; 10**14 of these still fit in a sum."""

TOKENS_MAX = 10**9
"""The largest token count believed of a provider; more than any context window by a factor of 100."""

_CREDITS = re.compile(r"(\d{1,30})(?:\.(\d{1,6}))?", re.ASCII)


class AmountError(ValueError):
    """A value that is not an amount of money: not an int, not positive, or too large to store."""


def amount(value: object) -> int:
    """`value` as a positive amount in microcredits.

    Raises AmountError for 0, negatives, bool, float, text, and more than AMOUNT_MAX_MICROCREDITS.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise AmountError("an amount is a whole number of microcredits")
    if not 0 < value <= AMOUNT_MAX_MICROCREDITS:
        raise AmountError(f"an amount is between 1 and {AMOUNT_MAX_MICROCREDITS} microcredits")
    return value


def credits(microcredits: int) -> int | float:
    """Microcredits as the credits people see: a whole number where it is one, else with six decimals."""
    whole, rest = divmod(microcredits, MICROCREDITS_PER_CREDIT)
    return round(microcredits / MICROCREDITS_PER_CREDIT, 6) if rest else whole


def shown(microcredits: int) -> str:
    """Credits as text without an exponent, such as `99999.5`."""
    whole, rest = divmod(microcredits, MICROCREDITS_PER_CREDIT)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request.

    `cached` is the part of `input` that the provider had in its cache; `reasoning` the part of `output` that the model
    thought and did not say.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


def parse_credits(value: object) -> int:
    """Credits as people write them in rules, as microcredits: a whole number, or a text such as "0.25".

    Raises AmountError for negatives, bool, float (which is not exact), other text, more than six decimals, too much.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise AmountError('credits are a whole number, or a text such as "0.25"')
    found = _CREDITS.fullmatch(str(value))
    if not found:
        raise AmountError('credits are a whole number, or a text such as "0.25" with at most six decimals')
    microcredits = int(found[1]) * MICROCREDITS_PER_CREDIT + int((found[2] or "").ljust(6, "0"))
    if microcredits > AMOUNT_MAX_MICROCREDITS:
        raise AmountError(f"credits are at most {AMOUNT_MAX_MICROCREDITS // MICROCREDITS_PER_CREDIT}")
    return microcredits


@dataclass(frozen=True, slots=True)
class Price:
    """What a request costs: `request` in microcredits, and per token, in microcredits, which is credits per million."""

    version: str
    input: int
    output: int
    cached: int
    request: int = 0
    reasoning: int | None = None
    """Of output that is reasoning; None: as `output`. Never more than that, as `cached` is never more than `input`."""

    def cost(self, usage: Usage) -> int:
        """The cost in microcredits; exact."""
        uncached, said = usage.input - usage.cached, usage.output - usage.reasoning
        thought = self.output if self.reasoning is None else self.reasoning
        tokens_in = uncached * self.input + usage.cached * self.cached
        return self.request + tokens_in + said * self.output + usage.reasoning * thought
