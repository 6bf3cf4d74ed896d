"""Ask a gateway everything that Schemathesis makes of /openapi.json: `python -m tests.schemathesis [--cases 3000]`.

Ends with 1 where an answer is none that the document tells of, is a 500, or a 502, 503 or 504 while nothing is cut off;
and where there were too few requests, or too few of them succeeded, for that to say anything.
"""

import argparse
import functools
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
import schemathesis
from schemathesis.core.result import Ok

from infra.openapi.document import build
from tests.schemathesis import cut_off
from tests.schemathesis.cases import Made, Operation, cases
from tests.schemathesis.judged import wrong
from tests.schemathesis.prepared import Prepared
from tests.schemathesis.report import Failure, Report
from tests.schemathesis.stage import Stage, opened

CASES, CASES_MIN, SUCCEEDED_MIN = 2_100, 2_000, 500
SEED = 1
TIMEOUT_S = 30
BOUNDS_MAX = {"maxLength": 20_000, "maxItems": 1_000}
PHASE = "all is well"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=CASES, help="requests, more or less, while all is well")
    parser.add_argument("--seed", type=int, default=SEED, help="another one makes other requests")
    parser.add_argument("--only", default="", help="operations whose method and path have this in them")
    given = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (stage, start, settings):
        operations = [operation for operation in described() if given.only in operation.label]
        ask_all(stage, operations, report, seed=given.seed, wanted=given.cases)
        asking = functools.partial(ask, report)
        cut_off.ask_all(stage, start, settings, operations, given.seed, asking)
    print(report.shown())
    few = not given.only and (report.total < CASES_MIN or report.succeeded < SUCCEEDED_MIN)
    if few:
        print(f"Too few: {CASES_MIN} requests and {SUCCEEDED_MIN} that succeed are the least that says anything.")
    sys.exit(1 if few or report.failures else 0)


def described() -> list[Operation]:
    """Every operation of the document as it is now."""
    schema = schemathesis.openapi.from_dict(_smaller(build()))
    schema.config.output.sanitization.update(enabled=False)  # every key is one of these tests
    operations: list[Operation] = []
    for found in schema.get_all_operations():
        if not isinstance(found, Ok):
            raise RuntimeError(f"Schemathesis cannot read an operation: {found.err()}")
        operations.append(found.ok())
    return operations


def _smaller(value: Any) -> Any:
    """The document without bounds that nobody reaches in a test: what is as large as they allow takes minutes."""
    if isinstance(value, list):
        return [_smaller(each) for each in value]
    if not isinstance(value, dict):
        return value
    far = [name for name, most in BOUNDS_MAX.items() if isinstance(value.get(name), int) and value[name] > most]
    return {name: _smaller(each) for name, each in value.items() if name not in far}


def ask_all(stage: Stage, operations: list[Operation], report: Report, *, seed: int, wanted: int) -> None:
    """Ask while all is well."""
    prepared, each = Prepared(stage), max(6, wanted // len(operations))
    began_s = time.monotonic()
    with requests.Session() as session:
        for number, operation in enumerate(operations, 1):
            made = cases(operation, seed, each)
            draw = random.Random(f"{seed} {operation.label}")
            for turn, case in enumerate(made):
                caller = prepared.prepare(case, turn, draw)
                ask(report, stage.gateway.url, case, caller, session)
            done = f"{number}/{len(operations)} {operation.label}: {len(made)}"
            print(f"{time.monotonic() - began_s:6.1f} s  {done}, {len(report.failures)} failures so far", flush=True)


def ask(report: Report, url: str, case: Made, caller: str, session: requests.Session, phase: str = PHASE) -> None:
    """Send one request, and note what came of it."""
    label = case.operation.label
    try:
        response = case.call(base_url=url, session=session, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        report.saw(label, phase, caller, 0)
        report.failures.append(Failure(label, phase, caller, 0, f"no answer: {error!r}", _curl(case, url), ""))
        return
    report.saw(label, phase, caller, response.status_code)
    for what in wrong(case, response, cut_off=phase != PHASE):
        told = response.content[:300].decode("utf-8", "replace")
        report.failures.append(Failure(label, phase, caller, response.status_code, what, _curl(case, url), told))


def _curl(case: Made, url: str) -> str:
    return case.as_curl_command(base_url=url)


if __name__ == "__main__":
    main()
