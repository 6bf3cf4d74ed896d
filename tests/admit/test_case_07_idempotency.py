"""Case 7: an Idempotency-Key is good for one upstream call and one charge, whoever asks how often and where."""

import json
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import pytest

from functions.admit.gate import repeat
from functions.ledger import journal, tables
from functions.ledger.tables import drive
from tests import stand
from tests.admit.keyed import (
    CREDITS,
    RULES,
    STREAM,
    WHOLE,
    Customer,
    Pair,
    full,
    held_back,
    much_later,
    refused,
    unreachable,
)
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import WAIT_S, plain, scripted_upstream
from tests.forward.stage import CHAT, account_item, ledger_of, new_key
from tests.ledger.arrange import purchase
from tests.stand import wait_until

CROWD = 30
KINDS = pytest.mark.parametrize("body", [WHOLE, STREAM], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def pair(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with (
        scripted_upstream() as upstream,
        stand.gateways(dynamodb_url, tmp_path_factory.mktemp("idempotency")) as start,
    ):
        settings = {"LLAMA_BASE_URL": upstream.url, "RULES": RULES, "TRUSTED_HOPS": "1"}
        yield Pair(start(**settings), start(**settings), start, upstream)


@pytest.fixture
def customer(pair: Pair) -> Customer:
    pair.upstream.play(plain)
    return Customer(pair, new_key(pair.one))


@KINDS
def test_case_07_a_key_that_was_used_names_its_receipt(customer: Customer, body: Any) -> None:
    """The same request again, by any gateway: 409 with the receipt of the first; one upstream call, one charge."""
    first = customer.post("a", body)
    assert first.status == 200
    assert customer.shown()["balance"]["held"] == 0
    before = customer.counted()
    for gateway in (customer.pair.one, customer.pair.two, customer.pair.one):
        again = customer.post("a", body, gateway=gateway)
        assert refused(again, "idempotency_key_used") == first.headers["x-farebox-receipt"]
    assert len(customer.pair.upstream.calls) == 1
    assert customer.counted() == before
    customer.charged()
    assert customer.post("b", body).status == 200
    customer.charged(2)


@KINDS
def test_case_07_while_the_first_runs_the_second_is_told_so(customer: Customer, body: Any) -> None:
    """In progress, without a receipt: it takes no credits, stays in no window, and the first goes on to its end."""
    release = held_back(customer.pair.upstream)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(customer.post, "a", body)
        wait_until(lambda: customer.pair.upstream.calls, "the provider got the request")
        before = customer.counted(), customer.pair.one.account(customer.key)["balance"]
        for gateway in (customer.pair.one, customer.pair.two):
            assert not refused(customer.post("a", body, gateway=gateway), "idempotency_key_in_progress")
            assert not refused(customer.post("a", body | {"seed": 1}, gateway=gateway), "idempotency_key_reused")
        assert (customer.counted(), customer.pair.one.account(customer.key)["balance"]) == before
        release.set()
        assert running.result(WAIT_S).status == 200
    assert len(customer.pair.upstream.calls) == 1
    customer.charged()


def test_case_07_another_body_or_endpoint_is_refused(customer: Customer) -> None:
    """One byte of the body, or the endpoint, makes another request: its key was used for something else."""
    assert customer.post("a").status == 200
    for body in (STREAM, WHOLE | {"max_tokens": 21}, json.dumps(WHOLE) + " "):
        assert not refused(customer.post("a", body), "idempotency_key_reused")
    assert not refused(customer.post("a", {"prompt": "Hi"}, "/v1/completions"), "idempotency_key_reused")
    assert repeat(["a"], "/v1/completions", b"{}") != repeat(["a"], CHAT, b"{}")
    assert len(customer.pair.upstream.calls) == 1
    customer.charged()


@KINDS
def test_case_07_thirty_at_once_over_two_gateways_are_one_call(customer: Customer, body: Any) -> None:
    """Exactly one is forwarded, answered and charged; 29 are told that it runs, or which receipt it has."""
    pair = customer.pair
    release = held_back(pair.upstream)
    with ThreadPoolExecutor(CROWD) as pool:
        answers = [pool.submit(customer.post, "a", body, CHAT, (pair.one, pair.two)[turn % 2]) for turn in range(CROWD)]
        wait_until(lambda: sum(answer.done() for answer in answers) == CROWD - 1, "29 refusals")
        release.set()
        done = [answer.result(WAIT_S) for answer in answers]
    assert sorted(answer.status for answer in done) == [200] + [409] * (CROWD - 1)
    for answer in done:
        assert answer.status == 200 or not refused(answer, "idempotency_key_in_progress")
    assert len(pair.upstream.calls) == 1
    customer.charged()
    assert list(customer.counted()[0].values()) == [1]


def test_case_07_the_same_key_of_another_account_is_another_key(customer: Customer) -> None:
    """A key belongs to its account: nobody is refused, or told a receipt, because of somebody else."""
    stranger = Customer(customer.pair, new_key(customer.pair.one))
    assert customer.post("a").status == stranger.post("a").status == 200
    customer.charged()
    stranger.charged()


@KINDS
def test_case_07_after_a_failure_of_the_provider_the_key_is_free(customer: Customer, body: Any) -> None:
    """Nothing was charged, so the same request may be sent again at once, with another body even."""
    customer.pair.upstream.play(lambda call: call.answer({"error": {"message": "no"}}, 500))
    assert customer.post("a", body).status == 502
    assert customer.post("a", body | {"seed": 2}).status == 502
    customer.pair.upstream.play(plain)
    assert customer.post("a", body, gateway=customer.pair.two).status == 200
    assert refused(customer.post("a", body), "idempotency_key_used")
    customer.charged()


def test_case_07_after_a_402_the_key_is_free(customer: Customer) -> None:
    """A request that the credits did not cover may be sent again when there are more."""
    poor = Customer(customer.pair, new_key(customer.pair.one, 5), 5 + CREDITS)
    assert poor.post("a").status == 402
    item = account_item(customer.pair.one, poor.key)
    drive(journal.enter(ledger_of(customer.pair.one), item["account_id"]["S"], purchase(CREDITS * 10**6)))
    assert poor.post("a").status == 200
    poor.charged()


@pytest.mark.parametrize("of", ["the account", "the project", "the address"])
def test_case_07_after_a_429_the_key_is_free(customer: Customer, of: str) -> None:
    """A request that a full window refused may be sent again where there is room; it was counted nowhere."""
    customer.address = f"203.0.113.{len(of)}"
    assert customer.post("known").status == 200
    before = customer.counted()
    with full(customer.pair.one, customer.key, of):
        assert customer.post("a").error["code"] == "rate_limit_exceeded"
        assert customer.post("a", STREAM).error["code"] == "rate_limit_exceeded"
    assert customer.counted() == before
    customer.address = ""
    assert customer.post("a", gateway=customer.pair.two).status == 200
    assert refused(customer.post("a"), "idempotency_key_used")
    customer.charged(2)


def test_case_07_after_a_client_left_before_the_provider_was_reached_the_key_is_free(customer: Customer) -> None:
    """Nothing was forwarded, so nothing was charged, and the next request with this key is the first."""
    with unreachable() as url:
        hanging = customer.pair.start(LLAMA_BASE_URL=url, RULES=RULES, UPSTREAM_CONNECT_TIMEOUT_S="20")
        with raw_client(hanging.url) as client:
            client.post(CHAT, WHOLE, customer.key, "Idempotency-Key: a")
            wait_until(lambda: hanging.account(customer.key)["balance"]["held"], "the request is admitted")
            assert not refused(customer.post("a"), "idempotency_key_in_progress")
        assert not customer.shown()["receipts"]
    wait_until(lambda: customer.post("a").status == 200, "the key is free", 5)
    customer.charged()


def test_case_07_a_killed_process_keeps_its_keys_until_its_holds_are_over(customer: Customer) -> None:
    """In progress while it might still be charged; then one of many goes on, and the dead one is never charged."""
    pair = customer.pair
    dying = pair.start(LLAMA_BASE_URL=pair.upstream.url, RULES=RULES)
    release = held_back(pair.upstream)
    bodies = {"a": WHOLE, "b": STREAM}
    with ThreadPoolExecutor(12) as pool:
        dead = [pool.submit(customer.post, name, body, CHAT, dying) for name, body in bodies.items()]
        wait_until(lambda: len(pair.upstream.calls) == 2, "the provider got the requests")
        dying.process.send_signal(signal.SIGKILL)
        assert all(isinstance(answer.exception(WAIT_S), OSError | HTTPException) for answer in dead)
        release.set()
        for name, body in bodies.items():
            assert not refused(customer.post(name, body), "idempotency_key_in_progress")
        much_later(pair.one, customer.key)
        pair.upstream.play(plain)
        sent = [
            pool.submit(customer.post, name, body, CHAT, gateway)
            for name, body in bodies.items()
            for gateway in (pair.one, pair.two) * 3
        ]
        statuses = [answer.result(WAIT_S).status for answer in sent]
    assert sorted(statuses) == [200] * 2 + [409] * 10
    assert len(pair.upstream.calls) == 2
    for name, body in bodies.items():
        assert refused(customer.post(name, body), "idempotency_key_used")
    customer.charged(2)
    assert sorted(receipt["outcome"] for receipt in customer.shown()["receipts"]) == ["completed"] * 2 + ["expired"] * 2


def test_case_07_neither_key_nor_body_are_in_any_table(customer: Customer) -> None:
    """Hashes are stored, and nothing that says what was asked, or under which name."""
    ledger, name, prompt = ledger_of(customer.pair.one), secrets.token_hex(8), secrets.token_hex(8)
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 20}
    assert customer.post(name, body).status == 200
    assert refused(customer.post(name, body), "idempotency_key_used")
    account = account_item(customer.pair.one, customer.key)["account_id"]["S"]
    seen = 0
    for table in tables.TABLES:
        request = {"TableName": ledger.table(table.__name__.lower()), "ConsistentRead": True}
        stored = str(drive(ledger.read("Scan", request))["Items"])
        assert name not in stored
        assert prompt not in stored
        seen += account in stored
    assert seen >= 4, "the account stands in several tables, so they were read"


@pytest.mark.parametrize(
    "lines",
    [[""], ["  "], ["a" * 256], ["caf\u00e9"], ["a\tb"], ["a", "b"], ["a", "a "], ["", "a"]],
    ids=["empty", "blank", "too long", "not ASCII", "a tab", "two", "two of which one ends in a blank", "an empty one"],
)
def test_case_07_a_malformed_key_is_refused(customer: Customer, lines: list[str]) -> None:
    """400 that names the header; nothing is forwarded, held or claimed."""
    with raw_client(customer.pair.one.url) as client:
        client.post(CHAT, WHOLE, customer.key, *(f"Idempotency-Key: {line}" for line in lines), "Connection: close")
        head, _, error = client.rest().partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert json.loads(error)["error"]["param"] == "idempotency-key"
    assert customer.pair.upstream.calls == []
    assert customer.counted()[0] == {}
    customer.charged(0)


def test_case_07_the_longest_key_is_a_key(customer: Customer) -> None:
    """255 characters, blanks and signs included."""
    name = ("~ key! " * 40)[:255]
    assert customer.post(name).status == 200
    assert refused(customer.post(name), "idempotency_key_used")
    assert customer.post(name[:-1] + "?").status == 200
