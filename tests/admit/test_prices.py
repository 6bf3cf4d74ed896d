"""Prices: by pattern and date, exact to the last microcredit, and without one nothing is served (cases 9 and 26)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.gate import Gate
from functions.admit.prices import PRICE_MAX, PriceTable, RulesError, parse
from functions.authenticate.callers import Callers
from functions.errors import NotPriced
from functions.forward.llama import prepare
from functions.money import TOKENS_MAX, Usage
from tests.forward.scripted_upstream import chunk, events, usage, whole
from tests.forward.stage import HELLO, Stage, account_item
from tests.ledger.arrange import Books

PRICE = {"model": "*", "input": 1, "output": 1}
HUGE = int("9" * 39)
NOT_PRICES: list[Any] = [-1, 1.5, 1.0, 1e-7, True, False, None, "1", "", [], {}, HUGE, PRICE_MAX + 1, float("nan")]
NOT_CREDITS: list[Any] = [-1, 0.5, True, None, "", "-1", "1e3", "0.0000001", "NaN", "1,5", " 1", "1\n", [], HUGE]
NOT_MOMENTS: list[Any] = [20270101, 2027, 0, 1.5, True, None, "", "soon", "2027-13-01", "2027-02-29", "01/02/2027", []]
NOT_MOMENTS += ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"]  # before year 1, after year 9999
NOT_MODELS: list[Any] = [None, "", 1, True, [], "a" * 101, "a\nb", "\x00"]
PRICE_NAMES = ("input", "output", "cached", "reasoning")
NOT_PRICE_LISTS: list[Any] = [None, {}, 1, "x", PRICE]
NOT_ENTRIES: list[Any] = [None, 1, "x", []]
MALFORMED: list[tuple[str, Any]] = [
    *((f"prices[0].{name}", [PRICE | {name: value}]) for name in PRICE_NAMES for value in NOT_PRICES),
    *(("prices[0].per_request", [PRICE | {"per_request": value}]) for value in NOT_CREDITS),
    *(("prices[0].from", [PRICE | {"from": value}]) for value in NOT_MOMENTS),
    *(("prices[0].model", [PRICE | {"model": value}]) for value in NOT_MODELS),
    *(("prices[1]", [PRICE, entry]) for entry in NOT_ENTRIES),
    *(("prices", prices) for prices in NOT_PRICE_LISTS),
    *((f"prices[1].{gone}", [PRICE, {n: v for n, v in PRICE.items() if n != gone}]) for gone in PRICE),
    ("prices[0].price", [PRICE | {"price": 1}]),
    ("prices[1].from", [PRICE, PRICE]),
    ("prices[1].from", [PRICE, PRICE | {"from": "1970-01-01"}]),
    ("prices[2].from", [PRICE, PRICE | {"from": "2027-01-01"}, PRICE | {"from": "2027-01-01T01:00:00+01:00"}]),
]


@pytest.mark.parametrize(("path", "value"), MALFORMED, ids=[f"{path}-{n}" for n, (path, _) in enumerate(MALFORMED)])
def test_case_09_case_26_a_malformed_price_is_refused_with_its_path(path: str, value: Any) -> None:
    """bool, float, NaN, negative, 39 digits, text, twice, no date: never a price; the message begins with the field."""
    with pytest.raises(RulesError) as refused:
        parse("prices", value)
    assert str(refused.value).startswith((path + " ", path + ":")), str(refused.value)


def table(*entries: dict[str, Any]) -> PriceTable:
    return parse("prices", [PRICE | entry for entry in entries])


def input_price(prices: PriceTable, model: str, now_s: float = 0) -> int:
    return prices.at(model, now_s).input


def test_the_first_pattern_that_matches_counts() -> None:
    """In the order written: a wide pattern before a narrow one hides it."""
    prices = table({"model": "gpt-4o"}, {"model": "gpt-4*", "input": 2}, {"model": "*", "input": 3})
    assert [input_price(prices, name) for name in ("gpt-4o", "gpt-4o-mini", "gpt-4", "llama")] == [1, 2, 2, 3]
    wide = table({"model": "*", "input": 3}, {"model": "gpt-4o"})
    assert input_price(wide, "gpt-4o") == 3


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("m-?", ["m-1", "m-x"], ["m-", "m-10", "M-1"]),
        ("m-*", ["m-", "m-large"], ["M-large", "xm-1"]),
        ("*-mini", ["a-mini", "-mini"], ["a-mini-2", "a-MINI"]),
        ("a[b]", ["a[b]"], ["ab"]),
        ("a[!b]*", ["a[!b]", "a[!b]c"], ["ac"]),
        ("a.b", ["a.b"], ["aXb"]),
    ],
)
def test_a_star_is_any_text_and_a_question_mark_one_character(pattern: str, yes: list[str], no: list[str]) -> None:
    """Nothing else is special, and case matters."""
    prices = table({"model": pattern})
    assert [input_price(prices, name) for name in yes] == [1] * len(yes)
    for name in no:
        with pytest.raises(NotPriced):
            prices.at(name, 0)


FROM = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
DATED = (
    {"from": "2027-06-01T12:00:00+02:00", "input": 3},
    {"model": "*", "input": 1},
    {"from": "2027-01-01", "input": 2},
)


def test_versions_switch_exactly_at_their_moment() -> None:
    """One second before, the old price; at the moment, the new one; in whatever order they stand, zones included."""
    june = datetime(2027, 6, 1, 10, tzinfo=UTC).timestamp()
    for entries in (DATED, DATED[::-1]):
        prices = table(*entries)
        moments = (0, FROM - 1, FROM - 0.001, FROM, june - 1, june, june + 10**9)
        assert [input_price(prices, "m", now) for now in moments] == [1, 1, 1, 2, 2, 3, 3]
    assert prices.at("m", FROM).version == "*@2027-01-01T00:00Z/2/1/2/0"
    assert prices.at("m", june).version == "*@2027-06-01T10:00Z/3/1/3/0"
    assert prices.at("m", 0).version == "*/1/1/1/0"


def test_before_its_first_version_a_model_has_no_price() -> None:
    """The first pattern counts even where none of its versions has begun: no wider one takes its place."""
    prices = table({"model": "m-*", "from": "2027-01-01"}, {"model": "*", "input": 9})
    with pytest.raises(NotPriced):
        prices.at("m-1", FROM - 1)
    assert (input_price(prices, "m-1", FROM), input_price(prices, "other", FROM - 1)) == (1, 9)


async def test_a_request_pays_the_version_of_the_moment_it_is_admitted(books: Books) -> None:
    """One second before the switch a ticket has the old price, at the switch the new one, in a gate that runs."""
    entries = [PRICE, PRICE | {"from": "2027-06-01", "input": 2}]
    made = rules.of(settings_module.read({"RULES": json.dumps({"prices": entries})}))
    callers = Callers()
    gate = Gate(books.ledger, made, callers, hold_expiry_s=60)
    key, _ = await books.customer(paid=10**6)
    prepared = prepare("/v1/chat/completions", json.dumps({"messages": HELLO}).encode(), 10, 10)
    moment = datetime(2027, 6, 1, tzinfo=UTC).timestamp()
    versions = []
    for now in (moment - 1, moment):
        books.clock.time_s = now
        caller = await callers.look_up(books.ledger, key)
        versions.append((await gate.admit(caller, key, "m", prepared, None)).price.version)
    assert versions == ["*/1/1/1/0", "*@2027-06-01T00:00Z/2/1/2/0"]


amounts = st.integers(0, PRICE_MAX)
tokens = st.integers(0, TOKENS_MAX)


@given(amounts, amounts, amounts, st.integers(0, 10**24), tokens, tokens, tokens)
def test_case_09_a_cost_is_exactly_the_sum_of_its_parts(
    tokens_in: int, tokens_out: int, cached: int, request: int, new: int, hit: int, out: int
) -> None:
    """Request, new input, cached input and output, each times its price, in whole numbers; it fits into DynamoDB."""
    cached = min(cached, tokens_in)
    per_request = f"{request // 10**6}.{request % 10**6:06}"
    price = table({"input": tokens_in, "output": tokens_out, "cached": cached, "per_request": per_request}).at("m", 0)
    cost = price.cost(Usage(new + hit, out, hit))
    assert cost == request + new * tokens_in + hit * cached + out * tokens_out
    assert type(cost) is int
    assert len(str(cost)) <= 38
    assert price.version == f"*/{tokens_in}/{tokens_out}/{cached}/{request}"


@given(st.floats() | st.booleans() | st.text(max_size=3) | st.integers(max_value=-1) | st.integers(PRICE_MAX + 1))
def test_case_09_nothing_but_a_whole_number_is_a_price(value: Any) -> None:
    """Whatever else comes is refused, for each of the four prices."""
    for name in PRICE_NAMES:
        with pytest.raises(RulesError, match=rf"^prices\[0\]\.{name} "):
            table({name: value})


def test_cached_input_is_never_dearer_than_input() -> None:
    """A hold covers the input at its price: one microcredit more for cached input is refused, the same is not."""
    assert table({"input": 5, "cached": 5}).at("m", 0).cached == 5
    with pytest.raises(RulesError, match=r"^prices\[0\]\.cached must be a whole number between 0 and 5"):
        table({"input": 5, "cached": 6})


def test_cached_input_costs_as_much_as_input_where_nothing_is_said() -> None:
    """`cached` left out is `input`; 0 is free."""
    assert table({"input": 7}).at("m", 0).cached == 7
    assert table({"input": 7, "cached": 0}).at("m", 0).cached == 0


def test_reasoning_costs_as_much_as_output_where_nothing_is_said() -> None:
    """`reasoning` left out is `output`, and the version says nothing of it; 0 is free, and told."""
    plain, free = (table(more | {"output": 7}).at("m", 0) for more in ({}, {"reasoning": 0}))
    used = Usage(0, 10, 0, 4)
    assert (plain.cost(used), plain.version) == (70, "*/1/7/1/0")
    assert (free.cost(used), free.version) == (42, "*/1/7/1/0/0")


def test_reasoning_is_never_dearer_than_output() -> None:
    """A hold covers the output at its price: one microcredit more for reasoning is refused, the same is not."""
    assert table({"output": 5, "reasoning": 5}).at("m", 0).reasoning == 5
    with pytest.raises(RulesError, match=r"^prices\[0\]\.reasoning must be a whole number between 0 and 5"):
        table({"output": 5, "reasoning": 6})


@given(amounts, amounts, tokens, tokens)
def test_case_09_reasoning_is_charged_apart_and_exactly(output: int, thought: int, said: int, thinking: int) -> None:
    """What the model said and what it thought, each times its price; never above what the output alone would cost."""
    thought = min(thought, output)
    price = table({"output": output, "reasoning": thought}).at("m", 0)
    cost = price.cost(Usage(0, said + thinking, 0, thinking))
    assert cost == said * output + thinking * thought
    assert cost <= price.cost(Usage(0, said + thinking))


def test_a_table_without_entries_costs_nothing() -> None:
    """Any model is served, by the version `free`; this is how a project without prices is."""
    price = parse("prices", []).at("whatever", 0)
    assert (price.version, price.cost(Usage(10**9, 10**9, 10**9, 10**9))) == ("free", 0)


# What RULES of the fixture `priced` make of a usage of 11 tokens in, 4 of them cached, and 3 out.
USED = usage(11, 3) | {"prompt_tokens_details": {"cached_tokens": 4}}
COST = 0.25 + (11 - 4) * 2 + 4 * 0.5 + 3 * 7


@pytest.mark.parametrize("stream", [False, True])
def test_request_input_cached_input_and_output_are_charged_apart(priced: Stage, stream: bool) -> None:
    """Through the front door, to the microcredit, in one piece and streamed; the receipt names pattern and version."""
    answer = events(chunk("a"), chunk(), chunk(choices=[], usage=USED)) if stream else None
    priced.upstream.play(answer or (lambda call: call.answer(whole(usage=USED))))
    assert priced.chat(stream=stream, max_tokens=5).status == 200
    receipt = priced.receipt()
    assert receipt["credits"] == COST
    assert (receipt["input_tokens"], receipt["cached_tokens"], receipt["output_tokens"]) == (11, 4, 3)
    assert receipt["price"] == "m-*@2020-01-01T00:00Z/2000000/7000000/500000/250000"
    spent = int(account_item(priced.gateway, priced.key)["spent"]["N"])
    assert spent == 250_000 + 7 * 2_000_000 + 4 * 500_000 + 3 * 7_000_000


def test_a_request_that_used_nothing_pays_the_price_of_a_request(priced: Stage) -> None:
    """No token in, none out: what one request costs remains."""
    priced.upstream.play(lambda call: call.answer(whole(usage=usage(0, 0))))
    assert priced.chat(max_tokens=5).status == 200
    assert priced.receipt()["credits"] == 0.25


@pytest.mark.parametrize("stream", [False, True])
def test_case_26_a_model_without_a_price_is_refused(unpriced: Stage, stream: bool) -> None:
    """403 `model_not_priced`, for the owner of credits too: nothing is held, counted, forwarded or charged."""
    item = account_item(unpriced.gateway, unpriced.key)
    answer = unpriced.chat(stream=stream)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (403, "model_not_priced", "model")
    assert answer.error["message"] == "There is no price for the model 'm-1', so it is not served."
    assert unpriced.upstream.calls == []
    assert unpriced.untouched()
    assert account_item(unpriced.gateway, unpriced.key) == item
