"""The public keys of issuers: fetched seldom, kept for long.

- A key that is known is used at once. Keys are fetched again when they are MAX_AGE_S old, by one request.
- A `kid` that is not known is looked for once every COOLDOWN_S for an issuer, whatever many ask for it.
- While an issuer cannot be reached, or answers with no keys or too many, those known before stay.
"""

import json
import logging
from asyncio import Lock
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from functions.authenticate.issuers import Issuer
from functions.errors import BadRequest, Unauthenticated, Unavailable
from functions.outbound import Networks, OutboundFailed, check_url

FETCH_WITHIN_S = 3.0
SET_BYTES_MAX = 256_000
KEYS_MAX = 100
MAX_AGE_S = 900
COOLDOWN_S = 30
FAILED_COOLDOWN_S = 5
"""The same where no key of the issuer is known, so that nobody can sign in."""
ISSUERS_MAX = 1000
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
EXPONENT_MAX = 2**32
DISCOVERY = "/.well-known/openid-configuration"
KINDS = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
"""By algorithm, what a key says of itself: `kty` and `crv`."""

log = logging.getLogger("farebox.jwks")

Found = dict[tuple[str, str], Any]
"""Public keys of `cryptography`, by `kid` and algorithm."""


@dataclass
class _Set:
    """What is known of one issuer."""

    keys: Found = field(default_factory=dict)
    fetched_s: float = 0.0
    next_s: float = 0.0
    """When it may be asked again."""
    lock: Lock = field(default_factory=Lock)

    def find(self, kid: str, algorithm: str) -> Any:
        """The key, or None. A token without a `kid` means the only key that there is for its algorithm."""
        if kid:
            return self.keys.get((kid, algorithm))
        fitting = [key for (_, known), key in self.keys.items() if known == algorithm]
        return fitting[0] if len(fitting) == 1 else None


class KeySets:
    """The keys of every issuer that this process has met; those not used for longest are forgotten first."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[bytes]], clock: Callable[[], float], allowed: Networks = ()
    ) -> None:
        """`fetch` gets a URL within FETCH_WITHIN_S, at most SET_BYTES_MAX, or raises OutboundFailed.

        `allowed` are the networks of OUTBOUND_ALLOWED_CIDRS: a discovery document names a URL, which is judged too.
        """
        self.fetch, self.clock, self.allowed = fetch, clock, allowed
        self.sets: OrderedDict[tuple[str, str], _Set] = OrderedDict()

    async def key(self, issuer: Issuer, kid: str, algorithm: str) -> Any:
        """The issuer's public key for tokens of this `kid` ("": none) and algorithm.

        Raises Unauthenticated where there is no such key, Unavailable where none of its keys is known at all.
        """
        held = self._held(issuer)
        found = held.find(kid, algorithm)
        fresh = self.clock() < held.fetched_s + MAX_AGE_S
        if found and (fresh or held.lock.locked()):  # old ones serve while another request fetches
            return found
        async with held.lock:
            if self.clock() >= held.next_s:
                await self._renew(held, issuer)
        found = held.find(kid, algorithm)
        if found:
            return found
        if not held.keys:
            raise Unavailable("The keys of the sign-in's issuer cannot be read now.", FAILED_COOLDOWN_S)
        raise Unauthenticated

    def _held(self, issuer: Issuer) -> _Set:
        """What is known of an issuer. One whose keys are said to be elsewhere is another one."""
        place = (issuer.issuer, issuer.jwks_url)
        held = self.sets.setdefault(place, _Set())
        self.sets.move_to_end(place)
        if len(self.sets) > ISSUERS_MAX:
            self.sets.popitem(last=False)
        return held

    async def _renew(self, held: _Set, issuer: Issuer) -> None:
        """Fetch the keys; those known before stay where that fails. The next try is only after a while, either way."""
        held.next_s = self.clock() + (COOLDOWN_S if held.keys else FAILED_COOLDOWN_S)
        try:
            keys = dict(_usable(await self._fetched(issuer)))
            if not keys:
                raise OutboundFailed("has no usable key")
        except (OutboundFailed, BadRequest, ValueError, RecursionError) as error:
            told = str(error) if isinstance(error, OutboundFailed) else type(error).__name__
            log.warning("the keys of %s cannot be fetched: %s", issuer.issuer, told)
            held.next_s = self.clock() + (COOLDOWN_S if held.keys else FAILED_COOLDOWN_S)  # it may have taken long
        else:
            held.keys, held.fetched_s = keys, self.clock()
            held.next_s = held.fetched_s + COOLDOWN_S

    async def _fetched(self, issuer: Issuer) -> list[Any]:
        """The `keys` of the issuer's set. Raises OutboundFailed, BadRequest, ValueError."""
        url = issuer.jwks_url
        if not url:
            place = check_url("issuer", issuer.issuer, self.allowed).rstrip("/") + DISCOVERY
            document = _object(await self.fetch(place))
            if document.get("issuer") != issuer.issuer:
                raise OutboundFailed("calls itself something else")
            url = document.get("jwks_uri", "")
        keys = _object(await self.fetch(check_url("jwks_url", url, self.allowed, query=True))).get("keys")
        if not isinstance(keys, list) or len(keys) > KEYS_MAX:
            raise OutboundFailed("has no list of keys, or one that is too long")
        return keys


def _object(body: bytes) -> dict[str, Any]:
    document = json.loads(body) if len(body) <= SET_BYTES_MAX else None
    if not isinstance(document, dict):
        raise OutboundFailed("did not answer with a JSON object")
    return document


def _usable(keys: list[Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Those that are public keys for signatures of an algorithm that is known here; the first of each name counts."""
    for jwk in reversed(keys):
        if not isinstance(jwk, dict) or "d" in jwk or jwk.get("use", "sig") != "sig":
            continue
        kid = jwk.get("kid", "")
        for algorithm, (kty, crv) in KINDS.items():
            if (jwk.get("kty"), jwk.get("crv")) == (kty, crv) and jwk.get("alg", algorithm) == algorithm:
                key = _public_key(jwk, algorithm)
                if key is not None and isinstance(kid, str):
                    yield (kid, algorithm), key


def _public_key(jwk: dict[str, Any], algorithm: str) -> Any:
    """The key, or None where it is malformed, too weak, or so large that it would slow everybody down."""
    from jwt import PyJWK  # noqa: PLC0415  a request without a token does not pay for it
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    try:
        key = PyJWK(jwk, algorithm).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if algorithm == "RS256":
        right = RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX and key.public_numbers().e < EXPONENT_MAX
        return key if right else None
    return key
