"""Patterns of input that is not forwarded: plain text, `*` within a line, any case, in linear time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.projects.blocked import matching
from functions.projects.project import Abuse


def holds(pattern: str, *texts: str) -> bool:
    return matching(Abuse(1, "d", None, (pattern,)), texts)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("bomb", "a BOMB here", True),
        ("bomb", "bo mb", False),
        ("make * bomb", "How do I make a big Bomb?", True),
        ("make * bomb", "make\na bomb", False),
        ("make * bomb", "bomb, make a", False),
        ("make * bomb", "make a\nwell, make a bomb", True),
        ("make*bomb", "makebomb", True),
        ("*bomb*", "bomb", True),
        ("a.c", "abc", False),
        ("a.c", "a.c", True),
        ("(x", "(X)", True),
        ("a?b", "axb", False),
        ("a.c*d", "abcd a.c", False),
        ("(x*)", "(x)", True),
        ("straße", "STRASSE", True),
        ("aa*a", "aa", False),
        ("aa*a", "aaa", True),
        ("ab*ab", "ab", False),
        ("ab*ab", "abab", True),
        ("a*b*c", "a\nb\nc", False),
        ("a*b*c", "xaxbxc", True),
        ("a*b*c", "acb", False),
    ],
)
def test_a_pattern_is_text_with_gaps_in_one_line(pattern: str, text: str, found: bool) -> None:
    """Nothing in it is special but `*`; its parts stand in order, and never overlap."""
    assert holds(pattern, text) is found


def test_any_text_and_any_pattern_counts() -> None:
    """One of several texts, one of several patterns; without patterns nothing is found."""
    abuse = Abuse(1, "d", None, ("x", "y*z"))
    assert matching(abuse, ("a", "b", "yz"))
    assert not matching(abuse, ("y", "z"))
    assert not matching(Abuse(1, "d", None), ("x",))
    assert not matching(abuse, ())


alphabet = st.text("ab*\n", max_size=12)


@given(st.text("ab*", min_size=1, max_size=6).filter(lambda pattern: pattern.strip("*")), alphabet)
def test_it_is_what_a_plain_search_would_find(pattern: str, text: str) -> None:
    """Against the obvious regular expression, with `*` as any text but a line's end."""
    obvious = ".*".join(map(re.escape, pattern.split("*")))
    assert holds(pattern, text) is bool(re.search(obvious, text))


def test_long_texts_that_nearly_match_cost_no_more_than_their_length() -> None:
    """The obvious expression would read each of these lines again from each of its letters: hours, not a moment."""
    pattern = "*".join("a" * 1 for _ in range(9)) + "*b"
    assert not holds(pattern, "b\n" + "a" * 1_000_000)
    assert not holds("a*b", "b\n" + "a\n" * 500_000)
