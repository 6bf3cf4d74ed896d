"""The repository polices itself: sizes, docstrings, and what only one place may do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import errors

ROOT = Path(__file__).parent.parent
SOURCES = sorted([ROOT / "app.py", *(ROOT / "functions").rglob("*.py"), *(ROOT / "infra").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES_MAX = 300
FUNCTION_LINES_MAX = 60


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_is_one_idea(path: Path) -> None:
    """A source file has at most 300 lines, its functions fit a screen, and it begins by saying what it is."""
    text = path.read_text()
    assert text.count("\n") <= LINES_MAX
    assert not text or ast.get_docstring(ast.parse(text))
    long = [node.name for node in functions(path) if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX]
    assert not long


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_a_test_says_its_promise(path: Path) -> None:
    """Every test has a docstring, none is expected to fail, and none skipped but for a tool that is missing, loudly."""
    silent = [node.name for node in functions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert not silent
    written = "" if path == Path(__file__) else path.read_text()
    assert not re.search(r"mark\.(skip|skipif|xfail)\b|importorskip|pytest\.xfail", written)
    assert not re.search(r"pytest\.skip\((?!f?\"NO PROOF |looking\.MISSING\)|str\(missing\)\))", written)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_money_code_raises_and_never_asserts(path: Path) -> None:
    """No source file asserts: `python -O` would take the check away."""
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]


def test_only_settings_reads_the_environment() -> None:
    """In functions/ nothing but settings.py touches the environment."""
    readers = [named(p) for p in SOURCES if "environ" in p.read_text() and p.is_relative_to(ROOT / "functions")]
    readers = [name for name in readers if re.search(r"os\.environ|getenv", (ROOT / name).read_text())]
    assert readers == ["functions/settings.py"]


def test_only_errors_knows_status_codes() -> None:
    """No other file of functions/ answers with a status code of 400 or above; providers' statuses are compared only."""
    pattern = re.compile(r"status(?:_code)?\s*=\s*[45]\d\d")
    users = [named(p) for p in SOURCES if p.is_relative_to(ROOT / "functions") and pattern.search(p.read_text())]
    assert users == ["functions/errors.py"]


def test_documented_errors_are_those_that_exist() -> None:
    """docs/errors.md lists every code that an error of ours can carry, and no other."""
    listed = set(re.findall(r"`([a-z_]+)`", "".join(_second_cells((ROOT / "docs/errors.md").read_text()))))
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FareboxError)
    ]
    codes = {kind.code for kind in classes if kind.code}
    sources = [p.read_text() for p in SOURCES if p.is_relative_to(ROOT / "functions")]
    codes |= {code for source in sources for code in re.findall(r'\bcode="([a-z_]+)"', source)}
    made = {f"too_many_{what}" for what in ("keys", "secrets", "test_tokens")}
    """Of functions/ledger/projects.py."""
    assert listed == codes | made


def _second_cells(table: str) -> Iterator[str]:
    for line in table.splitlines():
        if re.match(r"\| \d{3} ", line):
            yield line.split("|")[2]


def test_links_in_the_documentation_lead_somewhere() -> None:
    """Every relative link and picture in README and docs/ exists."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    assert not [f"{named(page)}: {target}" for page, target in links if not (page.parent / target).exists()]


def test_chalice_packages_functions_through_a_link() -> None:
    """vendor/functions is functions/: Chalice packages app.py and vendor/ only, and follows links."""
    assert (ROOT / "vendor/functions").is_symlink()
    assert (ROOT / "vendor/functions/story.py").samefile(ROOT / "functions/story.py")
