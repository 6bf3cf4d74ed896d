"""What is sold to whom, and what it brings."""

import pytest

from functions.money import MICROCREDITS_PER_CREDIT
from functions.payments import packs


@pytest.mark.parametrize(
    ("credits", "text"),
    [(5_000_000, "5M"), (250_000, "250k"), (1_500_000, "1.5M"), (12, "12"), (1234, "1234"), (999_999, "999999")],
)
def test_credits_in_short(credits: int, text: str) -> None:
    """On a bill 5,000,000 credits are 5M; nothing is rounded."""
    assert packs.shown(credits * MICROCREDITS_PER_CREDIT) == text
