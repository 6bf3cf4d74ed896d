"""Pages that speak about the project itself: what they name is there, and what they admit is still so."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import functions
from functions import settings
from functions.forward.endpoints import ENDPOINTS
from functions.payments import packs
from functions.projects.methods import PRESETS
from infra.aws import costs as costs_of
from tests.docs import blocks
from tests.stand import ROOT

DOCS = ROOT / "docs"
RECORDS = sorted(DOCS.glob("decisions/0*.md"))
PAGES = [
    *(ROOT / name for name in ("AGENTS.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(DOCS / f"{name}.md" for name in ("compared", "limits", "how_it_is_exact", "releasing", "decisions/README")),
    *sorted(DOCS.glob("guides/*.md")),
]
PROOF = re.compile(r"\[([\w ]+)\]\((\.\./tests/[\w/]+\.py)\)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE_FOR_PEOPLE = ("FAREBOX_KEY", "FAREBOX_ADMIN_KEY", "SMOKE_API_KEY")


@cache
def _functions(path: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


@cache
def _targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _anchors(page: Path) -> frozenset[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def _lost(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere, on this machine."""
    for link in LINK.findall(page.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    assert not list(_lost(page))


def test_every_decision_is_in_the_list() -> None:
    """Each record once, in order, by its own number and title; and none that is not there."""
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((\S+)\)", (DOCS / "decisions/README.md").read_text(), re.MULTILINE)
    told = [(path.read_text().split("\n", 1)[0], path.name) for path in RECORDS]
    assert [(f"# {number}. {title}", name) for number, title, name in listed] == told
    assert [int(name[:4]) for _, name in told] == list(range(1, len(told) + 1))


def test_every_proof_that_is_named_exists() -> None:
    """The words of each link to a test are the name of one in that file."""
    page = DOCS / "how_it_is_exact.md"
    named = [(page.parent / path, f"test_{words.replace(' ', '_')}") for words, path in PROOF.findall(page.read_text())]
    assert len(named) > 40
    assert not [f"{path.name}::{name}" for path, name in named if name not in _functions(path)]


def test_every_invariant_has_a_proof() -> None:
    """No row of the tables of invariants is without one."""
    text = (DOCS / "how_it_is_exact.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| always")]
    assert len(rows) > 25
    assert not [row for row in rows if not PROOF.search(row)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_that_is_named_exists(page: Path) -> None:
    """`make` has the targets, and `python -m` the modules, in the text and not only in its blocks."""
    text = page.read_text()
    asked = {name for name in re.findall(r"(?:`|^\s*)make ([a-z]+)", text, re.MULTILINE) if name != "lint"}
    assert asked <= _targets(), asked - _targets()
    modules = [name for name in re.findall(r"python -m ([\w.]+)", text) if not name.startswith("pytest")]
    lost = [name for name in modules if not (ROOT / name.replace(".", "/")).is_dir() and not _file(name).exists()]
    assert not lost


def _file(module: str) -> Path:
    return ROOT / (module.replace(".", "/") + ".py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """What looks like a setting is one, or one of the few names that are for people and scripts."""
    text = re.sub(r"`\w+` of `\S+\.py`", "", page.read_text())
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text))
    assert not named - set(settings.names()) - set(MADE_FOR_PEOPLE)


def test_the_workflow_asks_for_what_the_release_page_says() -> None:
    """A version and the word `deploy`, from main; and one version stands in both places."""
    workflow = (ROOT / ".github/workflows/production.yml").read_text()
    page = (DOCS / "releasing.md").read_text()
    assert "Write deploy" in workflow
    assert "the word `deploy`" in page
    assert all(path in page for path in ("pyproject.toml", "functions/__init__.py", "CHANGELOG.md"))
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == functions.VERSION


def test_what_agents_are_told_is_there() -> None:
    """AGENTS.md is short, and each path in it is a file or folder of this repository."""
    text = (ROOT / "AGENTS.md").read_text()
    assert text.count("\n") <= 120
    paths = set(re.findall(r"`((?:functions|infra|tests|docs|dashboard_static)(?:/[\w./]*)?)`", text))
    assert len(paths) > 30
    assert not [path for path in sorted(paths) if not (ROOT / path).exists()]
    for names, path in re.findall(r"`([A-Z]+_[A-Z_]+)` of `(\S+\.py)`", text):
        assert names in (ROOT / path).read_text(), path


def test_reports_go_to_a_private_place() -> None:
    """The repository's own way, and no address that nobody reads."""
    text = (ROOT / "SECURITY.md").read_text()
    assert "private vulnerability" in text
    assert not re.search(r"\w@\w", text)


def test_what_is_admitted_is_still_so() -> None:
    """Limits that the code has: where one is lifted, the page has to say so."""
    text = " ".join((DOCS / "limits.md").read_text().split())
    assert len(ENDPOINTS) == 6, "there are [six endpoints]"
    assert "six endpoints" in text
    assert sorted(packs.BUILT_IN) == ["pro", "standard", "starter"], "the three packs"
    assert {pack.currency for pack, _ in packs.BUILT_IN.values()} == {"usd"}
    assert f"Version {functions.VERSION.rsplit('.', 1)[0]}" in text
    assert PRESETS == ("firebase", "supabase", "auth0")


def _measured(name: str) -> str:
    """A figure of the gateway in the table of the benchmarks."""
    table = (DOCS / "benchmarks.md").read_text()
    found = re.search(rf"^\| {re.escape(name)} +\| +([\d.]+) ", table, re.MULTILINE)
    if not found:
        raise AssertionError(f"docs/benchmarks.md has no {name}")
    return found[1]


def test_figures_are_those_that_were_measured() -> None:
    """What other pages say of Farebox's speed and size stands in the table of the benchmarks."""
    pages = ("compared", "limits", "capacity", "costs")
    compared, limits, capacity, costs = ((DOCS / f"{name}.md").read_text() for name in pages)
    beside = [_measured(f"CPU, {how}, ms") for how in ("buffered", "streamed")]
    at_once = [_measured(f"CPU, {how}, DynamoDB at once, ms") for how in ("buffered", "streamed")]
    assert all(figure in compared for figure in beside + at_once)
    assert all(f"{figure} ms" in limits for figure in at_once)
    assert all(f"{figure} ms" in capacity for figure in beside + at_once)
    alone = _measured("streaming function: memory after load, MiB")
    for figure in (_measured("memory then, MiB"), _measured("memory under load, MiB"), alone):
        assert f"{figure} MiB" in capacity
    assert f"{alone} MiB" in costs
    item = _measured("account item, all limits, 5 open requests, bytes")
    assert f"{item} bytes" in capacity
    assert costs_of.Chat().item_bytes == int(item)


def test_the_comparison_is_fair_and_dated() -> None:
    """Each other is told with what it is better at and when to choose it, and links to where a claim is from."""
    text = (DOCS / "compared.md").read_text()
    assert "November 2026" in text
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n## ")[1:]}
    others = [
        name for name in sections if re.search(rf"^\| .*\(#{name.lower().replace(' ', '-')}\)", text, re.MULTILINE)
    ]
    assert len(others) == 5
    for name in others:
        assert "**Better than Farebox at:**" in sections[name], name
        assert "**Choose it**" in sections[name], name
        assert "https://" in sections[name] or "could not find out" in sections[name], name


def test_blocks_of_these_pages_are_read() -> None:
    """Those below docs/ are pages like any other, so that their blocks run."""
    assert {page for page in PAGES if page.is_relative_to(DOCS)} <= set(blocks.pages())
