"""How an environment begins and ends: settings that are wrong, SIGTERM, time that runs out, a client that leaves."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.forward.scripted_upstream import Call, chunk, usage
from tests.forward.stage import HELLO, Stage
from tests.lambda_runtime.conftest import StartFunction
from tests.lambda_runtime.environment import Environment, InitFailed
from tests.lambda_runtime.events import event
from tests.ledger.faulty_proxy import Fault, FaultyProxy, faulty_proxy, is_receipt
from tests.stand import wait_until

STREAM = {"messages": HELLO, "stream": True}
LEFT_S = 11.5
"""Of the function's time: 10 s of it are kept for the settle."""


@pytest.fixture
def proxy(dynamodb_url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(dynamodb_url) as made:
        yield made


def one_event_and_silence(call: Call) -> None:
    call.stream()
    call.event(chunk("Hello"))
    call.wait_gone()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("MAX_BODY_BYTES", "plenty"),
        ("RULES", '{"prices": [{"model": 1}]}'),
        ("LLAMA_API_KEY", "changeme-9f2c71"),
        ("HASH_SECRET", None),
    ],
)
def test_with_a_wrong_setting_the_init_fails(environments: StartFunction, setting: str, value: str | None) -> None:
    """A malformed, missing or placeholder setting: no request is ever taken; one line of the log names the setting."""
    with pytest.raises(InitFailed) as failed:
        environments(**{setting: value})
    log = str(failed.value)
    lines = [line for line in log.splitlines() if setting in line]
    assert len(lines) == 1, log
    assert "Traceback" not in log
    for secret in ("changeme-9f2c71", "a secret for tests", "local-secret"):
        assert secret not in log


def test_sigterm_ends_the_process_in_time(environments: StartFunction, stage: Stage) -> None:
    """An environment that is not needed any more ends quietly within the 300 ms that Lambda leaves it."""
    function = environments()
    assert function.invoke(event(STREAM, stage.key)).whole().status == 200
    ended = function.shut_down()
    assert ended.status in (0, -signal.SIGTERM), f"{ended}\n{function.log}"
    assert not ended.left_over
    assert "Traceback" not in function.log
    assert "ERROR" not in function.log


def test_an_answer_ends_while_there_is_time_to_settle(function: Environment, stage: Stage) -> None:
    """1.5 s before the reserve begins: the client is told, what came is charged, and Lambda kills nothing."""
    stage.upstream.play(one_event_and_silence)
    began_s = time.monotonic()
    answer = function.invoke(event(STREAM, stage.key), time_s=LEFT_S).whole()
    assert time.monotonic() - began_s < LEFT_S - 5
    assert answer.is_whole
    assert not answer.timed_out
    assert b"provider_timed_out" in answer.body
    assert stage.receipt()["outcome"] == "timed_out"


def test_with_only_its_reserve_left_a_function_forwards_nothing(function: Environment, stage: Stage) -> None:
    """A request that comes too late is answered with 504, free of charge."""
    answer = function.invoke(event(STREAM, stage.key), time_s=5).whole()
    assert answer.status == 504
    assert stage.upstream.calls == []
    assert stage.untouched()


def test_a_function_that_is_killed_is_healed_by_the_next_read(
    environments: StartFunction, stage: Stage, proxy: FaultyProxy
) -> None:
    """Its time ran out while its receipt was on its way: Lambda ends the environment, the hold resolves at no cost."""
    function = environments(DYNAMODB_ENDPOINT_URL=proxy.url, LEDGER_TIMEOUT_S="30", HOLD_EXPIRY_S="16")
    stage.upstream.play(one_event_and_silence)
    proxy.arm(is_receipt, Fault.BLOCK, times=10)
    answer = function.invoke(event(STREAM, stage.key), time_s=LEFT_S).whole()
    proxy.disarm()
    assert answer.timed_out
    assert not answer.is_whole
    assert function.processes["runtime"].wait(5) == -signal.SIGKILL
    assert stage.balance()["held"] > 0
    receipt = stage.receipt()
    assert (receipt["outcome"], receipt["credits"]) == ("expired", 0)


def test_a_client_that_leaves_is_charged_by_the_rule(environments: StartFunction, stage: Stage) -> None:
    """Where Lambda closes the answer's connection, the provider is told to stop; what came until then is charged."""
    told = []

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("one", usage=usage(9, 1)))
        for number in range(200):
            time.sleep(0.05)
            call.event(chunk(f"later{number}", usage=usage(9, 2 + number)))
        told.append("everything")

    stage.upstream.play(script)
    function = environments()
    answer = function.invoke(event(STREAM, stage.key))
    answer.wait_for(b"one")
    answer.leave()
    wait_until(lambda: stage.upstream.call.gone.is_set(), "the provider is told to stop", within_s=20)
    receipt = stage.receipt()
    assert told == []
    assert receipt["outcome"] == "client_left"
    assert receipt["input_tokens"] == 9
    assert 1 <= receipt["output_tokens"] < 100
