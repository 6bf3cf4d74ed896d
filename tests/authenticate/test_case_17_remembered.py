"""Tokens that were verified before are remembered, each for itself, for its project, and for a while."""

import jwt as pyjwt
import pytest

from functions.authenticate import tokens
from functions.authenticate.issuers import supabase
from functions.authenticate.jwks import MAX_AGE_S
from functions.authenticate.tokens import REMEMBERED_S, make_test_token
from functions.errors import Unauthenticated
from tests.authenticate.verifying import PROJECT, SECRET, Verifying
from tests.issuer import LocalIssuer

SHARED_SECRET = "a-shared-secret-of-supabase-that-is-long-enough"


async def test_case_17_a_long_common_prefix(who: Verifying, issuer: LocalIssuer) -> None:
    """Tokens that are alike for kilobytes, and differ at their end alone, are two users or none, never each other."""
    padding = "x" * 4000
    one = issuer.token("EdDSA", aaa=padding, sub="ada")
    other = issuer.token("EdDSA", aaa=padding, sub="eve")
    shared = next(n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    assert shared > 100
    assert (await who.known(one)).subject == "ada"
    assert (await who.known(other)).subject == "eve"
    head, _, signature = one.rpartition(".")
    for forged in (f"{head}.{other.rpartition('.')[2]}", f"{head}.{signature[:-4]}AAAA", one[:-1], one + "A"):
        with pytest.raises(Unauthenticated):
            await who.known(forged)
    assert (await who.known(one)).subject == "ada"


async def test_case_17_a_long_common_prefix_and_suffix(who: Verifying, issuer: LocalIssuer) -> None:
    """Another claim in the middle, the same signature at the end: not the token that was verified."""
    good = issuer.token(sub="ada")
    await who.known(good)
    other = issuer.token(sub="eve")
    header, claims, _ = other.split(".")
    with pytest.raises(Unauthenticated):
        await who.known(f"{header}.{claims}.{good.rpartition('.')[2]}")


async def test_a_remembered_token_is_of_one_project_and_version(who: Verifying, issuer: LocalIssuer) -> None:
    """What one project believes says nothing to another, nor to a later version of its document."""
    token = issuer.token()
    await who.known(token)
    stranger = who.issuer(issuer="https://another.example")
    for trust in (who.trust(stranger, project_id="another"), who.trust(stranger, version=2)):
        with pytest.raises(Unauthenticated):
            await who.known(token, trust)


async def test_a_remembered_token_is_not_verified_again(who: Verifying, issuer: LocalIssuer) -> None:
    """Within five minutes nothing is asked, and nothing computed but a hash; then its key counts again."""
    token = issuer.token()
    await who.known(token)
    who.keysets.sets.clear()
    issuer.rotate()
    who.clock.ahead_s = REMEMBERED_S - 10
    assert (await who.known(token)).subject == "ada"
    assert who.fetched() == 1
    who.clock.ahead_s = MAX_AGE_S + 1
    with pytest.raises(Unauthenticated):
        await who.known(token)


async def test_a_remembered_token_expires_when_it_does(who: Verifying, issuer: LocalIssuer) -> None:
    """`exp` counts to the second, remembered or not."""
    token = issuer.token(exp=int(who.clock()) + 60)
    await who.known(token)
    who.clock.ahead_s = 61
    with pytest.raises(Unauthenticated):
        await who.known(token)
    assert not who.verifier.remembered


async def test_a_secret_that_was_taken_back_verifies_nothing_more(who: Verifying, issuer: LocalIssuer) -> None:
    """Neither a shared secret that the owner replaced, nor a PROJECTS_SECRET that is not in the settings any more."""
    trust = who.trust(supabase("abcd", "supabase"))
    token = issuer.supabase_shared(SHARED_SECRET, "abcd")
    await who.known(token, trust, {"supabase": SHARED_SECRET})
    for secrets in ({"supabase": SHARED_SECRET + "!"}, {}):
        with pytest.raises(Unauthenticated):
            await who.known(token, trust, secrets)
    test_token = make_test_token(SECRET, PROJECT, "tt-1", int(who.clock()), 60)
    await who.known(test_token)
    who.verifier.projects_secrets = ("another secret of projects, long enough", "")
    with pytest.raises(Unauthenticated):
        await who.known(test_token)


async def test_what_is_remembered_is_bounded(
    who: Verifying, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user with many tokens does not fill the memory; no token itself is in it."""
    monkeypatch.setattr(tokens, "REMEMBERED_MAX", 5)
    made = [issuer.token("EdDSA", jti=str(n)) for n in range(12)]
    for token in made:
        await who.known(token)
    assert len(who.verifier.remembered) == 5
    text = repr(who.verifier.remembered)
    assert not any(token in text or token.rpartition(".")[2] in text for token in made)


async def test_what_was_refused_is_not_remembered(who: Verifying, issuer: LocalIssuer) -> None:
    """A flood of bad tokens leaves nothing behind, and a token that is not valid yet is once it is."""
    early = issuer.token(nbf=int(who.clock()) + 600)
    for token in (early, pyjwt.encode({"iss": issuer.url}, "x" * 32), "x"):
        with pytest.raises(Unauthenticated):
            await who.known(token)
    assert not who.verifier.remembered
    who.clock.ahead_s = 600
    assert (await who.known(early)).subject == "ada"
