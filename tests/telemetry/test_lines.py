"""How lines of the log look, whoever writes them: in a process of its own, because logging is set once in one."""

import json
import subprocess
import sys
from typing import Any

from tests import stand

SECRET = "canary-6f1c"
BEGIN = f"""
import asyncio, logging, sys, warnings
logging.basicConfig()
from functions.settings import read
from functions.telemetry import Telemetry
secret = {SECRET!r}
def start(**more):
    return Telemetry(read({{"AWS_LAMBDA_FUNCTION_NAME": "f", "STAGE": "test"}} | more), "stream")
"""


def lines_of(script: str) -> list[dict[str, Any]]:
    """What a process says that runs this, line by line; all of it must be JSON."""
    run = subprocess.run(
        [sys.executable, "-c", BEGIN + script], cwd=stand.ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in (run.stdout + run.stderr).splitlines()]


def test_of_an_exception_only_kind_and_place_are_told() -> None:
    """Its words, its notes and its cause's words may be a client's; so of our own lines, uvicorn's and asyncio's."""
    lines = lines_of("""
start()
def fail():
    try:
        raise ValueError(secret)
    except ValueError as error:
        error.add_note(secret)
        raise RuntimeError(secret) from error
for name in ("farebox.stream", "uvicorn.error", "elsewhere"):
    try:
        fail()
    except RuntimeError:
        logging.getLogger(name).exception("it failed")
async def lost():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_exception(RuntimeError(secret))
    del future
asyncio.run(lost())
""")
    assert len(lines) == 4
    assert [line.get("exception_name") for line in lines[:3]] == ["RuntimeError"] * 3
    assert all("in fail" in line["exception"] for line in lines[:3])
    assert lines[3]["message"] == "Future exception was never retrieved"
    assert SECRET not in json.dumps(lines)


def test_libraries_never_say_more_than_warnings() -> None:
    """At LOG_LEVEL=DEBUG botocore would tell whole requests; and uvicorn's access log, addresses and queries."""
    lines = lines_of("""
start(LOG_LEVEL="DEBUG")
for name in ("botocore.endpoint", "urllib3.connectionpool", "uvicorn.error", "uvicorn.access", "aiohttp.client"):
    logging.getLogger(name).info(secret)
    logging.getLogger(name).debug(secret)
logging.getLogger("uvicorn.access").warning(secret)
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
logging.getLogger("farebox.any").debug("ours")
warnings.warn("old")
""")
    assert [line["name"] for line in lines] == ["uvicorn.error", "farebox.any", "py.warnings"]


def test_the_level_is_a_setting_and_metrics_are_written_at_any() -> None:
    """At LOG_LEVEL=ERROR no request is told in the log; its metrics are."""
    (line,) = lines_of("""
watch = start(LOG_LEVEL="ERROR").watch("req_1", "/v1/completions")
watch.admitted("r1", stream=False)
watch.done(200)
""")
    assert line["Admitted"] == [1.0]


def test_metrics_that_cannot_be_written_fail_no_request() -> None:
    """Whatever raises: the request goes on, and the log tells the place."""
    (line,) = lines_of("""
from functions.telemetry import metrics
watch = start(LOG_LEVEL="ERROR").watch("req_1", "/v1/completions")
def broken(fields):
    raise OSError(secret)
metrics.encode = broken
watch.admitted("r1", stream=False)
watch.done(200)
""")
    assert (line["message"][:24], line["request_id"], line["receipt_id"]) == ("metrics were not written", "req_1", "r1")
    assert SECRET not in json.dumps(line)


def test_a_process_without_a_stage_still_has_metrics() -> None:
    """A dimension cannot be empty: the stage is then `none`."""
    (line,) = lines_of("""
start(STAGE="", LOG_LEVEL="ERROR").audited(2, 0)
""")
    assert (line["stage"], line["AuditedAccounts"], line["Drift"]) == ("none", [2.0], [0.0])
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stage", "service"]]


def test_the_ids_of_one_request_do_not_stay_for_the_next() -> None:
    """A function in one piece answers all its requests in one context: each begins with nothing of the last."""
    lines = lines_of("""
telemetry = start()
first = telemetry.watch("req_1", "/a", trace="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
first.admitted("r1", stream=False)
first.done(200)
telemetry.watch("req_2", "/b").done(404)
""")
    first, second = (line for line in lines if "message" in line)
    assert (first["request_id"], first["receipt_id"]) == ("req_1", "r1")
    assert first["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert second["request_id"] == "req_2"
    assert not {"receipt_id", "xray_trace_id"} & set(second)


def test_the_streaming_function_imports_no_more_than_it_runs() -> None:
    """With its telemetry too: neither boto3 nor pynamodb nor chalice, and of botocore nothing but its name."""
    (line,) = lines_of("""
import functions.stream, json
heavy = [name for name in sys.modules if name.split(".")[0] in ("boto3", "pynamodb", "chalice", "pydantic")]
heavy += [name for name in sys.modules if name.startswith("botocore.")]
print(json.dumps({"heavy": heavy}))
""")
    assert line == {"heavy": []}
