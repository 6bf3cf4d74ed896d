"""Readers for the fields of a document. Each raises BadRequest whose `param` is the field's path."""

from typing import Any

from functions.errors import BadRequest


def under(path: str, name: str) -> str:
    """The path of a field inside another; names are a client's, so they are cut."""
    return f"{path}.{name[:60]}" if path else name[:60]


def refused(path: str, why: str) -> BadRequest:
    """The error for a field: its path, and why."""
    return BadRequest(f"{path} {why}.", param=path)


def fields(path: str, value: Any, known: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of which every field is known, with those that it must have."""
    if not isinstance(value, dict):
        raise refused(path or "The document", "must be an object")
    for name in value:
        if name not in known:
            raise refused(under(path, name), f"is not known; known are {', '.join(known)}")
    for name in required:
        if name not in value:
            raise refused(under(path, name), "is required")
    return value


def entries(path: str, value: Any, most: int, least: int = 0) -> list[tuple[str, Any]]:
    """The entries of a list, each with its path."""
    if not isinstance(value, list):
        raise refused(path, "must be a list")
    if not least <= len(value) <= most:
        raise refused(path, f"must have {least} to {most} entries")
    return [(f"{path}[{index}]", entry) for index, entry in enumerate(value)]


def line(path: str, value: Any, most: int, least: int = 1) -> str:
    """A text of one line."""
    if not isinstance(value, str) or not least <= len(value) <= most or not value.isprintable():
        raise refused(path, f"must be a text of {least} to {most} printable characters")
    return value


def choice(path: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of these texts."""
    if not isinstance(value, str) or value not in choices:
        raise refused(path, f"must be one of {', '.join(choices)}")
    return value


def truth(path: str, value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise refused(path, "must be true or false")
    return value


def whole(path: str, value: Any, least: int, most: int) -> int:
    """A whole number; true and 1.0 are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refused(path, f"must be a whole number between {least} and {most}")
    return value


def seconds(path: str, value: Any, least: float, most: float) -> float:
    """A time in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise refused(path, f"must be a number between {least:g} and {most:g}")
    return float(value)


def names(path: str, value: Any, choices: tuple[str, ...]) -> tuple[str, ...]:
    """A list of some of these texts, each once."""
    found = [choice(where, entry, choices) for where, entry in entries(path, value, len(choices))]
    if len(set(found)) != len(found):
        raise refused(path, "names one of them twice")
    return tuple(found)
