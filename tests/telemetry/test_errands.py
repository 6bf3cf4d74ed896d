"""What errands come to, as CloudWatch reads it."""

import json
from typing import Any

import pytest

from functions import settings
from functions.telemetry import Telemetry
from functions.telemetry.metrics import Metrics


@pytest.mark.parametrize(
    ("task", "told", "expected"),
    [
        ("notices", {}, None),
        (
            "notices",
            {"told": 3, "put_off": 9, "given_up": 1},
            {"NoticesTold": 3, "NoticesFailed": 0, "NoticesGivenUp": 1},
        ),
        (
            "reconcile",
            {"repaired": [{"project": "default"}, {"project": "k07vyj3c2fgq"}], "unmatched": [], "failed": []},
            {"LostEvents": 1, "UnmatchedPayments": 0, "NotReconciled": 0},
        ),
    ],
)
def test_an_errand_tells_what_it_came_to(
    capsys: pytest.CaptureFixture[str], task: str, told: dict[str, Any], expected: dict[str, int] | None
) -> None:
    """One line, nothing where nothing was due; what is wrong with an owner's payments counts nowhere."""
    telemetry = Telemetry(settings.read({}), "errands")
    telemetry.metrics = Metrics("staging", "errands")
    telemetry.errand(task, told)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [{name: value[0] for name, value in line.items() if isinstance(value, list)} for line in lines]
    assert found == ([expected] if expected else [])
    assert all((line["stage"], line["service"]) == ("staging", "errands") for line in lines)
