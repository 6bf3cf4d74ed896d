"""The functions as on Lambda, each a process whose stdout is read as CloudWatch would read it."""

import contextlib
import dataclasses
import json
import os
import secrets
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions import settings as settings_module
from functions.ledger import tables
from functions.money import MICROCREDITS_PER_CREDIT
from tests import stand
from tests.forward.scripted_upstream import ScriptedUpstream
from tests.forward.stage import CHAT, HELLO, account_item, new_key
from tests.ledger.faulty_proxy import FaultyProxy

STAGE = "test"
ADDRESS_LIMIT = 12
"""Requests a minute from one address; each request of a test has an address of its own, unless it says otherwise."""
Line = dict[str, Any]


def lines_of(text: str) -> list[Line]:
    """Every line as JSON; one that is none fails the test."""
    return [json.loads(line) for line in text.splitlines()]


def metrics_of(lines: list[Line], *reason: str) -> Counter[str]:
    """The sums of the metrics as CloudWatch makes them, of those with this reason, or of those without any."""
    sums: Counter[str] = Counter()
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Farebox"
            for names in directive["Dimensions"]:
                told = {name: line[name] for name in names}
                assert told.pop("stage") == STAGE
                assert told.pop("service")
                if list(told.values()) == list(reason):
                    for metric in directive["Metrics"]:
                        sums[metric["Name"]] += sum(line[metric["Name"]])
    return sums


def requests_of(lines: list[Line]) -> list[Line]:
    """The lines that tell of requests."""
    return [line for line in lines if line.get("message") == "request"]


@dataclass
class Asked:
    """A request as Lambda Web Adapter hands it on, with ids of its own."""

    address: str = field(default_factory=lambda: f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1")
    function_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=lambda: f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}")

    def headers(self) -> dict[str, str]:
        told = {"request_id": self.function_request_id, "deadline": 4_000_000_000_000}
        return {
            "x-amzn-request-context": json.dumps({"identity": {"sourceIp": self.address}}),
            "x-amzn-lambda-context": json.dumps(told),
            "x-amzn-trace-id": f"Root={self.trace_id};Parent={secrets.token_hex(8)};Sampled=1",
        }


@dataclass
class Streaming:
    """The streaming function, the provider behind it, and an account's key."""

    gateway: stand.RunningGateway
    upstream: ScriptedUpstream
    proxy: FaultyProxy
    key: str = ""
    read: int = 0
    """How much of the log was seen before this test."""

    def renewed(self) -> "Streaming":
        """With a new account, and only what is logged from now on."""
        return dataclasses.replace(self, key=new_key(self.gateway), read=len(self.gateway.log.read_text()))

    def ask(
        self, body: Any, path: str = CHAT, asked: Asked | None = None, headers: dict[str, str] | None = None
    ) -> stand.Answer:
        sent = (asked or Asked()).headers() | (headers or {})
        return self.gateway.request("POST", path, body, key=self.key, headers=sent)

    def chat(self, **fields: Any) -> stand.Answer:
        return self.ask({"messages": HELLO, **fields})

    def lines(self) -> list[Line]:
        return lines_of(self.gateway.log.read_text()[self.read :])

    def metrics(self, *reason: str) -> Counter[str]:
        return metrics_of(self.lines(), *reason)

    def now_told(self, count: int) -> list[Line]:
        """The lines of so many requests, which must be there by now."""
        lines = requests_of(self.lines())
        assert len(lines) == count
        return lines

    def request_lines(self, count: int) -> list[Line]:
        """The lines of so many requests, once they are there; then no more may be."""
        stand.wait_until(lambda: len(requests_of(self.lines())) >= count, f"{count} requests are told")
        return self.now_told(count)

    def spent(self) -> float:
        """Credits."""
        return int(account_item(self.gateway, self.key)["spent"]["N"]) / MICROCREDITS_PER_CREDIT


def on_lambda(function: str, dynamodb_url: str, prefix: str, **more: str) -> dict[str, str]:
    """The environment of a function."""
    variables = stand.RAISED | stand.environment(dynamodb_url, prefix, STAGE=STAGE, PYTHONUNBUFFERED="1")
    variables |= {"AWS_LAMBDA_FUNCTION_NAME": f"farebox-{STAGE}-{function}", "INFERENCE_IP_RATE_LIMIT": "100000"}
    return variables | more


@contextlib.contextmanager
def streaming(dynamodb_url: str, upstream: ScriptedUpstream, proxy: FaultyProxy, folder: Path) -> Iterator[Streaming]:
    """The streaming function's own server, behind nothing."""
    port, log = stand.free_port(), folder / "stream.log"
    variables = on_lambda(
        "stream",
        proxy.url,
        f"t{secrets.token_hex(5)}-",
        LLAMA_BASE_URL=upstream.url,
        INFERENCE_IP_RATE_LIMIT=str(ADDRESS_LIMIT),
        UPSTREAM_IDLE_TIMEOUT_S="1",
        MAX_BODY_BYTES="20000",
        LEDGER_TIMEOUT_S="1",
    )
    settings = settings_module.read(variables)
    direct = dataclasses.replace(settings, dynamodb_endpoint_url=dynamodb_url, ledger_timeout_s=30)
    tables.create_tables(direct)
    with stand.process(["-m", "functions.stream_server", str(port)], os.environ | variables, log) as child:
        url = f"http://127.0.0.1:{port}"
        gateway = stand.RunningGateway(url, folder, child, direct, log)
        stand.wait_until(lambda: child.poll() is not None or listens(gateway), "the streaming function")
        yield Streaming(gateway, upstream, proxy)


def listens(gateway: stand.RunningGateway) -> bool:
    """Whether it answers, whatever it says."""
    try:
        return gateway.request("GET", "/").status == 404
    except OSError:
        return False


@dataclass
class Invoked:
    """A function whose handler is called with events, as Lambda's runtime for Python does."""

    child: "subprocess.Popen[str]"
    log: Path
    answers: Path
    read: int = 0
    """How much of the log was seen before this test."""

    def call(self, event: Line, asked: Asked) -> Line:
        """Invoke it; gives what the handler returned."""
        assert self.child.stdin
        before = len(self._answers())
        self.child.stdin.write(json.dumps([event, asked.function_request_id, asked.trace_id]) + "\n")
        self.child.stdin.flush()
        stand.wait_until(lambda: self.child.poll() is not None or len(self._answers()) > before, "an answer")
        answer: Line = json.loads(self._answers()[before])
        return answer

    def _answers(self) -> list[str]:
        text = self.answers.read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    def ask(self, path: str, asked: Asked, resource: str = "", method: str = "GET", more: Line | None = None) -> Line:
        """A request through API Gateway."""
        resource = resource or path
        event: Line = {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": {},
            "multiValueHeaders": {},
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "body": None,
            "isBase64Encoded": False,
            "requestContext": {
                "resourcePath": resource,
                "path": path,
                "httpMethod": method,
                "domainName": "api.farebox.test",
                "identity": {"sourceIp": asked.address},
            },
        }
        return self.call(event | (more or {}), asked)

    def text(self) -> str:
        return self.log.read_text()[self.read :]

    def lines(self) -> list[Line]:
        return lines_of(self.text())


@contextlib.contextmanager
def invoked(handler: str, variables: dict[str, str], folder: Path) -> Iterator[Invoked]:
    """A process that calls `module.name` once for every line on its stdin."""
    log, answers = folder / f"{handler}.log", folder / f"{handler}.answers"
    answers.touch()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.telemetry.runtime", handler, str(answers)],
            cwd=stand.ROOT,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            yield Invoked(child, log, answers)
        finally:
            stand.end(child)  # type: ignore[arg-type]
            assert child.stdin
            child.stdin.close()
