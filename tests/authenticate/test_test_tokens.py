"""Test tokens: signed here, for one project, for a time."""

import hmac
from typing import Any

import jwt
import pytest

from functions.authenticate.issuers import Issuer
from functions.authenticate.tokens import Trust, make_test_token
from functions.errors import Unauthenticated
from tests.authenticate.verifying import PROJECT, SECRET, Verifying, decoded, encoded
from tests.issuer import CLIENT_ID, LocalIssuer

OTHER_SECRET = "another secret of projects, long enough"


def made_here(who: Verifying, **changed: Any) -> str:
    """A test token, made as the console makes it."""
    made = {"secret": SECRET, "project_id": PROJECT, "token_id": "tt-1", "issued_s": int(who.clock()), "lasts_s": 60}
    return make_test_token(**{**made, **changed})


async def test_a_test_token_is_believed_by_its_project(who: Verifying) -> None:
    """It says its own id, and needs no issuer."""
    known = await who.known(made_here(who), Trust(PROJECT, 1))
    assert (known.kind, known.issuer, known.subject) == ("test", "farebox", "tt-1")
    assert 0 < known.expires - who.clock() <= 60


async def test_a_test_token_is_worth_nothing_elsewhere(who: Verifying) -> None:
    """Another project, another secret, a time that is over: refused."""
    for token in (
        made_here(who, project_id="another"),
        made_here(who, secret=OTHER_SECRET),
        made_here(who, issued_s=int(who.clock()) - 61),
        made_here(who, issued_s=int(who.clock()) + 600),
    ):
        with pytest.raises(Unauthenticated):
            await who.known(token, Trust(PROJECT, 1))
    token = made_here(who)
    await who.known(token, Trust(PROJECT, 1))
    with pytest.raises(Unauthenticated):
        await who.known(token, Trust("another", 1))


async def test_a_test_token_is_tied_to_its_project_twice(who: Verifying) -> None:
    """By its audience, and by a key that is made for the project: either alone is not enough."""
    claims = decoded(made_here(who).split(".")[1])
    keys = {name: hmac.digest(SECRET.encode(), f"test tokens/{name}".encode(), "sha256") for name in (PROJECT, "b")}
    assert await who.known(jwt.encode(claims, keys[PROJECT], "HS256"), Trust(PROJECT, 1))
    for token in (
        jwt.encode(claims, keys["b"], "HS256"),
        jwt.encode(claims | {"aud": "b"}, keys[PROJECT], "HS256"),
        jwt.encode(claims | {"aud": [PROJECT]}, keys[PROJECT], "HS256"),
    ):
        with pytest.raises(Unauthenticated):
            await who.known(token, Trust(PROJECT, 1))


async def test_a_test_token_outlives_a_new_secret(who: Verifying) -> None:
    """While PROJECTS_SECRET changes, the one before verifies as well."""
    token = made_here(who)
    who.verifier.projects_secrets = (OTHER_SECRET, SECRET)
    assert (await who.known(token, Trust(PROJECT, 1))).subject == "tt-1"


async def test_no_test_tokens_without_a_secret(who: Verifying) -> None:
    """An empty PROJECTS_SECRET signs nothing and verifies nothing."""
    who.verifier.projects_secrets = ("", "")
    for token in (made_here(who), made_here(who, secret="")):
        with pytest.raises(Unauthenticated):
            await who.known(token, Trust(PROJECT, 1))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_nobody_else_makes_test_tokens(who: Verifying, issuer: LocalIssuer) -> None:
    """Not an issuer that a project believes, not a shared secret, not PROJECTS_SECRET itself, not another algorithm."""
    ours = decoded(made_here(who).split(".")[1])
    named = Issuer("farebox", (CLIENT_ID, PROJECT), ("RS256", "HS256"), f"{issuer.url}/jwks", "shared")
    for token in (
        issuer.sign(ours),
        jwt.encode(ours, SECRET, "HS256"),
        jwt.encode(ours, SECRET, "HS512"),
        jwt.encode(ours, "a shared secret of the owner's, long enough", "HS256"),
        f"{encoded({'alg': 'none'})}.{encoded(ours)}.AA",
    ):
        with pytest.raises(Unauthenticated):
            await who.known(token, who.trust(named), {"shared": "a shared secret of the owner's, long enough"})
