"""The pages for operators name what there is: commands, options, fields of a stage, alarms, secrets, settings."""

import dataclasses
import functools
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions import settings
from infra.aws.secret_documents import DOCUMENTS, GENERATED
from infra.aws.stage import Stage
from infra.aws.stage_file import made, read
from infra.aws.template import alarms, functions

ROOT = Path(__file__).parent.parent.parent
PAGES = {path.stem: path.read_text() for path in (ROOT / "docs").glob("*.md")}
OWN = ("deploy", "operate", "costs", "capacity")
COMMANDS = sorted(
    {
        (name, module, rest)
        for name in OWN
        for module, rest in re.findall(r"python -m (infra\.aws\.\w+)([^`\n]*)", PAGES[name])
    }
)
NO_SETTINGS = {
    "AWS_ENDPOINT_URL",
    "AWS_ROLE_ARN",
    "FAREBOX_KEY",
    "CODEOWNERS",
    "CHANGELOG",
    "TLS_1_2",
    "DATA",
    "FULL",
    "SEEDS",
}


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of the table whose first line begins with `head`."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|.*\n((?:\|.*\n)+)", PAGES[page], re.MULTILINE)
    assert found, head
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


@functools.cache
def told(module: str, *words: str) -> str:
    """What a command says of itself."""
    command = [sys.executable, "-m", module, *words, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(("page", "module", "rest"), COMMANDS)
def test_every_command_for_operators_takes_what_the_page_gives_it(page: str, module: str, rest: str) -> None:
    """Each module is there, and knows every option and every word that a page of `docs/` writes behind it."""
    assert importlib.util.find_spec(module), page
    text = told(module)
    for option in re.findall(r"--[a-z-]+", rest):
        subcommand = re.findall(r" (copy|set|rotate|unset|list)\b", rest)[:1]
        given = ["--stage", "staging", *subcommand] if subcommand else []
        assert option in text or option in told(module, *given), option
    for word in re.findall(r"--stage \w+ ([a-z]+)", rest):
        assert re.search(rf"\b{word}\b", text), word


def test_the_steps_of_a_restore_are_those_of_the_command() -> None:
    """docs/operate.md goes through every step that `infra.aws.restore` has, and closes before it writes."""
    steps = re.findall(r"infra\.aws\.restore --stage prod (\w+)", PAGES["operate"])
    assert steps == ["close", "copy", "back", "open", "drop"]
    assert set(re.findall(r"\{([\w,]+)\}", told("infra.aws.restore"))) == {"close,back,open,drop,copy"}


def test_every_field_of_a_stage_is_explained() -> None:
    """docs/deploy.md lists the keys of a stage's file, all of them, with the defaults that they have."""
    listed = {key.strip("`"): default for key, default, _ in rows("deploy", "key")}
    plain = made("plain", {})
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(Stage):
        value = getattr(plain, field.name)
        if dataclasses.is_dataclass(value):
            fields |= {f"{field.name}.{each.name}": getattr(value, each.name) for each in dataclasses.fields(value)}
        elif field.name != "name":
            fields[field.name] = value
    assert set(listed) == set(fields)
    for key, default in listed.items():
        if default.startswith("`"):
            assert default.strip("`") == str(fields[key]).lower() or default.strip("`") == str(fields[key]), key
        elif default == "none":
            assert not fields[key], key


@pytest.mark.parametrize("page", OWN)
def test_every_file_that_is_named_exists(page: str) -> None:
    """A path in the words of a page is a file or a folder of the repository, or one that a deployment makes."""
    for path in re.findall(r"(?:`| )((?:infra|functions|tests|docs|layers)/[\w./<>-]+)", PAGES[page]):
        assert (ROOT / path.replace("<stage>", "prod").rstrip(".")).exists(), path


def test_every_alarm_has_a_row_that_says_what_to_do() -> None:
    """docs/operate.md lists the alarms that a stage has, and no others."""
    stage = read("prod")
    names = {
        each["Properties"]["AlarmName"].removeprefix(f"{stage.stack}-")
        for each in alarms.resources(stage).values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    listed = {cells[0].strip("`") for cells in rows("operate", "alarm")}
    of_functions = {function.name for function in functions.of(stage)}
    assert {re.sub(rf"^({'|'.join(of_functions)})-(?!failing)", "<function>-", name) for name in names} == listed
    assert all(len(cells) == 3 and len(cells[2]) > 20 for cells in rows("operate", "alarm"))


def test_every_secret_has_a_row_that_says_how_to_rotate_it() -> None:
    """docs/operate.md says for each secret how it is changed, by a command that takes it."""
    listed = {cells[0].strip("`"): cells[1] for cells in rows("operate", "what")}
    for secret in (name for names in DOCUMENTS.values() for name in names):
        assert ("rotate " if secret in GENERATED else "set ") + secret in listed[secret]


@pytest.mark.parametrize("page", OWN)
def test_every_setting_that_is_named_exists(page: str) -> None:
    """A name in capitals on these pages is a setting, or one of a few others."""
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", re.sub(r"export .*|BIND_HOST=.*", "", PAGES[page])))
    assert named <= set(settings.names()) | NO_SETTINGS


def test_links_within_pages_lead_to_headings() -> None:
    """A link to a heading of a page finds it."""
    for name in OWN:
        for target, anchor in re.findall(r"\]\((?:(\w+)\.md)?#([\w-]+)\)", PAGES[name]):
            headings = re.findall(r"^#+ (.*)$", PAGES[target or name], re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{name}.md: {target}#{anchor}"
