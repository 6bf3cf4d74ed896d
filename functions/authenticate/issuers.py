"""Who signs the tokens by which a project knows its users: any issuer of OpenID Connect, and three that are known here.

Their facts: https://firebase.google.com/docs/auth/admin/verify-id-tokens (third-party library),
https://supabase.com/docs/guides/auth/jwt-fields, https://auth0.com/docs/secure/tokens/id-tokens/id-token-structure.
"""

from dataclasses import dataclass

ASYMMETRIC = ("RS256", "ES256", "EdDSA")
SHARED = "HS256"
FIREBASE_KEYS = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
SUPABASE_AUDIENCE = "authenticated"
"""What a signed-in user's token carries; `anon` and `service_role` are keys of the app, not of a user."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One OIDC issuer, or Supabase with its shared secret."""

    issuer: str
    """Exactly as in the tokens' `iss`."""
    audiences: tuple[str, ...]
    """One of them must be in a token's `aud`."""
    algorithms: tuple[str, ...] = ASYMMETRIC
    jwks_url: str = ""
    """Where its keys are; "": its discovery document tells."""
    shared_secret: str = ""
    """The name of the sealed secret of the project, for HS256 only."""


def firebase(project: str) -> Issuer:
    """Firebase Authentication of a project. One set of keys signs for all projects: `iss` and `aud` tell them apart."""
    return Issuer(f"https://securetoken.google.com/{project}", (project,), ("RS256",), FIREBASE_KEYS)


def supabase(ref: str, shared_secret: str = "") -> Issuer:
    """Supabase Auth of the project with this reference.

    `shared_secret` is the name under which the project's older, shared JWT secret is sealed; "" for its signing keys.
    """
    issuer = f"https://{ref}.supabase.co/auth/v1"
    if shared_secret:
        return Issuer(issuer, (SUPABASE_AUDIENCE,), (SHARED,), shared_secret=shared_secret)
    return Issuer(issuer, (SUPABASE_AUDIENCE,), ASYMMETRIC, f"{issuer}/.well-known/jwks.json")


def auth0(domain: str, audience: str) -> Issuer:
    """A tenant of Auth0, or its own domain; `audience` is the client ID of the application, for ID tokens."""
    return Issuer(f"https://{domain}/", (audience,), ("RS256",), f"https://{domain}/.well-known/jwks.json")
