"""Tokens that are not what they say: every one is told the same, and none is believed."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from functions.authenticate.issuers import ASYMMETRIC, Issuer
from functions.authenticate.parts import parts
from functions.errors import Unauthenticated
from tests.authenticate.verifying import Verifying, encoded, hs256, refused, sign_by_hand
from tests.issuer import CLIENT_ID, LocalIssuer, kid_of, private_key, public_jwk

EMPTY: tuple[Any, ...] = ("", [], 0, None)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
async def test_a_token_of_the_issuer_is_believed(who: Verifying, issuer: LocalIssuer, algorithm: str) -> None:
    """RS256, ES256 and EdDSA, by keys that the issuer's discovery document leads to."""
    known = await who.known(issuer.token(algorithm, sub="ada", exp=int(who.clock()) + 60))
    assert (known.kind, known.issuer, known.subject) == ("jwt", issuer.url, "ada")
    assert 50 < known.expires - who.clock() <= 60


async def test_case_15_without_a_signature(who: Verifying, issuer: LocalIssuer) -> None:
    """`alg` none in any case, with and without a signature, whatever the project allows."""
    generous = who.issuer(algorithms=("none", "None", "RS256", "HS256", ""))
    kid = kid_of("RS256", 1)
    signature = issuer.token().split(".")[2]
    for algorithm in ("none", "None", "NONE", "nOnE", "", None, 1, ["RS256"], {"RS256": 1}, True):
        head = encoded({"alg": algorithm, "typ": "JWT", "kid": kid}) + "." + encoded(issuer.claims())
        for token in (head, f"{head}.", f"{head}.{signature}"):
            assert await refused(who, token, generous)
    assert await refused(who, encoded({"typ": "JWT", "kid": kid}) + "." + encoded(issuer.claims()) + "." + signature)


async def test_case_15_hs256_with_the_public_key(who: Verifying, issuer: LocalIssuer) -> None:
    """The public key in any of its spellings is no secret, even where a project allows both kinds of algorithms."""
    jwk = public_jwk("RS256", 1)
    public = private_key("RS256", 1).public_key()
    spellings = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk).encode(),
        base64.urlsafe_b64decode(jwk["n"] + "=="),
        jwk["n"].encode(),
        b"",
    ]
    both = who.issuer(algorithms=("RS256", "HS256"))
    named = who.issuer(algorithms=("RS256", "HS256"), shared_secret="supabase")
    for spelling in spellings:
        token = hs256({"alg": "HS256", "kid": jwk["kid"]}, issuer.claims(), spelling)
        for believed in (who.issuer(), both, named):
            assert await refused(who, token, believed)
    pem = spellings[0].decode()
    assert await refused(who, hs256({"alg": "HS256"}, issuer.claims(), spellings[0]), named, secrets={"supabase": pem})


async def test_case_15_a_header_that_says_where_its_key_is(who: Verifying, issuer: LocalIssuer) -> None:
    """`crit`, `jku`, `jwk`, `x5u`, `x5c`, `b64`, `zip`: refused, though the signature is right."""
    assert not await refused(who, issuer.sign(issuer.claims()))
    fields: dict[str, Any] = {
        "crit": ["exp"],
        "jku": f"{issuer.url}/jwks",
        "jwk": public_jwk("RS256", 1),
        "x5u": f"{issuer.url}/cert",
        "x5c": ["MIIB"],
        "zip": "DEF",
    }
    for name, value in fields.items():
        for said in (value, *EMPTY):
            signed = sign_by_hand({"alg": "RS256", "kid": kid_of("RS256", 1), name: said}, issuer.claims())
            assert await refused(who, signed), name
            with pytest.raises(Unauthenticated):
                parts(signed)  # before any library reads it
    for header in ({"b64": True}, {"b64": True, "crit": ["b64"]}, {"b64": False, "crit": ["b64"]}):
        signed = sign_by_hand({"alg": "RS256", "kid": kid_of("RS256", 1), **header}, issuer.claims())
        assert await refused(who, signed), header


@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "/etc/passwd", "RS256-1", "rs256-1\n", "rs256-1\x00", "kéy", "x" * 201),
        *("' OR 1=1 --", "https://evil.example/key", "rs256-2", "es256-1", 1, None, True, ["rs256-1"], {"a": 1}, 1.5),
    ],
)
async def test_case_15_a_kid_is_a_name_and_nothing_else(who: Verifying, issuer: LocalIssuer, kid: Any) -> None:
    """Paths, queries, other types, another key's name: no key is found by them, and nothing is opened."""
    token = sign_by_hand({"alg": "RS256", "kid": kid}, issuer.claims())
    assert await refused(who, token)
    assert set(issuer.asked) <= {"/jwks", "/.well-known/openid-configuration"}


async def test_a_token_without_a_kid_means_the_only_key(who: Verifying, issuer: LocalIssuer) -> None:
    """OpenID Connect asks for a `kid` only where a set has several keys."""
    assert not await refused(who, issuer.sign(issuer.claims(), kid=None))
    issuer.jwks = lambda: {"keys": [public_jwk("RS256", 1), public_jwk("RS256", 2)]}  # type: ignore[method-assign]
    who.keysets.sets.clear()
    assert await refused(who, issuer.sign(issuer.claims(sub="grace"), kid=None))
    assert not await refused(who, issuer.sign(issuer.claims(sub="grace")))


async def test_case_15_what_only_looks_like_a_token(who: Verifying, issuer: LocalIssuer) -> None:
    """Spaces, padding, other alphabets, more or fewer parts, more than 8 KB."""
    good = issuer.token()
    header, claims, signature = good.split(".")
    for token in (
        *(
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            good + " ",
            " " + good,
            good + "\n",
            good + "=",
            good + ".",
            good + "." + good,
        ),
        *(f"{header}.{claims}", f"{header}.{claims}.", f".{claims}.{signature}", f"{header}..{signature}"),
        *(
            f"Bearer {good}",
            good.replace(".", "。"),
            f"{header}=.{claims}.{signature}",
            f"{header} .{claims}.{signature}",
        ),
        *(f"{header}.{claims}.{signature}.{header}.{claims}", "sk-" + "A" * 43, "\ud800", "é" * 50),
        issuer.token(padding="x" * 8192),
    ):
        assert await refused(who, token), token[:40]


async def test_case_15_another_issuers_key(who: Verifying, issuer: LocalIssuer) -> None:
    """A token that says it is of one issuer, signed by a key of another that the project believes as well."""
    vendor = Issuer("https://login.vendor.example", (CLIENT_ID,), jwks_url="https://login.vendor.example/jwks")
    who.elsewhere[vendor.jwks_url] = f"{issuer.url}/vendor"
    forged = issuer.sign(issuer.claims(iss=vendor.issuer))
    assert "Unavailable" in (await told(who, forged, who.issuer(), vendor))  # its own keys are asked for, no others
    assert not await refused(who, issuer.token(), vendor, who.issuer())


async def told(who: Verifying, token: str, *issuers: Issuer) -> str:
    """The name of the error."""
    try:
        await who.known(token, who.trust(*issuers))
    except Exception as error:
        return type(error).__name__
    return "known"


async def test_case_15_an_algorithm_that_the_project_does_not_allow(who: Verifying, issuer: LocalIssuer) -> None:
    """Signed rightly, by a key of the issuer, of another kind than the project names."""
    for allowed in ASYMMETRIC:
        for signed in ASYMMETRIC:
            token = issuer.token(signed, sub=f"{allowed} {signed}")
            assert await refused(who, token, who.issuer(algorithms=(allowed,))) == (allowed != signed)


async def test_case_15_one_keys_token_said_to_be_of_another_kind(who: Verifying, issuer: LocalIssuer) -> None:
    """`alg` and `kid` of one key, the signature of another."""
    for said in ASYMMETRIC:
        for signs in ASYMMETRIC:
            header = encoded({"alg": said, "kid": kid_of(said, 1)})
            signed = f"{header}.{encoded(issuer.claims(sub=said + signs))}"
            signature = jwt.get_algorithm_by_name(signs).sign(signed.encode(), private_key(signs, 1))
            assert await refused(who, f"{signed}.{encoded(signature)}") == (said != signs)
