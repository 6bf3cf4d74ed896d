"""Limits at the front door: exact, across processes, by address and by account."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.forward.stage import HELLO, account_item
from tests.stand import Answer, RunningGateway, StartGateway, wait_until

CHAT = "/v1/chat/completions"
LIMIT = 7


@pytest.fixture(scope="module")
def upstream() -> Any:
    with scripted_upstream() as made:
        yield made


Two = Callable[..., list[RunningGateway]]


@pytest.fixture
def two(start_gateway: StartGateway, upstream: ScriptedUpstream) -> Two:
    """Two gateway processes that share their tables."""

    def start(**settings: str) -> list[RunningGateway]:
        return [start_gateway(LLAMA_BASE_URL=upstream.url, **settings) for _ in range(2)]

    return start


def early_in_a_minute() -> None:
    """Wait until no minute ends within the next 14 s: what follows is counted in one."""
    wait_until(lambda: time.time() % 60 < 46, "a minute begins", within_s=40)


def chat(gateway: RunningGateway, key: str, **headers: str) -> Answer:
    return gateway.request("POST", CHAT, {"messages": HELLO, "max_tokens": 1}, key=key, headers=headers)


def at_once(gateways: list[RunningGateway], keys: list[str], times: int) -> list[Answer]:
    """So many chats at the same time, spread over processes and keys."""
    with ThreadPoolExecutor(max_workers=times) as pool:
        asked = [
            pool.submit(chat, gateways[turn % len(gateways)], keys[turn // len(gateways) % len(keys)])
            for turn in range(times)
        ]
        return [answer.result() for answer in asked]


def check_full(answer: Answer) -> None:
    """A 429 says which limit, and when to come back."""
    assert (answer.status, answer.error["type"], answer.error["code"]) == (
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert answer.headers["x-ratelimit-limit-requests"] == str(LIMIT)
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"] == f"{answer.headers['retry-after']}s"


def test_the_limit_of_an_account_is_exact_across_processes(two: Two) -> None:
    """Of many requests at once through two processes exactly the limit is served."""
    gateways = two(INFERENCE_USER_RATE_LIMIT=str(LIMIT))
    key = gateways[0].key()
    early_in_a_minute()
    answers = at_once(gateways, [key], 24)
    assert Counter(answer.status for answer in answers) == {200: LIMIT, 429: 24 - LIMIT}
    check_full(next(answer for answer in answers if answer.status == 429))
    assert len(gateways[0].account(key)["receipts"]) == LIMIT


def test_the_limit_of_an_address_is_exact_across_processes(two: Two) -> None:
    """The same for one address with several accounts."""
    gateways = two(INFERENCE_IP_RATE_LIMIT=str(LIMIT))
    keys = [gateways[0].key() for _ in range(3)]
    early_in_a_minute()
    answers = at_once(gateways, keys, 24)
    assert Counter(answer.status for answer in answers) == {200: LIMIT, 429: 24 - LIMIT}
    check_full(next(answer for answer in answers if answer.status == 429))


def test_remaining_requests_are_counted_down(two: Two) -> None:
    """Every answer tells the limit and how many requests are left in it."""
    gateways = two(INFERENCE_USER_RATE_LIMIT=str(LIMIT))
    key = gateways[0].key()
    early_in_a_minute()
    answers = [chat(gateways[turn % 2], key) for turn in range(LIMIT + 1)]
    told = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert told == [str(left) for left in range(LIMIT - 1, -1, -1)] + ["0"]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {str(LIMIT)}


def test_an_address_is_counted_before_its_key_is_looked_at(two: Two) -> None:
    """Requests without a good key count, and once the address is full they are 429, not 401."""
    gateways = two(INFERENCE_IP_RATE_LIMIT=str(LIMIT))
    key = gateways[0].key()
    early_in_a_minute()
    unknown = "sk-" + "A" * 43
    statuses = [chat(gateways[turn % 2], unknown).status for turn in range(LIMIT)]
    assert statuses == [401] * LIMIT
    for asked in (unknown, "", key):
        check_full(chat(gateways[0], asked))
    assert gateways[0].request("GET", "/v1/models", key=key).status == 429
    assert gateways[1].request("GET", "/account", key=key).status == 429


def test_a_request_refused_for_its_address_costs_nothing(two: Two) -> None:
    """A key that a process knows is refused all the same when its address is full, and its hold is given back."""
    first, second = two(INFERENCE_IP_RATE_LIMIT=str(LIMIT))
    key = first.key()
    early_in_a_minute()
    assert chat(first, key).status == 200
    for _ in range(LIMIT - 1):
        chat(second, "sk-" + "A" * 43)
    check_full(chat(first, key))
    item = account_item(first, key)
    assert (item["holds"], item["spent"]) == ({"M": {}}, {"N": "7000000"})


@pytest.mark.parametrize("reissue", ["immediate", "on_first_use"])
def test_case_19_a_second_key_does_not_multiply_a_limit(two: Two, reissue: str) -> None:
    """The limit is the account's: a new key begins where the old one stood."""
    gateways = two(INFERENCE_USER_RATE_LIMIT=str(LIMIT), KEY_REISSUE=reissue)
    old = gateways[0].register("twice@farebox.test")
    early_in_a_minute()
    assert {answer.status for answer in at_once(gateways, [old], LIMIT - 2)} == {200}
    new = gateways[1].register("twice@farebox.test")
    answers = at_once(gateways, [new], 6)
    assert Counter(answer.status for answer in answers) == {200: 2, 429: 4}


FORGED = {
    "X-Forwarded-For": "203.0.113.{}",
    "X-Real-Ip": "203.0.113.{}",
    "Forwarded": "for=203.0.113.{}",
    "X-Client-Ip": "203.0.113.{}",
    "X-Amzn-Request-Context": '{{"identity": {{"sourceIp": "203.0.113.{}"}}}}',
}


@pytest.mark.parametrize("name", FORGED)
def test_an_address_cannot_be_forged(start_gateway: StartGateway, upstream: ScriptedUpstream, name: str) -> None:
    """Without TRUSTED_HOPS, and outside Lambda, no header of a client changes what it counts under."""
    gateway = start_gateway(LLAMA_BASE_URL=upstream.url, INFERENCE_IP_RATE_LIMIT="3")
    key = gateway.key()
    early_in_a_minute()
    statuses = [chat(gateway, key, **{name: FORGED[name].format(turn)}).status for turn in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    rest = gateway.request("GET", "/account", key=key, headers={name: FORGED[name].format(9)})
    assert rest.status == 429


def test_behind_a_trusted_proxy_the_last_hop_counts(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    """With TRUSTED_HOPS the address that our own proxy saw counts; what the client wrote before it does not."""
    gateway = start_gateway(LLAMA_BASE_URL=upstream.url, INFERENCE_IP_RATE_LIMIT="2", TRUSTED_HOPS="1")
    key = gateway.key()
    early_in_a_minute()

    def status(forwarded: str) -> int:
        return chat(gateway, key, **{"X-Forwarded-For": forwarded}).status

    assert [status(f"198.51.100.{turn}, 203.0.113.1") for turn in range(3)] == [200, 200, 429]
    assert [status("203.0.113.2"), status("203.0.113.2"), status("203.0.113.2")] == [200, 200, 429]
    assert [status(f"2001:db8:1:2::{turn}") for turn in range(3)] == [200, 200, 429]
    assert status("2001:db8:1:3::1") == 200
