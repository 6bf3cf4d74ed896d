"""A verifier that asks a real issuer on loopback, and what tests change about it."""

import asyncio
import base64
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import aiohttp
import jwt

from functions.authenticate.issuers import Issuer
from functions.authenticate.jwks import FETCH_WITHIN_S, SET_BYTES_MAX, KeySets
from functions.authenticate.tokens import Known, Trust, Verifier
from functions.errors import Unauthenticated
from functions.forward.fetching import fetch
from functions.forward.sockets import connector
from tests.issuer import CLIENT_ID, LocalIssuer, kid_of, private_key

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = "a secret of projects for tests, long enough"
PROJECT = "travel-helper"


class Clock:
    """The time, which tests move on."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class Verifying:
    """A verifier and what it was made of."""

    local: LocalIssuer
    verifier: Verifier
    keysets: KeySets
    clock: Clock
    elsewhere: dict[str, str] = field(default_factory=dict)
    """URLs of vendors, and what is asked instead of them."""
    secrets: dict[str, str] = field(default_factory=dict)
    within_s: float = FETCH_WITHIN_S
    urls: list[str] = field(default_factory=list)
    """All that were asked for."""

    def issuer(self, **changed: Any) -> Issuer:
        """The local issuer, as a project names it."""
        return Issuer(**{"issuer": self.local.url, "audiences": (CLIENT_ID,), **changed})

    def trust(self, *issuers: Issuer, project_id: str = PROJECT, version: int = 1) -> Trust:
        return Trust(project_id, version, issuers or (self.issuer(),))

    async def known(self, token: str, trust: Trust | None = None, secrets: Mapping[str, str] | None = None) -> Known:
        """Who a token says is asking."""
        return await self.verifier.verify(trust or self.trust(), token, self.secrets if secrets is None else secrets)

    def fetched(self) -> int:
        """How often the issuer's keys were asked for."""
        return self.local.asked["/jwks"]


@contextlib.asynccontextmanager
async def verifying(local: LocalIssuer) -> AsyncIterator[Verifying]:
    """A verifier with the streaming function's own way to the network."""
    made: list[Verifying] = []
    async with aiohttp.ClientSession(connector=connector(10, 1, 5, LOOPBACK), auto_decompress=False) as session:

        async def get(url: str) -> bytes:
            made[0].urls.append(url)
            own = made[0].elsewhere.get(url, url)
            return await fetch(session, own, timeout_s=made[0].within_s, bytes_max=SET_BYTES_MAX)

        clock = Clock()
        keysets = KeySets(get, clock, LOOPBACK)
        made.append(Verifying(local, Verifier(keysets, (SECRET,), clock), keysets, clock))
        yield made[0]


def encoded(value: Any) -> str:
    """A part of a token: JSON, or bytes as they are, in base64url."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    """The JSON of a token's part."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def settled(tasks: "list[asyncio.Task[Any]]") -> list[str]:
    """What became of them: the name of an error, or `ok`."""
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else "ok" for one in ended]


async def refused(who: Verifying, token: str, *issuers: Issuer, **more: Any) -> bool:
    """Whether a token is told the one answer, which says nothing about it."""
    try:
        await who.known(token, who.trust(*issuers), **more)
    except Unauthenticated as error:
        if error.body() != Unauthenticated().body():
            raise AssertionError("told more than that") from None
        return True
    return False


KID = {"alg": "RS256", "kid": kid_of("RS256", 1)}


def hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Signed by hand: PyJWT itself refuses to sign with a public key."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def sign_by_hand(header: Any, claims: Any) -> str:
    """By the issuer's own RSA key, whatever stands in header and claims; bytes are taken as they are."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{signed}.{encoded(algorithm.sign(signed.encode(), private_key('RS256', 1)))}"
