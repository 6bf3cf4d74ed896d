"""Streams at their edges: all of it in one read, usage before anything else, a client gone before its provider."""

import contextlib
import json
import socket
import threading
import time
from pathlib import Path

from tests import stand
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import DONE, Call, _read, chunk, plain, usage
from tests.forward.stage import CHAT, HELLO, Stage, new_key, said, with_credits
from tests.stand import wait_until

STREAM = {"messages": HELLO, "stream": True, "max_tokens": 100_000}


def test_a_whole_answer_in_one_read_takes_what_it_needs_beyond_its_first_hold(stage: Stage) -> None:
    """Usage and [DONE] come together and above the hold: the credits that are free pay, there is no shortfall."""
    rich = with_credits(stage, 20_000)

    def script(call: Call) -> None:
        call.stream()
        sent = [chunk("x"), chunk(choices=[], usage=usage(5, 15_000))]
        call.write(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in sent) + DONE)

    stage.upstream.play(script)
    said(rich.post(STREAM))
    receipt = rich.receipt()
    assert (receipt["credits"], receipt["shortfall"], receipt["outcome"]) == (15_005, 0, "completed")


def test_usage_that_comes_first_and_is_beyond_all_credits_is_an_answer_cut_off(stage: Stage) -> None:
    """Nothing was shown yet: the client gets a stream that says `length`, not an error, and its credits are charged."""
    poor = with_credits(stage, 2_000)

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk(choices=[], usage=usage(5, 15_000)))
        call.wait_gone()

    stage.upstream.play(script)
    events = said(poor.post(STREAM))
    assert events[-1] == "[DONE]"
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    receipt = poor.receipt()
    assert (receipt["outcome"], receipt["credits"], receipt["shortfall"]) == ("cut", 2_000, 13_005)


def test_drain_forwards_nothing_for_a_client_that_left_before_its_provider_was_reached(
    dynamodb_url: str, tmp_path: Path
) -> None:
    """Whatever the rule: until there is a connection, leaving costs nothing and reaches nobody."""
    with (
        stand.gateways(dynamodb_url, tmp_path) as start,
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as full,
    ):
        for _ in range(3):  # no more connections fit into the queue
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        slow = {"LLAMA_CLIENT_LEFT": "drain", "UPSTREAM_CONNECT_TIMEOUT_S": "20"}
        gateway = start(LLAMA_BASE_URL=f"http://127.0.0.1:{port}", **slow)
        key = new_key(gateway)
        with raw_client(gateway.url) as client:
            client.post(CHAT, {"messages": HELLO}, key)
            wait_until(lambda: gateway.account(key)["balance"]["held"], "admitted")
        time.sleep(0.5)
        got: list[Call] = []
        threading.Thread(target=serve, args=(server, got), daemon=True).start()
        wait_until(lambda: gateway.account(key)["balance"]["held"] == 0, "resolved")
        assert (got, gateway.account(key)["receipts"]) == ([], [])


def serve(server: socket.socket, got: list[Call]) -> None:
    """Answer every connection from now on; those that were never more than that send nothing."""

    def one(connection: socket.socket) -> None:
        if call := _read(connection):
            got.append(call)
            plain(call)

    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()
