"""Case 27: a reader that does not read: memory is bounded, and the hold is settled in time."""

import threading
from pathlib import Path
from typing import Any

from tests.forward.raw_client import RawClient, raw_client
from tests.forward.scripted_upstream import WAIT_S, Call, chunk, plain
from tests.forward.stage import CHAT, HELLO, Stage
from tests.stand import RunningGateway, wait_until

STREAM = {"messages": HELLO, "stream": True}
EVENT_BYTES = 100_000
FLOOD_BYTES = 200_000_000
GROWTH_BYTES_MAX = 60_000_000


class Flood:
    """Sends events as fast as they are taken; knows how far it came."""

    def __init__(self) -> None:
        self.sent = 0
        self.gone = threading.Event()

    def __call__(self, call: Call) -> None:
        call.stream()
        event = chunk("x" * EVENT_BYTES)
        try:
            while self.sent < FLOOD_BYTES:
                call.event(event)
                self.sent += EVENT_BYTES
        finally:
            self.gone.set()


def resident_bytes(gateway: RunningGateway) -> int:
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def receipt_in(stage: Stage) -> dict[str, Any]:
    wait_until(lambda: stage.account()["receipts"], "a receipt")
    return stage.receipt()


def test_case_27_a_reader_that_does_not_read_fills_no_memory(brief: Stage) -> None:
    """The provider is slowed down to its client; the request ends at its deadline, charged for what came."""
    flood = Flood()
    brief.upstream.play(flood)
    before = resident_bytes(brief.gateway)
    with raw_client(brief.gateway.url, receive_buffer=4096) as client:
        client.post(CHAT, STREAM, brief.key)
        assert flood.gone.wait(WAIT_S), "the provider's connection is still open"
        receipt = receipt_in(brief)
        assert resident_bytes(brief.gateway) - before < GROWTH_BYTES_MAX
        assert flood.sent < FLOOD_BYTES
    assert receipt["outcome"] == "timed_out"
    assert receipt["output_tokens"] > 0


def test_case_27_many_readers_that_do_not_read_leave_the_gateway_working(brief: Stage) -> None:
    """While ten clients do not read, another is served, and memory stays bounded."""
    brief.upstream.play(Flood())
    before = resident_bytes(brief.gateway)
    clients = [RawClient(brief.gateway.url, receive_buffer=4096) for _ in range(10)]
    for client in clients:
        client.post(CHAT, STREAM, brief.key)
    wait_until(lambda: len(brief.upstream.calls) == 10, "ten calls")
    brief.upstream.script = plain
    assert brief.chat().status == 200
    assert resident_bytes(brief.gateway) - before < GROWTH_BYTES_MAX
    wait_until(lambda: brief.balance()["held"] == 0, "every hold is resolved")
    outcomes = sorted(receipt["outcome"] for receipt in brief.account()["receipts"])
    assert outcomes == ["completed", *["timed_out"] * 10]
    for client in clients:
        client.leave()


def test_case_27_a_slow_reader_gets_every_byte(stage: Stage) -> None:
    """Slowing the provider down loses nothing: a client that reads late reads all of it."""

    def script(call: Call) -> None:
        call.stream()
        for number in range(50):
            call.event(chunk(f"<{number}>" + "x" * EVENT_BYTES))
        call.write(b"data: [DONE]\n\n")

    stage.upstream.play(script)
    with raw_client(stage.gateway.url, receive_buffer=4096) as client:
        client.post(CHAT, STREAM, stage.key, "Connection: close")
        client.read_until(b"<0>")
        body = client.rest()
    assert [body.count(b"<%d>" % number) for number in range(1, 50)] == [1] * 49
    assert body.count(b"x") >= 49 * EVENT_BYTES
    assert b"data: [DONE]\n\n" in body
