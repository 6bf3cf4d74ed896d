"""Case 12: events that come again, too early, of unknown kinds, or that do not fit their order."""

from typing import Any

import pytest

from tests.payments.proof import Log, Proof, kept
from tests.payments.shop import PROVIDERS, STARTER, Market


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_12_an_event_that_comes_again_changes_nothing(market: Market, provider: str) -> None:
    """However often: 200, so that the provider ends sending it, and one credit, one entry, one notice."""
    key = market.gateway.key()
    _, reference = market.buy(provider, key)
    deliveries = market.standins[provider].pay(reference)
    for again in range(4):
        answers = market.deliver(provider, deliveries, other=again % 2 == 1)
        assert {answer.status for answer in answers} == {200}
        assert True in [answer.json()["handled"] for answer in answers]
    assert market.paid(key) == STARTER
    Proof(market, provider, reference).holds("paid")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_12_a_refund_that_comes_before_its_payment(market: Market, provider: str) -> None:
    """Credited and taken back, in that order, by the first event; the payment's own event changes nothing more."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    paid, refunded = standin.pay(reference), standin.refund(reference, 25)
    assert refunded
    market.deliver(provider, refunded)
    proof = Proof(market, provider, reference)
    proof.holds("paid", "refund")
    market.deliver(provider, paid)
    proof.holds("paid", "refund")
    assert market.paid(key) == STARTER / 2


def test_case_12_a_dispute_that_comes_before_its_payment(market: Market) -> None:
    """The same for a bank that takes the money back at once."""
    key, standin = market.gateway.key(), market.standins["stripe"]
    _, reference = market.buy("stripe", key)
    paid, disputed = standin.pay(reference), standin.dispute(reference)
    market.deliver("stripe", disputed)
    market.deliver("stripe", paid)
    Proof(market, "stripe", reference).holds("paid", "dispute")
    assert market.paid(key) == 0


@pytest.mark.parametrize("provider", ["stripe", "polar", "btcpay"])
def test_case_12_an_event_of_an_unknown_type_is_received(market: Market, provider: str) -> None:
    """200 and not handled: a new kind of event must not make the provider switch our address off."""
    log = Log(market.gateway)
    (answer,) = market.deliver(provider, [market.standins[provider].strange()])
    assert (answer.status, answer.json()) == (200, {"received": True, "handled": False})
    log.has_nothing_of()


MODELESS = ("polar", "btcpay")
"""Their objects do not say of which mode they are: that is another server, or another key."""
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("amount", {"amount": 49}),
    ("amount", {"amount": 5000}),
    ("currency", {"currency": "gbp"}),
    ("currency", {"currency": "eur"}),
    ("mode", {"mode": "live"}),
    ("order", {"order": ""}),
    ("order", {"order": f"ord_{'0' * 32}"}),
]
"""Why it does not fit, and what the provider says of the checkout then."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_12_what_does_not_fit_its_order_is_kept_and_credits_nothing(market: Market, provider: str) -> None:
    """Wrong mode, currency, amount or order: received, shown to the owner with the reason, never credited."""
    key, standin, log = market.gateway.key(), market.standins[provider], Log(market.gateway)
    for why, fields in WRONG:
        if "mode" in fields and provider in MODELESS:
            continue
        _, reference = market.buy(provider, key)
        deliveries = standin.pay(reference)
        standin.alter(reference, **fields)
        for _ in range(2):
            answers = market.deliver(provider, deliveries)
            assert {answer.status for answer in answers} == {200}, fields
            assert not any(answer.json()["handled"] for answer in answers)
        Proof(market, provider, reference).nothing_happened()
        found = kept(market, reference)
        assert found, fields
        assert (found.connection, found.why) == (provider, why)
        assert len(log.lines("project default", provider, reference, "fits no order", why)) == 1
    assert market.paid(key) == 0
    log.has_nothing_of()
