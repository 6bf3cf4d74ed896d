"""Where a request came from: on Lambda that is what API Gateway says, whatever the client writes in its headers."""

import json
import secrets
import time

from tests.forward.stage import HELLO, Stage
from tests.lambda_runtime.conftest import StartFunction
from tests.lambda_runtime.environment import Environment
from tests.lambda_runtime.events import event
from tests.stand import wait_until

LIMIT = 2
CHAT = {"messages": HELLO}


def an_address() -> str:
    """One that no other test has used."""
    return f"2001:db8:{secrets.randbelow(65536):x}:{secrets.randbelow(65536):x}::7"


def statuses(function: Environment, stage: Stage, address: str, times: int, **headers: str) -> list[int]:
    asked = [function.invoke(event(CHAT, stage.key, address=address, **headers)).whole() for _ in range(times)]
    return [answer.status for answer in asked]


def test_the_limit_of_an_address_counts_what_api_gateway_saw(environments: StartFunction, stage: Stage) -> None:
    """Requests of one source address are refused above its limit; another address is served."""
    function = environments(INFERENCE_IP_RATE_LIMIT=str(LIMIT))
    wait_until(lambda: time.time() % 60 < 50, "a minute begins")
    first, second = an_address(), an_address()
    assert statuses(function, stage, first, LIMIT + 1) == [200] * LIMIT + [429]
    assert statuses(function, stage, second, LIMIT) == [200] * LIMIT


def test_a_client_cannot_write_its_own_address(environments: StartFunction, stage: Stage) -> None:
    """A context, an address or a chain of proxies that the client sends changes nothing."""
    function = environments(INFERENCE_IP_RATE_LIMIT=str(LIMIT))
    wait_until(lambda: time.time() % 60 < 50, "a minute begins")
    address = an_address()
    assert statuses(function, stage, address, LIMIT) == [200] * LIMIT
    for header in ("x_amzn_request_context", "X_Amzn_Request_Context"):
        lie = json.dumps({"identity": {"sourceIp": an_address()}})
        assert statuses(function, stage, address, 1, **{header: lie}) == [429]
    chain = f"{an_address()}, {address}"
    assert statuses(function, stage, address, 1, X_Forwarded_For=chain, Forwarded=f"for={an_address()}") == [429]


def test_a_client_cannot_write_its_own_deadline(function: Environment, stage: Stage) -> None:
    """A context of the invocation that the client sends is replaced by Lambda's own."""
    past = json.dumps({"deadline": 1})
    answer = function.invoke(event(CHAT, stage.key, x_amzn_lambda_context=past)).whole()
    assert answer.status == 200
