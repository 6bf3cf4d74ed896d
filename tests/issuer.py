"""A real issuer of OpenID Connect on loopback: discovery, keys, sign-in with PKCE, tokens as three vendors shape them.

    with local_issuer() as issuer:
        issuer.url                       # its `iss`, and where its discovery document is
        issuer.token(sub="ada")          # an ID token of its own
        issuer.firebase("my-app")        # one as Firebase signs it, by this issuer's keys
        issuer.rotate()                  # new keys; the old ones leave the set
        issuer.mode = "down"             # or empty, huge, slow, redirects, moved: what its keys are answered with
        issuer.asked["/jwks"]            # how often its keys were asked for

The page at `/authorize` has one button, `#sign-in`; it sends the browser back with a code, which `/token` takes once.
"""

import base64
import contextlib
import hashlib
import html
import json
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT_ID = "farebox-example"
USER = "ada"
LASTS_S = 3600
ANY_ORIGIN = {"access-control-allow-origin": "*"}
WRITERS: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


@cache
def private_key(algorithm: str, number: int) -> Any:
    """A key for signing. A process makes each once: those of RSA take a while."""
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def public_jwk(algorithm: str, number: int) -> dict[str, Any]:
    """A key's public half, as it stands in a key set."""
    jwk = WRITERS[algorithm].to_jwk(private_key(algorithm, number).public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid_of(algorithm, number), "alg": algorithm, "use": "sig"}


def kid_of(algorithm: str, number: int) -> str:
    return f"{algorithm.lower()}-{number}"


class LocalIssuer:
    """The issuer while it serves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.number = 1
        """Which keys sign; `rotate` makes it the next."""
        self.mode = "up"
        """down, empty, huge, slow, redirects, moved: what is answered instead of its documents."""
        self.asked: Counter[str] = Counter()
        self.ended = threading.Event()
        """What a slow answer waits for."""
        self.codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """From now on other keys sign, and the set holds those alone."""
        self.number += 1

    def jwks(self) -> dict[str, Any]:
        """Its key set: a key for RSA, for the curve P-256 and for Ed25519."""
        return {"keys": [public_jwk(algorithm, self.number) for algorithm in WRITERS]}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url if self.mode != "moved" else "https://elsewhere.example",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(WRITERS),
            "code_challenge_methods_supported": ["S256"],
        }

    def sign(self, claims: dict[str, Any], algorithm: str = "RS256", **header: Any) -> str:
        """Any claims, signed by the key of today; `header` adds fields to the token's header, None takes one away."""
        headers = {"kid": kid_of(algorithm, self.number), **header}
        headers = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(claims, private_key(algorithm, self.number), algorithm, headers)

    def claims(self, **more: Any) -> dict[str, Any]:
        """Claims of an ID token of this issuer; None takes one away."""
        now = int(time.time())
        base = {"iss": self.url, "aud": CLIENT_ID, "sub": USER, "iat": now, "exp": now + LASTS_S}
        return {name: value for name, value in (base | more).items() if value is not None}

    def token(self, algorithm: str = "RS256", **more: Any) -> str:
        """An ID token of this issuer, with these claims beside or instead of its own."""
        return self.sign(self.claims(**more), algorithm)

    def firebase(self, project: str = "my-app", uid: str = "qdJ8vQ0nXkYh3rF6uVb2ZsWc1Tt1", **more: Any) -> str:
        """As Firebase Authentication signs for a user who signed in with Google."""
        now = int(time.time())
        claims = {
            "name": "Ada Example",
            "picture": "https://lh3.googleusercontent.com/a/example",
            "iss": f"https://securetoken.google.com/{project}",
            "aud": project,
            "auth_time": now - 60,
            "user_id": uid,
            "sub": uid,
            "iat": now,
            "exp": now + LASTS_S,
            "email": "ada@farebox.test",
            "email_verified": True,
            "firebase": {
                "identities": {"google.com": ["110169484474386276334"], "email": ["ada@farebox.test"]},
                "sign_in_provider": "google.com",
            },
        }
        return self.sign(claims | more, typ="JWT")

    def supabase_claims(self, ref: str = "abcdefghijklmnopqrst", **more: Any) -> dict[str, Any]:
        """Claims of Supabase Auth for a user who signed in by e-mail; `sub` is a UUID."""
        now = int(time.time())
        user = "0f2a9a1e-5a3b-4c57-9f0e-6b1f3c5d7e90"
        claims = {
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now}],
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "aud": "authenticated",
            "email": "ada@farebox.test",
            "exp": now + LASTS_S,
            "iat": now,
            "is_anonymous": False,
            "iss": f"https://{ref}.supabase.co/auth/v1",
            "phone": "",
            "role": "authenticated",
            "session_id": "5b1d3c0e-2f4a-4e6b-8d7c-9a0b1c2d3e4f",
            "sub": user,
            "user_metadata": {"email": "ada@farebox.test", "email_verified": True, "phone_verified": False},
        }
        return claims | more

    def supabase(self, ref: str = "abcdefghijklmnopqrst", algorithm: str = "ES256", **more: Any) -> str:
        """As Supabase Auth signs with its signing keys."""
        return self.sign(self.supabase_claims(ref, **more), algorithm, typ="JWT")

    def supabase_shared(self, secret: str, ref: str = "abcdefghijklmnopqrst", **more: Any) -> str:
        """As Supabase Auth signs with a project's shared JWT secret."""
        return jwt.encode(self.supabase_claims(ref, **more), secret, "HS256", {"kid": "mY1kEyId", "typ": "JWT"})

    def auth0(self, domain: str = "farebox.eu.auth0.com", audience: str = "client-id", **more: Any) -> str:
        """An ID token of Auth0; mind the slash at the end of its `iss`."""
        now = int(time.time())
        claims = {
            "nickname": "ada",
            "name": "Ada Example",
            "picture": "https://s.gravatar.com/avatar/example",
            "updated_at": "2026-01-05T10:00:00.000Z",
            "email": "ada@farebox.test",
            "email_verified": True,
            "iss": f"https://{domain}/",
            "aud": audience,
            "sub": "auth0|65f1c0ffee0123456789abcd",
            "iat": now,
            "exp": now + 36_000,
            "sid": "Xa1b2C3d4E5f6G7h8I9j0KlMnOpQrStU",
            "nonce": "bm9uY2Utb2YtdGhlLXBhZ2U=",
        }
        return self.sign(claims | more, typ="JWT")

    def redeem(self, form: dict[str, str]) -> dict[str, Any] | None:
        """An ID token for a code, once, and only to whoever knows what its challenge was made from."""
        asked = self.codes.pop(form.get("code", ""), None)
        if not asked or form.get("grant_type") != "authorization_code":
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        same = all(form.get(name) == asked[name] for name in ("client_id", "redirect_uri"))
        if not same or not secrets.compare_digest(challenge, asked["code_challenge"]):
            return None
        nonce = asked.get("nonce")
        token = self.token(aud=asked["client_id"], auth_time=int(time.time()), nonce=nonce, name="Ada Example")
        answer = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": LASTS_S}
        return answer | {"id_token": token, "scope": "openid"}


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Local issuer</title>
<body><h1>Sign in</h1><form method="post" action="/authorize">{fields}
<button id="sign-in">Sign in as Ada</button></form></body></html>"""


class Handler(BaseHTTPRequestHandler):
    """Answers for one LocalIssuer, which the server carries."""

    protocol_version = "HTTP/1.1"

    @property
    def issuer(self) -> LocalIssuer:
        issuer: LocalIssuer = self.server.issuer  # type: ignore[attr-defined]
        return issuer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.issuer.asked[url.path] += 1
        if url.path == "/.well-known/openid-configuration":
            self.keys(self.issuer.discovery())
        elif url.path == "/jwks":
            self.keys(self.issuer.jwks())
        elif url.path == "/authorize":
            self.sign_in_page(one_each(url.query))
        else:
            self.answer(404, b"{}")

    def do_POST(self) -> None:
        form = one_each(self.rfile.read(int(self.headers.get("content-length") or 0)).decode())
        self.issuer.asked[self.path] += 1
        if self.path == "/authorize":
            self.sign_in(form)
        elif self.path == "/token":
            answer = self.issuer.redeem(form)
            body = json.dumps(answer or {"error": "invalid_grant"}).encode()
            self.answer(200 if answer else 400, body, {**ANY_ORIGIN, "cache-control": "no-store"})
        else:
            self.answer(404, b"{}")

    def do_OPTIONS(self) -> None:
        allowed = {"access-control-allow-methods": "GET, POST", "access-control-allow-headers": "*"}
        self.answer(204, b"", ANY_ORIGIN | allowed)

    def keys(self, document: dict[str, Any]) -> None:
        """The discovery document or the key set, as the mode has it."""
        match self.issuer.mode:
            case "down":
                self.answer(503, b"{}")
            case "empty":
                self.answer(200, json.dumps(document | {"keys": []}).encode(), ANY_ORIGIN)
            case "huge":
                self.answer(200, json.dumps(document | {"padding": "x" * 2_000_000}).encode(), ANY_ORIGIN)
            case "redirects":
                self.answer(302, b"", {"location": f"{self.issuer.url}/elsewhere"})
            case "slow":
                self.issuer.ended.wait(30)
                self.answer(503, b"{}")
            case _:
                self.answer(200, json.dumps(document).encode(), ANY_ORIGIN)

    def sign_in_page(self, asked: dict[str, str]) -> None:
        """A page with one button, for a request that is as it must be."""
        ours = urlsplit(asked.get("redirect_uri", "")).hostname in ("127.0.0.1", "localhost")
        challenged = asked.get("code_challenge_method") == "S256" and asked.get("code_challenge")
        if not ours or not challenged or asked.get("response_type") != "code" or asked.get("client_id") != CLIENT_ID:
            self.answer(400, b"this sign-in was not asked for correctly", {"content-type": "text/plain"})
            return
        fields = "".join(
            f'<input type="hidden" name="{html.escape(n)}" value="{html.escape(v)}">' for n, v in asked.items()
        )
        self.answer(200, PAGE.format(fields=fields).encode(), {"content-type": "text/html; charset=utf-8"})

    def sign_in(self, asked: dict[str, str]) -> None:
        """Back to the page that asked, with a code."""
        code = secrets.token_urlsafe(24)
        self.issuer.codes[code] = asked
        told = {"code": code, "state": asked.get("state", "")}
        separator = "&" if "?" in asked["redirect_uri"] else "?"
        self.answer(303, b"", {"location": asked["redirect_uri"] + separator + urlencode(told)})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            told = {"content-type": "application/json", "content-length": str(len(body))} | (headers or {})
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests read their own output."""


class Server(ThreadingHTTPServer):
    """A thread a connection. One that the other side resets is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def one_each(query: str) -> dict[str, str]:
    """A form's fields, each once."""
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


@contextlib.contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    """An issuer on a port of 127.0.0.1, in threads of this process."""
    server = Server(("127.0.0.1", 0), Handler)
    issuer = LocalIssuer(f"http://127.0.0.1:{server.server_address[1]}")
    server.issuer = issuer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
