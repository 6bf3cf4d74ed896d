"""What an owner gave for a connection: an API key, and the secret that the provider signs its events with.

Each is sealed for one mode and one server. Whoever changes these in the document, changes what it was given for, and
gives it again: so a key of test mode never meets a project that is live.
"""

from typing import TYPE_CHECKING

from functions.payments.provider import MOLLIE
from functions.projects import vault
from functions.settings import Settings, projects_secrets

if TYPE_CHECKING:  # loaded by whoever has one
    from functions.ledger.projects import Stored
    from functions.projects.project import PaymentTerms

KEY, WEBHOOK, WEBHOOK_BEFORE = "key", "webhook", "webhook_before"
BEFORE_COUNTS_S = 3 * 86_400
"""How long after a new webhook secret the one before counts: about as long as providers try to tell an event."""


def needed(provider: str) -> tuple[str, ...]:
    """What a connection cannot be without. Mollie signs nothing: it is asked."""
    return (KEY,) if provider == MOLLIE else (KEY, WEBHOOK)


def name(provider: str, what: str) -> str:
    """Under which name it is kept: one that no provider of models can have."""
    return f"payments/{provider}/{what}"


def place(provider: str, terms: "PaymentTerms") -> str:
    """What it is sealed for."""
    return f"{provider}:{terms.mode}:{terms.url}"


def unsealed(settings: Settings, stored: "Stored", provider: str, terms: "PaymentTerms", what: str) -> str:
    """A secret of a connection; "" where none was given. Raises vault.VaultError."""
    sealed = stored.sealed.get(name(provider, what))
    if not sealed:
        return ""
    secrets, where = projects_secrets(settings), place(provider, terms)
    return vault.unseal(secrets, stored.project_id, name(provider, what), where, sealed.text)


def opens(settings: Settings, stored: "Stored", provider: str, terms: "PaymentTerms", what: str) -> bool:
    """Whether it was given, and for what the document says now."""
    try:
        return bool(unsealed(settings, stored, provider, terms, what))
    except vault.VaultError:
        return False


def before(settings: Settings, stored: "Stored", provider: str, terms: "PaymentTerms", now_s: float) -> str:
    """The webhook secret before the present one, while it counts; "" where there is none that does."""
    counts = now_s < before_until(stored, provider)
    if counts and opens(settings, stored, provider, terms, WEBHOOK_BEFORE):
        return unsealed(settings, stored, provider, terms, WEBHOOK_BEFORE)
    return ""


def before_until(stored: "Stored", provider: str) -> int:
    """Until when the webhook secret before counts, in seconds since 1970; 0 where there is none."""
    now, before = (stored.sealed.get(name(provider, what)) for what in (WEBHOOK, WEBHOOK_BEFORE))
    return now.created + BEFORE_COUNTS_S if now and before else 0
