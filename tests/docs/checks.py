"""What is checked of blocks that are input or output: each kind of mark, docs/writing.md."""

import ast
import json
import re
import subprocess
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import jsonschema_rs

from functions import settings as settings_module
from functions.admit import rules
from functions.routing import Routes
from infra.aws import network
from infra.aws.stage_file import made
from tests.docs.blocks import Block
from tests.docs.terminal import Terminal
from tests.projects.papers import FULL, changed
from tests.reference.checking import document
from tests.stand import ROOT

Open = Callable[[], Terminal]
"""Opens the terminal of the block's page, where it is needed."""
PEER_KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
"""In the place of "…": a public key of WireGuard, from its own documentation."""
QUERY = re.compile(r'"[^"]*"|/[^/]*/|\d+\w*|@?[A-Za-z_]\w*|\S')
WORDS = re.compile("fields|filter|sort|stats|limit|display|by|as|and|or|not|in|like|asc|desc|bin")
OF_LOGS = {"@timestamp", "@message", "@requestId", "@initDuration", "@logStream", "@log", "@type"}


def check(block: Block, terminal: Open) -> None:
    """Raises AssertionError, or what the reader of such a document raises."""
    CHECKS[block.kind or "output"](block, terminal)


def project(block: Block, terminal: Open) -> None:
    """The console makes a project of it, or of a document that has it at the place that the mark names."""
    paper = json.loads(block.code)
    if block.about:
        path = tuple(int(part) if part.isdigit() else part for part in block.about.split("."))
        paper = changed(FULL, path, paper)
    owner = terminal().owner
    made = owner.ask("POST", "/projects", {"document": paper})
    assert made.status == 200, made.body.decode()
    assert owner.ask("DELETE", f"/projects/{made.json()['id']}").status == 200


def of_rules(block: Block, _: Open) -> None:
    """The settings read it, and it says something that they do not."""
    read = [rules.of(settings_module.read({"RULES": text})) for text in (block.code, "")]
    assert read[0] != read[1]


def stage(block: Block, _: Open) -> None:
    """It is read as a stage's file, and nothing is to be doubted of the network that it makes."""
    there = made("staging", tomllib.loads(block.code.replace('"…"', f'"{PEER_KEY}"')))
    if there.network.vpn != "none":
        assert network.template(there)
        assert not network.doubts(there)


def body(block: Block, _: Open) -> None:
    """It fits what the operation takes."""
    method, path = block.about.split()
    content = _operation(method, path)["requestBody"]["content"]
    _fits(content["application/json"]["schema"], json.loads(block.code))


def output(block: Block, _: Open) -> None:
    """It fits what the operation answers; where none is named, JSON is JSON, and programs are no output."""
    assert block.language not in ("python", "sh", "js"), "a program is no output"
    if block.about:
        method, path, status = [*block.about.split(), "200"][:3]
        content = _operation(method, path)["responses"][status]["content"]
        _fits(content["application/json"]["schema"], json.loads(block.code))
    elif block.language == "json":
        json.loads(block.code)


def _operation(method: str, path: str) -> Any:
    """Of the document; `path` as it stands there, or as it is asked."""
    paths = document()["paths"]
    found = Routes(paths).match(path)
    assert path in paths or found, f"there is no {path}"
    there = paths.get(path) or paths[found.resource if found else path]
    assert method.lower() in there, f"there is no {method} {path}"
    return there[method.lower()]


def _fits(schema: dict[str, Any], value: Any) -> None:
    validator = jsonschema_rs.validator_for(schema | {"components": document()["components"]})
    wrong = [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]
    assert not wrong, "; ".join(wrong)


def insights(block: Block, _: Open) -> None:
    """Each name in the query is a field of our log lines, one of CloudWatch's, or made by the query itself."""
    named = set(_names(block.code))
    assert named <= _logged() | OF_LOGS, named - _logged() - OF_LOGS
    assert named, "no field is asked for"


def _names(query: str) -> Iterator[str]:
    words = QUERY.findall(query)
    made = {after for word, after in pairwise(words) if word == "as"}
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if re.fullmatch(r"@?[A-Za-z_]\w*", word) and after != "(" and word not in made and not WORDS.fullmatch(word):
            yield word


def _logged() -> set[str]:
    """The fields of docs/telemetry.md, which are those of the code (tests/telemetry/test_documented.py)."""
    lines = (ROOT / "docs/telemetry.md").read_text().partition("## Log lines")[2].splitlines()
    return {name for line in lines if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def file(block: Block, _: Open) -> None:
    """It is an example's file, or lines of it that follow one another: tests/examples runs each example."""
    assert block.about.startswith("examples/"), "only examples are run by tests of their own"
    lines, shown = (ROOT / block.about).read_text().splitlines(), block.code.strip("\n").splitlines()
    parts = ("\n".join(lines[at : at + len(shown)]) for at in range(len(lines) - len(shown) + 1))
    assert shown
    assert any(textwrap.dedent(part).strip("\n") == "\n".join(shown) for part in parts), f"{block.about} is another"


def syntax(block: Block, _: Open) -> None:
    """A program or a document that could be run or read; an address of the gateway's in it is one that there is."""
    for path in re.findall(r"127\.0\.0\.1:8503(/[\w/]+)", block.code):
        assert Routes(document()["paths"]).match(path), f"there is no {path}"
    if block.language == "sh":
        subprocess.run(["sh", "-n", "-c", block.code], check=True, capture_output=True)
    elif block.language == "python":
        ast.parse(block.code)
    elif block.language == "js":
        command = ["node", "--input-type=module", "--check", "-"]
        subprocess.run(command, input=block.code, text=True, check=True, capture_output=True)
    elif block.language in ("json", "toml"):
        (json.loads if block.language == "json" else tomllib.loads)(block.code)


CHECKS: dict[str, Callable[[Block, Open], None]] = {
    "project": project,
    "rules": of_rules,
    "stage": stage,
    "body": body,
    "output": output,
    "insights": insights,
    "file": file,
    "by hand": syntax,
}
