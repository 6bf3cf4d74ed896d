"""The connections of the built-in project, which the settings describe."""

from typing import Any

import pytest

from functions import settings as settings_module
from functions.errors import NotConfigured
from functions.payments import connections
from functions.payments.provider import BTCPAY, MOLLIE, POLAR, PROVIDERS, STRIPE, Connection
from functions.settings import Settings

ALL = {
    "STRIPE_SECRET_KEY": "rk_live_canary-1",
    "STRIPE_WEBHOOK_SECRET": "whsec_canary-of-connections-2",
    "POLAR_ACCESS_TOKEN": "polar_oat_canary-3",
    "POLAR_WEBHOOK_SECRET": "canary-of-connections-4",
    "POLAR_PRODUCT_ID": "5d6b3a2e-0f61-4a52-9c5e-3f1d2c4b5a69",
    "MOLLIE_API_KEY": "live_canary-5",
    "BTCPAY_URL": "http://10.0.0.9:23000/",
    "BTCPAY_API_KEY": "canary-6",
    "BTCPAY_STORE_ID": "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrw",
    "BTCPAY_WEBHOOK_SECRET": "canary-of-connections-7",
}
NEEDED = [(provider, name.upper()) for provider, named in connections.SETTINGS.items() for name in named]


def settings(**more: str) -> Settings:
    return settings_module.read(ALL | more)


def made(provider: str, **more: str) -> Connection:
    return connections.of_settings(settings(**more), provider)


def test_each_provider_has_what_the_settings_say() -> None:
    """Key, webhook secret, where it is asked, and what it sells in; nothing of another provider."""
    found = {provider: made(provider) for provider in PROVIDERS}
    assert {name: (one.key, one.webhook_secrets, one.url) for name, one in found.items()} == {
        STRIPE: ("rk_live_canary-1", ("whsec_canary-of-connections-2",), "https://api.stripe.com"),
        POLAR: ("polar_oat_canary-3", ("canary-of-connections-4",), "https://api.polar.sh"),
        MOLLIE: ("live_canary-5", (), "https://api.mollie.com"),
        BTCPAY: ("canary-6", ("canary-of-connections-7",), "http://10.0.0.9:23000"),
    }
    assert {(one.project_id, one.mode, one.guarded) for one in found.values()} == {("default", "live", False)}
    assert [name for name, one in found.items() if one.product] == [POLAR]
    assert [name for name, one in found.items() if one.store] == [BTCPAY]


@pytest.mark.parametrize(("provider", "name"), NEEDED)
def test_a_setting_that_is_missing_is_named(provider: str, name: str) -> None:
    """503 that names the first one; the others of the four do not mind."""
    there = settings_module.read({key: value for key, value in ALL.items() if key != name})
    with pytest.raises(NotConfigured, match=f"{name} is not set") as refused:
        connections.of_settings(there, provider)
    assert refused.value.status == 503
    for other in set(PROVIDERS) - {provider}:
        connections.of_settings(there, other)
    with pytest.raises(NotConfigured, match=connections.SETTINGS[provider][0].upper()):
        connections.of_settings(settings_module.read({}), provider)


@pytest.mark.parametrize("provider", [STRIPE, POLAR, BTCPAY])
def test_during_a_rotation_both_webhook_secrets_count(provider: str) -> None:
    """The newest first; one before that stands alone is not enough."""
    before = {f"{provider.upper()}_WEBHOOK_SECRET_BEFORE": "canary-of-connections-before"}
    now = ALL[f"{provider.upper()}_WEBHOOK_SECRET"]
    assert made(provider, **before).webhook_secrets == (now, "canary-of-connections-before")
    alone = settings_module.read({name: text for name, text in (ALL | before).items() if text != now})
    with pytest.raises(NotConfigured):
        connections.of_settings(alone, provider)


@pytest.mark.parametrize(
    ("provider", "changes"),
    [
        (STRIPE, {"STRIPE_SECRET_KEY": "sk_test_canary"}),
        (STRIPE, {"STRIPE_SECRET_KEY": "rk_test_canary"}),
        (MOLLIE, {"MOLLIE_API_KEY": "test_canary"}),
        (POLAR, {"POLAR_MODE": "test"}),
        (BTCPAY, {"BTCPAY_MODE": "test"}),
    ],
    ids=str,
)
def test_test_mode_is_of_one_provider(provider: str, changes: dict[str, str]) -> None:
    """The key says it, or the setting where a key does not; Polar's sandbox is another server."""
    assert made(provider, **changes).mode == "test"
    assert {made(other, **changes).mode for other in set(PROVIDERS) - {provider}} == {"live"}
    assert made(POLAR, **changes).url == (
        "https://sandbox-api.polar.sh" if provider == POLAR else "https://api.polar.sh"
    )


def test_the_operator_says_where_a_provider_is() -> None:
    """Any address, without TLS too; a slash at its end does not count."""
    elsewhere = {
        "STRIPE_URL": "http://127.0.0.1:1/",
        "POLAR_URL": "http://127.0.0.1:2/",
        "POLAR_SANDBOX_URL": "http://127.0.0.1:3/",
        "MOLLIE_URL": "http://127.0.0.1:4/",
    }
    assert [made(provider, **elsewhere).url for provider in (STRIPE, POLAR, MOLLIE)] == [
        *("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:4")
    ]
    assert made(POLAR, POLAR_MODE="test", **elsewhere).url == "http://127.0.0.1:3"


@pytest.mark.parametrize("key", ["", "sk_", "pk_live_1", "live_1", "SK_LIVE_1"])
def test_what_is_no_key_of_stripes_has_no_mode(key: Any) -> None:
    """No mode is guessed."""
    assert connections.mode_of_key(STRIPE, key) == ""


def test_a_connection_shows_no_secret() -> None:
    """Neither in a log nor in a traceback."""
    assert not [provider for provider in PROVIDERS if "canary" in f"{made(provider)!r} {made(provider)}"]
