"""Amounts of money as text, exact in every currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.currencies import DECIMALS, decimal_text, parse_decimal, shown


@given(st.integers(0, 10**9), st.sampled_from(sorted(DECIMALS)))
def test_an_amount_survives_being_written(amount: int, currency: str) -> None:
    """What is written for a provider is read back as the same amount; digits that say nothing more change nothing."""
    text = decimal_text(amount, currency)
    assert parse_decimal(text, currency) == amount
    assert parse_decimal(text + ("000" if "." in text else ".000"), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *(
            (text, "usd")
            for text in ("", ".5", "1.", "-1", "+1", "1e3", "1,00", "0.001", "١", "1.00 ", "NaN", "9" * 13)
        ),
        ("1.5", "jpy"),
        ("0.01", "jpy"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    """Other notations, digits of other scripts, more digits than the currency has: never rounded, never guessed."""
    with pytest.raises(ValueError, match=r"amount|unit"):
        parse_decimal(text, currency)


def test_amounts_as_people_read_them() -> None:
    """With the point where it belongs; a currency that is not known is shown as it is counted."""
    assert (shown(50, "usd"), shown(1200, "eur"), shown(1200, "jpy")) == ("0.50 USD", "12.00 EUR", "1200 JPY")
    assert shown(7, "xxx") == "7 xxx"
