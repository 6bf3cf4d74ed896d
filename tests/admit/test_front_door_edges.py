"""What a refusal tells, what a malformed rule stops, what an estimate takes: the edges between gate and entries."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.admit.ruled import FULL, Tight
from tests.forward.stage import HELLO, Stage
from tests.stand import ROOT, environment

BODY: dict[str, Any] = {"messages": HELLO, "max_tokens": 9}


def test_a_refusal_of_the_whole_project_tells_the_credits_too(tight: Tight) -> None:
    """A full project, known to the ledger: x-farebox-credits-remaining, as on every other 429 after the key."""
    keys = [tight.key() for _ in range(2)]
    for _ in range(FULL):
        tight.forget(keys[0], of_project="h:")
        assert tight.chat(keys[0]).status == 200
    tight.forget(keys[1], of_project="h:")
    answer = tight.chat(keys[1])
    assert answer.status == 429
    assert answer.headers["x-farebox-credits-remaining"] == "100000"


def test_case_26_on_lambda_the_chalice_function_does_not_start_with_malformed_rules() -> None:
    """Import fails on Lambda, so that a deployment with a malformed price table is never healthy."""
    broken = json.dumps({"prices": [{"model": "*", "input": 1.5, "output": 1}]})
    variables = environment("http://127.0.0.1:1", "none-", RULES=broken, AWS_LAMBDA_FUNCTION_NAME="rest")
    done = subprocess.run(
        [sys.executable, "-c", "import app"],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "RULES: prices[0].input" in done.stderr


def test_an_estimate_takes_what_the_request_takes(priced: Stage) -> None:
    """A body without Content-Type: the three endpoints take it (`curl -d` sends form data), the estimate says 415."""
    text = json.dumps(BODY)
    assert priced.post(text).status == 200
    assert priced.post(text, "/v1/estimate").status == 200
