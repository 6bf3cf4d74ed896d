"""How much is held, and what a hold affords."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.estimate import FLOOR_OUTPUT_TOKENS, affordable_output, ask
from functions.forward.llama import Prepared, prepare
from functions.ledger.account import Account
from functions.ledger.admit import plan
from functions.money import Price, Usage

RULES = rules.of(settings_module.read({}))
PRICE = RULES.prices.at("default", 0)
ONE = 1_000_000
BODY = b'{"messages":[{"role":"user","content":"Hi"}],"max_tokens":%d}'


def chat(output_limit: int) -> Prepared:
    return prepare("/v1/chat/completions", BODY % output_limit, 2048, 256)


def test_a_request_asks_for_its_bounds_at_the_price_of_the_rules() -> None:
    """Least is the estimated input and one token, upper the bounds, floor an answer that is worth having."""
    prepared = chat(1000)
    wanted = ask(prepared, RULES, PRICE, 7, 123)
    assert wanted.least == (prepared.input_estimate + 1) * ONE
    assert wanted.floor == (prepared.input_bound + FLOOR_OUTPUT_TOKENS) * ONE
    assert wanted.upper == (prepared.input_bound + 1000) * ONE
    assert (wanted.credentials_version, wanted.expires) == (7, 123)
    assert wanted.limits == RULES.account_limits
    assert ask(chat(5), RULES, PRICE, 1, 1).floor == ask(chat(5), RULES, PRICE, 1, 1).upper


PRICES = st.builds(Price, st.just("p"), st.integers(0, 9), st.integers(0, 9), st.just(0))


@given(st.integers(0, 10**7), st.integers(1, 10**6), PRICES)
def test_what_is_sent_upstream_never_costs_more_than_the_hold(credits: int, output_limit: int, price: Price) -> None:
    """Whatever the credits: the hold covers the input, at its bound or estimate, and the output limit sent with it."""
    prepared = chat(output_limit)
    wanted = ask(prepared, RULES, price, 1, 10**10)
    if credits < wanted.least:
        return
    hold, _ = plan(account(credits), replace(wanted, limits=()), 1.0, "1mcc5sh9gbapszgq68")
    limit = affordable_output(prepared, price, output_limit, hold.amount)
    assert wanted.least <= hold.amount <= min(credits, wanted.upper)
    assert 1 <= limit <= output_limit
    bounded = hold.amount >= price.cost(Usage(prepared.input_bound, 1))
    tokens_in = prepared.input_bound if bounded else prepared.input_estimate
    assert price.cost(Usage(tokens_in, limit)) <= hold.amount


def account(paid: int) -> Account:
    numbers = {"paid": paid, "credited": paid, "credentials_version": 1}
    item = {name: {"N": str(number)} for name, number in numbers.items()}
    return Account(item | {"state": {"S": "open"}, "lots": {"M": {}}, "holds": {"M": {}}})


def test_a_request_that_costs_nothing_needs_no_credits() -> None:
    """With prices of zero an empty account is admitted, at its own output limit."""
    free = Price("free", 0, 0, 0)
    hold, _ = plan(account(0), replace(ask(chat(1000), RULES, free, 1, 10**10), limits=()), 1.0, "1mcc5sh9gbapszgq68")
    assert hold.amount == 0
    assert affordable_output(chat(1000), free, 1000, 0) == 1000


def test_the_rules_are_those_of_the_settings() -> None:
    """Prices, limits and the number of open requests are settings; the price's version names its three parts."""
    variables = {
        "CREDITS_PER_1M_INPUT_TOKENS": "4",
        "CREDITS_PER_1M_OUTPUT_TOKENS": "2",
        "CREDITS_PER_1M_CACHED_TOKENS": "3",
        "INFERENCE_USER_RATE_LIMIT": "4",
        "INFERENCE_IP_RATE_LIMIT": "5",
        "OPEN_REQUESTS_PER_USER": "6",
    }
    made = rules.of(settings_module.read(variables))
    assert made.prices.at("any", 0) == Price("*/4/2/3/0", input=4, output=2, cached=3)
    assert [(limit.period, limit.limit) for limit in made.account_limits + made.address_limits] == [("m", 4), ("m", 5)]
    assert made.open_max == 6
