"""Integer money.

A *credit* is what users buy and spend. Everything is stored and computed in whole **microcredits**,
so a price in credits per million tokens is also a price in microcredits per token, and a cost is one
integer multiplication: nothing is ever rounded.
"""

from dataclasses import dataclass

MICROCREDITS_PER_CREDIT = 1_000_000

AMOUNT_MAX_MICROCREDITS = 10**24
"""The largest single amount. DynamoDB numbers hold 38 digits; 10**14 of these still fit in a sum."""

TOKENS_MAX = 10**9
"""The largest token count believed of a provider; more than any context window by a factor of 100."""


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
    """Tokens of one request. `cached` is the part of `input` that the provider had in its cache."""

    input: int = 0
    output: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What tokens cost, in microcredits per token, which is credits per million tokens."""

    version: str
    input: int
    output: int
    cached: int

    def cost(self, usage: Usage) -> int:
        """The cost in microcredits; exact."""
        uncached = usage.input - usage.cached
        return uncached * self.input + usage.cached * self.cached + usage.output * self.output
