"""Tokens that are signed rightly and say what is wrong: claims missing, of other types, values and times."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.authenticate.verifying import KID, Verifying, refused, sign_by_hand
from tests.issuer import CLIENT_ID, LocalIssuer

HOUR_S = 3600

WRONG: dict[str, Callable[[dict[str, Any], int], object]] = {
    "no iss": lambda claims, _: claims.pop("iss"),
    "another iss": lambda claims, _: claims.update(iss="https://evil.example"),
    "iss with a slash": lambda claims, _: claims.update(iss=claims["iss"] + "/"),
    "iss in capitals": lambda claims, _: claims.update(iss=claims["iss"].upper()),
    "iss is a list": lambda claims, _: claims.update(iss=[claims["iss"]]),
    "iss is ours": lambda claims, _: claims.update(iss="farebox"),
    "no aud": lambda claims, _: claims.pop("aud"),
    "another aud": lambda claims, _: claims.update(aud="another"),
    "aud is longer": lambda claims, _: claims.update(aud=CLIENT_ID + "x"),
    "aud is a part": lambda claims, _: claims.update(aud=CLIENT_ID[:-1]),
    "aud is empty": lambda claims, _: claims.update(aud=""),
    "aud is an empty list": lambda claims, _: claims.update(aud=[]),
    "aud is others": lambda claims, _: claims.update(aud=["a", "b"]),
    "aud holds a number": lambda claims, _: claims.update(aud=[CLIENT_ID, 1]),
    "aud is an object": lambda claims, _: claims.update(aud={CLIENT_ID: 1}),
    "aud is null": lambda claims, _: claims.update(aud=None),
    "no exp": lambda claims, _: claims.pop("exp"),
    "exp now": lambda claims, now: claims.update(exp=now),
    "exp a second ago": lambda claims, now: claims.update(exp=now - 1),
    "exp of 0": lambda claims, _: claims.update(exp=0),
    "exp is negative": lambda claims, _: claims.update(exp=-1),
    "exp is text": lambda claims, now: claims.update(exp=str(now + HOUR_S)),
    "exp is true": lambda claims, _: claims.update(exp=True),
    "exp is null": lambda claims, _: claims.update(exp=None),
    "exp is a list": lambda claims, now: claims.update(exp=[now + HOUR_S]),
    "exp in a billion years": lambda claims, _: claims.update(exp=10**18),
    "nbf in an hour": lambda claims, now: claims.update(nbf=now + HOUR_S),
    "nbf is text": lambda claims, now: claims.update(nbf=str(now)),
    "nbf is null": lambda claims, _: claims.update(nbf=None),
    "iat in an hour": lambda claims, now: claims.update(iat=now + HOUR_S),
    "iat is text": lambda claims, now: claims.update(iat=str(now)),
    "auth_time in an hour": lambda claims, now: claims.update(auth_time=now + HOUR_S),
    "no sub": lambda claims, _: claims.pop("sub"),
    "sub is empty": lambda claims, _: claims.update(sub=""),
    "sub is a number": lambda claims, _: claims.update(sub=7),
    "sub is null": lambda claims, _: claims.update(sub=None),
    "sub is a list": lambda claims, _: claims.update(sub=["ada"]),
    "sub is long": lambda claims, _: claims.update(sub="a" * 256),
    "sub breaks a line": lambda claims, _: claims.update(sub="ada\nadmin"),
    "sub holds a nought": lambda claims, _: claims.update(sub="ada\x00"),
    "sub is half a character": lambda claims, _: claims.update(sub="\ud800"),
    "sub turns the text round": lambda claims, _: claims.update(sub="\u202eada"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_case_15_claims_that_are_wrong(who: Verifying, issuer: LocalIssuer, name: str) -> None:
    """Each claim missing, of another type, another value or another time, in a token that is signed rightly."""
    claims = issuer.claims()
    WRONG[name](claims, int(who.clock()))
    assert await refused(who, issuer.sign(claims) if name != "iss is a list" else sign_by_hand(KID, claims))


@pytest.mark.parametrize("aud", [[CLIENT_ID], ["other", CLIENT_ID], CLIENT_ID])
async def test_an_audience_may_stand_among_others(who: Verifying, issuer: LocalIssuer, aud: Any) -> None:
    """`aud` is a text or a list of texts (RFC 7519, 4.1.3)."""
    assert not await refused(who, issuer.token(aud=aud))


async def test_a_clock_that_is_a_little_ahead_is_forgiven(who: Verifying, issuer: LocalIssuer) -> None:
    """`iat` and `nbf` within a minute; a token of an issuer whose clock is further ahead has to wait."""
    now = int(who.clock())
    assert not await refused(who, issuer.token(iat=now + 50, nbf=now + 50))
    assert await refused(who, issuer.token(iat=now + 90))
    who.clock.ahead_s = 60
    assert not await refused(who, issuer.token(iat=now + 90))


RAW: dict[str, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {
    "sub twice": lambda h, c: (h, c[:-1] + b',"sub":"admin"}'),
    "alg twice": lambda h, c: (h[:-1] + b',"alg":"RS256"}', c),
    "aud twice, deeper": lambda h, c: (h, c[:-1] + b',"x":{"a":1,"a":1}}'),
    "NaN": lambda h, c: (h, c[:-1] + b',"x":NaN}'),
    "endless exp": lambda h, c: (h, c.replace(b'"exp":', b'"exp":Infinity,"x":')),
    "1e400": lambda h, c: (h, c.replace(b'"exp":', b'"exp":1e400,"x":')),
    "a number of 5,000 digits": lambda h, c: (h, c.replace(b'"exp":', b'"x":' + b"9" * 5000 + b',"exp":')),
    "deep": lambda h, c: (h, b"[" * 3000 + b"]" * 3000),
    "a list": lambda h, c: (h, b"[" + c + b"]"),
    "a header that is a list": lambda h, c: (b"[" + h + b"]", c),
    "not UTF-8": lambda h, c: (h, c.replace(b"ada", b"\xff\xfe")),
    "UTF-16": lambda h, c: (h, c.decode().encode("utf-16")),
    "something behind": lambda h, c: (h, c + b"{}"),
    "nothing": lambda h, c: (h, b" "),
    "another kind of token": lambda h, c: (h[:-1] + b',"typ":"logout+jwt"}', c),
    "a kind that is no text": lambda h, c: (h[:-1] + b',"typ":["JWT"]}', c),
}


@pytest.mark.parametrize("name", RAW)
async def test_case_15_json_that_two_readers_read_differently(who: Verifying, issuer: LocalIssuer, name: str) -> None:
    """Names that stand twice, numbers that are none, other types and codings, though all is signed rightly."""
    header, claims = RAW[name](json.dumps(KID).encode(), json.dumps(issuer.claims()).encode())
    assert not await refused(who, sign_by_hand(json.dumps(KID).encode(), json.dumps(issuer.claims()).encode()))
    assert await refused(who, sign_by_hand(header, claims))
