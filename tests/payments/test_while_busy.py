"""Purchases beside requests: they take nothing from each other, and none fails (rule 8)."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.forward.scripted_upstream import Call, plain
from tests.payments.proof import Proof
from tests.payments.shop import PROVIDERS, STARTER, Market
from tests.projects.shop import CHAT, HELLO

BUSY = 8
PURCHASES = 20


def test_purchases_while_the_account_serves_8_requests_at_once_all_succeed(market: Market) -> None:
    """20 are bought and paid, some given back in part, each event taken as it first comes; no request fails."""
    key, over = market.gateway.key(), threading.Event()
    statuses: Counter[int] = Counter()
    bought: list[Proof] = []

    def takes_its_time(call: Call) -> None:
        time.sleep(0.15)
        plain(call)

    def chat(number: int) -> None:
        gateway = (market.gateway, market.other)[number % 2]
        while not over.is_set():
            answer = gateway.request("POST", CHAT, {"messages": HELLO, "max_tokens": 5}, key=key)
            statuses[answer.status] += 1

    market.projects.first.play(takes_its_time)
    with ThreadPoolExecutor(BUSY) as pool:
        running = [pool.submit(chat, number) for number in range(BUSY)]
        try:
            for number in range(PURCHASES):
                provider = PROVIDERS[number % len(PROVIDERS)]
                _, reference = market.buy(provider, key)
                market.pay(provider, reference)
                bought.append(Proof(market, provider, reference))
                if provider == "stripe":
                    for answer in market.deliver(provider, market.standins[provider].refund(reference, 10), other=True):
                        assert answer.status == 200, answer.body
        finally:
            over.set()
    assert all(one.result() is None for one in running)
    assert set(statuses) == {200}
    assert statuses[200] > 2 * PURCHASES, "it was not busy"
    for proof in bought:
        proof.holds("paid", *(["refund"] if proof.provider == "stripe" else []))
    given_back = PURCHASES // len(PROVIDERS) * STARTER // 5
    assert market.paid(key) == PURCHASES * STARTER - given_back
