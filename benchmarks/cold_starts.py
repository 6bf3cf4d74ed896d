"""Cold starts: every function from the unpacked package, from the start of its process to its first answer.

What Lambda does before that, downloading and unpacking, is not in it. The stand-in for Lambda is that of the tests.
"""

import hashlib
import hmac
import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import load
from benchmarks.processes import BenchError, free_port
from benchmarks.report import Row, aim_of, aligned, number
from benchmarks.stand import Cores
from infra.aws.artifacts import PackageFailed
from tests.lambda_runtime import adapter
from tests.lambda_runtime.disk import Disk, make
from tests.lambda_runtime.environment import STREAM, Environment
from tests.lambda_runtime.events import CHAT, event
from tests.lambda_runtime.runtime_api import Invocation

WITH_ADAPTER = "stream, with its adapter"
STARTS = 5
STARTED_WITHIN_S = 30
POLL_S = 0.002
HEADINGS = ("cold start", "first answer, ms", "aim", "fastest, ms", "slowest, ms", "memory then, MiB")
WEBHOOK_SECRET = "a secret of benchmarks"
OPERATOR = "100.64.0.9"
SETTINGS = {
    "AWS_SESSION_TOKEN": "x",
    "ADMIN_ALLOWED_CIDRS": "100.64.0.0/10",
    "BTCPAY_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "STAGE": "staging",
}


@dataclass(frozen=True)
class Function:
    """A function, the event that its first answer is for, and how that answer is known to be right."""

    name: str
    handler: str
    layer: str
    event: dict[str, Any]
    is_right: Callable[[Any], bool]
    aim_ms: float = 600
    has_adapter: bool = False


@dataclass
class ColdStart:
    """Every sample of one function: milliseconds from the start of its process, MiB once it has answered."""

    aim_ms: float
    first_answer_ms: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return median(self.first_answer_ms)

    @property
    def median_mb(self) -> float:
        return median(self.rss_mb)


@dataclass(frozen=True)
class ColdStarts:
    """What was measured, by function, and the tokens that its answers reported."""

    functions: dict[str, ColdStart]
    tokens: int


def cold_starts(settings: dict[str, str], key: str, cores: Cores, folder: Path) -> ColdStarts:
    """Start each function STARTS times, in turn. Raises BenchError."""
    found: dict[str, ColdStart] = {}
    try:
        disks = _disks(folder)
    except PackageFailed as error:
        raise BenchError(f"there is no package: {error}") from error
    functions = [each for each in _functions(settings, key) if each.name in disks]
    tokens = 0
    for _ in range(STARTS):
        for function in functions:
            start = found.setdefault(function.name, ColdStart(function.aim_ms))
            environment = Environment(disks[function.name], settings | SETTINGS, folder / "cold.log", function.handler)
            tokens += _measure(function, environment, cores, start)
    return ColdStarts(found, tokens)


def cold_rows(found: ColdStarts) -> list[Row]:
    """The times that have an aim, as figures."""
    return [_row(name, start) for name, start in found.functions.items()]


def cold_table(found: ColdStarts) -> str:
    """A line for each function."""
    lines = [
        (
            name,
            number(start.median_ms),
            aim_of(_row(name, start)),
            number(min(start.first_answer_ms)),
            number(max(start.first_answer_ms)),
            number(start.median_mb),
        )
        for name, start in found.functions.items()
    ]
    return aligned([HEADINGS, *lines])


def _row(name: str, start: ColdStart) -> Row:
    return Row(f"cold start, {name}", "ms", start.median_ms, aim=start.aim_ms)


def _disks(folder: Path) -> dict[str, Disk]:
    """A disk for each function; none for the adapter where it is not built."""
    stream, rest, plain = (make(folder / "disk", layer) for layer in ("stream", "rest", ""))
    disks = {"stream": stream, "authorizer": plain}
    disks |= dict.fromkeys(("api", "webhooks", "console", "admin", "maintenance"), rest)
    if adapter.is_built():
        disks[WITH_ADAPTER] = make(folder / "disk", "stream", adapter.layer())
    return disks


def _functions(settings: dict[str, str], key: str) -> list[Function]:
    """Each with an event that makes it do what it is there for."""
    told = json.dumps({"deliveryId": "1", "type": "Ping"})
    signature = "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), told.encode(), hashlib.sha256).hexdigest()
    chat = event(load.STREAM_REQUEST, key)
    admin = event(None, settings["ADMIN_KEY"], "/admin/status", address=OPERATOR, method="GET")
    console = event(None, f"os-{'s' * 43}", "/console/projects", method="GET")  # asks the ledger for a session
    arn = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/staging/GET/admin/status"
    authorizer = admin | {"type": "REQUEST", "methodArn": arn}
    return [
        Function("stream", STREAM, "stream", chat, bool, 500),
        Function(WITH_ADAPTER, STREAM, "stream", chat, bool, 500, has_adapter=True),
        Function("api", "app.app", "rest", event(None, key, "/account", method="GET"), _is_200),
        Function(
            "webhooks",
            "functions.webhooks.app",
            "rest",
            event(told, path="/btcpay/webhook", BTCPay_Sig=signature),
            _is_200,
        ),
        Function("console", "functions.console.app", "rest", console, _is_401),
        Function("admin", "functions.admin.app", "rest", admin, _is_200),
        Function("authorizer", "functions.authorizer.handler", "", authorizer, _is_allowed),
        Function("maintenance", "functions.maintenance.handler", "rest", {}, lambda answer: answer["accounts"] >= 1),
    ]


def _is_200(answer: Any) -> bool:
    return bool(answer["statusCode"] == 200)


def _is_401(answer: Any) -> bool:
    return bool(answer["statusCode"] == 401)


def _is_allowed(answer: Any) -> bool:
    return bool(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow")


def _measure(function: Function, environment: Environment, cores: Cores, into: ColdStart) -> int:
    """One start; gives the tokens that its answer reported."""
    environment.variables["AWS_LWA_PORT"] = str(free_port())
    os.sched_setaffinity(0, {cores.measured})  # a child inherits it
    try:
        environment.launch()
    finally:
        os.sched_setaffinity(0, {cores.others})
    try:
        if function.handler == STREAM and not function.has_adapter:
            first_s, body = _ask(environment, function.event)
            tokens = load.check_stream(body)
        else:
            answer = environment.invoke(function.event).whole(STARTED_WITHIN_S)
            first_s, tokens = _checked(function, answer)
        into.first_answer_ms.append((first_s - environment.started_s) * 1e3)
        into.rss_mb.append(sum(_rss_mb(process.pid) for process in environment.processes.values()))
    except (AssertionError, OSError, ValueError, KeyError) as error:
        raise BenchError(
            f"{function.name} did not answer: {error!r}. Its log ends:\n{environment.log[-2000:]}"
        ) from error
    finally:
        environment.close()
    return tokens


def _checked(function: Function, answer: Invocation) -> tuple[float, int]:
    """When the answer's first event came, and its tokens; raises ValueError where it is wrong."""
    if answer.error:
        raise ValueError(answer.error)
    if function.has_adapter:
        return answer.came(b"\n\n"), load.check_stream(answer.body)
    if not function.is_right(json.loads(answer.sent)):
        raise ValueError(answer.sent[:500])
    return answer.chunks[0][0], 0


def _ask(environment: Environment, event: dict[str, Any]) -> tuple[float, bytes]:
    """Ask the server itself, with the headers that the adapter would add, as soon as it listens."""
    headers = event["headers"] | {
        "x-amzn-request-context": json.dumps(event["requestContext"]),
        "x-amzn-lambda-context": json.dumps({"deadline": int((time.time() + 900) * 1000)}),
    }
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", int(environment.variables["AWS_LWA_PORT"]))
        try:
            connection.request("POST", CHAT, event["body"], headers)
            break
        except ConnectionRefusedError:
            if time.monotonic() - environment.started_s > STARTED_WITHIN_S:
                raise
            time.sleep(POLL_S)
    with connection.getresponse() as response:
        first = response.read1()
        first_s = time.monotonic()
        return first_s, first + response.read()


def _rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
