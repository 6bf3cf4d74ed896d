"""200 requests at once, and gateways that die in the middle, through real processes (Holds-3 and Holds-5)."""

import asyncio
import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import aiohttp
import pytest

from functions.forward.llama import prepare
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, plain, scripted_upstream
from tests.ledger.faulty_proxy import Fault, faulty_proxy, is_settle
from tests.ledger.front_door import CHAT, CHAT_CREDITS, Customer, new_customer, outcomes
from tests.stand import RunningGateway, StartGateway, wait_until

CROWD = 200
COVERED = 5
TRIAL = 100_000
TEMPLATE_TOKENS = 256
BROKE_OFF = (OSError, HTTPException)
"""What the client of a gateway that was killed gets from the standard library."""


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as playing:
        yield playing


def dead(gateway: RunningGateway) -> None:
    """SIGKILL: nothing of it runs any further."""
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait(10)


async def rush(customer: Customer, bodies: list[bytes], refused: Counter[int]) -> list[int]:
    """All requests at once; the status of each, and of the refused as soon as they are."""
    headers = {"authorization": f"Bearer {customer.key}", "content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0)

    async def one(body: bytes) -> int:
        url = customer.gateway.url + "/v1/chat/completions"
        async with session.post(url, data=body, headers=headers) as response:
            if response.status != 200:
                refused[response.status] += 1
            await response.read()
            return response.status

    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(one(body) for body in bodies))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_case_02_of_200_parallel_requests_those_the_credits_cover_are_answered(
    start_gateway: StartGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    """Credits for 5, 200 at once, all truly open at the same time: 5 are forwarded, 195 refused, nothing is below 0."""
    release = threading.Event()

    def held_open(call: Call) -> None:
        release.wait(60)
        plain(call)

    upstream.play(held_open)
    body = json.dumps(CHAT | {"max_tokens": 1, "stream": stream}).encode()
    cost = prepare("/v1/chat/completions", body, 2048, TEMPLATE_TOKENS).input_bound + 1
    gateway = start_gateway(LLAMA_BASE_URL=upstream.url, LLAMA_TEMPLATE_TOKENS=str(TEMPLATE_TOKENS))
    customer = new_customer(gateway, upstream, COVERED * cost)
    refused: Counter[int] = Counter()
    with ThreadPoolExecutor(1) as pool:
        rushing = pool.submit(lambda: asyncio.run(rush(customer, [body] * CROWD, refused)))
        try:
            wait_until(lambda: sum(refused.values()) == CROWD - COVERED, "the refusals")
            wait_until(lambda: len(upstream.calls) >= COVERED, "the calls upstream")
            balance = gateway.account(customer.key)["balance"]
            assert (balance["held"], balance["available"]) == (COVERED * cost, 0)
        finally:
            release.set()
        statuses = Counter(rushing.result(60))
    assert statuses[200] == COVERED == len(upstream.calls)
    assert set(refused) <= {402, 429}
    shown = customer.settled(COVERED * CHAT_CREDITS)
    assert outcomes(shown) == ["completed"] * COVERED


@pytest.mark.parametrize("events", [0, 1], ids=["before its first event", "after an event"])
def test_case_03_a_gateway_killed_in_the_middle_of_a_stream_loses_and_makes_no_credit(
    start_gateway: StartGateway, upstream: ScriptedUpstream, events: int
) -> None:
    """The hold expires, whoever asks for the account finds all credits back, and a receipt that says why."""
    began, over = threading.Event(), threading.Event()

    def never_ending(call: Call) -> None:
        if events:
            call.stream()
            call.event(chunk("Once"))
        began.set()
        over.wait(60)
        call.drop()

    upstream.play(never_ending)
    settings = {"LLAMA_BASE_URL": upstream.url, "HOLD_EXPIRY_S": "6"}
    gateway, survivor = start_gateway(**settings), start_gateway(**settings)
    customer = new_customer(gateway, upstream, TRIAL)
    with ThreadPoolExecutor(1) as pool:
        chatting = pool.submit(lambda: customer.chat(stream=True))
        try:
            assert began.wait(30)
            assert gateway.account(customer.key)["balance"]["held"] > 0
            dead(gateway)
        finally:
            over.set()
        assert isinstance(chatting.exception(30), BROKE_OFF)
    customer.gateway = survivor
    assert customer.gateway.account(customer.key)["balance"]["held"] > 0
    shown = customer.settled(0)
    assert outcomes(shown) == ["expired"]
    assert shown["balance"]["available"] == TRIAL
    upstream.play(plain)
    assert customer.chat().status == 200
    customer.settled(CHAT_CREDITS)


def test_case_03_a_gateway_killed_between_receipt_and_settle_is_settled_by_the_receipt(
    start_gateway: StartGateway, upstream: ScriptedUpstream, dynamodb_url: str
) -> None:
    """The receipt decides: whoever reads the account once the hold expired charges what it says, once."""
    settings = {"LLAMA_BASE_URL": upstream.url, "HOLD_EXPIRY_S": "6"}
    with faulty_proxy(dynamodb_url) as proxy, ThreadPoolExecutor(1) as pool:
        gateway, survivor = start_gateway(DYNAMODB_ENDPOINT_URL=proxy.url, **settings), start_gateway(**settings)
        customer = new_customer(gateway, upstream, TRIAL)
        proxy.arm(is_settle, Fault.BLOCK)
        chatting = pool.submit(customer.chat)
        assert proxy.blocked.wait(30)
        dead(gateway)
        proxy.disarm()
        assert isinstance(chatting.exception(30), BROKE_OFF)
        customer.gateway, customer.ledger = survivor, survivor.ledger()
        before = customer.gateway.account(customer.key)
        assert before["balance"]["held"] > 0
        assert [receipt["credits"] for receipt in before["receipts"]] == [CHAT_CREDITS]
        shown = customer.settled(CHAT_CREDITS)
        assert outcomes(shown) == ["completed"]
        proxy.deliver()
        customer.settled(CHAT_CREDITS)


def test_case_03_two_gateways_that_find_the_same_crash_heal_it_once(
    start_gateway: StartGateway, upstream: ScriptedUpstream
) -> None:
    """Many readers at once, in two processes: one receipt, and every credit back once."""
    began, over = threading.Event(), threading.Event()

    def never_ending(call: Call) -> None:
        began.set()
        over.wait(60)
        call.drop()

    upstream.play(never_ending)
    settings = {"LLAMA_BASE_URL": upstream.url, "HOLD_EXPIRY_S": "5"}
    first, second, third = (start_gateway(**settings) for _ in range(3))
    customer = new_customer(first, upstream, TRIAL)
    with ThreadPoolExecutor(9) as pool:
        chatting = pool.submit(customer.chat)
        try:
            assert began.wait(30)
            dead(first)
        finally:
            over.set()
        chatting.exception(30)
        gateways = [second, third] * 4
        customer.gateway = second
        while customer.gateway.account(customer.key)["balance"]["held"]:
            list(pool.map(lambda gateway: gateway.account(customer.key), gateways))
    assert outcomes(customer.settled(0)) == ["expired"]
