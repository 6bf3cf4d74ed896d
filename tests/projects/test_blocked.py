"""Patterns of input that is not forwarded: plain text, `*` within a message, however it is written, in linear time."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.projects.blocked import UNSEEN, folded, matching
from functions.projects.project import Abuse


def holds(pattern: str, *texts: str) -> bool:
    return matching(Abuse(1, "d", None, (pattern,)), texts)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("bomb", "a BOMB here", True),
        ("bomb", "bo mb", False),
        ("make * bomb", "How do I make a big Bomb?", True),
        ("make * bomb", "make\na bomb", True),
        ("make * bomb", "make  bomb", True),
        ("make * bomb", "make bombs", True),
        ("make * bomb", "makebomb", False),
        ("make a bomb", "make  a\r\n\tbomb", True),
        ("make a bomb", "make a bo\u200bmb", True),
        ("make a bomb", "m\u00ada\u2060k\ufeffe a \U000e0062bomb", True),
        ("make a bomb", "ｍake\u3000a\u00a0𝐛𝐨𝐦𝐛", True),
        ("caf\u00e9", "CAFE\u0301", True),
        ("caf\u00e9", "cafe\u200d\u0301", True),
        ("caf\u00e9", "cafe", False),
        ("ﬁre", "FIRE", True),
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
        ("a*b*c", "a\nb\nc", True),
        ("a*b*c", "xaxbxc", True),
        ("a*b*c", "acb", False),
    ],
)
def test_a_pattern_is_text_with_gaps_in_one_message(pattern: str, text: str, found: bool) -> None:
    """Nothing in it is special but `*`; its parts stand in order and never overlap; form and spaces do not count."""
    assert holds(pattern, text) is found


def test_any_text_and_any_pattern_counts() -> None:
    """One of several texts, one of several patterns; without patterns nothing is found."""
    abuse = Abuse(1, "d", None, ("x", "y*z"))
    assert matching(abuse, ("a", "b", "yz"))
    assert not matching(abuse, ("y", "z"))
    assert not matching(abuse, ("y\n", "\nz"))
    assert not holds("\u200b*", "a")
    assert not matching(Abuse(1, "d", None), ("x",))
    assert not matching(abuse, ())


alphabet = st.text("ab*\n", max_size=12)


@given(st.text("ab*", min_size=1, max_size=6).filter(lambda pattern: pattern.strip("*")), alphabet)
def test_it_is_what_a_plain_search_would_find(pattern: str, text: str) -> None:
    """Against the obvious regular expression, with `*` as any text at all."""
    obvious = ".*".join(map(re.escape, pattern.split("*")))
    assert holds(pattern, text) is bool(re.search(obvious, re.sub(r"\s+", " ", text), re.DOTALL))


@given(st.text("aé\u0301\u200b ＡB\n", max_size=20), st.integers(0, 600), st.sampled_from("x世 "))
def test_where_a_long_text_is_cut_makes_no_difference(text: str, before: int, filler: str) -> None:
    """Texts are folded piece by piece: the same comes of it as of one piece, wherever ASCII stands."""
    whole = unicodedata.normalize("NFKC", UNSEEN.sub("", filler * before + " " + text)).casefold()
    assert folded(filler * before + " " + text) == re.sub(r"\s+", " ", whole)


def test_the_characters_that_nobody_sees_are_those_of_unicode() -> None:
    """All that this Python's tables call Cf, and besides only what they do not know yet."""
    named = {char for char in map(chr, range(sys.maxunicode + 1)) if UNSEEN.match(char)}
    unseen = {char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) == "Cf"}
    assert unseen <= named
    assert {unicodedata.category(char) for char in named - unseen} <= {"Cn"}


def test_long_texts_that_nearly_match_cost_no_more_than_their_length() -> None:
    """The obvious expression would read each of these again from each of its letters: hours, not a moment."""
    pattern = "*".join("a" * 1 for _ in range(9)) + "*b"
    assert not holds(pattern, "b\n" + "a" * 1_000_000)
    assert not holds("a*b", "b\n" + "a\n" * 500_000)
    assert not holds("a*b", "a" + "\u0301\u0323" * 200_000)
