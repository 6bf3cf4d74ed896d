"""With whom a project takes payments: the built-in one by the settings, others by their document and sealed secrets.

A connection is whole or it is not there: without the secret that its events are signed with, nobody could be believed
who says that somebody paid.
"""

from typing import TYPE_CHECKING

from functions.errors import NotConfigured, NotFound, PaymentProviderFailed, Unavailable
from functions.payments import given
from functions.payments.provider import BTCPAY, MOLLIE, POLAR, PROVIDERS, STRIPE, TEST, Connection
from functions.projects.vault import VaultError
from functions.settings import MOLLIE_KEYS, STRIPE_KEYS, Settings

if TYPE_CHECKING:  # loaded by whoever has one: that takes as long as a start
    from functions.projects.live import Live

GIVE_AGAIN_S = 60
KEY_MODES = {STRIPE: STRIPE_KEYS, MOLLIE: MOLLIE_KEYS}
"""Of providers whose keys say which mode they are of: what a key begins with."""
SETTINGS = {
    STRIPE: ("stripe_secret_key", "stripe_webhook_secret"),
    POLAR: ("polar_access_token", "polar_webhook_secret", "polar_product_id"),
    MOLLIE: ("mollie_api_key",),
    BTCPAY: ("btcpay_url", "btcpay_api_key", "btcpay_store_id", "btcpay_webhook_secret"),
}
"""What the built-in project's connection cannot be without."""


def available(settings: Settings, live: "Live") -> tuple[str, ...]:
    """The providers with whom somebody can pay, in their order."""
    return tuple(provider for provider in PROVIDERS if _is_there(settings, live, provider))


def of_settings(settings: Settings, provider: str) -> Connection:
    """The built-in project's connection. Raises NotConfigured that names the first setting that is missing."""
    for name in SETTINGS[provider]:
        if not getattr(settings, name):
            raise NotConfigured(name.upper())
    made = {STRIPE: _stripe, POLAR: _polar, MOLLIE: _mollie, BTCPAY: _btcpay}[provider]
    return made(settings)


def of_project(settings: Settings, live: "Live", provider: str) -> Connection:
    """The connection of a project that is not the built-in one.

    Raises NotFound where its document names none, or where something was not given yet; PaymentProviderFailed where
    what was given cannot be unsealed: then it was given for another mode or server, or PROJECTS_SECRET is another.
    """
    terms, stored = live.project.payments.get(provider), live.stored
    if terms is None or stored is None:
        raise NotFound(f"This project takes no payments by {provider}.")
    try:
        secrets = {what: given.unsealed(settings, stored, provider, terms, what) for what in given.needed(provider)}
    except VaultError:
        why = f"The key or webhook secret of {provider} must be given again by the project's owner."
        raise PaymentProviderFailed(why, GIVE_AGAIN_S) from None
    if not all(secrets.values()):
        raise NotFound(f"Payments by {provider} are not set up yet in this project.")
    before = given.before(settings, stored, provider, terms, live.read_s)
    return Connection(
        project_id=stored.project_id,
        provider=provider,
        mode=terms.mode,
        key=secrets[given.KEY],
        webhook_secrets=_signing(secrets[given.WEBHOOK], before) if given.WEBHOOK in secrets else (),
        url=terms.url or _url(settings, provider, terms.mode),
        store=terms.store,
        product=terms.product,
        guarded=bool(terms.url),
        allowed=settings.outbound_allowed_cidrs,
    )


def mode_of_key(provider: str, key: str) -> str:
    """The mode of a key of Stripe or Mollie, which its beginning says; "" where it is none of theirs."""
    return next((mode for prefix, mode in KEY_MODES.get(provider, {}).items() if key.startswith(prefix)), "")


def _is_there(settings: Settings, live: "Live", provider: str) -> bool:
    try:
        if live.stored is None:
            of_settings(settings, provider)
        else:
            of_project(settings, live, provider)
    except (NotFound, Unavailable):
        return False
    return True


def _url(settings: Settings, provider: str, mode: str) -> str:
    """Where a provider's API is that is the same for all."""
    urls = {STRIPE: settings.stripe_url, POLAR: settings.polar_url, MOLLIE: settings.mollie_url}
    if provider == POLAR and mode == TEST:
        return settings.polar_sandbox_url.rstrip("/")
    return urls[provider].rstrip("/")


def _stripe(settings: Settings) -> Connection:
    key, mode = settings.stripe_secret_key, mode_of_key(STRIPE, settings.stripe_secret_key)
    secrets = _signing(settings.stripe_webhook_secret, settings.stripe_webhook_secret_before)
    return Connection("default", STRIPE, mode, key, secrets, _url(settings, STRIPE, mode))


def _polar(settings: Settings) -> Connection:
    key, mode = settings.polar_access_token, settings.polar_mode
    secrets = _signing(settings.polar_webhook_secret, settings.polar_webhook_secret_before)
    url, product = _url(settings, POLAR, mode), settings.polar_product_id
    return Connection("default", POLAR, mode, key, secrets, url, product=product)


def _mollie(settings: Settings) -> Connection:
    key, mode = settings.mollie_api_key, mode_of_key(MOLLIE, settings.mollie_api_key)
    return Connection("default", MOLLIE, mode, key, (), _url(settings, MOLLIE, mode))


def _btcpay(settings: Settings) -> Connection:
    key, mode, url = settings.btcpay_api_key, settings.btcpay_mode, settings.btcpay_url.rstrip("/")
    secrets = _signing(settings.btcpay_webhook_secret, settings.btcpay_webhook_secret_before)
    return Connection("default", BTCPAY, mode, key, secrets, url, store=settings.btcpay_store_id)


def _signing(*secrets: str) -> tuple[str, ...]:
    return tuple(filter(None, secrets))
