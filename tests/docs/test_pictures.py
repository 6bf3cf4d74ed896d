"""Every picture of the documentation is made by a command, and drawings are as their command draws them."""

import importlib.util
import re

import pytest

from infra.aws import costs_chart
from infra.docs.drawings.__main__ import DRAWINGS
from infra.docs.pictures import PICTURES
from tests.examples import screenshots as of_examples
from tests.pages import screenshots as of_pages
from tests.stand import ROOT

IMAGES = ROOT / "docs/images"
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
DRAWN = DRAWINGS | {"costs": costs_chart.chart}


def test_a_command_makes_each_picture() -> None:
    """What is in docs/images is what the commands of `make pictures` make, each picture by one of them."""
    named = [name for names in PICTURES.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) == {path.stem for path in IMAGES.iterdir()}
    assert {path.suffix for path in IMAGES.iterdir()} == {".svg", ".png"}
    made = {
        "python -m infra.docs.drawings": set(DRAWINGS),
        "python -m infra.aws.costs --write": {"costs"},
        "python -m tests.pages.screenshots --docs": set(of_pages.OF_DOCS.values()),
        "python -m tests.examples.screenshots": set(of_examples.NAMES),
    }
    assert {command: set(names) for command, names in PICTURES.items()} == made


def test_make_pictures_runs_each_command() -> None:
    """`make pictures` is these commands, and no other makes pictures."""
    rule = re.search(r"^pictures:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule
    assert [line.strip().replace("$(PY)", "python") for line in rule[1].splitlines()] == list(PICTURES)
    assert all(importlib.util.find_spec(command.split()[2]) for command in PICTURES)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_drawing_is_what_its_command_draws(name: str) -> None:
    """Nobody has edited a drawing by hand, or forgotten to draw it again: the same bytes."""
    assert (IMAGES / f"{name}.svg").read_bytes() == DRAWN[name]().encode()


def test_every_picture_is_shown_somewhere() -> None:
    """A picture that no page shows is not kept; what a page shows says what is on it."""
    shown = re.findall(r"!\[([^\]]*)\]\([^)]*images/([\w.]+)\)", "\n".join(page.read_text() for page in PAGES))
    assert {name for _, name in shown} == {path.name for path in IMAGES.iterdir()}
    assert all(words for words, _ in shown)
