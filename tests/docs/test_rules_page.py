"""docs/rules.md: its documents are rules, its estimate is what a gateway answers, and it names every field there is."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions import settings as settings_module
from functions.admit import rules
from functions.admit.prices import FIELDS
from functions.admit.rules import Rules
from functions.currencies import shown
from functions.money import MICROCREDITS_PER_CREDIT
from functions.payments import packs
from functions.projects import document
from tests import stand
from tests.docs.blocks import special
from tests.stand import ROOT, RunningGateway

PAGE = (ROOT / "docs/rules.md").read_text()
FIRST, SECOND = special("rules, all of them").code, special("rules, one limit").code


def read(text: str) -> Rules:
    return rules.of(settings_module.read({"RULES": text}))


@pytest.fixture(scope="module")
def second_gateway(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with the page's second document; no provider is asked."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("rules-page")) as start:
        yield start(RULES=SECOND)


def test_the_first_document_says_what_stands_in_it() -> None:
    """Prices, their versions and every limit are read as the page writes them."""
    made = read(FIRST)
    assert made.prices.at("gpt-4o", 0).version == "gpt-4*/5000000/20000000/2500000/500000"
    dated = made.prices.at("gpt-4o", 1_800_000_000).version
    assert dated == "gpt-4*@2027-01-01T00:00Z/4000000/16000000/4000000/0"
    assert f"`{dated}`" in PAGE
    limits = json.loads(FIRST)["limits"]
    assert [limit.limit for limit in made.account_limits] == list(limits["user"].values())
    assert [(limit.group, limit.limit) for limit in made.total_limits] == [("key", 600), ("", 1000), ("", 1_000_000)]
    assert (made.shards, made.open_max, made.input_max, made.output_max) == (1, 16, 8000, 2048)


def test_the_second_document_takes_a_limit_away_and_adds_one() -> None:
    """null is no limit; what is left out stays as it was."""
    assert [(limit.period, limit.limit) for limit in read(SECOND).account_limits] == [("d", 500)]
    assert read(SECOND).prices == read("").prices


def first_cells(title: str) -> set[str]:
    """The names in the first column of the table that follows a headline."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([^`]+)`", " ".join(rows)))


def test_the_page_lists_every_field() -> None:
    """The tables have the fields that the document has, all of them and no other."""
    first = json.loads(FIRST)
    named = {f"{part}.{name}" for part in ("credits", "limits") for name in first[part]}
    assert first_cells("Fields") == named | {"prices"}
    assert first_cells("Prices") == set(FIELDS)
    for part in ("credits", "limits"):
        assert rules._defaults(settings_module.read({}))[part].keys() == first[part].keys()


def test_the_messages_on_the_page_are_those_of_the_code() -> None:
    """The malformed example is refused with the words on the page, and the anomaly it names is a receipt's."""
    with pytest.raises(settings_module.SettingsError) as refused:
        read('{"prices": [{"model": "*", "input": 1.5, "output": 1}]}')
    assert f"`{refused.value}`" in PAGE.replace("\n", " ")
    assert "input_above_limit" in (ROOT / "functions/story.py").read_text()


def test_the_page_says_what_packs_bring() -> None:
    """Each built-in pack with its older name, price and credits; and the words for a pack that there is none of."""
    section = PAGE.split("\n## What packs bring\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in section.splitlines() if row[:3] == "| `"]
    older = {name: other for other, name in packs.ALIASES.items()}
    assert rows == [
        [name, older[name], shown(pack.amount, pack.currency), f"{credits // MICROCREDITS_PER_CREDIT:,}"]
        for name, (pack, credits) in packs.BUILT_IN.items()
    ]
    with pytest.raises(settings_module.SettingsError) as refused:
        document.of_settings(settings_module.read({"RULES": '{"credits": {"purchases": {"startr": 1}}}'}))
    assert f"`{refused.value}`" in PAGE.replace("\n", " ")


def settled(value: Any, name: str = "") -> Any:
    """An answer without what time changes."""
    if isinstance(value, dict):
        return {name: settled(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [settled(part) for part in value]
    return "…" if name == "resets_in_s" else value


def test_the_estimate_on_the_page_is_what_a_gateway_answers(second_gateway: RunningGateway, tmp_path: Path) -> None:
    """The curl line, pasted into a shell, prints the answer that stands below it."""
    command = special("an estimate, asked for").code
    here = command.replace("http://127.0.0.1:8503", second_gateway.url).replace("sk-…", second_gateway.key())
    done = subprocess.run(["sh", "-c", here], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert settled(answer) == settled(json.loads(special("an estimate, answered").code)), done.stdout
    (limit,) = answer["limits"]
    assert 0 < limit["resets_in_s"] <= 86400
