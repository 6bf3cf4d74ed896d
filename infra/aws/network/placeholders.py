"""Files with `<names>` in them that are filled in: by the template, by an operator, by a test."""

import re
from pathlib import Path

NAME = re.compile(r"<([a-z][a-z0-9_]*)>")


def fill(path: Path, **values: str) -> str:
    """The file's text with each `<name>` of `values` in its place; other names stay.

    Raises KeyError where the file has no such name: it was renamed on one side only.
    """
    text = path.read_text()
    if missing := set(values) - set(NAME.findall(text)):
        raise KeyError(f"{path.name} has no <{sorted(missing)[0]}>")
    return NAME.sub(lambda found: values.get(found[1], found[0]), text)
