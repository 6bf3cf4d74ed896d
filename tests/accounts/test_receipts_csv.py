"""GET /account/receipts as CSV: the same receipts, whole, and nothing that a spreadsheet would run (case 34)."""

import csv
import io
import json
import re
from typing import Any

import pytest

from functions.ledger.ids import first_at
from tests.accounts.reader import MIDNIGHT, Reader
from tests.forward.scripted_upstream import ScriptedUpstream, whole
from tests.forward.stage import Stage
from tests.stand import Answer

LAMBDA_BYTES_MAX = 6_291_556
WHOLE_NUMBERS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "project_version")
LISTS = ("anomalies",)
AMOUNTS = ("credits", "held", "shortfall")


def rows(answer: Answer) -> list[list[str]]:
    assert answer.status == 200, answer.body
    return list(csv.reader(io.StringIO(answer.body.decode(), newline=""), strict=True))


def records(answer: Answer) -> list[dict[str, Any]]:
    """The rows of a CSV as receipts are in JSON."""
    header, *lines = rows(answer)
    found: list[dict[str, Any]] = []
    for line in lines:
        record: dict[str, Any] = dict(zip(header, line, strict=True))
        record |= {name: int(record[name]) for name in WHOLE_NUMBERS}
        record |= {name: float(record[name]) for name in AMOUNTS}
        found.append(record | {name: record[name].split() for name in LISTS})
    return found


def test_a_csv_says_what_the_json_says(reader: Reader) -> None:
    """Field by field, whatever is in a name: commas, quotes, line breaks, any alphabet. The header names the fields."""
    for second, model in enumerate(
        ["m.gguf", 'a,"b"', "two\r\nlines", "Ünïcødé 模型 🦙", "", " ", "it's", "a=b-c@d+e"]
    ):
        odd = ("above_hold", "usage_decreased")[: second % 3]
        tokens = {"input": second, "output": 10**9, "cached": 3, "shortfall": second * 10**6 + 1}
        reader.put(
            MIDNIGHT + second,
            model=model,
            anomalies=odd,
            attempts=("a:b",) * (second % 3),
            cost=second,
            endpoint="/v1/x",
            price="p/1",
            **tokens,
        )
    data = reader.page(limit=100)["data"]
    answer = reader.get(format="csv")
    assert records(answer) == data
    assert rows(answer)[0] == list(data[0])


def test_a_csv_is_a_download(reader: Reader) -> None:
    """RFC 4180 in UTF-8, with a header, under a name of its own, and no browser or cache makes anything else of it."""
    reader.put(MIDNIGHT, MIDNIGHT + 1)
    answer = reader.get(format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    disposition = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="farebox-receipts-\d{4}-\d\d-\d\d\.csv"', disposition)
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert answer.body.startswith(b"id,created,endpoint,")
    assert answer.body.count(b"\r\n") == answer.body.count(b"\n") == 3
    assert answer.body.endswith(b"\r\n")


def test_a_csv_of_nothing_has_its_header(reader: Reader) -> None:
    """An empty range is a table without rows, not an error."""
    (header,) = rows(reader.get(format="csv"))
    assert header[0] == "id"


ACCEPTS = [
    ("text/csv", True),
    ("TEXT/CSV; charset=utf-8", True),
    ("application/json;q=0.5, text/csv", True),
    ("text/csv;q=0.5, application/json", False),
    ("text/csv, application/json", False),
    ("text/csv;q=0", False),
    ("*/*", False),
    ("text/html, */*;q=0.8", False),
]


@pytest.mark.parametrize(("accept", "is_csv"), ACCEPTS)
def test_accept_asks_for_csv_and_format_decides(reader: Reader, accept: str, is_csv: bool) -> None:
    """CSV is for who prefers it; `format` says more than a header."""

    def kind(**query: str) -> bool:
        return reader.get({"Accept": accept}, **query).headers["content-type"].startswith("text/csv")

    assert (kind(), kind(format="csv"), kind(format="json")) == (is_csv, True, False)


def test_a_csv_is_of_the_range_that_was_asked_for(reader: Reader) -> None:
    """All of it, newest first, without a limit of twenty; the bounds are those of the pages."""
    there = reader.put(*range(MIDNIGHT, MIDNIGHT + 150))
    answer = reader.get(format="csv", since=MIDNIGHT + 10, to=MIDNIGHT + 140)
    assert [record["id"] for record in records(answer)] == there[139:9:-1]
    assert "x-farebox-next" not in answer.headers


def test_a_csv_with_a_limit_says_where_it_stopped(reader: Reader) -> None:
    """With a limit a CSV is a page as well; the header has the cursor, and is absent at the end."""
    there = reader.put(*range(MIDNIGHT, MIDNIGHT + 5))
    first = reader.get(format="csv", limit=3)
    assert first.headers["x-farebox-next"] == there[2]
    second = reader.get(format="csv", limit=2, after=there[2])
    assert [record["id"] for record in records(first) + records(second)] == there[::-1]
    assert "x-farebox-next" not in second.headers


def test_ten_thousand_rows_are_one_download(reader: Reader) -> None:
    """A range up to 10,000 receipts is one answer; a larger one says where to go on, and nothing is lost between."""
    there = sorted(reader.put(*(MIDNIGHT + number / 10 for number in range(10_001))), reverse=True)
    first = reader.get(format="csv")
    assert first.headers["x-farebox-next"] == there[9_999]
    second = reader.get(format="csv", after=there[9_999])
    assert [row[0] for row in rows(first)[1:]] == there[:10_000]
    assert [row[0] for row in rows(second)[1:]] == there[10_000:]
    assert "x-farebox-next" not in second.headers


def test_a_csv_stays_below_what_lambda_hands_over(reader: Reader) -> None:
    """Where names are so long that an answer would be refused on its way, it ends earlier and says so."""
    there = reader.put(*range(MIDNIGHT, MIDNIGHT + 40), model='"é' * 40_000)
    seen: list[str] = []
    answer = reader.get(format="csv")
    answers = [answer]
    while "x-farebox-next" in answer.headers:
        answer = reader.get(format="csv", after=answer.headers["x-farebox-next"])
        answers.append(answer)
    for answer in answers:
        assert len(json.dumps(answer.body.decode())) < LAMBDA_BYTES_MAX - 100_000
        seen += [row[0] for row in rows(answer)[1:]]
    assert seen == there[::-1]
    assert len(answers) > 2


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\tx",
    "  =1+1",
    "＝1+1",
    'a","=1+1',
    "a;=1+1",
    "a\n=1+1",
    "a\t-1",
]


@pytest.mark.parametrize("model", FORMULAS)
def test_case_34_no_cell_is_a_formula(reader: Reader, model: str) -> None:
    """No text begins as a formula does, not even where a spreadsheet splits at semicolons, tabs or line breaks."""
    reader.put(MIDNIGHT, model=model, endpoint=model, price=model, anomalies=(model,))
    assert reader.page()["data"][0]["model"] == model
    header, row = rows(reader.get(format="csv"))
    record = dict(zip(header, row, strict=True))
    cells = [record[name] for name in ("model", "endpoint", "price", "anomalies")]
    assert [cell.replace("'", "") for cell in cells] == [model.replace("'", "")] * 4
    for cell in cells:
        assert cell[0] not in "\t\r\n"
        starts = [cell, *re.split(r'[,;\t\r\n"|]', cell)]
        assert not [start for start in starts if start.strip("\0 \t\r\n").startswith(tuple("=+-@＝＋－＠"))]


def test_case_34_a_formula_from_the_provider_is_text(reader: Reader, upstream: ScriptedUpstream) -> None:
    """A model that calls itself a formula does so in JSON only; in the CSV an apostrophe stands before it."""
    formula = "=cmd|' /C calc'!A0"
    upstream.play(lambda call: call.answer(whole(model=formula)))
    assert Stage(reader.gateway, upstream, reader.key).chat().status == 200
    (receipt,) = reader.page()["data"]
    (record,) = records(reader.get(format="csv"))
    assert receipt["model"] == formula
    assert record["model"] == "'" + formula
    assert record | {"model": formula} == receipt


AMOUNTS_SHOWN = [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (7_000_000, "7"), (10**24 + 1, f"{10**18}.000001")]


@pytest.mark.parametrize(("microcredits", "shown"), AMOUNTS_SHOWN)
def test_numbers_stay_numbers(reader: Reader, microcredits: int, shown: str) -> None:
    """Amounts are exact, without exponent, apostrophe or separator."""
    reader.put(MIDNIGHT, cost=microcredits, hold=microcredits, input=12_345)
    header, line = rows(reader.get(format="csv"))
    record = dict(zip(header, line, strict=True))
    assert (record["credits"], record["held"], record["input_tokens"]) == (shown, shown, "12345")


def test_an_error_of_a_csv_is_an_error(reader: Reader) -> None:
    """What is refused is refused in JSON, so that no program takes an error for a row."""
    answer = reader.get({"Accept": "text/csv"}, after=first_at(MIDNIGHT))
    assert (answer.status, answer.error["param"]) == (400, "after")
    assert answer.headers["content-type"] == "application/json"
