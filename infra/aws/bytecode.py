"""Bytecode for a package. Lambda's disk cannot be written: without it, every cold start compiles all that it imports.

That is as long again as the start itself. Only the Python that a package is for can make it; where that is not
installed there is none, and the package is slower to start but otherwise the same.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.aws.artifacts import PackageFailed

SCRIPT = Path(__file__).with_name("compile_all.py")
COMPILED_WITHIN_S = 300
TOLD = "import platform; print(platform.python_implementation(), platform.python_version())"


@dataclass(frozen=True)
class Interpreter:
    """A Python that can compile. Another version than this, such as 3.13.5, may compile otherwise."""

    path: str
    version: str


def interpreter(python: str) -> Interpreter | None:
    """A Python of this minor version, such as 3.13: this one, or one on the PATH; None where there is none."""
    paths = [sys.executable, *(f"{folder}/python{python}" for folder in os.get_exec_path())]
    for path in paths:
        try:
            done = subprocess.run([path, "-I", "-S", "-c", TOLD], capture_output=True, text=True, check=False)
        except OSError:
            continue
        kind, _, version = done.stdout.strip().partition(" ")
        # A version manager has a command of this name even where it has no such Python.
        if done.returncode == 0 and kind == "CPython" and version.startswith(f"{python}."):
            return Interpreter(path, version)
    return None


def of(files: Mapping[str, bytes], interpreter: Interpreter, root: str) -> dict[str, bytes]:
    """The compiled files of those that are Python, for a zip that is unpacked at `root`. Raises PackageFailed."""
    with tempfile.TemporaryDirectory(prefix="farebox-bytecode-") as name:
        folder = Path(name)
        for path in (path for path in files if path.endswith(".py")):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[path])
        command = [interpreter.path, "-I", str(SCRIPT), str(folder), root]
        done = subprocess.run(command, timeout=COMPILED_WITHIN_S, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PackageFailed(f"{interpreter.path} cannot compile the package: {done.stderr[-500:].strip()}")
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")}
