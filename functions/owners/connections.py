"""A project's connections to payment providers: their keys and webhook secrets are given here, and never shown again.

What a connection is otherwise (its mode, a server, a product) stands in the project's document.
"""

from typing import Any

from functions.errors import BadRequest, NotFound
from functions.ledger import projects
from functions.owners import asked, sealed, unmatched
from functions.owners.mine import Mine
from functions.owners.shown import time_text
from functions.payments import given
from functions.payments.connections import KEY_MODES, mode_of_key
from functions.payments.given import KEY, WEBHOOK, WEBHOOK_BEFORE
from functions.payments.provider import MOLLIE
from functions.projects import vault
from functions.projects.project import PaymentTerms
from functions.values import PLACEHOLDERS

KEY_LENGTH_MIN = 8
SECRET_LENGTH_MIN = 16


async def shown(mine: Mine, base_url: str) -> dict[str, Any]:
    """Every connection of the document, what of it is given, and money that fits no order. Raises BadRequest."""
    data = [_view(mine, provider, terms, base_url) for provider, terms in mine.project().payments.items()]
    return {"object": "list", "data": data, "unmatched": await unmatched.listed(mine.ledger, mine.project_id)}


async def put_key(mine: Mine, provider: str, api_key: object) -> dict[str, Any]:
    """The API key or access token of a connection. Raises BadRequest, NotConfigured, NotFound."""
    terms = _terms(mine, provider)
    key = _secret(api_key, "api_key", KEY_LENGTH_MIN)
    if provider in KEY_MODES:
        mode = mode_of_key(provider, key)
        if not mode:
            known = ", ".join(KEY_MODES[provider])
            raise BadRequest(f"api_key must begin with one of: {known}.", param="api_key")
        if mode != terms.mode:
            why = f"is of {mode} mode; this project's document says {terms.mode}"
            raise BadRequest(f"api_key {why}.", param="api_key")
    return await sealed.keep(mine, given.name(provider, KEY), given.place(provider, terms), key)


async def drop_key(mine: Mine, provider: str) -> dict[str, Any]:
    """Forget it, whether or not the document still names the connection. Raises NotFound."""
    return await sealed.drop_key(mine, given.name(provider, KEY))


async def put_webhook(mine: Mine, provider: str, secret: object) -> dict[str, Any]:
    """The secret that a provider signs its events with. The one before counts for a few days more.

    The same one again changes nothing. Raises BadRequest, NotConfigured, NotFound.
    """
    terms = _terms(mine, provider)
    if provider == MOLLIE:
        raise BadRequest("Mollie signs nothing; there is no webhook secret to give.", param="secret")
    now, new = _unsealed(mine, provider, terms), _secret(secret, "secret", SECRET_LENGTH_MIN)
    name, before = given.name(provider, WEBHOOK), given.name(provider, WEBHOOK_BEFORE)
    place = given.place(provider, terms)
    if now == new:
        kept = mine.stored.sealed[name]
        return {"name": name, "shown": kept.shown, "created": time_text(kept.created)}
    if now:
        await sealed.keep(mine, before, place, now)
    elif before in mine.stored.sealed:  # of what the document said once
        await projects.drop_sealed(mine.ledger, mine.project_id, before)
    return await sealed.keep(mine, name, place, new)


async def drop_webhook(mine: Mine, provider: str) -> dict[str, Any]:
    """Forget it and the one before, at once. Raises NotFound."""
    await projects.drop_sealed(mine.ledger, mine.project_id, given.name(provider, WEBHOOK_BEFORE))
    return await sealed.drop_key(mine, given.name(provider, WEBHOOK))


def _terms(mine: Mine, provider: str) -> PaymentTerms:
    terms = mine.project().payments.get(provider)
    if terms is None:
        raise NotFound("This project's document names no such payment provider.")
    return terms


def _secret(value: object, name: str, least: int) -> str:
    secret = asked.secret(value, name, least)
    if secret.lower().startswith(PLACEHOLDERS):
        raise BadRequest(f"{name} still holds a placeholder.", param=name)
    return secret


def _unsealed(mine: Mine, provider: str, terms: PaymentTerms) -> str:
    """The present webhook secret; "" where there is none that can be opened."""
    try:
        return given.unsealed(mine.settings, mine.stored, provider, terms, WEBHOOK)
    except vault.VaultError:
        return ""


def _view(mine: Mine, provider: str, terms: PaymentTerms, base_url: str) -> dict[str, Any]:
    until = given.before_until(mine.stored, provider)
    before = _given(mine, provider, terms, WEBHOOK_BEFORE) if until > mine.ledger.clock.now() else None
    needed = given.needed(provider)
    return {
        "provider": provider,
        "mode": terms.mode,
        "ready": all(given.opens(mine.settings, mine.stored, provider, terms, what) for what in needed),
        "key": _given(mine, provider, terms, KEY),
        "webhook_secret": _given(mine, provider, terms, WEBHOOK),
        "webhook_secret_before": before and before | {"counts_until": time_text(until)},
        "webhook_url": f"{base_url}/projects/{mine.project_id}/{provider}/webhook",
    }


def _given(mine: Mine, provider: str, terms: PaymentTerms, what: str) -> dict[str, Any] | None:
    """What was given, as it may be shown. `fits` is false where it was given for another mode or server."""
    kept = mine.stored.sealed.get(given.name(provider, what))
    if kept is None:
        return None
    fits = given.opens(mine.settings, mine.stored, provider, terms, what)
    return {"shown": kept.shown, "created": time_text(kept.created), "fits": fits}
