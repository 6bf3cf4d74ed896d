"""What `make docs` refuses, on small sites with something wrong in them."""

from pathlib import Path

import pytest

from infra.docs import links, nav
from infra.docs.__main__ import anchored, base_path, build

pytestmark = pytest.mark.filterwarnings("ignore::sphinx.deprecation.RemovedInSphinx11Warning")
"""MyST's own, until its next version."""
PAGE = '<html><body id="top"><h1 id="here">x</h1>{}</body></html>'


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ('<a href="other.html#here">x</a>', ""),
        ('<a href="#here">x</a><a href="https://example.com/a?b=c#d">x</a><a href="mailto:a@b.example">x</a>', ""),
        ('<img src="a.svg" alt="what is seen">', ""),
        ('<a href="gone.html">x</a>', "nothing there"),
        ('<a href="../index.html">x</a>', "nothing there"),
        ('<a href="other.html#gone">x</a>', "no such place"),
        ('<a href="#gone">x</a>', "no such place"),
        ('<img src="gone.svg" alt="x">', "nothing there"),
        ('<img src="a.svg">', "a picture without words"),
        ('<img src="https://example.com/a.svg" alt="x">', "another origin"),
        ('<script src="//example.com/a.js"></script>', "no link that a page may have"),
        ('<a href="/other.html">x</a>', "below another path"),
        ('<a href="javascript:alert(1)">x</a>', "no link that a page may have"),
        ('<a href="https://…/farebox">x</a>', "no address"),
        ('<a href="https://example">x</a>', "no host"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, written: str, word: str) -> None:
    """Pages, places on them, pictures, and addresses that cannot be right; the others are let be."""
    (tmp_path / "site").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(""))
    (tmp_path / "site/index.html").write_text(PAGE.format(written))
    (tmp_path / "site/other.html").write_text(PAGE.format(""))
    (tmp_path / "site/a.svg").write_text("<svg/>")
    wrong = links.follow(tmp_path / "site").wrong
    assert len(wrong) == bool(word), wrong
    assert word in "".join(wrong)


def test_what_a_sheet_loads_is_followed(tmp_path: Path) -> None:
    """A picture that a style sheet names is there, and is the site's own."""
    (tmp_path / "a.css").write_text("a { background: url(gone.svg) } b { background: url('https://x.example/y.svg') }")
    assert len(links.follow(tmp_path).wrong) == 2


def test_the_404_page_is_right_at_any_depth() -> None:
    """What it names is named from the top of the host; places on itself and other hosts stay."""
    text = '<a href="index.html"></a><script src="./a.js"></script><a href="#x"></a><a href="https://a.example"></a>'
    assert anchored(text, base_path("https://ada.example/farebox")) == (
        '<a href="/farebox/index.html"></a><script src="/farebox/a.js"></script><a href="#x"></a>'
        '<a href="https://a.example"></a>'
    )
    assert base_path("") == base_path("https://docs.example") == "/"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A repository with two pages of documentation and a file besides."""
    folder = tmp_path / "repository/docs"
    folder.mkdir(parents=True)
    (folder.parent / "app.py").write_text("")
    (folder / "index.md").write_text("# First\n\n[second](second.md#a-place)\n")
    (folder / "second.md").write_text("# Second\n\n## A place\n\n<!-- a mark -->\n[the app](../app.py)\n")
    return folder


def test_without_a_repository_a_link_into_the_source_is_words(docs: Path, tmp_path: Path) -> None:
    """A link that would lead nowhere is none; marks of blocks are not on the page; nothing is warned of."""
    assert build(tmp_path / "site", docs=docs) == 0
    text = (tmp_path / "site/second.html").read_text()
    assert "the app" in text
    assert "app.py" not in text
    assert "a mark" not in text
    assert links.follow(tmp_path / "site").wrong == []


@pytest.mark.parametrize(
    "line", ["[x](gone.md)", "[x](second.md#gone)", "[x](../gone.py)", "![x](images/gone.svg)", "### Too deep"]
)
def test_a_page_with_something_wrong_is_warned_of(docs: Path, tmp_path: Path, line: str) -> None:
    """A page, place, file or picture that is not there, or a heading that skips one: a warning, so the build fails."""
    (docs / "index.md").write_text(f"# First\n\n{line}\n")
    assert build(tmp_path / "site", docs=docs) > 0


def test_a_page_that_no_section_names_is_not_lost() -> None:
    """A new page stands under Project, or among its folder's others, until somebody gives it a place."""
    found = nav.sections(["guides/new", "ledger", "new", "decisions/README", "decisions/0001-a"])
    assert found == {
        "Guides": ["guides/new"],
        "How it works": ["ledger"],
        "Decisions": ["decisions/README"],
        "Project": ["new"],
    }


def test_pages_beneath_another_are_in_its_order() -> None:
    """The sidebar has them as the page names them; one that it forgot comes last."""
    pages = ["decisions/0001-a", "decisions/0002-b", "decisions/0003-c", "decisions/README"]
    text = "# Decisions\n\n[c](0003-c.md), [b](0002-b.md)\n"
    listed = nav.toctrees("decisions/README", text, pages).split("\n/")[1:]
    assert [line.split("\n")[0] for line in listed] == ["decisions/0003-c", "decisions/0002-b", "decisions/0001-a"]
