"""Whether a text holds one of a project's patterns: plain text, where `*` is any text in the same line.

The time grows with the text and with the number of patterns, whatever they are: each line is read once for each
pattern, its parts taken where they first stand (atomic groups never go back).
"""

import re
from functools import lru_cache

from functions.projects.project import Abuse


def matching(abuse: Abuse, texts: tuple[str, ...]) -> bool:
    """Whether any of the texts holds any of the patterns; case does not matter."""
    folded = [text.casefold() for text in texts]
    return any(_holds(text, *_compiled(pattern)) for pattern in abuse.patterns for text in folded)


def _holds(text: str, parts: tuple[str, ...], line: "re.Pattern[str] | None") -> bool:
    if not all(part in text for part in parts):
        return False
    return line is None or line.search(text) is not None


@lru_cache(1000)
def _compiled(pattern: str) -> "tuple[tuple[str, ...], re.Pattern[str] | None]":
    """The parts of a pattern, and what finds them in order in one line; None where there is only one."""
    parts = tuple(part for part in pattern.casefold().split("*") if part)
    if len(parts) == 1:
        return parts, None
    found = "".join(rf"(?>[^\n]*?{re.escape(part)})" for part in parts)
    return parts, re.compile(f"^{found}", re.MULTILINE)
