"""Keys, prompts and answers pass through and leave no trace: in no log, no table, no error (case 33)."""

import json
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from tests import stand
from tests.forward.scripted_upstream import Call, ScriptedUpstream, chunk, events, plain, scripted_upstream, whole
from tests.ledger.faulty_proxy import Fault, FaultyProxy, faulty_proxy, is_admit, is_count, is_receipt, is_settle

CHAT = "/v1/chat/completions"
PATHS = (CHAT, "/v1/completions", "/v1/responses")
EMAIL_TABLES = {"accounts", "credentials", "identities"}
"""Where an e-mail address belongs: mails are sent to it, and it is how a person is found."""


def canary(kind: str) -> str:
    return f"canary-{kind}-{secrets.token_hex(8)}"


@dataclass
class Canaries:
    """What must be found nowhere. `key` is a real one; `wrong_key` was never given out."""

    key: str = ""
    wrong_key: str = field(default_factory=lambda: "sk-" + canary("key"))
    prompt: str = field(default_factory=lambda: canary("prompt"))
    answer: str = field(default_factory=lambda: canary("answer"))
    header: str = field(default_factory=lambda: canary("header"))
    query: str = field(default_factory=lambda: canary("query"))
    mailed: str = field(default_factory=lambda: canary("mailed"))
    """In an e-mail address that is none."""
    email: str = field(default_factory=lambda: canary("email") + "@farebox.test")

    @property
    def secret(self) -> dict[str, str]:
        """All but the e-mail address, by name."""
        return {name: value for name, value in vars(self).items() if name != "email"}


@dataclass
class Stage:
    """One gateway through which everything has been sent."""

    gateway: stand.RunningGateway
    upstream: ScriptedUpstream
    proxy: FaultyProxy
    canaries: Canaries
    answers: list[stand.Answer] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, key: str = "", **headers: str) -> stand.Answer:
        sent = {"X-Secret": self.canaries.header, "Cookie": f"session={self.canaries.header}"} | headers
        answer = self.gateway.request(method, f"{path}?key={self.canaries.query}", body, key, sent)
        self.answers.append(answer)
        return answer

    def prompt(self, path: str = CHAT, **more: Any) -> dict[str, Any]:
        text = self.canaries.prompt
        chat = [{"role": "user", "content": text}]
        content: dict[str, dict[str, Any]] = {CHAT: {"messages": chat}, "/v1/completions": {"prompt": text}}
        return content.get(path, {"input": text}) | more

    def chat(self, **more: Any) -> stand.Answer:
        return self.send("POST", CHAT, self.prompt(**more), self.canaries.key)


def good_requests(stage: Stage) -> None:
    """What succeeds, on every endpoint."""
    text = stage.canaries.answer
    for path in PATHS:
        for stream in (False, True):
            stage.upstream.play(events(chunk(text), chunk()) if stream else lambda call: call.answer(whole(text)))
            stage.send("POST", path, stage.prompt(path, stream=stream), stage.canaries.key)
    stage.send("GET", "/account", key=stage.canaries.key)
    stage.send("GET", "/v1/models", key=stage.canaries.key)


def bad_requests(stage: Stage) -> None:
    """What the gateway refuses by itself: keys, bodies, paths, addresses."""
    canaries = stage.canaries
    for key in (canaries.wrong_key, canaries.key + "x", canaries.key[:-1], ""):
        for path in PATHS:
            stage.send("POST", path, stage.prompt(path), key)
        stage.send("GET", "/account", key=key)
    stage.send("POST", CHAT, stage.prompt(), "", Authorization=f"Basic {canaries.wrong_key}")
    stage.send("POST", CHAT, stage.prompt(), "", Authorization=canaries.key)
    for body in (f'{{"messages": "{canaries.prompt}', f'"{canaries.prompt}"', canaries.prompt.encode() + b"\xff"):
        stage.send("POST", CHAT, body, canaries.key)
    for wrong in ({"max_tokens": canaries.prompt}, {"n": canaries.prompt}, {"stop": [1, canaries.prompt]}):
        stage.chat(**wrong)
    stage.chat(messages=[{"role": canaries.prompt, "content": canaries.prompt}])
    stage.chat(messages=[{"role": "user", "content": [{"type": canaries.prompt, "text": canaries.prompt}]}])
    stage.send("POST", CHAT, stage.prompt(padding=canaries.prompt * 1000), canaries.key)
    stage.send("GET", f"/v1/{canaries.query}", key=canaries.key)
    stage.send("PUT", "/account", key=canaries.key)
    for key in (canaries.key, canaries.wrong_key):
        for path in ("/dashboard?key=", "/checkout?pack=starter&key=", "/admin?key=", "/register?key="):
            stage.gateway.visit(path + key)
    for email in (f"{canaries.mailed} @farebox.test", f"a@farebox.test\r\nBcc: {canaries.mailed}@farebox.test", 1):
        stage.send("POST", "/register", {"email": email})


def failing_upstreams(stage: Stage) -> None:
    """Every way in which a provider fails, each time with the canary of the answer in it."""
    text = stage.canaries.answer

    def drops(call: Call) -> None:
        call.stream()
        call.event(chunk(text))
        call.drop()

    def says_error(call: Call) -> None:
        call.stream()
        call.event(chunk(text))
        call.write(b'error: {"code":500,"message":"' + text.encode() + b'"}\n\n')

    scripts = [
        lambda call: call.answer({"error": {"message": text}}, 500),
        lambda call: call.answer({"error": {"message": text}}, 503),
        lambda call: call.answer({"error": {"message": text}}, 429),
        lambda call: call.answer(text.encode(), 302),
        lambda call: call.answer(text.encode()),
        lambda call: call.answer([text]),
        lambda call: call.raw(b"HTTP/1.1 " + text.encode() + b"\r\n\r\n"),
        lambda call: call.reset(),
        drops,
        says_error,
        events(text.encode()),
        events({"error": {"message": text}}),
        events(chunk(text), {"choices": [], "usage": {"prompt_tokens": text, "completion_tokens": -1}}),
    ]
    for script in scripts:
        for stream in (False, True):
            stage.upstream.play(script)
            stage.chat(stream=stream)
    stage.upstream.play(plain)


def failing_ledgers(stage: Stage) -> None:
    """Every ledger call fails, for a while; the requests to DynamoDB carry hashes, and errors quote requests."""
    for match in (is_count, is_admit, is_receipt, is_settle):
        for fault in (Fault.FAIL, Fault.RESET, Fault.DROP_ANSWER, Fault.THROTTLE):
            stage.proxy.arm(match, fault, times=1000)
            stage.chat()
            stage.send("GET", "/account", key=stage.canaries.key)
            stage.proxy.disarm()
    stage.proxy.arm(lambda operation: True, Fault.FAIL, times=1000)
    stage.send("POST", "/register", {"email": stage.canaries.email})
    stage.send("GET", "/account", key=stage.canaries.key)
    stage.proxy.disarm()


def a_client_that_leaves(stage: Stage) -> None:
    """It hangs up in the middle of a stream, and in the middle of its own body."""
    gateway = urlsplit(stage.gateway.url)
    body = json.dumps(stage.prompt(stream=True)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stage.canaries.key}\r\n"

    def says_one_word(call: Call) -> None:
        call.stream()
        call.event(chunk(stage.canaries.answer))
        call.wait_gone()

    stage.upstream.play(says_one_word)
    for length in (len(body), len(body) + 100):
        with socket.create_connection((gateway.hostname or "", gateway.port or 0), timeout=30) as client:
            client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + body)
            if length == len(body):
                client.recv(1000)
    with socket.create_connection((gateway.hostname or "", gateway.port or 0), timeout=30) as client:
        client.sendall(f"{stage.canaries.prompt} {stage.canaries.key}\r\n\r\n".encode())
        client.recv(1000)


@pytest.fixture(scope="module")
def stage(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A gateway that has been through all of it."""
    folder = tmp_path_factory.mktemp("canaries")
    with (
        scripted_upstream() as upstream,
        faulty_proxy(dynamodb_url) as proxy,
        stand.gateways(dynamodb_url, folder) as start,
    ):
        settings = {"HOLD_EXPIRY_S": "20", "LEDGER_TIMEOUT_S": "1", "MAX_BODY_BYTES": "20000"}
        gateway = start(LLAMA_BASE_URL=upstream.url, DYNAMODB_ENDPOINT_URL=proxy.url, **settings)
        canaries = Canaries()
        stage = Stage(gateway, upstream, proxy, canaries)
        canaries.key = gateway.register(canaries.email)
        for traffic in (good_requests, bad_requests, failing_upstreams, failing_ledgers, a_client_that_leaves):
            traffic(stage)
        yield stage


def test_case_33_the_traffic_was_what_it_was_meant_to_be(stage: Stage) -> None:
    """The canaries did go in, and every kind of answer came out; else the other tests prove nothing."""
    statuses = {answer.status for answer in stage.answers}
    assert {200, 400, 401, 404, 405, 413, 502, 503} <= statuses
    assert any(stage.canaries.answer.encode() in answer.body for answer in stage.answers)


def test_case_33_no_key_prompt_or_answer_is_in_the_log(stage: Stage) -> None:
    """Nothing that anyone sent, whatever failed: not the Authorization header, not the address in a mail either."""
    log = stage.gateway.log.read_text()
    assert "not settled" in log, "the log is not the one of this traffic"
    for name, value in vars(stage.canaries).items():
        assert value not in log, name
    assert not re.search(r"bearer|authorization", log, re.IGNORECASE)
    assert not stand.KEY.search(log)


def items(stage: Stage, dynamodb_url: str) -> Iterator[tuple[str, str]]:
    """Every item of every table of this deployment, as text, with the table's name."""
    session = boto3.Session("local", "local", region_name="us-east-1")
    client = session.client("dynamodb", endpoint_url=dynamodb_url)
    prefix = stage.gateway.settings.table_prefix
    tables = [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]
    for table in tables:
        if table.startswith(prefix):
            for page in client.get_paginator("scan").paginate(TableName=table):
                yield from ((table.removeprefix(prefix), json.dumps(item)) for item in page["Items"])


def test_case_33_tables_hold_neither_keys_nor_content_nor_addresses(stage: Stage, dynamodb_url: str) -> None:
    """No key, prompt, answer or IP address in any item; the e-mail address only where it belongs."""
    found = list(items(stage, dynamodb_url))
    assert {table for table, _ in found} >= {"accounts", "credentials", "identities", "journal", "receipts", "windows"}
    for table, item in found:
        for name, value in stage.canaries.secret.items():
            assert value not in item, f"{name} in {table}"
        assert not stand.KEY.search(item), table
        assert "127.0.0.1" not in item, table
        assert (stage.canaries.email in item) <= (table in EMAIL_TABLES), table


def test_case_33_errors_repeat_no_secret(stage: Stage) -> None:
    """Error answers and headers name fields and limits; never a key, a query or a header that was sent."""
    canaries = stage.canaries
    for answer in stage.answers:
        told = answer.body.decode(errors="replace") + json.dumps(answer.headers)
        for secret in (canaries.key, canaries.wrong_key, canaries.query, canaries.header):
            assert secret not in told
        if answer.status >= 500:
            assert canaries.prompt not in told
            assert canaries.answer not in told
