"""Case 13: an event for somebody else's order, of a checkout that is not paid, or with a client's own numbers."""

import pytest

from tests.payments.proof import Proof, kept
from tests.payments.shop import PROVIDERS, STARTER, Market
from tests.payments.standins.base import Delivery
from tests.projects.shop import Project


def pointed_at(market: Market, provider: str, delivery: Delivery, was: str, reference: str) -> Delivery:
    """The same event about another checkout, rightly signed."""
    body = delivery.body.replace(was.encode(), reference.encode())
    assert body != delivery.body
    return Delivery({**delivery.headers, **market.standins[provider].sign(body)}, body)


def buys(market: Market, project: Project, provider: str, token: str, pack: str = "small") -> str:
    """A user of a project begins a purchase; gives the provider's reference."""
    before = set(market.standins[provider].references())
    answer = project.post({"pack": pack}, "/checkout", token=token)
    assert answer.status == 200, answer.body
    (reference,) = set(market.standins[provider].references()) - before
    return reference


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_13_an_event_for_another_projects_order(market: Market, provider: str) -> None:
    """Sent to our address, or another project's with the same provider: it is no order there, and brings nothing."""
    project, other = market.selling(provider), market.selling(provider)
    token = project.token()
    reference = buys(market, project, provider, token)
    deliveries = market.standins[provider].pay(reference)
    for project_id in ("", other.project_id):
        answers = market.deliver(provider, deliveries, project_id)
        assert {answer.status for answer in answers} == {200}
        assert not any(answer.json()["handled"] for answer in answers)
    proof = Proof(market, provider, reference, project.project_id)
    proof.nothing_happened()
    assert project.account(token)["balance"]["paid"] == 0
    market.deliver(provider, deliveries, project.project_id)
    proof.holds("paid")
    assert project.account(token)["balance"]["paid"] == 1000


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_13_an_event_for_another_users_order(market: Market, provider: str) -> None:
    """A checkout that says it is another user's order pays neither: reference and number must both be right."""
    ada, bob = market.gateway.key(), market.gateway.key()
    standin = market.standins[provider]
    theirs, reference_of_bob = market.buy(provider, bob, "pro")
    _, reference = market.buy(provider, ada)
    standin.alter(reference, order=theirs["id"])
    market.deliver(provider, standin.pay(reference))
    assert (market.paid(ada), market.paid(bob)) == (0, 0)
    found = kept(market, reference)
    assert found
    assert found.why == "order"
    Proof(market, provider, reference_of_bob).nothing_happened()
    Proof(market, provider, reference).nothing_happened()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_13_an_event_for_another_providers_order(market: Market, provider: str) -> None:
    """A reference counts with the provider that made it: as another's it is unknown, and fulfils nothing."""
    key = market.gateway.key()
    other = "stripe" if provider != "stripe" else "polar"
    _, reference = market.buy(provider, key)
    _, of_other = market.buy(other, key)
    market.standins[provider].pay(reference)
    (delivery, *_) = market.standins[other].pay(of_other)
    (answer,) = market.deliver(other, [pointed_at(market, other, delivery, of_other, reference)])
    assert answer.status in (200, 400)
    assert market.paid(key) == 0
    Proof(market, provider, reference).nothing_happened()
    Proof(market, other, of_other).nothing_happened()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_13_an_event_for_an_order_of_another_amount(market: Market, provider: str) -> None:
    """The event of a small payment, pointed at a large order: the large one is asked about, and is not paid."""
    ada, bob = market.gateway.key(), market.gateway.key()
    _, large = market.buy(provider, ada, "pro")
    _, small = market.buy(provider, bob)
    for delivery in market.standins[provider].pay(small):
        market.deliver(provider, [pointed_at(market, provider, delivery, small, large)])
    assert (market.paid(ada), market.paid(bob)) == (0, 0)
    Proof(market, provider, large).nothing_happened()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_13_a_checkout_that_is_not_paid(market: Market, provider: str) -> None:
    """Whatever an event's words are, only money that is there becomes credits: not while a transfer is under way."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, paid = market.buy(provider, market.gateway.key())
    _, unpaid = market.buy(provider, key)
    events = [pointed_at(market, provider, one, paid, unpaid) for one in standin.pay(paid)]
    assert {answer.status for answer in market.deliver(provider, events)} == {200}
    assert market.paid(key) == 0
    standin.process(unpaid)
    market.deliver(provider, events)
    assert market.paid(key) == 0
    proof = Proof(market, provider, unpaid)
    assert proof.order.state in ("open", "processing")
    assert (proof.entries(), proof.notices()) == ({}, {})
    market.pay(provider, unpaid)
    assert market.paid(key) == STARTER


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("ending", ["fail", "expire"])
def test_case_13_a_checkout_that_failed_or_ended(market: Market, provider: str, ending: str) -> None:
    """It credits nothing, and its order says so; should the money come after all, it counts."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    market.deliver(provider, getattr(standin, ending)(reference))
    proof = Proof(market, provider, reference)
    assert proof.order.state in ("open", "failed", "expired")
    assert (market.paid(key), proof.entries()) == (0, {})


@pytest.mark.parametrize("provider", ["stripe", "polar", "btcpay"])
def test_case_13_amounts_in_an_event_are_ignored(market: Market, provider: str) -> None:
    """An event that is rightly signed and says it was a thousand times as much brings what was bought, and no more."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    for delivery in standin.pay(reference):
        body = delivery.body.replace(b": 50,", b": 50000,").replace(b'"0.50"', b'"500.00"').replace(b":50,", b":50000,")
        market.deliver(provider, [Delivery({**delivery.headers, **standin.sign(body)}, body)])
    assert market.paid(key) == STARTER
    Proof(market, provider, reference).holds("paid")


@pytest.mark.parametrize("field", ["amount", "credits", "currency", "metadata", "account", "project", "order", "price"])
def test_case_13_a_clients_own_amounts_are_refused(market: Market, field: str) -> None:
    """400 that names the field: what a pack costs and brings, and whom, the client does not say."""
    key = market.gateway.key()
    answer = market.gateway.request("POST", "/checkout", {"pack": "starter", field: 1}, key=key)
    assert (answer.status, answer.error["param"]) == (400, field)
    assert market.gateway.account(key)["orders"] == []
