"""The tokens by which a project knows its users: ID tokens of the issuers it names, and test tokens made here.

What is checked, in this order: its form, its header, its issuer and audience, its signature, its times and its subject.
A token that fails any of it is told the same as no token at all.
RFC 8725 says why: https://www.rfc-editor.org/rfc/rfc8725
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from functions.authenticate.issuers import ASYMMETRIC, SHARED, Issuer
from functions.authenticate.jwks import KeySets
from functions.authenticate.parts import Parts, parts
from functions.errors import Unauthenticated, Unavailable

OURS = "farebox"
"""The `iss` of test tokens. No other issuer can be called so: theirs are URLs."""
LEEWAY_S = 60
"""How far ahead an issuer's clock may be. Behind, it may not: a token that has expired is over."""
SUBJECT_LENGTH_MAX = 255
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken"""
SECRET_BYTES_MIN = 32
"""https://www.rfc-editor.org/rfc/rfc7518#section-3.2"""
REMEMBERED_MAX = 10_000
REMEMBERED_S = 300
TIME_MAX_S = 2**40


class Trusting(Protocol):
    """What of a project is needed here."""

    @property
    def project_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def issuers(self) -> Sequence[Issuer]: ...


@dataclass(frozen=True, slots=True)
class Trust:
    """A project's issuers, at one version of its document."""

    project_id: str
    version: int
    issuers: tuple[Issuer, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Who a token says is asking. `kind` is `jwt` or `test`; of a test token, `subject` is its id."""

    kind: str
    issuer: str
    subject: str
    expires: int
    """In seconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    known: Known
    until_s: float
    secret: str = ""
    """By which it was verified, where that was a secret; "" for a public key."""


class Verifier:
    """Verifies tokens, and remembers those it has verified for a while."""

    def __init__(
        self, keysets: KeySets, projects_secrets: Sequence[str], clock: Callable[[], float] = time.time
    ) -> None:
        """`projects_secrets` are PROJECTS_SECRET and PROJECTS_SECRET_BEFORE, by which test tokens are signed."""
        self.keysets, self.projects_secrets, self.clock = keysets, projects_secrets, clock
        self.remembered: OrderedDict[tuple[bytes, str, int], _Remembered] = OrderedDict()

    async def verify(self, project: Trusting, token: str, secrets: Mapping[str, str]) -> Known:
        """Who the token says is asking. `secrets` are the project's, by the names that its issuers call them by.

        A test token was made here for this project and has not expired; whether it was revoked is not known here.
        Raises Unauthenticated for whatever is wrong with it, Unavailable where its issuer's keys cannot be read.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()  # of all of it, never a part
        place = (digest, project.project_id, project.version)
        if before := self._recalled(place, secrets):
            return before
        found = parts(token)
        now_s = self.clock()
        if found.claims.get("iss") == OURS:
            verified = self._test_token(project, found)
        else:
            verified = await self._issued(project.issuers, found, secrets)
        known = replace(verified.known, expires=_times(found.claims, now_s), subject=_subject(found.claims))
        until_s = min(known.expires, now_s + REMEMBERED_S)
        self.remembered[place] = replace(verified, known=known, until_s=until_s)
        if len(self.remembered) > REMEMBERED_MAX:
            self.remembered.popitem(last=False)
        return known

    def _recalled(self, place: tuple[bytes, str, int], secrets: Mapping[str, str]) -> Known | None:
        """A token verified before, unless that was too long ago, or by a secret that is not in use any more."""
        before = self.remembered.get(place)
        if before is None:
            return None
        if self.clock() >= before.until_s or not self._still_used(before.secret, secrets):
            del self.remembered[place]
            return None
        return before.known

    def _still_used(self, secret: str, secrets: Mapping[str, str]) -> bool:
        return not secret or secret in self.projects_secrets or secret in secrets.values()

    def _test_token(self, project: Trusting, found: Parts) -> _Remembered:
        if found.algorithm == SHARED and found.claims.get("aud") == project.project_id:
            for secret in self.projects_secrets:
                if secret and found.is_signed(_test_key(secret, project.project_id)):
                    return _Remembered(Known("test", OURS, "", 0), 0, secret)
        raise Unauthenticated

    async def _issued(self, issuers: Sequence[Issuer], found: Parts, secrets: Mapping[str, str]) -> _Remembered:
        """Verified by the first of the issuers that it fits. One that cannot be asked does not hide another."""
        asked: Unauthenticated | Unavailable = Unauthenticated()
        for issuer in issuers:
            if not _fits(issuer, found):
                continue
            try:
                return await self._by(issuer, found, secrets)
            except Unavailable as error:
                asked = error
            except Unauthenticated:
                continue
        raise asked

    async def _by(self, issuer: Issuer, found: Parts, secrets: Mapping[str, str]) -> _Remembered:
        known = Known("jwt", issuer.issuer, "", 0)
        if found.algorithm == SHARED:
            secret = secrets.get(issuer.shared_secret, "") if issuer.shared_secret else ""
            if len(secret.encode()) >= SECRET_BYTES_MIN and found.is_signed(secret.encode()):
                return _Remembered(known, 0, secret)
        elif found.is_signed(await self.keysets.key(issuer, found.kid, found.algorithm)):
            return _Remembered(known, 0)
        raise Unauthenticated


def _fits(issuer: Issuer, found: Parts) -> bool:
    """Whether a token is of this issuer, for one of its audiences, by an algorithm that the project allows it."""
    audience = found.claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return (
        found.claims.get("iss") == issuer.issuer
        and found.algorithm in issuer.algorithms
        and found.algorithm in (*ASYMMETRIC, SHARED)
        and all(isinstance(one, str) for one in audiences)
        and any(one in issuer.audiences for one in audiences)
    )


def _times(claims: Mapping[str, Any], now_s: float) -> int:
    """When the token expires. Raises Unauthenticated where that was, or where it is not valid yet."""
    expires = _seconds(claims.get("exp"))
    for name in ("nbf", "iat", "auth_time"):
        if name in claims and _seconds(claims[name]) > now_s + LEEWAY_S:
            raise Unauthenticated
    if now_s >= expires:
        raise Unauthenticated
    return int(expires)


def _seconds(value: object) -> float:
    """A time as tokens tell it: a number, and no other."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < TIME_MAX_S:
        raise Unauthenticated
    return value


def _subject(claims: Mapping[str, Any]) -> str:
    """`sub`: text that can be stored and shown."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX or not subject.isprintable():
        raise Unauthenticated
    return subject


def make_test_token(secret: str, project_id: str, token_id: str, issued_s: int, lasts_s: int) -> str:
    """A token for testing one project: it says that a user signed in, without one. `secret` is PROJECTS_SECRET."""
    import jwt  # noqa: PLC0415  loaded late: a request without a token does not pay for it

    claims = {"iss": OURS, "aud": project_id, "sub": token_id, "iat": issued_s, "exp": issued_s + lasts_s}
    return jwt.encode(claims, _test_key(secret, project_id), SHARED)


def _test_key(secret: str, project_id: str) -> bytes:
    """The key for one project's test tokens: what is signed with it is worth nothing anywhere else."""
    return hmac.digest(secret.encode(), f"test tokens/{project_id}".encode(), "sha256")
