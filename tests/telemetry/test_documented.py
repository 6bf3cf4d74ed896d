"""docs/telemetry.md tells every metric and every field there is, and no other."""

import re

from functions.telemetry.metrics import UNITS
from functions.telemetry.watch import BROKE_OFF, GATEWAY_FAILED, UPSTREAM_OUTCOMES
from tests.stand import ROOT
from tests.telemetry.test_logs import REQUEST_FIELDS

PAGE = (ROOT / "docs/telemetry.md").read_text()
ONLY_SOMETIMES = {"cold_start", "exception", "exception_name"}


def rows(section: str) -> list[list[str]]:
    """The cells of the tables of a section, without their heads."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]


def test_every_metric_is_documented_with_its_unit() -> None:
    """Names and units in the table are those that are written."""
    told = {cells[0].strip("`"): cells[1] for cells in rows("Metrics") if len(cells) == 4}
    assert told == {name: unit.value for name, unit in UNITS.items()}


def test_every_field_of_a_line_is_documented() -> None:
    """What the line of a request has, and what others may have."""
    told = {field for cells in rows("Log lines") for field in re.findall(r"`(\w+)`", cells[0])}
    assert told == REQUEST_FIELDS | ONLY_SOMETIMES


def test_every_outcome_of_our_own_is_documented() -> None:
    """Those of the line of a request that no error's code says."""
    (told,) = (cells[1] for cells in rows("Log lines") if cells[0] == "`outcome`")
    words = set(re.findall(r"`(\w+)`", told))
    assert words >= {"completed", "client_left", BROKE_OFF, GATEWAY_FAILED, *UPSTREAM_OUTCOMES}
