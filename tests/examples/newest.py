"""Runs the clients of docs/clients in their newest versions: `make newest`. Exit code 1 where one fails.

Into a folder of its own, which is removed; the gateway and the tests are those of this environment. Needs npm and the
package registries, and runs what was published a minute ago: in CI it has no rights and no secrets.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.examples.clients import CLIENTS, MODULES_PLACE, PYTHON_PLACE, npm
from tests.stand import ROOT

OF_PYTHON = {"openai_python": ("openai",), "langchain_python": ("langchain-openai",), "llm": ("llm",)}
OF_NODE = {
    "openai_node": ("openai",),
    "langchain_js": ("@langchain/openai", "@langchain/core"),
    "vercel_ai_sdk": ("ai", "@ai-sdk/openai-compatible"),
}
PACKAGES: dict[str, tuple[str, ...]] = OF_PYTHON | OF_NODE
"""Of each client's program. curl and pages have none."""
TESTS = "tests/examples/test_clients.py"
WITHIN_S = 1500


@dataclass
class Row:
    """What came of one client."""

    client: str
    versions: str
    result: str
    well: bool


def main() -> int:
    """Exit code: 0 all clients pass, 1 one does not, or could not be tried."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        interpreter = install_python(place / "venv", names("requirements.txt"))
        modules = install_node(place / "npm", names("package.json"))
        report = place / "report.xml"
        environ = os.environ | {PYTHON_PLACE: str(interpreter), MODULES_PLACE: str(modules)}
        arguments = ["-q", "-p", "no:cacheprovider", "-k", "not curl", f"--junitxml={report}", TESTS]
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environ, timeout=WITHIN_S, check=False
        )
        rows = results(report, versions(interpreter, modules))
    print(table(rows))
    return 0 if all(row.well for row in rows) else 1


def names(file: str) -> list[str]:
    """The packages that are pinned for the tests, without their versions."""
    text = (CLIENTS / file).read_text()
    if file.endswith(".json"):
        return list(json.loads(text)["dependencies"])
    return [line.partition("==")[0] for line in text.split()]


def install_python(folder: Path, packages: list[str]) -> Path:
    """An environment with the newest of them that go together. Gives its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    interpreter = folder / "bin/python"
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", "--upgrade", *packages], check=True)
    return interpreter


def install_node(folder: Path, packages: list[str]) -> Path:
    """The newest of them. Gives its node_modules."""
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm(folder, "install", *(f"{package}@latest" for package in packages))
    return folder / "node_modules"


def versions(interpreter: Path, modules: Path) -> dict[str, str]:
    """By client, what is installed: `ai 7.0.1, …`."""
    found = {client: [(name, _of_python(interpreter, name)) for name in named] for client, named in OF_PYTHON.items()}
    found |= {client: [(name, _of_node(modules, name)) for name in named] for client, named in OF_NODE.items()}
    return {client: ", ".join(f"{name} {version}" for name, version in each) for client, each in found.items()}


def _of_node(modules: Path, package: str) -> str:
    return str(json.loads((modules / package / "package.json").read_text())["version"])


def _of_python(interpreter: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def results(report: Path, installed: dict[str, str]) -> list[Row]:
    """A row for each client. One that was skipped, or has no test that ran, does not pass: there is no proof."""
    counts: dict[str, Counter[str]] = {client: Counter() for client in PACKAGES}
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    for case in cases:
        client = case.get("name", "").partition("[")[2].rstrip("]").partition("-")[0]
        bad = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        if client in counts:
            counts[client][bad[0] if bad else "passed"] += 1
    return [
        Row(
            client,
            installed[client],
            ", ".join(f"{count} {kind}" for kind, count in sorted(found.items())) or "nothing ran",
            set(found) == {"passed"},
        )
        for client, found in counts.items()
    ]


def table(rows: list[Row]) -> str:
    """For people."""
    lines = [
        ("client", "newest", "tests", ""),
        *((r.client, r.versions, r.result, "ok" if r.well else "FAILS") for r in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
