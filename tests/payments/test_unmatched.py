"""Money that fits no order, and events that anybody can send: kept, bounded, and no burden to the provider."""

from dataclasses import replace

import pytest

from functions.ledger import orders, tables, unmatched
from functions.ledger.notices import due
from functions.ledger.orders import Order
from functions.ledger.unmatched import FOREIGN_MAX, Unmatched
from functions.payments import provider
from functions.payments.events import UNSIGNED_PER_MINUTE
from functions.payments.provider import PAID, PROCESSING, Dispute, Payment, Wanted
from functions.payments.synchronize import next_step
from functions.payments.till import Till
from tests.payments.shop import Market


def checkout_of_another(market: Market, name: str, number: str) -> str:
    """A checkout that was made with the same account by somebody else; gives its reference."""
    standin, where = market.standins[name], market.gateway.url
    before = set(standin.references())
    wanted = Wanted(number, "Shoes", 900, "usd", f"{where}/done", f"{where}/cancel", f"{where}/webhook")
    provider.adapter(name).create(Till(market.gateway.settings).connection("default", name), wanted)
    (reference,) = set(standin.references()) - before
    return reference


@pytest.mark.parametrize("name", ["stripe", "polar", "btcpay"])
def test_another_shops_money_is_kept_apart_and_nobody_is_told(market: Market, name: str) -> None:
    """Its event is received; it stands among what is not ours, gives nobody credits, and is no notice."""
    reference = checkout_of_another(market, name, orders.new_number(market.ledger, "another"))
    answers = market.deliver(name, market.standins[name].pay(reference))
    assert {answer.status for answer in answers} == {200}
    assert not any(answer.json()["handled"] for answer in answers)
    found = {one.about: one for one in tables.drive(unmatched.foreign(market.ledger, "default"))}
    assert found[reference].why == "not_ours"
    assert reference not in {one.about for one in tables.drive(unmatched.listed(market.ledger, "default"))}
    told = tables.drive(due(market.ledger, 1000))
    assert not [notice for notice in told if notice.about.get("about") == reference]


def test_what_is_not_ours_cannot_fill_the_list(market: Market) -> None:
    """However much another shop sells: so many are kept at most, new ones in place of old."""
    project = "of-many-others"
    for number in range(FOREIGN_MAX + 50):
        found = Unmatched("stripe", f"cs_{number}", "checkout.session.completed", "not_ours", number)
        tables.drive(unmatched.keep_foreign(market.ledger, project, found))
    kept = tables.drive(unmatched.foreign(market.ledger, project))
    assert 1 < len(kept) <= FOREIGN_MAX
    assert kept[0].about == f"cs_{FOREIGN_MAX + 49}"
    assert tables.drive(unmatched.listed(market.ledger, project)) == []


def test_unsigned_events_of_one_order_are_bounded(market: Market) -> None:
    """Mollie signs nothing: whoever knows an id makes Mollie asked a few times a minute, then it is 429."""
    _, reference = market.buy("mollie", market.gateway.key())
    mollie = market.standins["mollie"]
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    before = len(mollie.requests)
    answers = [
        market.gateway.request("POST", "/mollie/webhook", f"id={reference}", headers=sent).status
        for _ in range(2 * UNSIGNED_PER_MINUTE + 5)  # a minute may turn
    ]
    assert set(answers) == {200, 429}
    assert len(mollie.requests) - before <= 2 * UNSIGNED_PER_MINUTE


def test_unsigned_events_of_no_order_ask_nobody(market: Market) -> None:
    """An id that is none of ours is received, and Mollie hears nothing of it."""
    mollie, sent = market.standins["mollie"], {"Content-Type": "application/x-www-form-urlencoded"}
    before = len(mollie.requests)
    for number in range(UNSIGNED_PER_MINUTE + 5):
        answer = market.gateway.request("POST", "/mollie/webhook", f"id=tr_nobodys{number}", headers=sent)
        assert (answer.status, answer.json()["handled"]) == (200, False)
    assert len(mollie.requests) == before


ORDER = Order(
    project_id="default",
    connection="polar",
    reference="checkout",
    number="ord_1",
    account_id="default/1",
    kind=orders.PACK,
    pack="starter",
    credits=1000,
    amount=100,
    currency="usd",
    mode="test",
    created=1,
    expires=2,
    state=PAID,
    refunded=25,
    reversed=750,
    disputes={"dp_1": (50, "open")},
)
SAID = Payment("checkout", "ord_1", "test", PROCESSING, 100, "usd")


def test_what_is_not_paid_any_more_gives_no_refund_back(market: Market) -> None:
    """A provider that loses sight of a payment says nothing of its refunds and disputes: nothing is undone by that."""
    assert next_step(market.ledger, ORDER, SAID) is None
    paid = replace(SAID, state=PAID, refunded=25)
    assert next_step(market.ledger, ORDER, replace(paid, disputes=(Dispute("dp_1", 50, "open"),))) is None
    won = next_step(market.ledger, ORDER, paid)
    assert won
    assert won.what == "dispute_won"
    taken = next_step(market.ledger, ORDER, replace(SAID, refunded=100))
    assert taken
    assert taken.entry
    assert taken.entry.amount == -250  # the rest: half is disputed, a quarter was refunded


def test_a_dispute_that_becomes_smaller_gives_credits_back(market: Market) -> None:
    """What it takes follows its amount; the journal and the notice say which way the credits went."""
    smaller = replace(SAID, state=PAID, refunded=25, disputes=(Dispute("dp_1", 25, "open"),))
    step = next_step(market.ledger, ORDER, smaller)
    assert step
    assert step.entry
    assert (step.what, step.entry.reason, step.entry.amount) == ("dispute_won", "dispute_won", 250)
    assert (step.becomes.disputes, step.becomes.reversed) == ({"dp_1": (25, "open")}, 500)
