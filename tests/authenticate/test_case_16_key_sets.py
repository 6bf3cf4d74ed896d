"""An issuer's keys: down, empty, huge, slow, rotated, and floods of keys that nobody has."""

import asyncio
from typing import Any

import pytest

from functions.authenticate import jwks
from functions.authenticate.issuers import Issuer
from functions.errors import Unauthenticated, Unavailable
from functions.outbound import OutboundFailed
from tests.authenticate.verifying import Verifying, settled
from tests.issuer import CLIENT_ID, WRITERS, LocalIssuer, private_key, public_jwk

BROKEN = ["down", "empty", "huge", "slow", "redirects", "moved", "no JSON", "a list", "many"]


def break_it(who: Verifying, mode: str) -> None:
    """The issuer answers as `mode` says from now on."""
    who.local.mode = mode
    who.within_s = 0.3 if mode == "slow" else who.within_s
    odd: dict[str, Any] = {"no JSON": "keys", "a list": [], "many": {"keys": [public_jwk("RS256", 1)] * 101}}
    if mode in odd:
        who.local.jwks = lambda: odd[mode]  # type: ignore[method-assign]


@pytest.mark.parametrize("mode", BROKEN)
async def test_case_16_old_keys_survive(who: Verifying, issuer: LocalIssuer, mode: str) -> None:
    """Whatever the issuer answers instead of its keys: those known before stay, long after they are due."""
    await who.known(issuer.token(sub="before"))
    break_it(who, mode)
    who.clock.ahead_s = 100 * jwks.MAX_AGE_S
    for user in ("ada", "grace"):
        claims = issuer.claims(sub=user, exp=int(who.clock()) + 60)
        assert (await who.known(issuer.sign(claims))).subject == user


@pytest.mark.parametrize("mode", BROKEN)
async def test_case_16_none_are_known_yet(who: Verifying, issuer: LocalIssuer, mode: str) -> None:
    """Nobody is told to sign in again for that: 503, and soon another try, which is right at once."""
    jwks_of_issuer = issuer.jwks
    break_it(who, mode)
    for _ in range(3):
        with pytest.raises(Unavailable) as refusal:
            await who.known(issuer.token())
        assert refusal.value.headers["retry-after"] == str(jwks.FAILED_COOLDOWN_S)
    assert sum(issuer.asked.values()) <= 2  # the discovery document, the set
    issuer.mode, issuer.jwks = "up", jwks_of_issuer  # type: ignore[method-assign]
    who.clock.ahead_s = jwks.FAILED_COOLDOWN_S + 1
    assert (await who.known(issuer.token())).subject == "ada"


async def test_case_16_rotated(who: Verifying, issuer: LocalIssuer) -> None:
    """A new key is believed from the first token on; one that has left the set is not, once the set is old."""
    old = issuer.token(sub="old")
    await who.known(issuer.token())
    issuer.rotate()
    who.clock.ahead_s = jwks.COOLDOWN_S + 1
    assert (await who.known(issuer.token(sub="new"))).subject == "new"
    with pytest.raises(Unauthenticated):
        await who.known(old)


async def test_case_16_a_key_that_left_the_set(who: Verifying, issuer: LocalIssuer) -> None:
    """No new token is needed to notice: keys are fetched again when they are a quarter of an hour old."""
    await who.known(issuer.token())
    old = issuer.token(sub="old")
    issuer.rotate()
    who.clock.ahead_s = jwks.MAX_AGE_S + 1
    with pytest.raises(Unauthenticated):
        await who.known(old)


async def test_case_16_a_flood_of_unknown_keys(who: Verifying, issuer: LocalIssuer) -> None:
    """Hundreds of tokens with a `kid` of their own: one fetch every COOLDOWN_S, and users notice nothing."""
    await who.known(issuer.token())
    who.clock.ahead_s = jwks.COOLDOWN_S + 1
    for wave in range(1, 4):
        flood = [issuer.sign(issuer.claims(), kid=f"unknown-{wave}-{n}") for n in range(100)]
        tasks = [asyncio.create_task(who.known(token)) for token in flood]
        tasks.append(asyncio.create_task(who.known(issuer.token(sub=f"user {wave}"))))
        assert await settled(tasks) == ["Unauthenticated"] * 100 + ["ok"]
        assert who.fetched() == 1 + wave
        who.clock.ahead_s += jwks.COOLDOWN_S + 1


async def test_case_16_a_flood_while_nothing_is_known(who: Verifying, issuer: LocalIssuer) -> None:
    """The first users of a process come at once: their keys are fetched once for all of them."""
    tasks = [asyncio.create_task(who.known(issuer.token(sub=f"user {n}"))) for n in range(50)]
    assert await settled(tasks) == ["ok"] * 50
    assert who.fetched() == 1


async def test_case_16_old_keys_serve_while_new_ones_are_fetched(who: Verifying, issuer: LocalIssuer) -> None:
    """An issuer that never answers holds up the one request that asks it, not the others."""
    await who.known(issuer.token())
    issuer.mode = "slow"
    who.clock.ahead_s = jwks.MAX_AGE_S + 1
    asking = asyncio.create_task(who.known(issuer.token(sub="asks")))
    await until_asked(issuer, 2)
    assert (await who.known(issuer.token(sub="does not wait"))).subject == "does not wait"
    assert not asking.done()
    asking.cancel()
    assert await settled([asking]) == ["CancelledError"]


async def until_asked(issuer: LocalIssuer, times: int) -> None:
    """Until the discovery document was asked for so often."""
    while issuer.asked["/.well-known/openid-configuration"] < times:
        await asyncio.sleep(0.005)


async def test_case_16_a_client_that_leaves_does_not_ask_again(who: Verifying, issuer: LocalIssuer) -> None:
    """A request that is cancelled while it fetches leaves the others neither waiting nor fetching."""
    await who.known(issuer.token())
    issuer.mode = "slow"
    who.clock.ahead_s = jwks.MAX_AGE_S + 1
    asking = asyncio.create_task(who.known(issuer.sign(issuer.claims(), kid="unknown")))
    await until_asked(issuer, 2)
    waiting = [asyncio.create_task(who.known(issuer.sign(issuer.claims(), kid=f"unknown-{n}"))) for n in range(9)]
    await asyncio.sleep(0)
    asking.cancel()
    assert await settled([asking, *waiting]) == ["CancelledError"] + ["Unauthenticated"] * 9
    assert issuer.asked["/.well-known/openid-configuration"] == 2


async def test_case_16_keys_that_are_none(who: Verifying, issuer: LocalIssuer) -> None:
    """Weak, private, symmetric, malformed keys, and those for something else, are not in the set; the others are."""
    good = public_jwk("ES256", 1)
    rsa = public_jwk("RS256", 1)
    weak = {**rsa, "n": "uJYjzdEp3qgXX4cWlGvAXw", "kid": "weak"}
    private = [WRITERS[kind].to_jwk(private_key(kind, 1), as_dict=True) | {"kid": "private"} for kind in WRITERS]
    private = [{name: value for name, value in jwk.items() if name != "key_ops"} for jwk in private]
    issuer.jwks = lambda: {  # type: ignore[method-assign]
        "keys": [
            *(None, 7, "key", [], {}, {"kty": "RSA"}, {"kty": ["RSA"]}, {**rsa, "n": 5}, {**rsa, "n": "!"}),
            *(weak, {**rsa, "e": "AQABAQABAQAB"}, {**rsa, "use": "enc"}, {**rsa, "d": "AQAB"}, {**rsa, "alg": "RS512"}),
            *({**rsa, "kid": 5}, {**good, "crv": "P-384"}, {**good, "x": good["y"]}, {"kty": "oct", "k": "c2VjcmV0"}),
            *private,
            good,
        ]
    }
    await who.known(issuer.token("ES256"))
    (known,) = who.keysets.sets.values()
    assert list(known.keys) == [(good["kid"], "ES256")]
    with pytest.raises(Unauthenticated):
        await who.known(issuer.token("RS256"))


async def test_case_16_a_discovery_document_that_leads_elsewhere(who: Verifying, issuer: LocalIssuer) -> None:
    """`jwks_uri` is judged like every URL that an owner can set: no plain http, no address that is not public."""
    for place in (
        "http://issuer.example/jwks",
        "https://10.0.0.1/jwks",
        "https://u@issuer.example/",
        "file:///etc/passwd",
        7,
    ):
        who.keysets.sets.clear()
        document = {"issuer": issuer.url, "jwks_uri": place}
        issuer.discovery = lambda told=document: told  # type: ignore[method-assign, misc]
        with pytest.raises(Unavailable):
            await who.known(issuer.token())
    assert set(who.urls) == {f"{issuer.url}/.well-known/openid-configuration"}


async def test_case_16_keys_are_an_issuers_own(who: Verifying, issuer: LocalIssuer) -> None:
    """An owner who names an issuer, and keys of his own for it, changes nothing for others who name that issuer."""
    vendor = "https://login.vendor.example"
    true = Issuer(vendor, (CLIENT_ID,), jwks_url=f"{vendor}/jwks")
    false = Issuer(vendor, (CLIENT_ID,), jwks_url=f"{issuer.url}/jwks")
    who.elsewhere[true.jwks_url] = f"{issuer.url}/vendor"
    forged = issuer.sign(issuer.claims(iss=vendor))
    assert (await who.known(forged, who.trust(false, project_id="mine"))).subject == "ada"
    with pytest.raises(Unavailable):
        await who.known(forged, who.trust(true, project_id="another"))


async def test_the_issuers_that_are_remembered_are_bounded(who: Verifying, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were not used for longest are forgotten first."""
    monkeypatch.setattr(jwks, "ISSUERS_MAX", 3)
    kid = public_jwk("RS256", 1)["kid"]
    for n in range(6):
        await who.keysets.key(who.issuer(), kid, "RS256")
        with pytest.raises(Unavailable):
            await who.keysets.key(Issuer(f"https://{n}.example", ("a",), jwks_url="https://no.example"), kid, "RS256")
    assert len(who.keysets.sets) == 3
    assert who.fetched() == 1


async def test_case_16_who_waited_for_a_slow_failure_does_not_fetch_again() -> None:
    """A fetch may take longer than the cooldown: all who waited for it hear of it, and none asks again at once."""
    now_s, fetched = 1_000_000.0, 0

    async def fetch(url: str) -> bytes:
        nonlocal now_s, fetched
        await asyncio.sleep(0)
        now_s, fetched = now_s + 2 * jwks.FAILED_COOLDOWN_S, fetched + 1
        raise OutboundFailed("TimeoutError")

    keys = jwks.KeySets(fetch, lambda: now_s)
    issuer = Issuer("https://issuer.example", ("app",), jwks_url="https://issuer.example/keys")
    asking = [asyncio.create_task(keys.key(issuer, "1", "RS256")) for _ in range(10)]
    assert await settled(asking) == ["Unavailable"] * 10
    assert fetched == 1
