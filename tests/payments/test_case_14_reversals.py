"""Case 14: money that goes back, in parts, after it was spent, through a bank, and back again."""

import pytest

from tests.payments.proof import Proof
from tests.payments.shop import PROVIDERS, STARTER, Market
from tests.projects.shop import CHAT, HELLO
from tests.stand import Answer


def chat(market: Market, key: str) -> Answer:
    return market.gateway.request("POST", CHAT, {"messages": HELLO, "max_tokens": 5}, key=key)


def bought(market: Market, provider: str) -> tuple[str, str, Proof]:
    """A new user who bought the smallest pack: their key, the reference, what the ledger says of it."""
    key = market.gateway.key()
    _, reference = market.buy(provider, key)
    market.pay(provider, reference)
    return key, reference, Proof(market, provider, reference)


def refunds(market: Market, provider: str, reference: str, amount: int) -> None:
    """So much goes back, and the provider tells; one that does not is asked again."""
    deliveries = market.standins[provider].refund(reference, amount)
    assert deliveries, f"{provider} tells of no refund"
    for answer in market.deliver(provider, deliveries):
        assert answer.status == 200, answer.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_14_partial_refunds_add_up(market: Market, provider: str) -> None:
    """Each takes its part of the credits, and the last one all that is left: nothing stays by rounding."""
    key, reference, proof = bought(market, provider)
    gone = 0
    for amount in (7, 13, 30):
        refunds(market, provider, reference, amount)
        gone += amount
        assert proof.order.refunded == gone
        assert market.paid(key) == STARTER - STARTER * gone // 50
    proof.holds("paid", "refund", "refund", "refund")
    (shown,) = market.gateway.account(key)["orders"]
    assert (shown["state"], shown["refunded"], shown["credits_taken_back"]) == ("refunded", 50, STARTER)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_14_a_refund_after_the_credits_were_spent_is_owed(market: Market, provider: str) -> None:
    """Debt, never below zero: requests are refused and told why, the next purchase pays it and leaves the rest."""
    key, reference, proof = bought(market, provider)
    trial = market.gateway.account(key)["balance"]["available"] - STARTER
    proof.spend(trial + STARTER - 1000)
    refunds(market, provider, reference, 50)
    balance = market.gateway.account(key)["balance"]
    assert (balance["paid"], balance["debt"]) == (0, STARTER - 1000)
    answer = chat(market, key)
    assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
    assert "owes" in answer.error["message"]
    assert "next purchase" in answer.error["message"]
    _, again = market.buy(provider, key)
    market.pay(provider, again)
    balance = market.gateway.account(key)["balance"]
    assert (balance["paid"], balance["debt"]) == (1000, 0)
    assert chat(market, key).status == 200
    proof.holds("paid", "refund")
    Proof(market, provider, again).holds("paid")


def test_case_14_a_small_purchase_pays_a_part_of_a_large_debt(market: Market) -> None:
    """What is bought pays what is owed as far as it goes; requests stay refused until all of it is paid."""
    key = market.gateway.key()
    _, large = market.buy("stripe", key, "standard")
    market.pay("stripe", large)
    proof = Proof(market, "stripe", large)
    proof.spend(25 * 10**6)
    refunds(market, "stripe", large, 200)
    debt = market.gateway.account(key)["balance"]["debt"]
    assert debt > STARTER
    for bought, left in ((1, debt - STARTER), (2, debt - 2 * STARTER)):
        _, small = market.buy("stripe", key)
        market.pay("stripe", small)
        balance = market.gateway.account(key)["balance"]
        assert (balance["paid"], balance["debt"]) == (0, left), bought
        assert chat(market, key).status == 402
    proof.holds("paid", "refund")


@pytest.mark.parametrize("provider", ["stripe", "polar", "mollie"])
def test_case_14_a_refund_that_fails_gives_the_credits_back(market: Market, provider: str) -> None:
    """The money stayed with us, so the credits are the user's again."""
    key, reference, proof = bought(market, provider)
    refunds(market, provider, reference, 20)
    assert market.paid(key) == STARTER * 30 // 50
    market.deliver(provider, market.standins[provider].fail_refund(reference))
    assert market.paid(key) == STARTER
    assert proof.order.refunded == 0
    proof.holds("paid", "refund", "refund_failed")


@pytest.mark.parametrize(("provider", "until_won"), [("stripe", ["dispute"]), ("mollie", ["dispute", "dispute_lost"])])
def test_case_14_a_dispute_that_is_opened_and_won(market: Market, provider: str, until_won: list[str]) -> None:
    """The credits go when the bank takes the money, and come back with it; at Mollie it is lost until then."""
    key, reference, proof = bought(market, provider)
    standin = market.standins[provider]
    opened = standin.dispute(reference)
    for _ in range(2):
        market.deliver(provider, opened)
    assert market.paid(key) == 0
    (shown,) = market.gateway.account(key)["orders"]
    assert (shown["state"], shown["disputed"]) == ("disputed", 50)
    won = standin.close_dispute(reference, won=True)
    for _ in range(3):
        market.deliver(provider, won)
    assert market.paid(key) == STARTER
    proof.holds("paid", *until_won, "dispute_won")


def test_case_14_a_dispute_that_is_opened_and_lost(market: Market) -> None:
    """The credits stay away, are not taken a second time, and the journal says how it ended."""
    key, reference, proof = bought(market, "stripe")
    standin = market.standins["stripe"]
    opened, closed = standin.dispute(reference), standin.close_dispute(reference, won=False)
    for _ in range(2):
        market.deliver("stripe", [*opened, *closed])
    assert market.paid(key) == 0
    proof.holds("paid", "dispute", "dispute_lost")
    assert proof.entries() == {"purchase": 1, "dispute": 1, "dispute_lost": 1}


def test_case_14_a_payment_that_is_disputed_twice(market: Market) -> None:
    """Two parts of one payment, one won and one lost: together never more than was bought."""
    key, reference, proof = bought(market, "stripe")
    standin = market.standins["stripe"]
    market.deliver("stripe", standin.dispute(reference, 20))
    market.deliver("stripe", standin.close_dispute(reference, won=True))
    assert market.paid(key) == STARTER
    market.deliver("stripe", standin.dispute(reference, 20))
    assert market.paid(key) == STARTER * 30 // 50
    market.deliver("stripe", standin.close_dispute(reference, won=False))
    assert market.paid(key) == STARTER * 30 // 50
    proof.holds("paid", "dispute", "dispute_won", "dispute", "dispute_lost")


def test_case_14_a_payment_that_is_refunded_and_disputed(market: Market) -> None:
    """More may be asked back than was paid; more credits than were bought are never taken."""
    key, reference, proof = bought(market, "stripe")
    refunds(market, "stripe", reference, 30)
    market.deliver("stripe", market.standins["stripe"].dispute(reference, 50))
    balance = market.gateway.account(key)["balance"]
    assert (balance["paid"], balance["debt"]) == (0, 0)
    assert proof.order.reversed == proof.order.credits
    proof.holds("paid", "refund", "dispute")


def test_case_14_a_dispute_after_the_credits_were_spent_and_its_end(market: Market) -> None:
    """Owed while it is open, and owed no more once it is won."""
    key, reference, proof = bought(market, "stripe")
    proof.spend(STARTER)
    standin = market.standins["stripe"]
    market.deliver("stripe", standin.dispute(reference))
    assert market.gateway.account(key)["balance"]["debt"] > 0
    assert chat(market, key).status == 402
    market.deliver("stripe", standin.close_dispute(reference, won=True))
    assert market.gateway.account(key)["balance"]["debt"] == 0
    assert chat(market, key).status == 200
    proof.holds("paid", "dispute", "dispute_won")
