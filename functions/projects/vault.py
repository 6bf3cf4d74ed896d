"""Secrets of projects: sealed before they are stored, so that a table alone is worth nothing.

AES-256-GCM; the key is made from PROJECTS_SECRET for each project (HKDF, RFC 5869). A sealed text is bound to its
project, its name and its place, such as a provider's base URL: moved elsewhere, it cannot be opened, so that a key is
never sent to a host that it was not given for.
"""

import base64
import binascii
import json
import os
from collections.abc import Sequence
from typing import Any

VERSION = "1."
NONCE_BYTES = 12
INFO = "farebox secrets of projects, 1"


class VaultError(Exception):
    """A sealed text cannot be opened: changed, moved, or sealed with a secret that is not known any more."""


def seal(secret: str, project_id: str, name: str, place: str, plaintext: str) -> str:
    """`plaintext` sealed with PROJECTS_SECRET, as ASCII; each time another text. Raises VaultError without a secret."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(secret, project_id).encrypt(nonce, plaintext.encode(), _bound_to(project_id, name, place))
    return VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(secrets: Sequence[str], project_id: str, name: str, place: str, sealed: str) -> str:
    """What was sealed for the same project, name and place, with one of `secrets`; empty ones are none.

    Raises VaultError.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  as in `_cipher`

    try:
        raw = base64.b64decode(sealed.removeprefix(VERSION), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not sealed.startswith(VERSION) or len(raw) <= NONCE_BYTES:
        raise VaultError("not a sealed text")
    bound_to = _bound_to(project_id, name, place)
    for secret in filter(None, secrets):
        try:
            plain: bytes = _cipher(secret, project_id).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to)
        except InvalidTag:
            continue
        return plain.decode()
    raise VaultError("cannot be opened")


def _cipher(secret: str, project_id: str) -> Any:
    """AES-GCM with the key of one project."""
    # Loaded late: a start that meets no sealed secret does not pay for it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    if not secret:
        raise VaultError("PROJECTS_SECRET is not set")
    info = json.dumps([INFO, project_id]).encode()
    return AESGCM(HKDF(SHA256(), 32, None, info).derive(secret.encode()))


def _bound_to(project_id: str, name: str, place: str) -> bytes:
    """Where a sealed text belongs, so written that no two places are written alike."""
    return json.dumps([project_id, name, place]).encode()
