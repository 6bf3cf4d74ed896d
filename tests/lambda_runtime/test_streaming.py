"""The streaming function behind the real Lambda Web Adapter: what API Gateway gets from it, and when."""

import base64
import json
import threading

from tests.forward.scripted_upstream import DONE, WAIT_S, Call, chunk, usage
from tests.forward.stage import HELLO, Stage
from tests.lambda_runtime.environment import Environment
from tests.lambda_runtime.events import CHAT, event
from tests.lambda_runtime.runtime_api import SEPARATOR, Invocation
from tests.stand import wait_until

STREAM = {"messages": HELLO, "stream": True}
CHAT_CREDITS = 7
"""What the scripted provider's answer costs: 5 tokens in, 2 out."""


def code_of(answer: Invocation) -> str | None:
    code: str | None = json.loads(answer.body)["error"]["code"]
    return code


def test_metadata_and_eight_nuls_come_before_the_events(function: Environment, stage: Stage) -> None:
    """API Gateway reads status and headers as JSON before eight NULs; what follows is the body, whole and unchanged."""
    answer = function.invoke(event(STREAM, stage.key)).whole()
    metadata, separator, body = answer.sent.partition(SEPARATOR)
    told = json.loads(metadata)
    assert separator == bytes(8)
    assert answer.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert answer.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert told["statusCode"] == 200
    assert told["headers"]["content-type"] == "text/event-stream; charset=utf-8"
    assert told["headers"]["x-farebox-receipt"]
    assert told["headers"]["x-request-id"].startswith("req_")
    assert not {"transfer-encoding", "server", "connection", "content-length"} & set(told["headers"])
    assert bytes(1) not in body
    assert body.endswith(DONE)
    assert answer.is_whole
    assert stage.receipt()["credits"] == CHAT_CREDITS


def test_events_are_passed_on_one_by_one(function: Environment, stage: Stage) -> None:
    """Each event is at Lambda before the provider sends the next; headers are there before the first."""
    turns = [threading.Event() for _ in range(4)]

    def script(call: Call) -> None:
        call.stream()
        for number, turn in enumerate(turns):
            assert turn.wait(WAIT_S)
            call.event(chunk(f"word{number}"))
        call.event(chunk(usage=usage(5, 4)))
        call.write(DONE)

    stage.upstream.play(script)
    answer = function.invoke(event(STREAM, stage.key))
    for number, turn in enumerate(turns):
        assert f"word{number}".encode() not in answer.sent
        turn.set()
        answer.wait_for(b"word%d" % number)
    answer.whole()
    assert answer.status == 200
    times = [answer.came(b"word%d" % number) for number in range(4)]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert stage.receipt()["credits"] == 9


def test_an_answer_in_one_piece(function: Environment, stage: Stage) -> None:
    """A request that does not ask for a stream is answered with JSON and its length, by the same function."""
    answer = function.invoke(event({"messages": HELLO}, stage.key)).whole()
    assert answer.status == 200
    assert answer.metadata["headers"]["content-type"] == "application/json"
    assert answer.metadata["headers"]["content-length"] == str(len(answer.body))
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Hello."
    assert stage.receipt()["credits"] == CHAT_CREDITS


def test_errors_keep_their_status_and_shape(function: Environment, stage: Stage) -> None:
    """401, 404, 400 and 413 come through the adapter as they come from the gateway itself; nothing is charged."""
    large = {"messages": [{"role": "user", "content": "a" * 4_600_000}]}
    asked = {
        (401, "invalid_api_key"): event(STREAM, "sk-unknown"),
        (404, "not_found"): event(STREAM, stage.key, "/v1/elsewhere"),
        (400, None): event("{", stage.key),
        (413, "request_too_large"): event(large, stage.key),
    }
    for expected, request in asked.items():
        answer = function.invoke(request).whole()
        assert (answer.status, code_of(answer)) == expected
        assert answer.metadata["headers"]["x-request-id"]
    assert function.invoke(event(STREAM, stage.key)).whole().status == 200
    assert stage.receipt()["credits"] == CHAT_CREDITS


def test_one_environment_serves_one_request_after_another(function: Environment, stage: Stage) -> None:
    """The second invocation meets the same process and the connection to the provider that the first opened."""
    pid = function.processes["runtime"].pid
    ports = []
    for _ in range(2):
        assert function.invoke(event(STREAM, stage.key)).whole().status == 200
        ports.append(stage.upstream.calls[-1].connection.getpeername()[1])
    assert function.processes["runtime"].pid == pid
    assert function.processes["runtime"].poll() is None
    assert ports[0] == ports[1]
    assert [receipt["credits"] for receipt in stage.account()["receipts"]] == [CHAT_CREDITS] * 2


def test_the_stage_is_no_part_of_the_path(function: Environment, stage: Stage) -> None:
    """A URL with the stage in it reaches the route: API Gateway tells the stage beside the path."""
    request = event(STREAM, stage.key)
    assert request["requestContext"]["path"] == f"/staging{CHAT}"
    answer = function.invoke(request).whole()
    assert answer.status == 200
    assert stage.upstream.call.target == f"POST {CHAT} HTTP/1.1"


def test_a_body_in_base_64(function: Environment, stage: Stage) -> None:
    """API Gateway may hand over a body as base 64; the provider gets its text."""
    request = event(STREAM, stage.key)
    request |= {"body": base64.b64encode(request["body"].encode()).decode(), "isBase64Encoded": True}
    assert function.invoke(request).whole().status == 200
    assert stage.upstream.call.json["messages"] == HELLO


def test_the_log_of_the_function_is_quiet(function: Environment, stage: Stage) -> None:
    """What is logged of a request is there once it is answered; no key, prompt or answer stands in it."""
    answer = function.invoke(event({"messages": [{"role": "user", "content": "a-very-own-prompt"}]}, stage.key)).whole()
    receipt_id = answer.metadata["headers"]["x-farebox-receipt"]
    wait_until(lambda: receipt_id in function.log, "the request is in the log", within_s=5)
    for secret in (stage.key, "a-very-own-prompt", "Hello.", "a secret for tests"):
        assert secret not in function.log
