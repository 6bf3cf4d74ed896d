"""The reference: made of the code as it is, and complete."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import errors
from infra.openapi import headers, problems
from infra.openapi.document import ROOT, build
from infra.reference import __main__ as reference
from infra.reference import api
from infra.reference.shapes import table, type_of

DOCUMENT = build()
PAGES = reference.pages()


def codes(path: Path) -> Iterator[str]:
    """The codes that errors are raised with in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            for word in node.keywords:
                if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str):
                    yield word.value.value


def kinds(error: type[errors.FareboxError]) -> Iterator[type[errors.FareboxError]]:
    for kind in error.__subclasses__():
        yield from (kind, *kinds(kind))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_as_the_code_says(name: str) -> None:
    """`make reference` was run since the last change."""
    assert (reference.FOLDER / name).read_text() == PAGES[name]


def test_no_page_is_left_over() -> None:
    """What was a page once and is none any more is gone."""
    assert reference.kept() == set(PAGES)


def test_every_route_is_on_a_page() -> None:
    """Each under a heading of its own, which the list of routes leads to."""
    index = PAGES["api/index.md"]
    for method, path, operation in api.operations(DOCUMENT):
        (page,) = [text for name, text in PAGES.items() if f"\n## {method} {path}\n" in text]
        assert operation["summary"] in page
        assert f"#{api.anchor(f'{method} {path}')})" in index


def test_every_error_of_the_code_is_in_the_catalogue() -> None:
    """Each class of errors with a code, and each code that anything is raised with."""
    told = {problem.code for problem in problems.ALL}
    raised = {code for path in sorted((ROOT / "functions").rglob("*.py")) for code in codes(path)}
    ours = {kind.code for kind in kinds(errors.FareboxError) if kind.code} - {errors.NotFound.code}
    assert raised | ours <= told | {"not_found"}
    assert len(raised) > 15


def test_the_errors_page_tells_the_catalogue() -> None:
    """docs/errors.md has each code with its status, and no other."""
    rows = re.findall(r"^\| (\d{3}) \|([^|]*)\|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    told = {(int(status), code) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    assert told == {(problem.status, problem.code) for problem in problems.ALL if problem.code} | {(405, "not_found")}
    bare = {int(status) for status, cell in rows if "`" not in cell}
    assert bare >= {problem.status for problem in problems.ALL if not problem.code} | {415, 500}


def test_every_header_of_the_code_is_told() -> None:
    """What begins with x- and is ours, and what pages may read."""
    from functions.cors import EXPOSED

    said = {
        name
        for path in (ROOT / "functions").rglob("*.py")
        for name in re.findall(r'"(x-(?:farebox|ratelimit|should|request)[a-z-]*)"', path.read_text())
    }
    told = {header.name for header in headers.ANSWER}
    assert said | set(EXPOSED) <= told
    sent = (ROOT / "functions/notices/webhooks.py").read_text()
    assert {header.name for header in headers.NOTICE} == set(re.findall(r'"(webhook-[a-z]+)":', sent))
    assert len(said) > 5


def test_types_are_told_in_words() -> None:
    """Bounds, lists, names and what is inside are all there."""
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer", "minimum": 1}}}},
            "c": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}], "description": "A thing."},
        },
    }
    rows = table(schema, "s.md").splitlines()[2:]
    assert rows == [
        "| `a` | list of object |  |",
        "| `a[].b` | whole number (optional) | from 1. |",
        "| `c` | [Thing](s.md#thing) or null (optional) | A thing. |",
    ]
    assert type_of({"type": "object", "additionalProperties": {"type": "string"}}, "") == "object of text by name"
