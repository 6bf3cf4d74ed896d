"""The function's time runs out: what is left of it is watched, and the next read heals what it could not finish."""

import http.client
import json
import threading
import time
from collections.abc import Iterator

import pytest

from tests import stand
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, scripted_upstream
from tests.ledger.faulty_proxy import Fault, FaultyProxy, faulty_proxy, is_receipt
from tests.ledger.front_door import CHAT, Customer, new_customer, outcomes
from tests.stand import Answer

LEFT_S = 11.5
"""Of the function's time: 10 s of it are kept for the settle."""


def on_lambda(left_s: float) -> dict[str, str]:
    """What AWS Lambda Web Adapter tells of an invocation that is ended in so many seconds."""
    return {
        "x-amzn-request-context": json.dumps({"identity": {"sourceIp": "192.0.2.7"}}),
        "x-amzn-lambda-context": json.dumps({"deadline": int((time.time() + left_s) * 1000)}),
    }


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as made:
        yield made


@pytest.fixture(scope="module")
def proxy(dynamodb_url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(dynamodb_url) as made:
        yield made


@pytest.fixture
def customer(upstream: ScriptedUpstream, proxy: FaultyProxy, start_gateway: stand.StartGateway) -> Customer:
    """In front of a function on Lambda, whose holds live for 40 s."""
    gateway = start_gateway(
        LLAMA_BASE_URL=upstream.url,
        DYNAMODB_ENDPOINT_URL=proxy.url,
        HOLD_EXPIRY_S="40",
        LEDGER_TIMEOUT_S="0.5",
        AWS_LAMBDA_FUNCTION_NAME="stream",
    )
    return new_customer(gateway, upstream)


def ask(customer: Customer, left_s: float, *, stream: bool) -> Answer:
    return customer.gateway.request(
        "POST", "/v1/chat/completions", CHAT | {"stream": stream}, customer.key, on_lambda(left_s)
    )


def one_event_and_silence(call: Call) -> None:
    call.stream()
    call.event(chunk("Hello"))
    call.wait_gone()


def silence(call: Call) -> None:
    call.wait_gone()


def test_case_30_a_stream_ends_while_there_is_time_to_settle(customer: Customer) -> None:
    """1.5 s before the reserve begins: the client is told, what came is charged, and the hold is gone."""
    customer.upstream.play(one_event_and_silence)
    began_s = time.monotonic()
    answer = ask(customer, LEFT_S, stream=True)
    took_s = time.monotonic() - began_s
    assert b"provider_timed_out" in answer.body
    assert 1 < took_s < LEFT_S - 5
    shown = customer.settled()
    assert outcomes(shown) == ["timed_out"]


@pytest.mark.parametrize("stream", [True, False])
def test_case_30_with_no_time_left_nothing_is_forwarded_or_charged(customer: Customer, stream: bool) -> None:
    """A function that has only its reserve left answers 504 at once."""
    calls = len(customer.upstream.calls)
    answer = ask(customer, 5, stream=stream)
    assert (answer.status, answer.error["code"]) == (504, "provider_timed_out")
    assert len(customer.upstream.calls) == calls
    assert customer.settled(0)["receipts"] == []


def test_case_30_an_answer_in_one_piece_that_does_not_come_in_time_costs_nothing(customer: Customer) -> None:
    """The provider is let go, and the hold is given back while there is time."""
    customer.upstream.play(silence)
    answer = ask(customer, LEFT_S, stream=False)
    assert (answer.status, answer.error["code"]) == (504, "provider_timed_out")
    assert customer.settled(0)["receipts"] == []


def test_case_30_a_settle_that_time_ran_out_for_is_healed_by_the_next_read(
    proxy: FaultyProxy, upstream: ScriptedUpstream, start_gateway: stand.StartGateway
) -> None:
    """The function is ended while its receipt is on its way: the next reader resolves the hold, at no cost."""
    more = {"LLAMA_BASE_URL": upstream.url, "HOLD_EXPIRY_S": "4"}
    ended = start_gateway(DYNAMODB_ENDPOINT_URL=proxy.url, **more)
    customer = new_customer(ended, upstream)
    customer.upstream.play(one_event_and_silence)
    proxy.arm(is_receipt, Fault.BLOCK, times=10)
    with pytest.raises(http.client.IncompleteRead):
        kill_when_blocked(customer, proxy)
    proxy.disarm()
    customer.gateway = start_gateway(**more)
    assert outcomes(customer.settled(0)) == ["expired"]


def kill_when_blocked(customer: Customer, proxy: FaultyProxy) -> None:
    """Ask, and end the gateway when its receipt was sent but has not arrived."""

    def kill() -> None:
        proxy.blocked.wait(20)
        customer.gateway.process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        customer.chat(stream=True)
    finally:
        killer.join()
