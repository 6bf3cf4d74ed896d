"""A secret that is replaced in Secrets Manager is used by running functions, without a start and without a gap."""

import asyncio
import json
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest

from functions.settings import Settings, read
from functions.stream import App
from tests import stand
from tests.forward.scripted_upstream import Call, ScriptedUpstream, plain
from tests.forward.stage import CHAT, HELLO, Stage, new_key


class Secret:
    """One secret in MiniStack's Secrets Manager."""

    def __init__(self, url: str) -> None:
        self.name = f"farebox-test/{secrets.token_hex(4)}"
        self.client = boto3.client(
            "secretsmanager",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self.client.create_secret(Name=self.name, SecretString=json.dumps({"LLAMA_API_KEY": "first-key"}))

    def put(self, **values: str) -> None:
        self.client.put_secret_value(SecretId=self.name, SecretString=json.dumps(values))


@pytest.fixture
def secret(dynamodb_url: str) -> Secret:
    return Secret(dynamodb_url)


@pytest.fixture
def stage(secret: Secret, dynamodb_url: str, upstream: ScriptedUpstream, start_gateway: stand.StartGateway) -> Stage:
    """A gateway whose provider key is a secret that may not be older than no time at all."""
    gateway = start_gateway(
        LLAMA_BASE_URL=upstream.url,
        SECRETS=secret.name,
        SECRETS_MAX_AGE_S="0",
        SECRETS_ENDPOINT_URL=dynamodb_url,
    )
    upstream.play(plain)
    return Stage(gateway, upstream, new_key(gateway))


def keys_seen(upstream: ScriptedUpstream) -> list[str]:
    return [dict(call.headers)["authorization"] for call in upstream.calls]


def test_the_next_request_uses_the_new_key(stage: Stage, secret: Secret) -> None:
    """Streaming and other functions alike, and what cannot be read leaves the key as it was."""
    assert stage.chat().status == 200
    assert keys_seen(stage.upstream) == ["Bearer first-key"]
    secret.put(LLAMA_API_KEY="second-key")
    assert stage.chat().status == 200
    assert keys_seen(stage.upstream)[-1] == "Bearer second-key"

    def models(call: Call) -> None:
        call.answer({"object": "list", "data": [{"id": "m", "object": "model"}]})

    stage.upstream.play(models)
    assert stage.gateway.request("GET", "/v1/models", key=stage.key).status == 200
    assert keys_seen(stage.upstream) == ["Bearer second-key"]
    secret.put(LLAMA_API_KEY="third-key")
    assert stage.gateway.request("GET", "/v1/models", key=stage.key).status == 200
    assert keys_seen(stage.upstream)[-1] == "Bearer third-key"

    stage.upstream.play(plain)
    secret.put(LLAMA_API_KY="canary-of-a-secret")
    assert stage.chat().status == 200
    assert keys_seen(stage.upstream) == ["Bearer third-key"]
    log = stage.gateway.log.read_text()
    assert "LLAMA_API_KY stands in the secrets and is none of them" in log
    assert "canary" not in log


def test_nobody_waits_in_vain_while_a_key_changes(stage: Stage, secret: Secret) -> None:
    """Requests at the same time as the change are all answered, each with the old key or the new one."""

    def ask(number: int) -> Any:
        if number == 10:
            secret.put(LLAMA_API_KEY="second-key")
        return stage.gateway.request("POST", CHAT, {"messages": HELLO}, key=stage.key).status

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(40))) == {200}
    seen = set(keys_seen(stage.upstream))
    assert "Bearer second-key" in seen
    assert seen <= {"Bearer first-key", "Bearer second-key"}


class Renewing:
    """A source of settings whose reading does as the test says."""

    def __init__(self, renew: Callable[[], Settings]) -> None:
        self.renew = renew


def app() -> App:
    return App(read(stand.environment("http://127.0.0.1:1", "none-")))


async def test_a_reading_that_fails_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody thought of fails no request, neither this one nor those after it; its words are not told."""
    renewing, stream = Renewing(Mock(side_effect=MemoryError("canary"))), app()
    for _ in range(3):
        await stream._renew(renewing)  # type: ignore[arg-type]
    assert renewing.renew.call_count == 3  # type: ignore[attr-defined]
    assert caplog.text.count("the secrets stay as they are: MemoryError") == 3
    assert "canary" not in caplog.text


async def test_a_client_that_leaves_meanwhile_changes_nothing() -> None:
    """What was read for a request that is gone counts for those that come."""
    go_on, stream = threading.Event(), app()
    newer = replace(stream.settings, llama_api_key="second-key")
    renewing = Renewing(lambda: newer if go_on.wait(5) else stream.settings)
    gone = asyncio.create_task(stream._renew(renewing))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    go_on.set()
    await stream._renew(renewing)  # type: ignore[arg-type]
    assert stream.settings.llama_api_key == "second-key"
    assert stream.renewing is None
