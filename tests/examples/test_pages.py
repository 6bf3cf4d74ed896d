"""What holds for both pages: their policies, and the part that they share."""

import base64
import hashlib
import json
import re

import pytest

from tests.examples.made import EXAMPLES

PAGES = ["static_html", "static_html_sign_in"]
TEXTS = {name: (EXAMPLES / name / "index.html").read_text() for name in PAGES}
SCRIPTS = {name: re.findall(r"<script>(.*?)</script>", text, re.DOTALL) for name, text in TEXTS.items()}
STYLES = {name: re.findall(r"<style>(.*?)</style>", text, re.DOTALL) for name, text in TEXTS.items()}


def directives(page: str) -> dict[str, list[str]]:
    """A page's policy, by directive."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', TEXTS[page])
    assert found
    return {name: values for name, *values in (part.split() for part in found[1].split(";"))}


def digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_lets_nothing_in_but_the_pages_own(page: str) -> None:
    """Case 34: a page runs its own scripts and style, each named by its hash, and nothing else."""
    policy = directives(page)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == [digest(script) for script in SCRIPTS[page]]
    assert policy["style-src"] == [digest(style) for style in STYLES[page]]
    assert (policy["base-uri"], policy["form-action"]) == (["'none'"], ["'none'"])
    assert policy["connect-src"] == ["https:", "http://127.0.0.1:*", "http://localhost:*"]
    assert set(policy) == {
        "default-src",
        "script-src",
        "style-src",
        "img-src",
        "connect-src",
        "base-uri",
        "form-action",
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_one_file(page: str) -> None:
    """A page loads nothing, has no handlers in its markup, and never writes HTML."""
    text = TEXTS[page]
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
    assert not re.search(r"\son[a-z]+=|\sstyle=|innerHTML|insertAdjacentHTML|document\.write|eval\(|import ", text)
    settings = re.search(r'<script type="application/json" id="settings">(.*?)</script>', text, re.DOTALL)
    assert settings
    assert json.loads(settings[1])["key"] == "pk-…"


def test_both_pages_talk_in_the_same_way() -> None:
    """The script that talks to Farebox and the style are the same in both pages."""
    one, other = PAGES
    assert SCRIPTS[one][0] == SCRIPTS[other][0]
    assert STYLES[one] == STYLES[other]


@pytest.mark.parametrize("example", sorted(path.parent.name for path in EXAMPLES.glob("*/project.json")))
def test_an_example_says_how_it_is_run(example: str) -> None:
    """Each example has a README of three steps, and docs/examples.md leads to it."""
    readme = (EXAMPLES / example / "README.md").read_text()
    assert re.findall(r"^(\d)\. ", readme, re.MULTILINE) == ["1", "2", "3"]
    assert f"](../examples/{example}" in (EXAMPLES.parent / "docs/examples.md").read_text()
