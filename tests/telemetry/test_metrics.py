"""The metrics of the streaming function sum up to what happened, read from its stdout as CloudWatch reads it."""

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from functions.ledger import tables, tidy
from functions.ledger.store import Ledger
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import DONE, Call, chunk, events, plain, usage
from tests.forward.stage import CHAT, HELLO, account_item, ledger_of, new_key
from tests.ledger.faulty_proxy import Fault, is_admit, is_receipt, is_settle
from tests.telemetry.deployed import ADDRESS_LIMIT, Asked, Streaming

ALWAYS = 1000


def test_what_is_admitted_is_counted_to_the_token(function: Streaming) -> None:
    """Admitted, tokens as the provider reported them, credits as the balance lost them, one first byte a stream."""
    for stream in (False, True, False, True, True):
        assert function.chat(stream=stream).status == 200
    function.request_lines(5)
    told = function.metrics()
    first_byte_ms = told.pop("FirstByte")
    assert told == {"Admitted": 5, "InputTokens": 5 * 5, "OutputTokens": 5 * 2, "Credits": function.spent()}
    assert function.spent() == 5 * 7
    values = [line["FirstByte"] for line in function.lines() if "FirstByte" in line]
    assert len(values) == 3
    assert 0 < first_byte_ms < 30_000


def test_every_metric_has_its_unit_and_is_told_once(function: Streaming) -> None:
    """One line of metrics a request, under the dimensions stage and service, with units that CloudWatch knows."""
    assert function.chat(stream=True).status == 200
    function.request_lines(1)
    (line,) = [line for line in function.lines() if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["stage", "service"]]
    assert (line["stage"], line["service"]) == ("test", "stream")
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "Admitted": "Count",
        "Credits": "None",
        "InputTokens": "Count",
        "OutputTokens": "Count",
        "FirstByte": "Milliseconds",
    }
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def another_body(function: Streaming) -> Any:
    function.ask({"messages": HELLO}, headers={"Idempotency-Key": "k"})
    return function.ask({"messages": HELLO, "max_tokens": 5}, headers={"Idempotency-Key": "k"})


def the_same_again(function: Streaming) -> Any:
    function.ask({"messages": HELLO}, headers={"Idempotency-Key": "k"})
    return function.ask({"messages": HELLO}, headers={"Idempotency-Key": "k"})


def no_credits(function: Streaming) -> Any:
    function.key = new_key(function.gateway, 0)
    return function.chat()


def wrong_key(function: Streaming) -> Any:
    function.key += "x"
    return function.chat()


def too_many(function: Streaming) -> Any:
    asked = Asked()
    for _ in range(ADDRESS_LIMIT):
        function.ask({"messages": HELLO}, asked=asked)
    return function.ask({"messages": HELLO}, asked=asked)


def no_ledger(function: Streaming) -> Any:
    function.proxy.arm(is_admit, Fault.FAIL, ALWAYS)
    return function.chat()


def judged(function: Streaming) -> Any:
    function.upstream.play(lambda call: call.answer({"error": {"message": "no"}}, 400))
    return function.chat()


REFUSALS: dict[str, tuple[int, int, Callable[[Streaming], Any]]] = {
    "invalid_api_key": (401, 0, wrong_key),
    "insufficient_quota": (402, 0, no_credits),
    "invalid_request_error": (400, 0, lambda function: function.ask({"messages": 1})),
    "not_found": (404, 0, lambda function: function.ask({}, "/v1/nothing")),
    "request_too_large": (413, 0, lambda function: function.ask({"messages": HELLO, "pad": "x" * 30_000})),
    "idempotency_key_reused": (409, 1, another_body),
    "idempotency_key_used": (409, 1, the_same_again),
    "rate_limit_exceeded": (429, ADDRESS_LIMIT, too_many),
    "ledger_unavailable": (503, 0, no_ledger),
    "provider_refused": (400, 1, judged),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_is_counted_by_its_reason_and_in_all(function: Streaming, reason: str) -> None:
    """Refused: once with the error's code as its reason and once without; nothing else is counted for it."""
    status, admitted, refused = REFUSALS[reason]
    answer = refused(function)
    assert (answer.status, answer.error["code"] or answer.error["type"]) == (status, reason)
    line = next(line for line in function.request_lines(1 + (admitted if reason != "provider_refused" else 0))[::-1])
    assert (line["status"], line["outcome"]) == (status, reason)
    assert function.metrics(reason) == {"Refused": 1}
    told = function.metrics()
    assert told["Refused"] == 1
    assert told["Admitted"] == admitted
    assert not told["UpstreamErrors"]


def drops(call: Call) -> None:
    call.stream()
    call.event(chunk("Hel"))
    call.drop()


def falls_silent(call: Call) -> None:
    call.stream()
    call.event(chunk("Hel"))
    call.wait_gone()


FAILURES: dict[str, tuple[str, bool, Any]] = {
    "a status of 500": ("provider_failed", False, lambda call: call.answer({}, 500)),
    "still loading": ("model_loading", False, lambda call: call.answer({}, 503)),
    "a reset": ("provider_failed", False, lambda call: call.reset()),
    "an answer that breaks off": ("provider_failed", True, drops),
    "an answer that falls silent": ("provider_failed", True, falls_silent),
    "silence": ("provider_timed_out", False, lambda call: call.wait_gone()),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_of_the_provider_is_counted_by_its_reason_and_in_all(function: Streaming, failure: str) -> None:
    """UpstreamErrors, whether the answer had begun or not; credits only for what had come, as the balance says."""
    reason, begun, script = FAILURES[failure]
    function.upstream.play(script)
    answer = function.chat(stream=True)
    assert (answer.status == 200) is begun
    function.request_lines(1)
    assert function.metrics(reason) == {"UpstreamErrors": 1}
    told = function.metrics()
    assert (told["UpstreamErrors"], told["Admitted"], told["Refused"]) == (1, 1, 0)
    assert told["Credits"] == function.spent()
    assert (told["Credits"] > 0) is begun


def test_a_client_that_leaves_is_charged_and_counted(function: Streaming) -> None:
    """The credits of what came until then are in the metrics as in the balance; it is no error of the provider."""
    function.upstream.play(falls_silent)
    lines = [f"{name}: {value}" for name, value in Asked().headers().items()]
    with raw_client(function.gateway.url) as client:
        client.post(CHAT, {"messages": HELLO, "stream": True}, function.key, *lines)
        client.read_until(b"Hel")
    (line,) = function.request_lines(1)
    assert (line["status"], line["outcome"]) == (200, "client_left")
    told = function.metrics()
    assert told["Credits"] == function.spent() > 0
    assert (told["Admitted"], told["UpstreamErrors"], told["Refused"]) == (1, 0, 0)


def test_a_client_that_leaves_in_its_own_body_is_told_and_counts_as_nothing(function: Streaming) -> None:
    """A line in the log, no metric."""
    with raw_client(function.gateway.url) as client:
        client.send(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    (line,) = function.request_lines(1)
    assert (line["status"], line["outcome"]) == (0, "client_left")
    assert not function.metrics()


@pytest.mark.parametrize("is_what", [is_receipt, is_settle], ids=["receipt", "settle"])
def test_what_cannot_be_settled_is_counted_and_its_credits_are_not(function: Streaming, is_what: Any) -> None:
    """NotSettled, where the receipt cannot be written or not be applied; no credits, for none were taken yet."""
    function.proxy.arm(is_what, Fault.FAIL, ALWAYS)
    assert function.chat().status == 200
    function.request_lines(1)
    told = function.metrics()
    assert (told["NotSettled"], told["Admitted"], "Credits" in told) == (1, 1, False)
    assert function.spent() == 0


class Tomorrow(tables.SystemClock):
    """For a reader that finds every hold expired."""

    def now(self) -> float:
        return super().now() + 86_400


def late_reader(function: Streaming) -> Ledger:
    return dataclasses.replace(ledger_of(function.gateway), clock=Tomorrow())


def test_a_settle_that_comes_too_late_is_counted(function: Streaming) -> None:
    """LateSettle: somebody healed the hold while the answer was made; nothing is charged and no credits are told."""
    account_id = account_item(function.gateway, function.key)["account_id"]["S"]

    def healed_meanwhile(call: Call) -> None:
        tables.drive(tidy.read(late_reader(function), account_id))
        plain(call)

    function.upstream.play(healed_meanwhile)
    assert function.chat().status == 200
    function.request_lines(1)
    told = function.metrics()
    assert (told["LateSettle"], told["NotSettled"], "Credits" in told) == (1, 0, False)
    assert function.spent() == 0


def test_many_values_are_not_cut_at_powertools_limit(function: Streaming) -> None:
    """120 requests are 120 in the metrics: a line never gathers more than one request."""
    for _ in range(120):
        assert function.ask(b"{").status == 400
    function.request_lines(120)
    assert function.metrics("invalid_request_error") == {"Refused": 120}
    assert function.metrics() == {"Refused": 120}


def test_usage_that_is_reported_late_is_what_is_counted(function: Streaming) -> None:
    """Tokens are the receipt's: as the provider's last word says, cached ones too in the log."""
    last = {**usage(50, 9), "prompt_tokens_details": {"cached_tokens": 20}}
    function.upstream.play(events(chunk("Hello"), chunk(), chunk(choices=[], usage=last)))
    assert function.chat(stream=True).body.endswith(DONE)
    (line,) = function.request_lines(1)
    assert (line["input_tokens"], line["output_tokens"], line["cached_tokens"]) == (50, 9, 20)
    told = function.metrics()
    assert (told["InputTokens"], told["OutputTokens"]) == (50, 9)
    assert told["Credits"] == line["credits"] == function.spent()
    assert json.dumps(line["credits"])
