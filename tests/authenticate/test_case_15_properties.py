"""Attacks on tokens that nobody thought of: any change to one that is right, any value in any claim."""

import base64
import contextlib
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.authenticate.issuers import ASYMMETRIC
from functions.authenticate.parts import parts
from functions.errors import Unauthenticated
from tests.authenticate.verifying import KID, Verifying, encoded, refused, sign_by_hand
from tests.issuer import LocalIssuer

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_case_15_no_changed_token_is_believed(
    who: Verifying, issuer: LocalIssuer, algorithm: str, data: st.DataObject
) -> None:
    """Characters replaced, removed, put in and parts exchanged: whatever is still believed says what was signed."""
    good = issuer.token(algorithm)
    token = list(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(token) - 1))
        how = data.draw(st.sampled_from(["replace", "remove", "insert", "cut", "swap"]))
        if how == "replace":
            token[place] = data.draw(st.sampled_from(CHARACTERS))
        elif how == "remove":
            del token[place]
        elif how == "insert":
            token.insert(place, data.draw(st.sampled_from(CHARACTERS)))
        elif how == "cut":
            token = token[: max(20, place)]
        else:
            other = data.draw(st.integers(0, len(token) - 1))
            token[place], token[other] = token[other], token[place]
    changed = "".join(token)
    if not await refused(who, changed):
        # The last character of a signature holds bits that mean nothing; all else is what was signed.
        assert changed.rpartition(".")[0] == good.rpartition(".")[0]
        assert decode(changed) == decode(good)


def decode(token: str) -> bytes:
    """The bytes of a signature."""
    part = token.rpartition(".")[2]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["iss", "aud", "exp", "sub", "nbf", "iat", "auth_time"]), value=JSON_VALUES)
async def test_case_15_any_value_in_any_claim(who: Verifying, issuer: LocalIssuer, name: str, value: Any) -> None:
    """Signed rightly, one claim replaced by anything: refused, or exactly as a plain reading of the rule says."""
    now = who.clock()
    token = sign_by_hand(KID, issuer.claims() | {name: value})
    if await refused(who, token):
        return
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if name == "exp":
        assert number
        assert value > now
    elif name in ("nbf", "iat", "auth_time"):
        assert number
        assert value <= now + 61
    elif name == "sub":
        assert isinstance(value, str)
        assert 0 < len(value) <= 255
    else:
        raise AssertionError(f"{name} = {value!r} was believed")


@settings(max_examples=300, deadline=None)
@given(header=st.binary(max_size=60), claims=st.binary(max_size=60), rest=st.text(max_size=10))
def test_reading_a_token_never_fails_otherwise(header: bytes, claims: bytes, rest: str) -> None:
    """Whatever bytes stand in it, a token is read or refused, and nothing else."""
    for token in (f"{encoded(header)}.{encoded(claims)}.{rest}", rest, f"{encoded({})}.{encoded(claims)}.AA"):
        with contextlib.suppress(Unauthenticated):
            assert parts(token).token == token
