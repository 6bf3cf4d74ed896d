"""The streaming function's entry for deployments that cannot stream: events of API Gateway in, whole answers out."""

import base64
import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from functions import cors, whole
from functions import settings as settings_module
from functions.asgi import DRAIN_TIMEOUT_S, Receive, Scope, Send
from functions.ledger import credentials, grants, tidy
from functions.money import MICROCREDITS_PER_CREDIT
from functions.stream import App
from functions.whole import answer
from tests import stand
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, plain, usage
from tests.forward.stage import CHAT, CREDITS, HELLO, WEEK_S

Event = dict[str, Any]


class Context:
    """What Lambda hands over beside the event."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def __init__(self, left_ms: int = 29_000) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


def event_of(key: str, body: dict[str, Any] | None = None, **changes: Any) -> Event:
    """A REST proxy event as API Gateway's developer guide shows it."""
    headers = {"Authorization": [f"Bearer {key}"], "Content-Type": ["application/json"]}
    return {
        "resource": CHAT,
        "path": CHAT,
        "httpMethod": "POST",
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers | changes.pop("headers", {}),
        "requestContext": {"stage": "test", "identity": {"sourceIp": changes.pop("address", "192.0.2.1")}},
        "body": json.dumps({"messages": HELLO, "max_tokens": 50} | (body or {})),
        "isBase64Encoded": False,
        **changes,
    }


class Deployed:
    """The app as it is on Lambda, one account in front of it and a scripted provider behind it."""

    def __init__(self, app: App, ledger: stand.TestLedger, key: str) -> None:
        self.app, self.ledger, self.key = app, ledger, key

    async def ask(self, event: Event | None = None, context: Context | None = None) -> dict[str, Any]:
        return await answer(self.app, event or event_of(self.key), context or Context())

    async def spent(self) -> int:
        """Credits that were charged; none are held any more."""
        found = await credentials.find(self.ledger.ledger, credentials.credential_id(self.key))
        assert found
        account = await tidy.read(self.ledger.ledger, found[1].account_id)
        assert account.held() == 0
        return account.spent // MICROCREDITS_PER_CREDIT


Deploy = Callable[..., Awaitable[Deployed]]


@pytest.fixture
async def deploy(ledger: stand.TestLedger, upstream: ScriptedUpstream) -> AsyncIterator[Deploy]:
    """Gives a function that makes an account and an app of its own, with settings as a test wants them."""
    apps: list[App] = []

    async def made(**settings: str) -> Deployed:
        upstream.play(plain)
        url = ledger.settings.dynamodb_endpoint_url
        variables = stand.environment(url, ledger.settings.table_prefix, LLAMA_BASE_URL=upstream.url, **settings)
        variables["AWS_LAMBDA_FUNCTION_NAME"] = "farebox-test-stream"
        trial = grants.Trial(CREDITS * MICROCREDITS_PER_CREDIT, WEEK_S)
        address = grants.Address("default", f"{secrets.token_hex(6)}@farebox.test")
        key = await grants.register(ledger.ledger, address, trial)
        apps.append(App(settings_module.read(variables)))
        return Deployed(apps[-1], ledger, key)

    yield made
    for app in apps:
        if app.gateway:
            await app.gateway.upstream.session.close()


def error_of(result: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(result["body"])["error"]
    return error


async def test_a_whole_answer(deploy: Deploy) -> None:
    """An answer comes as API Gateway takes it: status, every header, the body as text; it is charged."""
    stage = await deploy()
    result = await stage.ask()
    assert (result["statusCode"], result["isBase64Encoded"]) == (200, False)
    told = json.loads(result["body"])["usage"]
    assert await stage.spent() == told["prompt_tokens"] + told["completion_tokens"] > 0
    headers = result["multiValueHeaders"]
    assert headers["content-type"] == ["application/json"]
    assert headers["x-farebox-receipt"][0]
    assert headers["x-request-id"][0].startswith("req_")
    assert "content-length" not in headers


async def test_a_streamed_answer_comes_whole(deploy: Deploy) -> None:
    """Events asked for are answered with every event, [DONE] last, and charged."""
    stage = await deploy()
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    result = await stage.ask(event_of(stage.key, asked))
    assert result["statusCode"] == 200
    assert result["multiValueHeaders"]["content-type"][0].startswith("text/event-stream")
    events = [line[6:] for line in result["body"].split("\n") if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    (told,) = [event["usage"] for event in map(json.loads, events[:-1]) if event.get("usage")]
    assert await stage.spent() == told["prompt_tokens"] + told["completion_tokens"] > 0


async def test_the_address_is_the_gateways_word(deploy: Deploy) -> None:
    """The limit per address counts by requestContext; headers of the adapter's names, sent by a client, are dropped."""
    stage = await deploy(INFERENCE_IP_RATE_LIMIT="2")
    address = f"2001:db8:{secrets.token_hex(2)}::1"
    statuses = []
    for name in ("x-amzn-request-context", "X-Amzn-Request-Context", "X-AMZN-REQUEST-CONTEXT"):
        forged = json.dumps({"identity": {"sourceIp": f"2001:db8:{secrets.token_hex(2)}::2"}})
        event = event_of(stage.key, address=address, headers={name: [forged]})
        statuses.append((await stage.ask(event))["statusCode"])
    assert statuses == [200, 200, 429]
    assert (await stage.ask(event_of(stage.key, address="192.0.2.78")))["statusCode"] == 200


@pytest.mark.parametrize("headers", [{"Authorization": ["Bearer {}", "Bearer {}"]}, {"authorization": ["Bearer {}"]}])
async def test_every_value_of_a_header_counts(deploy: Deploy, headers: dict[str, list[str]]) -> None:
    """Two keys are refused, though they are the same: whether in one list or under two spellings of one name."""
    stage = await deploy()
    two = {name: [value.format(stage.key) for value in values] for name, values in headers.items()}
    result = await stage.ask(event_of(stage.key, headers=two))
    assert (result["statusCode"], error_of(result)["code"]) == (401, "invalid_api_key")
    assert await stage.spent() == 0


async def test_a_body_in_base_64(deploy: Deploy, upstream: ScriptedUpstream) -> None:
    """A body that API Gateway hands over in base 64 reaches the provider as it was sent."""
    stage = await deploy()
    event = event_of(stage.key, {"messages": [{"role": "user", "content": "Grüße, 世界"}]})
    event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
    assert (await stage.ask(event))["statusCode"] == 200
    assert json.loads(upstream.call.body)["messages"][0]["content"] == "Grüße, 世界"


async def test_time_that_is_left(deploy: Deploy, upstream: ScriptedUpstream) -> None:
    """Too little time for an answer and its settle: 504, nothing forwarded or charged, whatever a client says."""
    stage = await deploy()
    forged = {"X-Amzn-Lambda-Context": [json.dumps({"deadline": int(time.time() * 1000) + 900_000})]}
    result = await stage.ask(event_of(stage.key, headers=forged), Context(left_ms=5_000))
    assert (result["statusCode"], error_of(result)["code"]) == (504, "provider_timed_out")
    assert (upstream.calls, await stage.spent()) == ([], 0)


@pytest.mark.parametrize("path", [f"/staging{CHAT}", f"/gateway{CHAT}"])
async def test_the_stage_is_no_part_of_the_path(deploy: Deploy, path: str) -> None:
    """A request under the stage's path, or under a domain's base path, is the same request."""
    stage = await deploy()
    assert (await stage.ask(event_of(stage.key, path=path)))["statusCode"] == 200


async def test_another_path(deploy: Deploy) -> None:
    """What comes by a route with parameters is answered by its path: 404 in OpenAI's shape."""
    stage = await deploy()
    event = event_of(stage.key, resource="/v1/{proxy+}", path="/v1/nothing")
    assert whole.scope_of(event, Context())["path"] == "/v1/nothing"
    result = await stage.ask(event)
    assert (result["statusCode"], error_of(result)["code"]) == (404, "not_found")


def long_answer(call: Call) -> None:
    """Events of 1 KB without an end; the provider notices that nobody reads."""
    call.stream()
    for _ in range(20_000):
        call.event(chunk("x" * 1000))
    call.event(chunk(choices=[], usage=usage(5, 20_000)))


async def test_more_than_lambda_returns(
    deploy: Deploy, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that outgrows what Lambda returns is stopped, charged for what was made, and refused with a reason."""
    monkeypatch.setattr(whole, "RESULT_BYTES_MAX", 100_000)
    stage = await deploy()
    upstream.play(long_answer)
    result = await stage.ask(event_of(stage.key, {"stream": True, "max_tokens": 20_000}))
    assert (result["statusCode"], error_of(result)["code"]) == (502, "provider_failed")
    assert "too large" in error_of(result)["message"]
    assert result["multiValueHeaders"]["x-should-retry"] == ["false"]
    assert 0 < await stage.spent() < 20_000
    assert len(json.dumps(result)) < 100_000
    told = result["multiValueHeaders"]
    assert told["content-type"] == ["application/json"]
    assert "cache-control" not in told
    for name in ("x-farebox-receipt", "x-farebox-credits-remaining", "x-request-id", *cors.HEADERS):
        assert len(told[name]) == 1, name


async def test_what_json_makes_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the size as Lambda returns it: quotes and letters beyond ASCII are longer there."""
    monkeypatch.setattr(whole, "RESULT_BYTES_MAX", 10_000)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'"' * 6_000})

    assert (await answer(app, event_of("sk-x"), Context()))["statusCode"] == 502


async def test_an_answer_that_broke_off() -> None:
    """An answer that does not end is not returned as if it were whole."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    result = await answer(app, event_of("sk-x"), Context())
    assert (result["statusCode"], error_of(result)["message"]) == (502, "The answer broke off.")
    assert result["multiValueHeaders"]["x-request-id"][0].startswith("req_")
    assert cors.HEADERS.items() <= {name: value for name, [value] in result["multiValueHeaders"].items()}.items()


async def test_a_refusal_of_a_body_that_came_whole_does_not_wait(deploy: Deploy) -> None:
    """413 of the body's size, and of the input's by the rules, is answered at once: nothing of it is still to come."""
    stage = await deploy(MAX_BODY_BYTES="2000", RULES='{"limits": {"input_tokens": 10}}')
    for text, code in (("x" * 3000, "request_too_large"), ("word " * 200, "input_too_large")):
        began_s = time.monotonic()
        result = await stage.ask(event_of(stage.key, {"messages": [{"role": "user", "content": text}]}))
        assert (result["statusCode"], error_of(result)["code"]) == (413, code)
        assert time.monotonic() - began_s < DRAIN_TIMEOUT_S / 2


async def test_bytes_that_are_no_text() -> None:
    """An answer that is no text is handed over in base 64, and says so."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"1"), (b"a", b"2")]})
        await send({"type": "http.response.body", "body": b"\xff\x00"})

    result = await answer(app, event_of("sk-x"), Context())
    assert (result["isBase64Encoded"], base64.b64decode(result["body"])) == (True, b"\xff\x00")
    assert result["multiValueHeaders"] == {"a": ["1", "2"]}


def imported(module: str) -> set[str]:
    """What one import brings in, without the standard library."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=stand.ROOT)
    return set(found.stdout.split()) - set(sys.stdlib_module_names)


def test_it_imports_what_the_stream_does() -> None:
    """Nothing is imported that the streaming function, whose layer it has, does not import."""
    assert imported("functions.whole") == imported("functions.stream") >= {"aiohttp", "functions"}
