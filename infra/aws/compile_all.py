"""Compiles Python files beside themselves: `python -I compile_all.py FOLDER ROOT`. Run by the Python they are for.

Its output depends on the sources, on where they will lie (ROOT) and on that Python alone. It uses only the standard
library, and no syntax that an older Python would not know.
"""

import importlib.util
import marshal
import sys
from pathlib import Path

UNCHECKED = (1).to_bytes(4, "little")
"""Used without looking at its source: the zip's dates say nothing. https://peps.python.org/pep-0552/"""
FORMAT = 2
"""Later ones note what happens to be shared in memory, so that two runs differ."""


def compiled(source: bytes, path: str) -> bytes:
    """What a `.pyc` file holds. Raises SyntaxError."""
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    header = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
    return header + marshal.dumps(code, FORMAT)


def main(folder: Path, root: str) -> None:
    """Every file under `folder`; what is not of this Python's syntax, such as a template, is left as it is."""
    for path in folder.rglob("*.py"):
        try:
            data = compiled(path.read_bytes(), f"{root}/{path.relative_to(folder).as_posix()}")
        except (SyntaxError, ValueError):
            continue
        target = Path(importlib.util.cache_from_source(str(path)))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
