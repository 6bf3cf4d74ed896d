"""The page about costs says what the formula gives, and the formula what AWS bills."""

import re
from pathlib import Path

import pytest

from infra.aws import costs, costs_chart
from infra.aws.costs import Chat, per_million, total
from infra.aws.secret_documents import DOCUMENTS
from infra.aws.stage_file import read
from infra.aws.template import alarms

ROOT = Path(__file__).parent.parent.parent


def test_the_page_and_its_chart_are_what_the_formula_gives() -> None:
    """docs/costs.md and its chart are the output of `python -m infra.aws.costs --write`."""
    page = costs.PAGE.read_text()
    assert costs.put_into(page) == page
    assert costs.CHART.read_text() == costs_chart.chart()


def test_a_page_that_lost_a_mark_is_refused() -> None:
    """A table whose place was deleted is missed, not silently left out."""
    with pytest.raises(ValueError, match="by-duration"):
        costs.put_into(costs.PAGE.read_text().replace("<!-- by-duration -->", ""))


def test_the_formula_gives_a_bill_that_was_computed_by_hand() -> None:
    """A million chats of 10 s at 256 MB with three writes: 2.5 million GB-seconds, three million write units."""
    bill = per_million(Chat(seconds=10, memory_mb=256, writes=3, answer_kib_s=12.5))
    assert bill["Lambda, compute"] == pytest.approx(33.33, abs=0.005)
    assert bill["Lambda, requests"] == 0.20
    assert bill["DynamoDB, writes"] == pytest.approx(1.875)
    assert bill["API Gateway"] == 3.50
    assert bill["egress"] == pytest.approx(10.73, abs=0.005)


@pytest.mark.parametrize(
    ("part", "less", "more", "times"),
    [
        ("Lambda, compute", Chat(memory_mb=128), Chat(memory_mb=512), 4),
        ("Lambda, compute", Chat(seconds=2), Chat(seconds=30), 15),
        ("DynamoDB, writes", Chat(item_bytes=1024), Chat(item_bytes=1025), 2),
        ("DynamoDB, writes", Chat(writes=4), Chat(writes=6), 1.5),
        ("API Gateway", Chat(seconds=1600), Chat(seconds=1601), 2),
        ("egress", Chat(seconds=10), Chat(seconds=20), 2),
    ],
)
def test_each_part_grows_with_what_it_is_billed_by(part: str, less: Chat, more: Chat, times: float) -> None:
    """Compute by memory and time, writes by started KB, the gateway by started 10 MB, egress by size; nothing else."""
    before, after = per_million(less), per_million(more)
    assert after[part] == pytest.approx(times * before[part])
    assert total(less) == pytest.approx(sum(before.values()))


def test_the_page_names_the_prices_that_are_computed_with() -> None:
    """Every price of the formula stands in the page's own table."""
    page = costs.PAGE.read_text()
    for price in (*costs.LAMBDA_GB_S.values(), costs.DYNAMODB_MILLION_WRITES):
        assert f"${price:.10f}".rstrip("0") in page
    prices = (costs.LAMBDA_MILLION_REQUESTS, costs.API_MILLION_REQUESTS, costs.EGRESS_GB, costs.LOGS_GB)
    for price in (*prices, costs.TRACES_MILLION, costs.STORAGE_GB_MONTH, costs.RECOVERY_GB_MONTH):
        assert f"${price:.2f}" in page


def test_the_example_is_what_was_measured() -> None:
    """Writes of a plain chat and bytes of an account item are those of docs/benchmarks.md."""
    measured = (ROOT / "docs/benchmarks.md").read_text()
    writes = re.search(r"^\| plain +\| +(\d+) \|", measured, re.MULTILINE)
    item = re.search(r"^\| account item[^|]*\| +(\d+) \|", measured, re.MULTILINE)
    assert writes
    assert item
    assert int(writes[1]) == Chat().writes
    assert -(-int(item[1]) // costs.WRITE_UNIT_BYTES) == -(-Chat().item_bytes // costs.WRITE_UNIT_BYTES)


def test_what_is_paid_each_month_is_what_a_stage_has() -> None:
    """As many secrets, and as many metrics under alarms, as the templates make."""
    made = [each for each in alarms.resources(read("prod")).values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = sum(
        len([metric for metric in alarm["Properties"].get("Metrics", [{"MetricStat": {}}]) if "MetricStat" in metric])
        for alarm in made
    )
    assert watched == costs.ALARM_METRICS
    fixed = {name: cost for name, _, cost in costs.FIXED}
    assert fixed["five secrets"] == pytest.approx(0.40 * len(DOCUMENTS))


def test_the_command_computes_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m infra.aws.costs --seconds --memory` prints each part and their sum."""
    assert costs.main(["--seconds", "20", "--memory", "512"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["together", costs.dollars(total(Chat(seconds=20, memory_mb=512)))]
