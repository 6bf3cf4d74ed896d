"""docs/projects.md: its documents are projects, and its tables name every field, preset and list that there is."""

import json
import re
from typing import Any

import pytest

from functions.currencies import DECIMALS
from functions.forward import hosted
from functions.forward.endpoints import ENDPOINTS
from functions.forward.providers import KINDS
from functions.projects import document, payments, presets
from functions.projects.client_sets import SETTABLE
from functions.projects.project import METHODS, Project
from functions.projects.providers import TUNED
from tests.docs.blocks import special
from tests.projects.papers import FULL, SMALL, changed, project, refused
from tests.stand import ROOT

PAGE = (ROOT / "docs/projects.md").read_text()


def tables(title: str) -> list[list[list[str]]]:
    """The tables below a headline of any depth, as rows of cells, without their heads."""
    section = re.split(rf"\n#+ {re.escape(title)}\n", PAGE)[1]
    section = re.split(r"\n#+ ", section)[0]
    found = re.findall(r"((?:^\|.*\n)+)", section, re.MULTILINE)
    return [[[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]] for table in found]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_lists_every_field() -> None:
    """Of the document, of abuse and of providers; all of them and no other."""
    (fields,) = tables("Fields")
    assert {words(row[0])[0] for row in fields} == {*document.REQUIRED, *document.OPTIONAL}
    assert [words(row[0])[0] for row in tables("Abuse")[0]] == list(FULL["abuse"])
    assert {words(row[0])[0] for row in tables("Providers")[1]} == set(TUNED)
    assert {words(row[0])[0] for row in tables("Who is asking")[0]} == set(METHODS)


def test_the_page_lists_what_a_client_may_set() -> None:
    """By endpoint, every field that `client_sets` takes."""
    rows = tables("Managed mode")[2]
    assert {words(row[0])[0]: set(words(row[1])) for row in rows} == {path: set(SETTABLE[path]) for path in ENDPOINTS}


def test_the_page_lists_the_presets() -> None:
    """Providers with their addresses, limits and what becomes of answers whose client left; and issuers."""
    made = project(SMALL | {"providers": {name: {"preset": name} for name in presets.PROVIDERS}}).providers
    rows = {words(row[0])[0]: [words(cell)[0] for cell in row[1:]] for row in tables("Providers")[0]}
    assert rows == {name: [one.base_url, one.limit_name, one.client_left] for name, one in made.items()}
    issuers = tables("Who is asking")[1]
    assert [words(row[0]) for row in issuers] == [["firebase"], ["supabase"], ["auth0"], []]


def test_the_page_lists_what_each_kind_serves() -> None:
    """By kind of provider, its endpoints."""
    rows = {words(row[0])[0]: words(row[1]) for row in tables("Providers")[2]}
    assert rows == {kind: [path for path in ENDPOINTS if hosted.serves(kind, path)] for kind in KINDS}


def test_what_is_left_out_is_as_the_page_says() -> None:
    """Times and limits of a provider that says nothing about them."""
    (one,) = project(
        SMALL | {"providers": {"a": {"kind": "openai", "base_url": "https://a.example"}}}
    ).providers.values()
    rows = {words(row[0])[0]: row[2] for row in tables("Providers")[1]}
    for name in ("connect_s", "first_byte_s", "idle_s", "cooldown_s"):
        assert float(rows[name]) == getattr(one, name)
    assert rows["output_tokens"].endswith(f"else {one.output_tokens}")
    assert (one.limit_name, one.client_left) == ("max_tokens", "drain")


def test_the_page_says_with_whom_users_pay() -> None:
    """Its example is taken with the purchases that stand beside it; its table has each field of each connection."""
    section = PAGE.split("\n## Packs and payments\n")[1].split("\n## ")[0]
    (purchases,) = re.findall(r"`credits\.purchases`: `(.*?)`", section)
    rules = {"rules": {"credits": {"purchases": json.loads(purchases)}}}
    made = project(SMALL | {"auth": {"key": rules}} | json.loads(special("packs and payments").code))
    assert set(made.payments) == set(payments.FIELDS)
    assert set(made.methods["key"].rules.purchases) == {pack.pack_id for pack in made.packs}
    rows = {name: words(row[1]) for row in tables("Packs and payments")[0] for name in words(row[0])}
    assert rows == {name: list(fields) for name, fields in payments.FIELDS.items()}
    assert set(re.findall(r"\b[A-Z]{3}\b", section)) - {"API"} == {currency.upper() for currency in DECIMALS}


def errors() -> list[tuple[Any, str]]:
    made: list[tuple[Any, str]] = [
        (SMALL | {"providers": {"openai": {"preset": "x"}}}, "providers.openai.preset"),
        (changed(FULL, ("endpoints", ENDPOINTS[0], "template", "n"), 1000), f"endpoints.{ENDPOINTS[0]}.template.n"),
    ]
    return made


@pytest.mark.parametrize(("paper", "path"), errors(), ids=["preset", "template"])
def test_the_messages_on_the_page_are_those_of_the_code(paper: Project, path: str) -> None:
    """Word for word."""
    error = refused(paper)
    assert error.param == path
    assert f"`{error.message}`" in PAGE.replace("\n", " ")
