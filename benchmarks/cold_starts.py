"""Cold starts: every function from the unpacked package, from the start of its process to its first answer.

What Lambda does before that, downloading and unpacking, is not in it. The stand-in for Lambda is that of the tests.
"""

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
from infra.aws.template import functions
from infra.aws.template.functions import Function
from tests.lambda_runtime import adapter, payment_events
from tests.lambda_runtime.disk import Disk, make
from tests.lambda_runtime.environment import STREAM, Environment
from tests.lambda_runtime.events import CHAT, event
from tests.lambda_runtime.runtime_api import Invocation

WITH_ADAPTER = "stream, with its adapter"
STARTS = 5
STARTED_WITHIN_S = 30
POLL_S = 0.002
HEADINGS = (
    "cold start",
    "ready, ms",
    "aim",
    "first answer, ms",
    "aim",
    "fastest, ms",
    "slowest, ms",
    "memory then, MiB",
)
OPERATOR = "100.64.0.9"
SETTINGS = payment_events.SETTINGS | {
    "AWS_SESSION_TOKEN": "x",
    "ADMIN_ALLOWED_CIDRS": "100.64.0.0/10",
    "STAGE": "staging",
}
READY_AIM_MS = 400


@dataclass(frozen=True)
class Start:
    """A start of a function, the event that its first answer is for, and how that answer is known to be right."""

    name: str
    function: Function
    event: dict[str, Any]
    is_right: Callable[[Any], bool]
    aim_ms: float = 600
    ready_aim_ms: float | None = None
    """Until it asks for an event."""
    has_adapter: bool = False

    @property
    def carries(self) -> tuple[str, ...]:
        """The names of its layers."""
        return (*self.function.layers, *(["adapter"] if self.has_adapter else []))

    @property
    def is_plain_server(self) -> bool:
        """It is asked over HTTP, and asks for nothing."""
        return self.function.handler == STREAM and not self.has_adapter


@dataclass
class ColdStart:
    """Every sample of one start: milliseconds from the start of its process, MiB once it has answered."""

    aim_ms: float
    ready_aim_ms: float | None = None
    first_answer_ms: list[float] = field(default_factory=list)
    ready_ms: list[float] = field(default_factory=list)
    """Empty where it is a plain server."""
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
    starts = [each for each in _starts(settings, key) if not each.has_adapter or adapter.is_built()]
    try:
        disks = _disks(folder, starts)
    except PackageFailed as error:
        raise BenchError(f"there is no package: {error}") from error
    tokens = 0
    for _ in range(STARTS):
        for each in starts:
            into = found.setdefault(each.name, ColdStart(each.aim_ms, each.ready_aim_ms))
            environment = Environment(
                disks[each.carries], settings | SETTINGS, folder / "cold.log", each.function.handler
            )
            tokens += _measure(each, environment, cores, into)
    return ColdStarts(found, tokens)


def cold_rows(found: ColdStarts) -> list[Row]:
    """The times that have an aim, as figures."""
    return [
        row for name, start in found.functions.items() for row in (_ready_row(name, start), _row(name, start)) if row
    ]


def cold_table(found: ColdStarts) -> str:
    """A line for each function."""
    lines = []
    for name, start in found.functions.items():
        ready = _ready_row(name, start)
        lines.append(
            (
                name,
                number(median(start.ready_ms)) if start.ready_ms else "",
                aim_of(ready) if ready else "",
                number(start.median_ms),
                aim_of(_row(name, start)),
                number(min(start.first_answer_ms)),
                number(max(start.first_answer_ms)),
                number(start.median_mb),
            )
        )
    return aligned([HEADINGS, *lines])


def _row(name: str, start: ColdStart) -> Row:
    return Row(f"cold start, {name}", "ms", start.median_ms, aim=start.aim_ms)


def _ready_row(name: str, start: ColdStart) -> Row | None:
    if start.ready_aim_ms is None:
        return None
    return Row(f"cold start, {name}, ready", "ms", median(start.ready_ms), aim=start.ready_aim_ms)


def _disks(folder: Path, starts: list[Start]) -> dict[tuple[str, ...], Disk]:
    """A disk for all that carry the same."""
    return {
        each.carries: make(folder / "disk", each.function.layers, adapter.layer() if each.has_adapter else None)
        for each in {each.carries: each for each in starts}.values()
    }


def _starts(settings: dict[str, str], key: str) -> list[Start]:
    """Each function with an event that makes it do what it is there for."""
    chat = event(load.STREAM_REQUEST, key)
    admin = event(None, settings["ADMIN_KEY"], "/admin/status", address=OPERATOR, method="GET")
    console = event(None, f"os-{'s' * 43}", "/console/projects", method="GET")  # asks the ledger for a session
    arn = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/staging/GET/admin/status"
    authorizer = admin | {"type": "REQUEST", "methodArn": arn}
    return [
        Start("stream", functions.STREAM, chat, bool, 500),
        Start(WITH_ADAPTER, functions.STREAM, chat, bool, 500, has_adapter=True),
        Start("api", functions.API, event(None, key, "/account", method="GET"), _is_200),
        *(
            Start(f"webhooks, {provider}", functions.WEBHOOKS, told, _is_200, ready_aim_ms=READY_AIM_MS)
            for provider, told in payment_events.ignored().items()
        ),
        Start("console", functions.CONSOLE, console, _is_401),
        Start("admin", functions.ADMIN, admin, _is_200),
        Start("authorizer", functions.AUTHORIZER, authorizer, _is_allowed),
        Start("maintenance", functions.MAINTENANCE, {}, lambda answer: answer["accounts"] >= 1),
        Start("errands", functions.ERRANDS, {"task": "notices"}, lambda answer: "errorType" not in answer),
    ]


def _is_200(answer: Any) -> bool:
    return bool(answer["statusCode"] == 200)


def _is_401(answer: Any) -> bool:
    return bool(answer["statusCode"] == 401)


def _is_allowed(answer: Any) -> bool:
    return bool(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow")


def _measure(start: Start, environment: Environment, cores: Cores, into: ColdStart) -> int:
    """One start; gives the tokens that its answer reported."""
    environment.variables["AWS_LWA_PORT"] = str(free_port())
    os.sched_setaffinity(0, {cores.measured})  # a child inherits it
    try:
        environment.launch()
    finally:
        os.sched_setaffinity(0, {cores.others})
    try:
        if start.is_plain_server:
            first_s, body = _ask(environment, start.event)
            tokens = load.check_stream(body)
        else:
            answer = environment.invoke(start.event).whole(STARTED_WITHIN_S)
            first_s, tokens = _checked(start, answer)
            into.ready_ms.append((environment.api.ready_s - environment.started_s) * 1e3)
        into.first_answer_ms.append((first_s - environment.started_s) * 1e3)
        into.rss_mb.append(sum(_rss_mb(process.pid) for process in environment.processes.values()))
    except (AssertionError, OSError, ValueError, KeyError) as error:
        raise BenchError(f"{start.name} did not answer: {error!r}. Its log ends:\n{environment.log[-2000:]}") from error
    finally:
        environment.close()
    return tokens


def _checked(start: Start, answer: Invocation) -> tuple[float, int]:
    """When the answer's first event came, and its tokens; raises ValueError where it is wrong."""
    if answer.error:
        raise ValueError(answer.error)
    if start.has_adapter:
        return answer.came(b"\n\n"), load.check_stream(answer.body)
    if not start.is_right(json.loads(answer.sent)):
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
