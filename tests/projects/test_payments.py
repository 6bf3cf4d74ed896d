"""What a document says of payments: connections without secrets, packs that providers take, rules that sell them."""

import json
from typing import Any

import pytest

from functions import settings as settings_module
from functions.currencies import DECIMALS
from functions.payments.packs import ALIASES, BUILT_IN
from functions.payments.provider import MODES, PROVIDERS
from functions.projects import document, packs, payments
from functions.projects.project import Pack, PaymentTerms
from functions.settings import SettingsError
from tests.projects.papers import FULL, SMALL, changed, project, refused, without

PRODUCT = FULL["payments"]["polar"]["product"]
STARTER = {"id": "starter", "amount": 50, "currency": "usd"}


def selling(purchases: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document whose users with a key buy packs for so many credits."""
    return SMALL | {"auth": {"key": {"rules": {"credits": {"purchases": purchases}}}}, "packs": [STARTER]} | more


def built_in(purchases: Any) -> Any:
    """The purchases of the built-in project's rules where RULES says so."""
    text = json.dumps({"credits": {"purchases": purchases}})
    return document.of_settings(settings_module.read({"RULES": text})).methods["key"].rules.purchases


def test_connections_are_as_written_and_hold_no_secret() -> None:
    """Mode, server, store and product; a server's address without the slash at its end."""
    assert project(FULL).payments == {
        "stripe": PaymentTerms("live"),
        "polar": PaymentTerms("test", product=PRODUCT),
        "mollie": PaymentTerms("live"),
        "btcpay": PaymentTerms("test", "https://pay.example/btcpay", FULL["payments"]["btcpay"]["store"]),
    }


def test_documents_and_adapters_speak_of_the_same_providers() -> None:
    """None can be written that nothing serves, and none is served that cannot be written."""
    assert (tuple(payments.FIELDS), payments.MODES) == (PROVIDERS, MODES)


@pytest.mark.parametrize(
    ("provider", "name"),
    [(provider, name) for provider, names in payments.FIELDS.items() for name in names],
)
def test_a_connection_says_all_that_it_needs(provider: str, name: str) -> None:
    """What is left out is asked for by its path: no mode is ever guessed."""
    error = refused(without(FULL, "payments", provider, name))
    assert (error.param, error.message) == (f"payments.{provider}.{name}", f"payments.{provider}.{name} is required.")


@pytest.mark.parametrize("name", ["api_key", "key", "secret", "webhook_secret"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_document_holds_a_key(provider: str, name: str) -> None:
    """Documents are shown and exported: a secret in one is refused, and not repeated."""
    error = refused(changed(FULL, ("payments", provider, name), "sk_live_canary"))
    assert error.param == f"payments.{provider}.{name}"
    assert "canary" not in error.message


def test_a_server_may_be_where_the_operator_allows_it() -> None:
    """A BTCPay Server inside OUTBOUND_ALLOWED_CIDRS is reached without TLS; one beside it is refused."""
    paper = changed(FULL, ("payments", "btcpay", "url"), "http://10.9.0.7:23000/")
    assert project(paper).payments["btcpay"].url == "http://10.9.0.7:23000"
    assert refused(changed(paper, ("payments", "btcpay", "url"), "http://10.8.0.7")).param == "payments.btcpay.url"


def test_a_currency_matters_where_something_is_sold() -> None:
    """Where payments are taken, a pack costs what all providers count alike; elsewhere any currency may stand."""
    rial = changed(FULL, ("packs", 0, "currency"), "irr")
    assert refused(rial).param == "packs[0].currency"
    for nothing in (without(rial, "payments"), changed(rial, ("payments",), {})):
        assert project(nothing).packs == (Pack("starter", 50, "irr"),)
    for currency in DECIMALS:
        assert project(changed(FULL, ("packs", 0, "currency"), currency)).packs[0].currency == currency


def test_a_rule_of_purchases_names_a_pack() -> None:
    """A misspelled one would sell nothing; it is refused by its path, without payments too."""
    assert project(selling({"starter": 5})).methods["key"].rules.purchases == {"starter": 5_000_000}
    error = refused(selling({"starter": 5, "startr": 5}))
    assert error.param == "auth.key.rules.credits.purchases.startr"
    assert error.message.startswith(error.param)
    assert refused(selling({"starter": 5}, packs=[])).param == "auth.key.rules.credits.purchases.starter"
    assert refused(selling({"5m": 5})).param == "auth.key.rules.credits.purchases.5m"


@pytest.mark.parametrize("nothing", [0, "0", "0.0"])
def test_nobody_pays_for_nothing(nothing: Any) -> None:
    """0 credits for a pack are refused by the rule's path."""
    assert refused(selling({"starter": nothing})).param == "auth.key.rules.credits.purchases.starter"


def test_a_pack_may_be_for_some_alone() -> None:
    """A pack without a rule is sold to nobody who is known in that way; that is no mistake."""
    assert project(selling({})).packs == (Pack("starter", 50, "usd"),)


def test_rules_that_test_tokens_share_are_refused_where_they_stand() -> None:
    """`test` without rules has those of `jwt`: the path is that of `jwt`, also where `test` stands first."""
    paper = changed(FULL, ("auth", "jwt", "rules"), {"credits": {"purchases": {"none": 1}}})
    assert refused(paper).param == "auth.jwt.rules.credits.purchases.none"
    own = changed(FULL, ("auth", "test"), {"rules": {"credits": {"purchases": {"none": 1}}}})
    assert refused(own).param == "auth.test.rules.credits.purchases.none"


def test_the_built_in_packs_are_those_that_are_sold() -> None:
    """The names that RULES may use are the packs' own and their older ones, each of the same pack."""
    assert set(packs.BUILT_IN) == set(BUILT_IN)
    older = {other: name for name, names in packs.BUILT_IN.items() for other in names if other != name}
    assert older == ALIASES


def test_rules_change_what_a_built_in_pack_brings() -> None:
    """By its name, or by its older one."""
    assert built_in({"starter": 6, "100m": "7.5"}) == {"starter": 6_000_000, "100m": 7_500_000}


@pytest.mark.parametrize(
    ("purchases", "name"),
    [
        ({"startr": 5}, "startr"),
        ({"starter": 5, "": 5}, ""),
        ({"50m": 5}, "50m"),
        ({"starter": 0}, "starter"),
        ({"5m": 0}, "5m"),
        ({"starter": 5, "5m": 6}, "5m"),
    ],
)
def test_rules_of_no_built_in_pack_stop_the_start(purchases: Any, name: str) -> None:
    """Unknown, for nothing, or one pack by two names: the message names the rule."""
    with pytest.raises(SettingsError, match=rf"RULES: credits\.purchases\.{name} "):
        built_in(purchases)
