"""Case 28: the client leaves. What came until then is charged, the rest is given back, the provider is told to stop.

The written rule: the input as the provider counted it, else as estimated; the output as far as it came.
"""

import json
import threading
from typing import Any

import pytest

from tests.forward.raw_client import RawClient, raw_client, request
from tests.forward.scripted_upstream import DONE, WAIT_S, Call, chunk, usage
from tests.forward.stage import CHAT, HELLO, Stage, new_key
from tests.stand import RunningGateway, wait_until

STREAM = {"messages": HELLO, "stream": True}
ESTIMATE = -(-len(json.dumps(STREAM)) // 4)


def left(stage: Stage, sent: list[Any], seen: bytes) -> dict[str, Any]:
    """The receipt after the provider sent these events, and the client left when it had read `seen`."""
    told = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        for event in sent:
            call.event(event)
        if call.wait_gone():
            told.set()
        call.drop()

    stage.upstream.play(script)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key)
        if seen:
            client.read_until(seen)
        else:
            wait_until(lambda: stage.upstream.calls, "the provider got the request")
    assert told.wait(WAIT_S), "the provider was not told to stop"
    receipt = stage.receipt()
    told_by_provider = any("timings" in str(event) or "prompt_tokens" in str(event) for event in sent)
    assert receipt["anomalies"] == ([] if told_by_provider else ["usage_estimated"])
    assert stage.balance()["held"] == 0
    return receipt


def charged(receipt: dict[str, Any]) -> tuple[str, int, int, int]:
    return receipt["outcome"], receipt["input_tokens"], receipt["output_tokens"], receipt["credits"]


def test_case_28_before_the_first_byte(stage: Stage) -> None:
    """A client that leaves before anything came is charged the input that the provider was given."""
    assert charged(left(stage, [], b"")) == ("client_left", ESTIMATE, 0, ESTIMATE)


def test_case_28_in_the_middle(stage: Stage) -> None:
    """A client that leaves in the middle is charged the events that came."""
    sent = [chunk("one"), chunk("two"), chunk("three")]
    assert charged(left(stage, sent, b"three")) == ("client_left", ESTIMATE, 3, ESTIMATE + 3)


def test_case_28_in_the_middle_with_the_providers_own_counts(stage: Stage) -> None:
    """Where the provider counts as it goes, its count is charged, not an estimate."""
    timings = {"cache_n": 10, "prompt_n": 21, "prompt_ms": 1.5, "predicted_n": 2, "predicted_ms": 1.5}
    sent = [chunk("one"), chunk("two", timings=timings)]
    assert charged(left(stage, sent, b"two")) == ("client_left", 31, 2, 33)


def test_case_28_just_before_usage(stage: Stage) -> None:
    """A client that leaves when the answer is whole but not its usage pays for the whole answer."""
    sent = [chunk("one"), chunk("two"), chunk()]
    assert charged(left(stage, sent, b'"stop"')) == ("client_left", ESTIMATE, 2, ESTIMATE + 2)


def test_case_28_just_after_usage(stage: Stage) -> None:
    """Usage that came counts, though the client left before the end."""
    sent = [chunk("one"), chunk(usage=usage(9, 4)), chunk("", marker="seen")]
    assert charged(left(stage, sent, b"seen")) == ("client_left", 9, 4, 13)


def test_case_28_a_buffered_request(stage: Stage) -> None:
    """A client that leaves before its answer in one piece is charged the input, and the provider is told to stop."""
    body = {"messages": HELLO}
    told = threading.Event()

    def script(call: Call) -> None:
        if call.wait_gone():
            told.set()
        call.drop()

    stage.upstream.play(script)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, body, stage.key)
        wait_until(lambda: stage.upstream.calls, "the provider got the request")
    assert told.wait(WAIT_S)
    estimate = -(-len(json.dumps(body)) // 4)
    assert charged(stage.receipt()) == ("client_left", estimate, 0, estimate)


@pytest.mark.parametrize("part", [1, -1], ids=["nearly nothing", "nearly all"])
def test_case_28_in_the_middle_of_its_own_body(stage: Stage, part: int) -> None:
    """A request that never came whole is not forwarded and not charged."""
    whole = request(CHAT, STREAM, stage.key)
    head, _, body = whole.partition(b"\r\n\r\n")
    with raw_client(stage.gateway.url) as client:
        client.send(head + b"\r\n\r\n" + body[:part])
    assert stage.chat().status == 200
    assert len(stage.upstream.calls) == 1
    assert stage.receipt()["credits"] == 7


def test_case_28_after_done_is_a_completed_request(stage: Stage) -> None:
    """A client that closes as soon as it has read [DONE] is charged its usage, as one that waits."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("one"))
        call.event(chunk(usage=usage(9, 1)))
        call.write(DONE)
        call.wait_gone()
        call.drop()

    stage.upstream.play(script)
    with raw_client(stage.gateway.url) as client:
        client.post(CHAT, STREAM, stage.key)
        client.read_until(DONE)
    receipt = stage.receipt()
    assert (receipt["credits"], receipt["anomalies"]) == (10, [])


def test_case_28_twenty_at_once(stage: Stage) -> None:
    """Many clients leaving together leave no hold open and no credit lost."""

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("one"))
        call.wait_gone()
        call.drop()

    stage.upstream.play(script)
    clients = [RawClient(stage.gateway.url) for _ in range(20)]
    for client in clients:
        client.post(CHAT, STREAM, stage.key)
    for client in clients:
        client.read_until(b"one")
        client.leave()
    wait_until(lambda: stage.balance()["held"] == 0, "every hold is resolved")
    account = stage.account()
    assert [charged(receipt) for receipt in account["receipts"]] == [("client_left", ESTIMATE, 1, ESTIMATE + 1)] * 20
    assert account["balance"]["spent"] == 20 * (ESTIMATE + 1) == stage.credits - account["balance"]["available"]


def test_case_28_with_a_real_model(gateway: RunningGateway) -> None:
    """A client that leaves a real model after three tokens pays for about these, by the model's own count."""
    key = new_key(gateway)
    with raw_client(gateway.url) as client:
        client.post(CHAT, STREAM | {"max_tokens": 400}, key)
        for _ in range(4):
            client.read_until(b"\n\n")
    wait_until(lambda: gateway.account(key)["balance"]["held"] == 0, "the hold is resolved")
    (receipt,) = gateway.account(key)["receipts"]
    assert receipt["outcome"] == "client_left"
    assert receipt["input_tokens"] == 33
    assert 1 <= receipt["output_tokens"] < 400
