"""Bytecode in a package: of the right Python, the same every time, and used."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws import bytecode
from infra.aws.bytecode import Interpreter
from tests.infra.packaged import PYTHON

HERE = Interpreter(sys.executable, platform.python_version())
FILES = {
    "python/kinds/__init__.py": b"KINDS = frozenset({'a', 'b', 'c', 'd'})\n",
    "python/kinds/one.py": b"def one(kind):\n    return kind in {'x', 'y', 'z'} or kind == 'one'\n",
    "python/kinds/template.py": b"{{ not python }} :\n",
    "python/data.json": b"{}",
}


def test_every_module_is_compiled_for_the_place_where_it_will_lie() -> None:
    """One file of bytecode for each module, beside it, by the name that this Python looks for; nothing else."""
    made = bytecode.of(FILES, HERE, "/opt")
    tag = sys.implementation.cache_tag
    assert sorted(made) == [f"python/kinds/__pycache__/{name}.{tag}.pyc" for name in ("__init__", "one")]
    assert b"/opt/python/kinds/one.py" in made[f"python/kinds/__pycache__/one.{tag}.pyc"]


def test_the_bytecode_is_the_same_every_time() -> None:
    """Same sources, same bytes, in another process with another order of sets: packages stay reproducible."""
    sources = {f"functions/{path.name}": path.read_bytes() for path in Path("functions/ledger").glob("*.py")}
    assert len(sources) > 10
    first, second = (bytecode.of(sources, HERE, "/var/task") for _ in range(2))
    assert first == second


def test_python_runs_the_bytecode_and_does_not_look_at_the_source(tmp_path: Path) -> None:
    """What is imported is the bytecode, whatever the dates of the files are."""
    made = bytecode.of(FILES, HERE, "/opt")
    for name, data in {**made, **FILES, "python/kinds/one.py": b"def one(kind):\n    return 'source'\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    script = "from kinds.one import one; print(one('one'))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "python")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_only_the_python_of_the_package_compiles() -> None:
    """This Python serves its own version; for one that is not installed there is none rather than a wrong one."""
    assert bytecode.interpreter(PYTHON) == HERE
    assert bytecode.interpreter("3.4") is None


def test_a_command_that_runs_nothing_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version manager's wrapper for a Python that it has not, or another Python by that name, does not compile."""
    for name, says in (("broken", "exit 127"), ("older", "echo CPython 3.6.1"), ("right", "echo CPython 3.4.9")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "python3.4").write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name / "python3.4").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/broken:{tmp_path}/older:{tmp_path}/none:{tmp_path}/right")
    assert bytecode.interpreter("3.4") == Interpreter(f"{tmp_path}/right/python3.4", "3.4.9")
