"""The store of a limit is down: closed, not open."""

from collections.abc import Iterator

import pytest

from tests import stand
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.ledger.faulty_proxy import Fault, FaultyProxy, Match, Operation, faulty_proxy, is_count
from tests.ledger.front_door import CHAT, CHAT_CREDITS, Customer, new_customer

RULES = '{"limits": {"project": {"day": 1000}}}'


def is_address(operation: Operation) -> bool:
    return is_count(operation) and b'"ip/' in operation.body


def is_project(operation: Operation) -> bool:
    return is_count(operation) and b'"project/' in operation.body


def is_claim(operation: Operation) -> bool:
    return operation.name == "PutItem" and operation.is_on("claims")


STORES: dict[str, Match] = {"address": is_address, "project": is_project, "claim": is_claim}


@pytest.fixture(scope="module")
def proxy(dynamodb_url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(dynamodb_url) as made:
        yield made


@pytest.fixture(scope="module")
def customer(dynamodb_url: str, proxy: FaultyProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Customer]:
    """An account whose requests are counted by address and by project, and carry an Idempotency-Key."""
    with scripted_upstream() as upstream, stand.gateways(dynamodb_url, tmp_path_factory.mktemp("closed")) as start:
        upstream.play(plain)
        gateway = start(
            LLAMA_BASE_URL=upstream.url, DYNAMODB_ENDPOINT_URL=proxy.url, LEDGER_TIMEOUT_S="0.3", RULES=RULES
        )
        yield new_customer(gateway, upstream)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.THROTTLE, Fault.FAIL, Fault.DROP_ANSWER])
def test_case_35_without_its_store_a_limit_lets_nobody_in(
    customer: Customer, proxy: FaultyProxy, store: str, fault: Fault
) -> None:
    """503, nothing forwarded, nothing held or charged; and when the store is back the same request is served."""
    headers = {"Idempotency-Key": f"{store} {fault.name}"}
    calls, spent = len(customer.upstream.calls), customer.settled()["balance"]["spent"]
    proxy.arm(STORES[store], fault, times=10_000)
    answer = customer.gateway.request("POST", "/v1/chat/completions", CHAT, customer.key, headers)
    assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
    assert len(customer.upstream.calls) == calls
    proxy.disarm()
    assert customer.settled(spent)
    again = customer.gateway.request("POST", "/v1/chat/completions", CHAT, customer.key, headers)
    assert again.status == 200
    assert customer.settled(spent + CHAT_CREDITS)
