"""The log of the streaming function: every line JSON, with the ids of its request and nothing that anyone wrote."""

import json
import re
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import stand
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, events, plain, whole
from tests.forward.stage import CHAT, HELLO, new_key
from tests.ledger.faulty_proxy import Fault, is_receipt
from tests.telemetry.deployed import Asked, Line, Streaming

REQUEST_FIELDS = {
    *("level", "message", "timestamp", "name", "location", "stage", "service"),
    *("request_id", "receipt_id", "function_request_id", "xray_trace_id"),
    *("endpoint", "method", "status", "outcome", "stream", "first_byte_ms", "duration_ms"),
    *("input_tokens", "output_tokens", "cached_tokens", "credits", "project"),
}


def ids_of(line: Line) -> tuple[str, ...]:
    return tuple(line[name] for name in ("request_id", "receipt_id", "function_request_id", "xray_trace_id"))


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
def test_a_request_is_found_by_the_ids_of_its_answer(function: Streaming, stream: bool) -> None:
    """One line at INFO with x-request-id, x-farebox-receipt, Lambda's request id and the trace id, and what it was."""
    asked = Asked()
    answer = function.ask({"messages": HELLO, "stream": stream}, asked=asked)
    (line,) = function.request_lines(1)
    assert set(line) - {"cold_start"} == REQUEST_FIELDS
    told = answer.headers["x-request-id"], answer.headers["x-farebox-receipt"]
    assert ids_of(line) == (*told, asked.function_request_id, asked.trace_id)
    assert (line["level"], line["service"], line["stage"]) == ("INFO", "stream", "test")
    assert (line["endpoint"], line["status"], line["outcome"], line["stream"]) == (CHAT, 200, "completed", stream)
    assert (line["input_tokens"], line["output_tokens"], line["credits"]) == (5, 2, 7.0)
    assert 0 < line["first_byte_ms"] <= line["duration_ms"] < 30_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])


def test_a_refused_request_is_told_too(function: Streaming) -> None:
    """Its id, status and code; it has no receipt, no tokens."""
    answer = function.ask({"messages": 1})
    (line,) = function.request_lines(1)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["status"], line["outcome"]) == (400, "invalid_request_error")
    assert not {"receipt_id", "input_tokens", "credits", "stream"} & set(line)


def test_all_is_told_before_the_last_byte(function: Streaming) -> None:
    """On Lambda nothing runs for sure after it: whoever has a whole answer finds its line and its metrics."""
    for count in range(1, 11):
        assert function.chat(stream=False).status == 200
        assert function.chat(stream=True).status == 200
        assert function.ask({"messages": 1}).status == 400
        assert function.ask({"messages": HELLO, "pad": "x" * 30_000}).status == 413
        function.now_told(4 * count)
        assert function.metrics() == {**function.metrics(), "Admitted": 2 * count, "Refused": 2 * count}


def test_fifty_streams_at_once_keep_their_ids_apart(function: Streaming) -> None:
    """All are open at the same time; each line of each, the settle's warning too, bears the ids of its own request."""
    count, together = 50, threading.Barrier(50)

    def all_at_once(call: Call) -> None:
        call.stream()
        call.event(chunk("Hel"))
        together.wait(30)
        call.event(chunk("lo."))
        call.write(b"data: [DONE]\n\n")

    function.upstream.play(all_at_once)
    function.proxy.arm(is_receipt, Fault.FAIL, 10_000)  # so that every request logs an error as well
    keys = [new_key(function.gateway) for _ in range(5)]
    invocations = [Asked() for _ in range(count)]

    def ask(number: int) -> tuple[str, ...]:
        asked = invocations[number]
        body = {"messages": HELLO, "stream": True}
        answer = function.gateway.request("POST", CHAT, body, keys[number % 5], asked.headers())
        assert answer.status == 200
        told = answer.headers["x-request-id"], answer.headers["x-farebox-receipt"]
        return (*told, asked.function_request_id, asked.trace_id)

    with ThreadPoolExecutor(count) as pool:
        expected = set(pool.map(ask, range(count)))
    assert len(expected) == count
    lines = function.request_lines(count)
    assert {ids_of(line) for line in lines} == expected
    errors = [line for line in function.lines() if line.get("name") == "farebox.settle"]
    assert {ids_of(line) for line in errors} == expected
    assert all(line["receipt_id"] in line["message"] for line in errors)
    told = function.metrics()
    assert (told["Admitted"], told["NotSettled"]) == (count, count)


def test_nothing_that_anyone_wrote_is_in_the_log(function: Streaming) -> None:
    """Keys, prompts, answers, headers, paths, queries and addresses, whatever came of the request (case 33)."""
    canaries = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in ("prompt", "answer", "header", "query", "id")}
    wrong_key = "sk-" + secrets.token_urlsafe(32)
    prompt = {"messages": [{"role": "user", "content": canaries["prompt"]}]}
    headers = {"X-Secret": canaries["header"], "User-Agent": canaries["header"], "Cookie": canaries["header"]}
    asked = Asked("203.0.113.77")
    path = f"{CHAT}?q={canaries['query']}"

    def drops(call: Call) -> None:
        call.stream()
        call.event(chunk(canaries["answer"]))
        call.drop()

    for script in (
        events(chunk(canaries["answer"]), chunk()),
        lambda call: call.answer(whole(canaries["answer"])),
        lambda call: call.answer({"error": {"message": canaries["answer"]}}, 400),
        lambda call: call.raw(b"HTTP/1.1 " + canaries["answer"].encode() + b"\r\n\r\n"),
        drops,
    ):
        function.upstream.play(script)
        function.ask(prompt | {"stream": True}, path, asked, headers)
    count = 5
    function.upstream.play(plain)
    for body in (prompt | {"max_tokens": canaries["prompt"]}, canaries["prompt"].encode() + b"\xff"):
        function.ask(body, path, asked, headers)
    forged = {"x-amzn-trace-id": f"Root={canaries['id']}", "x-amzn-lambda-context": f'"{canaries["id"]}"'}
    function.ask(prompt, path, asked, forged)
    function.ask(prompt, path, asked, {"x-amzn-lambda-context": canaries["id"]})
    function.ask(prompt, path, asked, {"x-amzn-request-context": f'["{canaries["id"]}"]'})
    function.ask(prompt, f"/v1/{canaries['query']}", asked, headers)
    good_key, function.key = function.key, wrong_key
    function.ask(prompt, path, asked, headers)
    count += 7
    with raw_client(function.gateway.url) as client:
        client.send(f"{canaries['prompt']} {good_key}\r\n\r\n".encode())
        client.rest()
    stand.wait_until(lambda: len(function.lines()) > count, "the requests are told")
    log = function.gateway.log.read_text()[function.read :]
    for name, value in (canaries | {"wrong key": wrong_key, "key": good_key, "address": asked.address}).items():
        assert value not in log, name
    assert "2001:db8" not in function.gateway.log.read_text()
    assert not stand.KEY.search(log)


def test_the_first_request_of_a_process_says_so(function: Streaming) -> None:
    """`cold_start` is on one line of a process, and on no other."""
    function.chat()
    function.request_lines(1)
    lines = [json.loads(line) for line in function.gateway.log.read_text().splitlines()]
    told = [line.get("cold_start") for line in lines if line.get("message") == "request"]
    assert (told[0], set(told[1:])) == (1, {None})


def test_on_one_machine_there_are_neither_metrics_nor_json(
    start_gateway: stand.StartGateway, scripted: ScriptedUpstream
) -> None:
    """The same requests leave no line of JSON at all, and what is logged stays plain."""
    scripted.play(plain)
    gateway = start_gateway(LLAMA_BASE_URL=scripted.url, STAGE="test")
    key = gateway.key()
    assert gateway.request("POST", CHAT, {"messages": HELLO}, key).status == 200
    assert gateway.request("POST", CHAT, {"messages": 1}, key).status == 400
    assert gateway.request("GET", "/account", key="wrong").status == 401
    log = gateway.log.read_text()
    assert "_aws" not in log
    assert not [line for line in log.splitlines() if line.startswith("{")]
