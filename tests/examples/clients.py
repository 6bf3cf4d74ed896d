"""The programs of examples/clients: what runs each of them, and what it said, piece by piece.

`python -m tests.examples.newest` runs the same with packages of its own: it names their places in the environment.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import playwright

from tests.examples.made import EXAMPLES
from tests.stand import ROOT

CLIENTS = EXAMPLES / "clients"
PAGES = ROOT / "docs/clients"
PYTHON_PLACE, MODULES_PLACE = "FAREBOX_CLIENTS_PYTHON", "FAREBOX_CLIENTS_MODULES"
"""Variables of the environment: another Python, and a folder with another node_modules."""
NODE_MAJOR = 22
"""What the newest SDKs for Node ask for."""
WITHIN_S = 200
NPM_WITHIN_S = 300
KEPT = ROOT / ".build/clients"
"""What npm installed, until the lock file changes."""

PROGRAMS = {path.parent.name: path for path in sorted(CLIENTS.glob("*/chat.*")) if path.suffix != ".dart"}


@dataclass
class Said:
    """How a program ended, and its output as it came: each part is what was there when the last one had been read."""

    code: int
    pieces: list[str]
    err: str

    @property
    def out(self) -> str:
        return "".join(self.pieces)


def python() -> Path:
    """The Python that the clients in Python are installed for."""
    return Path(os.environ.get(PYTHON_PLACE, sys.executable))


def node() -> str:
    """A Node that the SDKs take: the machine's, or the one that Playwright brings along; "" where there is none."""
    for path in (shutil.which("node") or "", str(Path(playwright.__file__).parent / "driver/node")):
        if Path(path).is_file():
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
            if int(said.removeprefix("v").partition(".")[0]) >= NODE_MAJOR:
                return path
    return ""


def npm(folder: Path, *words: str) -> None:
    """Run npm in a folder. Raises RuntimeError with what it said."""
    done = subprocess.run(
        ["npm", *words, "--no-audit", "--no-fund", "--no-progress"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=NPM_WITHIN_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm {' '.join(words)}: {done.stdout[-2000:]}")


def modules(folder: Path) -> Path:
    """The folder node_modules that the lock file says, or the one that the environment names; made within `folder`."""
    if MODULES_PLACE in os.environ:
        return Path(os.environ[MODULES_PLACE])
    lock = "package-lock.json"
    if not (KEPT / lock).exists() or (KEPT / lock).read_bytes() != (CLIENTS / lock).read_bytes():
        for name in ("package.json", lock):
            shutil.copy(CLIENTS / name, folder)
        npm(folder, "ci")
        shutil.rmtree(KEPT, ignore_errors=True)
        KEPT.parent.mkdir(exist_ok=True)
        shutil.move(folder, KEPT)
    return KEPT / "node_modules"


def command(program: Path, folder: Path) -> list[str]:
    """How a program is run; `folder` has node_modules and the programs that use them."""
    if program.suffix == ".py":
        return [str(python()), str(program)]
    if program.suffix == ".mjs":
        return [node(), str(folder / program.relative_to(CLIENTS))]
    return ["sh", str(program)]


def run(arguments: list[str], environ: dict[str, str]) -> Said:
    """Run a program to its end, and take what it writes as it comes."""
    more = {
        "PATH": f"{python().parent}:{os.environ['PATH']}",
        "LLM_LOAD_PLUGINS": "",  # one of this environment brings a model, and needs what is not there
        "PYTHONUNBUFFERED": "",  # what is flushed is the program's to say
    }
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            ["timeout", str(WITHIN_S), *arguments],
            cwd=own,
            env=os.environ | more | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        pieces = []
        with child:
            assert child.stdout
            while piece := os.read(child.stdout.fileno(), 65536):
                pieces.append(piece)
        errors.seek(0)
        said = Said(child.returncode, _texts(pieces), errors.read().decode())
    assert environ["FAREBOX_KEY"] not in said.out + said.err
    return said


def _texts(pieces: list[bytes]) -> list[str]:
    """Each as text; a letter that was cut belongs to none of them in particular."""
    return [piece.decode(errors="replace") for piece in pieces]


def told(page: Path) -> dict[int, str]:
    """What a page says its program prints, by status: the rows of its table."""
    rows = re.findall(r"^\| (\d{3}) \| `([^`|]+)` \|", page.read_text(), re.MULTILINE)
    return {int(status): words for status, words in rows}
