"""The code blocks of README.md, its neighbours, docs/ and what a gateway serves, with their marks: docs/writing.md."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.stand import ROOT

RUN = ("python", "sh", "js")
"""Languages that run where no mark says otherwise."""
KINDS = ("project", "rules", "stage", "body", "output", "insights", "file", "run", "by hand")
MARK = re.compile(r"<!-- (by hand|[a-z]+)(?:: ?| (?=[A-Z]))?(.*?) -->")


@dataclass(frozen=True)
class Block:
    """One block. `kind` is of KINDS, or "" where it has no mark; `about` is what the mark says besides."""

    page: Path
    line: int
    language: str
    kind: str
    about: str
    code: str
    wrong: str
    """What is wrong with how it is written, or ""."""

    @property
    def place(self) -> str:
        return f"{named(self.page)}:{self.line}"

    @property
    def does(self) -> str:
        """What is done with it: its kind, or what its language does; "" where nothing says what."""
        if self.kind:
            return self.kind
        return "run it" if self.language in RUN else "output" if self.language == "text" else ""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


def pages() -> list[Path]:
    """Every page, the first one first: those of the repository's folder, docs/, and what a gateway serves to agents."""
    found = [page for page in (ROOT / "docs").rglob("*.md") if not any(part[0] == "_" for part in page.parts)]
    found += (ROOT / "functions/published").glob("*.md")
    return [*sorted(ROOT.glob("*.md"), key=lambda page: page.name != "README.md"), *sorted(found)]


@functools.cache
def _tokens(page: Path) -> Sequence[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def read(page: Path) -> Iterator[Block]:
    """The blocks of a page, in their order."""
    lines = page.read_text().splitlines()
    for token in _tokens(page):
        if token.type not in ("fence", "code_block") or token.map is None:
            continue
        begin, end = token.map
        before = lines[begin - 1].strip() if begin else ""
        mark = MARK.fullmatch(before)
        kind, about = (mark[1], mark[2].strip()) if mark and mark[1] in KINDS else ("", "")
        wrong = _wrong(token.type, token.info, token.markup, lines[end - 1].strip())
        if before.endswith("-->") and not kind:
            wrong = f"has the mark {before}, which is none"
        yield Block(page, begin + 1, token.info.strip(), kind, about, token.content, wrong)


def _wrong(type: str, info: str, fence: str, last: str) -> str:
    if type == "code_block":
        return "is indented: put it between fences"
    if last != fence:
        return "does not end"
    return "" if re.fullmatch("[a-z]+", info.strip()) else "has no language"


@functools.cache
def all_blocks() -> tuple[Block, ...]:
    """Of every page."""
    return tuple(block for page in pages() for block in read(page))


def special(name: str) -> Block:
    """The one block that is marked `run: NAME`. The test that asks is the one that tests/docs/claims.py names."""
    (found,) = [block for block in all_blocks() if (block.kind, block.about) == ("run", name)]
    return found


def commands(page: Path) -> Iterator[list[str]]:
    """The words of commands that sentences name: `make …`, `aws …`, `python -m …`."""
    for token in _tokens(page):
        for part in token.children or ():
            words = part.content.removeprefix(".venv/bin/").split()
            if part.type == "code_inline" and words[:1] in (["make"], ["aws"], ["python"]):
                yield words


def lost_marks(page: Path) -> list[str]:
    """Marks, and what looks like one, that stand before no block; and code in HTML, which nobody runs."""
    lines = page.read_text().splitlines()
    used = {block.line - 1 for block in read(page) if block.kind}
    found = [
        f"{named(page)}:{number}: {line.strip()}"
        for number, line in enumerate(lines, 1)
        if (mark := MARK.fullmatch(line.strip())) and mark[1] in KINDS and number not in used
    ]
    html = [token for token in _tokens(page) if token.type == "html_block"]
    return found + [f"{named(page)}: <pre>" for token in html if "<pre" in token.content]
