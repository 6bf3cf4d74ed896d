"""Sealed secrets: opened only where they belong, by whoever has the operator's secret."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.projects.vault import VaultError, seal, unseal

SECRET = "a secret of projects for tests, long enough"
OTHER = "another secret of projects, just as long"
PLACE = ("prj_1", "openai", "https://api.openai.com/v1")
KEY = "sk-proj-a-key-of-a-provider"


def test_what_is_sealed_can_be_opened() -> None:
    """By the same secret, for the same project, name and place; sealed twice, it is two texts."""
    sealed = [seal(SECRET, *PLACE, KEY) for _ in range(2)]
    assert [unseal([SECRET], *PLACE, one) for one in sealed] == [KEY, KEY]
    assert sealed[0] != sealed[1]
    assert KEY not in sealed[0]
    assert KEY.encode() not in base64.urlsafe_b64decode(sealed[0].removeprefix("1."))
    assert sealed[0].isascii()


def test_a_secret_is_rotated() -> None:
    """While PROJECTS_SECRET_BEFORE is set, what it sealed is opened as well; afterwards it is not."""
    sealed = seal(SECRET, *PLACE, KEY)
    assert unseal([OTHER, SECRET], *PLACE, sealed) == KEY
    for secrets in ([OTHER], [OTHER, ""], [], [""]):
        with pytest.raises(VaultError):
            unseal(secrets, *PLACE, sealed)


def test_nothing_is_sealed_without_a_secret() -> None:
    """An empty PROJECTS_SECRET would be the same key for everybody."""
    with pytest.raises(VaultError):
        seal("", *PLACE, KEY)


@settings(max_examples=100, deadline=None)
@given(st.tuples(*(st.text(max_size=6),) * 3), st.tuples(*(st.text(max_size=6),) * 3), st.text(max_size=50))
@example(("prj_1", "ab", "c"), ("prj_1", "a", "bc"), KEY)
@example(("prj_1", "a", "b"), ("prj_", "1a", "b"), KEY)
def test_case_22_a_key_goes_nowhere_else(
    place: tuple[str, str, str], other: tuple[str, str, str], plaintext: str
) -> None:
    """Moved to another project, name or base URL, however these are written together, it cannot be opened."""
    sealed = seal(SECRET, *place, plaintext)
    assert unseal([SECRET], *place, sealed) == plaintext
    if other != place:
        with pytest.raises(VaultError):
            unseal([SECRET], *other, sealed)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_changed_text_cannot_be_opened(data: st.DataObject) -> None:
    """Any bit, any cut, anything put behind: an error, never another plaintext."""
    sealed = seal(SECRET, *PLACE, KEY)
    raw = bytearray(base64.urlsafe_b64decode(sealed.removeprefix("1.")))
    place = data.draw(st.integers(0, len(raw) - 1))
    flipped = bytes(raw[:place]) + bytes([raw[place] ^ (1 << data.draw(st.integers(0, 7)))]) + bytes(raw[place + 1 :])
    for changed in (flipped, bytes(raw[:place]), bytes(raw) + b"\0"):
        with pytest.raises(VaultError):
            unseal([SECRET], *PLACE, "1." + base64.urlsafe_b64encode(changed).decode())
    for text in ("", "1.", "2." + sealed[2:], sealed[2:], "1." + sealed, sealed + "!", "1.é"):
        with pytest.raises(VaultError):
            unseal([SECRET], *PLACE, text)
