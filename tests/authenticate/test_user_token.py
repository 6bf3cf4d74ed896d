"""The user's token comes in one of two headers, and never in two ways at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.authenticate.user_token import user_token
from functions.errors import BadRequest, Unauthenticated


@pytest.mark.parametrize(
    ("promptproxy", "user", "token"),
    [
        ([], [], ""),
        (["a"], [], "a"),
        ([], ["a"], "a"),
        ([" a "], ["a"], "a"),
        (["a", "a"], ["a"], "a"),
    ],
)
def test_one_token_in_either_header(promptproxy: list[str], user: list[str], token: str) -> None:
    """Either name, both with the same value."""
    assert user_token(promptproxy, user) == token


@pytest.mark.parametrize(
    ("promptproxy", "user"), [(["a"], ["b"]), (["a", "b"], []), ([], ["a", "b"]), (["a"], ["a "] * 2 + ["A"])]
)
def test_case_19_tokens_that_differ(promptproxy: list[str], user: list[str]) -> None:
    """Which one counts must never be a question: 400, naming the header."""
    with pytest.raises(BadRequest) as refusal:
        user_token(promptproxy, user)
    assert refusal.value.param == "x-user-token"


@given(
    st.lists(st.sampled_from(["", " ", "a", "b", " a"]), max_size=4),
    st.lists(st.sampled_from(["", "a", "c"]), max_size=4),
)
def test_never_a_choice(promptproxy: list[str], user: list[str]) -> None:
    """Whatever is sent: the only token there is, none, or a refusal."""
    sent = {value.strip() for value in promptproxy + user}
    try:
        assert user_token(promptproxy, user) == (min(sent) if sent else "")
    except BadRequest:
        assert len(sent - {""}) > 1
    except Unauthenticated:
        assert "" in sent


@pytest.mark.parametrize(("promptproxy", "user"), [([""], []), ([], ["  "]), (["a"], [""])])
def test_an_empty_token_is_no_missing_one(promptproxy: list[str], user: list[str]) -> None:
    """An app that lost its user's token hears 401; it does not go on as whoever comes without one."""
    with pytest.raises(Unauthenticated):
        user_token(promptproxy, user)
