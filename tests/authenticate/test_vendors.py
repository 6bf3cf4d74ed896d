"""Tokens in the shapes of Firebase, Supabase and Auth0, signed by a local issuer, against the presets as they are."""

from collections.abc import Callable

import jwt
import pytest

from functions.authenticate.issuers import Issuer, auth0, firebase, supabase
from functions.errors import Unauthenticated
from functions.outbound import check_url
from functions.projects.methods import methods
from functions.projects.project import MANAGED
from tests.authenticate.verifying import Verifying
from tests.issuer import LocalIssuer

REF = "abcdefghijklmnopqrst"
SHARED_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"


@pytest.fixture
def vendors(who: Verifying, issuer: LocalIssuer) -> Verifying:
    """The keys of all three vendors are the local issuer's."""
    for preset in (firebase("my-app"), supabase(REF), auth0("farebox.eu.auth0.com", "client-id")):
        who.elsewhere[preset.jwks_url] = f"{issuer.url}/jwks"
    return who


SHAPES: dict[str, tuple[Issuer, Callable[[LocalIssuer], str], str]] = {
    "firebase": (firebase("my-app"), lambda by: by.firebase("my-app"), "qdJ8vQ0nXkYh3rF6uVb2ZsWc1Tt1"),
    "supabase": (supabase(REF), lambda by: by.supabase(REF), "0f2a9a1e-5a3b-4c57-9f0e-6b1f3c5d7e90"),
    "supabase, RSA": (supabase(REF), lambda by: by.supabase(REF, "RS256"), "0f2a9a1e-5a3b-4c57-9f0e-6b1f3c5d7e90"),
    "auth0": (auth0("farebox.eu.auth0.com", "client-id"), lambda by: by.auth0(), "auth0|65f1c0ffee0123456789abcd"),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_a_vendors_token_is_believed(vendors: Verifying, issuer: LocalIssuer, name: str) -> None:
    """The preset alone is enough: the user is the token's `sub`, at the vendor's `iss`."""
    preset, make, subject = SHAPES[name]
    known = await vendors.known(make(issuer), vendors.trust(preset))
    assert (known.kind, known.issuer, known.subject) == ("jwt", preset.issuer, subject)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_vendors_token_of_another_app_is_refused(vendors: Verifying, issuer: LocalIssuer, name: str) -> None:
    """All apps of a vendor may share its keys; `iss` and `aud` tell them apart."""
    _, make, _ = SHAPES[name]
    others = [firebase("another"), supabase("another"), auth0("another.eu.auth0.com", "client-id")]
    others.append(auth0("farebox.eu.auth0.com", "another"))
    for preset in others:
        vendors.elsewhere[preset.jwks_url] = f"{issuer.url}/jwks"
    with pytest.raises(Unauthenticated):
        await vendors.known(make(issuer), vendors.trust(*others))


async def test_supabase_with_its_shared_secret(vendors: Verifying, issuer: LocalIssuer) -> None:
    """Only where the project chose it, and only by the secret that it sealed; the user is the same as with keys."""
    token, secrets = issuer.supabase_shared(SHARED_SECRET, REF), {"supabase": SHARED_SECRET}
    shared = vendors.trust(supabase(REF, "supabase"))
    known = await vendors.known(token, shared, secrets)
    assert known.subject == (await vendors.known(issuer.supabase(REF), vendors.trust(supabase(REF)))).subject
    assert issuer.asked["/jwks"] == 1
    for trust, others in (
        (shared, {}),
        (shared, {"supabase": ""}),
        (shared, {"supabase": "another-secret-with-at-least-32-characters"}),
        (shared, {"another": SHARED_SECRET}),
        (vendors.trust(supabase(REF)), secrets),
        (vendors.trust(supabase("another", "supabase")), secrets),
    ):
        vendors.verifier.remembered.clear()
        with pytest.raises(Unauthenticated):
            await vendors.known(token, trust, others)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_shared_secret_that_could_be_guessed_is_none(vendors: Verifying, issuer: LocalIssuer) -> None:
    """At least 32 bytes (RFC 7518, 3.2): shorter ones are found by trying, from one token."""
    trust = vendors.trust(supabase(REF, "supabase"))
    for secret in ("secret", "x" * 31):
        with pytest.raises(Unauthenticated):
            await vendors.known(issuer.supabase_shared(secret, REF), trust, {"supabase": secret})
    assert await vendors.known(issuer.supabase_shared("x" * 32, REF), trust, {"supabase": "x" * 32})


async def test_supabase_while_it_moves_to_signing_keys(vendors: Verifying, issuer: LocalIssuer) -> None:
    """A project may list both: tokens signed before and after the change are of the same user."""
    trust = vendors.trust(supabase(REF, "supabase"), supabase(REF))
    secrets = {"supabase": SHARED_SECRET}
    before = await vendors.known(issuer.supabase_shared(SHARED_SECRET, REF), trust, secrets)
    after = await vendors.known(issuer.supabase(REF), trust, secrets)
    assert (before.issuer, before.subject) == (after.issuer, after.subject)


@pytest.mark.parametrize("role", ["anon", "service_role"])
async def test_supabase_keys_of_the_app_are_nobody(vendors: Verifying, issuer: LocalIssuer, role: str) -> None:
    """`anon` and `service_role` are signed with the same secret, and say no user."""
    now = int(vendors.clock())
    api_key = {"iss": "supabase", "ref": REF, "role": role, "iat": now, "exp": now + 10**8}
    token = issuer.supabase_shared(SHARED_SECRET, REF)
    for claims in (api_key, api_key | {"iss": f"https://{REF}.supabase.co/auth/v1", "aud": role, "sub": role}):
        signed = jwt.encode(claims, SHARED_SECRET, "HS256", {"typ": "JWT"})
        with pytest.raises(Unauthenticated):
            await vendors.known(signed, vendors.trust(supabase(REF, "supabase")), {"supabase": SHARED_SECRET})
    assert await vendors.known(token, vendors.trust(supabase(REF, "supabase")), {"supabase": SHARED_SECRET})


async def test_a_session_cookie_of_firebase_is_no_id_token(vendors: Verifying, issuer: LocalIssuer) -> None:
    """Firebase signs cookies with the same claims, by other keys, under another `iss`."""
    cookie = issuer.firebase("my-app", iss="https://session.firebase.google.com/my-app")
    with pytest.raises(Unauthenticated):
        await vendors.known(cookie, vendors.trust(firebase("my-app")))


def test_presets_of_documents_are_these() -> None:
    """What an owner's document makes of a preset is what is believed here."""
    listed = [
        {"preset": "firebase", "project": "my-app"},
        {"preset": "supabase", "project": REF},
        {"preset": "supabase", "project": REF, "shared_secret": True},
        {"preset": "auth0", "domain": "farebox.eu.auth0.com", "audience": "client-id"},
    ]

    def check(path: str, url: str, *, query: bool = False) -> str:
        return check_url(path, url, (), query=query)

    found = methods("auth", {"jwt": {"issuers": listed}}, MANAGED, check)
    secret = found["jwt"].issuers[2].shared_secret
    auth0_preset = auth0("farebox.eu.auth0.com", "client-id")
    assert secret
    assert found["jwt"].issuers == (firebase("my-app"), supabase(REF), supabase(REF, secret), auth0_preset)
