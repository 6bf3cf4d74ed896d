"""The same events many times at once, in any order, to processes that die: credited once, reversed once (case 12)."""

import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from functions.ledger.tables import drive
from functions.payments import connections
from functions.payments.synchronize import synchronize
from tests.ledger.faulty_proxy import Fault, Operation, faulty_proxy
from tests.payments.proof import Proof
from tests.payments.shop import PROVIDERS, STARTER, Market
from tests.payments.standins.base import Delivery
from tests.stand import Answer, RunningGateway, wait_until

TIMES = 50
TRIES_MAX = 20
BROKE_OFF = (OSError, HTTPException)
"""What the sender of an event gets from a gateway that was killed."""


def crowd(market: Market, provider: str, deliveries: list[Delivery]) -> Counter[int]:
    """Send events to two gateways, 16 at a time; each until it is acknowledged, as a provider does."""
    statuses: Counter[int] = Counter()

    def send(numbered: tuple[int, Delivery]) -> Answer:
        number, delivery = numbered
        for attempt in range(TRIES_MAX):
            (answer,) = market.deliver(provider, [delivery], other=(number + attempt) % 2 == 0)
            statuses[answer.status] += 1
            if answer.status == 200:
                return answer
        raise AssertionError(f"never acknowledged: {answer.body!r}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, enumerate(deliveries)))
    return statuses


@pytest.mark.parametrize("provider", PROVIDERS)
def test_case_12_an_event_50_times_at_once_beside_its_refunds(market: Market, provider: str) -> None:
    """To two processes, in any order with the events of two refunds: paid once, all of it taken back, drift 0."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    events = standin.pay(reference)
    events += standin.refund(reference, 20) + standin.refund(reference, 30)
    mixed = (events * TIMES)[:TIMES]
    random.Random(provider).shuffle(mixed)
    assert not set(crowd(market, provider, mixed)) - {200, 503}
    proof = Proof(market, provider, reference)
    proof.holds("paid", "refund")
    assert (proof.order.refunded, proof.order.reversed) == (50, proof.order.credits)
    assert market.paid(key) == 0


@pytest.mark.parametrize("provider", ["stripe", "mollie"])
def test_case_12_many_at_once_while_more_and_more_goes_back(market: Market, provider: str) -> None:
    """The same while the provider's truth moves on: each part is taken once, none is given back by an old answer."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    standin.delay_s = 0.01
    events = standin.pay(reference)
    with ThreadPoolExecutor(1) as pool:
        crowding = pool.submit(crowd, market, provider, (events * 20)[:20])
        for amount in (5, 10, 15):
            more = standin.refund(reference, amount)
            crowd(market, provider, more * 3)
        assert 200 in crowding.result()
    proof = Proof(market, provider, reference)
    assert (proof.order.refunded, market.paid(key)) == (30, STARTER * 20 // 50)
    assert set(proof.history()) == {"paid", "refund"}
    proof.holds(*proof.history())


def test_case_12_threads_that_synchronize_one_order(market: Market) -> None:
    """Eight at the same time, each with a connection of its own to the tables: as on eight Lambda environments."""
    key, standin = market.gateway.key(), market.standins["stripe"]
    _, reference = market.buy("stripe", key)
    standin.pay(reference)
    standin.refund(reference, 20)
    standin.dispute(reference, 30)
    connection = connections.of_settings(market.gateway.settings, "stripe")
    ledgers = [market.gateway.ledger() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda ledger: drive(synchronize(ledger, connection, reference)), ledgers))
    steps = Counter(step for one in found for step in one.steps)
    assert steps <= Counter({"paid": 1, "refund": 1, "dispute": 1})
    Proof(market, "stripe", reference).holds("paid", "refund", "dispute")
    assert market.paid(key) == 0


def is_step(operation: Operation) -> bool:
    """A transaction of a step."""
    return operation.name == "TransactWriteItems" and b"orders" in operation.body


def tell(gateway: RunningGateway, provider: str, event: Delivery) -> Answer:
    return gateway.request("POST", f"/{provider}/webhook", event.body, headers=dict(event.headers))


def dead(gateway: RunningGateway) -> None:
    """SIGKILL: nothing of it runs any further."""
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait(10)


@pytest.mark.parametrize(
    ("fault", "provider"),
    [(Fault.BLOCK, "stripe"), (Fault.DELAY_ANSWER, "polar")],
    ids=["before the write", "after the write"],
)
def test_case_12_a_process_killed_at_a_step_and_events_sent_again(
    market: Market, dynamodb_url: str, fault: Fault, provider: str
) -> None:
    """Never acknowledged unless it is written; killed before or after that; sent again, and the write comes late."""
    key, standin = market.gateway.key(), market.standins[provider]
    _, reference = market.buy(provider, key)
    events = standin.pay(reference)
    proof = Proof(market, provider, reference)
    with faulty_proxy(dynamodb_url) as proxy, ThreadPoolExecutor(1) as pool:
        doomed = market.start(**(market.settings | {"DYNAMODB_ENDPOINT_URL": proxy.url}))
        proxy.arm(is_step, Fault.FAIL, times=1000)
        assert tell(doomed, provider, events[-1]).status == 503
        proof.nothing_happened()
        proxy.arm(is_step, fault)
        sending = pool.submit(tell, doomed, provider, events[-1])
        wait_until(lambda: proxy.struck and (fault is Fault.BLOCK or proof.order.version > 1), "the step")
        dead(doomed)
        assert isinstance(sending.exception(30), BROKE_OFF)
        assert (proof.order.state == "paid") == (fault is Fault.DELAY_ANSWER)
        crowd(market, provider, events * 4)
        proxy.deliver()
        proxy.disarm()
    proof.holds("paid")
    crowd(market, provider, standin.refund(reference, 50) * 4)
    proof.holds("paid", "refund")
    assert market.paid(key) == 0
