"""Integer money: what is an amount, what tokens cost, and that nothing drifts (case 9)."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import money
from functions.money import (
    AMOUNT_MAX_MICROCREDITS,
    MICROCREDITS_PER_CREDIT,
    TOKENS_MAX,
    AmountError,
    Price,
    Usage,
    amount,
    shown,
)

NOT_AMOUNTS: list[Any] = [
    0,
    -1,
    -(10**38),
    AMOUNT_MAX_MICROCREDITS + 1,
    10**38,  # 39 digits, one more than DynamoDB holds
    int("9" * 39),
    True,
    False,
    1.0,
    0.1,
    1e-7,
    1e400,
    math.nan,
    math.inf,
    Decimal(1),
    Decimal("0.000001"),
    Fraction(1, 3),
    "1",
    "",
    b"1",
    None,
    [1],
    {"amount": 1},
]


@pytest.mark.parametrize("value", NOT_AMOUNTS, ids=repr)
def test_case_09_what_is_not_an_amount_is_refused(value: Any) -> None:
    """0, negative, 39 digits, bool, float, NaN, tiny, text: none of them is money."""
    with pytest.raises(AmountError):
        amount(value)


@given(st.one_of(st.floats(), st.booleans(), st.text(), st.decimals(), st.integers(max_value=0), st.none()))
def test_case_09_nothing_but_a_positive_whole_number_is_an_amount(value: Any) -> None:
    """Whatever else comes, it is refused."""
    with pytest.raises(AmountError):
        amount(value)


@given(st.integers(1, AMOUNT_MAX_MICROCREDITS))
def test_case_09_an_amount_is_kept_to_the_last_digit(value: int) -> None:
    """Every amount that is accepted is itself, and 10^14 of them still fit into DynamoDB's 38 digits."""
    assert amount(value) == value
    assert len(str(value * 10**14)) <= 39
    assert value * 10**14 <= 10**38


def test_case_09_a_million_small_charges_drift_by_nothing() -> None:
    """A million charges of a few tokens, summed one by one, are the cost of all their tokens at once."""
    price = Price("p", input=3, output=7, cached=1)
    balance = start = 10**12
    for number in range(1_000_000):
        balance -= price.cost(Usage(number % 3 + 1, number % 2, number % 2))
    tokens_in = sum(number % 3 + 1 for number in range(1_000_000))
    assert start - balance == price.cost(Usage(tokens_in, 500_000, 500_000))
    assert money.credits(start - balance) == (start - balance) / MICROCREDITS_PER_CREDIT


@given(st.lists(st.tuples(*[st.integers(0, TOKENS_MAX)] * 2, st.integers(0, 10**12)), max_size=30))
def test_the_cost_of_the_parts_is_the_cost_of_the_whole(parts: list[tuple[int, int, int]]) -> None:
    """Nothing is rounded, so splitting a conversation changes no cost."""
    price = Price("p", *(part[2] for part in [*parts, (0, 0, 5)][:1] * 3))
    usages = [Usage(tokens_in, tokens_out, tokens_in // 2) for tokens_in, tokens_out, _ in parts]
    whole = Usage(*(sum(getattr(usage, name) for usage in usages) for name in ("input", "output", "cached")))
    assert sum(price.cost(usage) for usage in usages) == price.cost(whole)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), 0),
        (Usage(1), 1_000_000),
        (Usage(0, 1), 3_000_000),
        (Usage(10, 0, 10), 5_000_000),
        (Usage(10, 2, 4), 6 * 1_000_000 + 4 * 500_000 + 2 * 3_000_000),
    ],
)
def test_cached_input_input_and_output_have_prices_of_their_own(usage: Usage, cost: int) -> None:
    """A price in credits per million tokens is a price in microcredits per token."""
    assert Price("p", input=1_000_000, output=3_000_000, cached=500_000).cost(usage) == cost


def test_reasoning_has_a_price_of_its_own_where_one_is_given() -> None:
    """It is a part of the output, so it costs as much as output does where nothing is said of it."""
    used = Usage(10, 7, 4, 5)
    assert Price("p", input=2, output=3, cached=1).cost(used) == 6 * 2 + 4 * 1 + 7 * 3
    assert Price("p", input=2, output=3, cached=1, reasoning=1).cost(used) == 6 * 2 + 4 * 1 + 2 * 3 + 5 * 1
    assert Price("p", input=2, output=3, cached=1, reasoning=0).cost(used) == 6 * 2 + 4 * 1 + 2 * 3


@given(st.integers(-(10**20), 10**20))
def test_credits_are_shown_whole_where_they_are(microcredits: int) -> None:
    """One token at the default price is one credit, not 1.0; parts have six decimals at most."""
    seen = money.credits(microcredits)
    if microcredits % MICROCREDITS_PER_CREDIT == 0:
        assert isinstance(seen, int)
        assert seen * MICROCREDITS_PER_CREDIT == microcredits
    elif abs(microcredits) < 10**15:
        assert round(seen * MICROCREDITS_PER_CREDIT) == microcredits


@given(st.integers(0, 10**24))
def test_credits_as_text_are_exact(microcredits: int) -> None:
    """The text in a header is the amount itself, without an exponent."""
    text = shown(microcredits)
    assert Decimal(text) * MICROCREDITS_PER_CREDIT == microcredits
    assert not set(text) - set("0123456789.")
