"""Keys of providers, and secrets shared with issuers: sealed before they are stored, never shown again.

Each is sealed for one place: a provider's URL, an issuer. Whoever changes where a provider is, changes what its key
was given for, and gives it again.
"""

from typing import Any

from functions.authenticate.issuers import Issuer
from functions.errors import NotFound
from functions.ledger import projects
from functions.owners import asked
from functions.owners.mine import Mine
from functions.owners.shown import time_text
from functions.projects import vault
from functions.projects.project import JWT

API_KEY_LENGTH_MIN = 8
SHARED_LENGTH_MIN = 32
"""Of HS256 (RFC 7518, section 3.2): a shorter one verifies nothing."""
SHOWN = 4
"""How many characters at the end of a secret are shown, so that people tell one from another."""


async def put_key(mine: Mine, name: str, api_key: object) -> dict[str, Any]:
    """A provider's key. Raises BadRequest, NotConfigured, NotFound where it is no provider of the project's own."""
    provider = mine.project().providers.get(name)
    if provider is None or provider.operator:
        raise NotFound("This project has no such provider of its own.")
    return await keep(mine, provider.name, provider.base_url, asked.secret(api_key, "api_key", API_KEY_LENGTH_MIN))


async def drop_key(mine: Mine, name: str) -> dict[str, Any]:
    """Forget a provider's key, whether or not the document still names the provider. Raises NotFound."""
    if name not in mine.stored.sealed:
        raise NotFound("Nothing is kept under this name.")
    await projects.drop_sealed(mine.ledger, mine.project_id, name)
    return {"name": name, "deleted": True}


async def put_issuer(mine: Mine, number: str, secret: object) -> dict[str, Any]:
    """The secret shared with an issuer, which is named by its place in the document's `auth.jwt.issuers`, from 0.

    Raises BadRequest, NotFound where there is no such issuer or where it shares no secret, NotConfigured.
    """
    issuer = _shared(mine, number)
    return await keep(mine, issuer.shared_secret, issuer.issuer, asked.secret(secret, "secret", SHARED_LENGTH_MIN))


async def drop_issuer(mine: Mine, number: str) -> dict[str, Any]:
    """Forget the secret shared with an issuer. Raises NotFound."""
    return await drop_key(mine, _shared(mine, number).shared_secret)


async def keep(mine: Mine, name: str, place: str, plain: str) -> dict[str, Any]:
    """Seal a secret for its place and keep it under its name, in place of what was there. Raises NotConfigured."""
    text = vault.seal(mine.secret(), mine.project_id, name, place, plain)
    shown = "…" + plain[-SHOWN:]
    await projects.put_sealed(mine.ledger, mine.project_id, name, text, shown)
    return {"name": name, "shown": shown, "created": time_text(int(mine.ledger.clock.now()))}


def _shared(mine: Mine, number: str) -> Issuer:
    method = mine.project().methods.get(JWT)
    issuers = {str(place): issuer for place, issuer in enumerate(method.issuers)} if method else {}
    issuer = issuers.get(number)
    if issuer is None or not issuer.shared_secret:
        raise NotFound("This project has no such issuer that shares a secret.")
    return issuer
