"""Whether a text holds one of a project's patterns: plain text, where `*` is any text of the same message, or none.

Both are folded first: case, width, line breaks and characters that nobody sees make no difference. The time grows with
the text and with the number of patterns, whatever they are: a pattern's parts are taken where they first stand.
"""

import re
import unicodedata
from functools import lru_cache

from functions.projects.project import Abuse

UNSEEN = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f]+"
)
"""Unicode's category Cf: written out, because to ask for each character would take a tenth of a second."""
_SPACE = re.compile(r"\s+")
_PIECE = re.compile(r".{1,256}(?=[\x00-\x7f]|\Z)|.{1,256}", re.DOTALL)
"""What is folded at once: no character joins with an ASCII one after it. Bounded, because accents are put into their
order in a time that grows with the square of their number, and because nothing else runs meanwhile."""


def matching(abuse: Abuse, texts: tuple[str, ...]) -> bool:
    """Whether any of the texts holds any of the patterns."""
    if not abuse.patterns:
        return False
    messages = [folded(text) for text in texts]
    whole = "\n".join(messages)  # nothing that is folded has a line's end
    near = [parts for parts in map(_parts, abuse.patterns) if parts and all(part in whole for part in parts)]
    return any(_holds(message, parts) for parts in near for message in messages)


def folded(text: str) -> str:
    """A text in the form in which it is compared: NFKC, without unseen characters and case, with single spaces."""
    made = "".join(_folded(piece[0]) for piece in _PIECE.finditer(text))
    while "  " in made:  # of pieces that met
        made = made.replace("  ", " ")
    return made


def _folded(piece: str) -> str:
    if not piece.isascii():
        piece = unicodedata.normalize("NFKC", UNSEEN.sub("", piece))
    return _SPACE.sub(" ", piece.casefold())


def _holds(text: str, parts: tuple[str, ...]) -> bool:
    """Whether the parts stand in a text in their order; two may share the space between them."""
    end = 0
    for part in parts:
        begin = end - 1 if end and text[end - 1] == part[0] == " " else end
        start = text.find(part, begin)
        if start < 0:
            return False
        end = start + len(part)
    return True


@lru_cache(1000)
def _parts(pattern: str) -> tuple[str, ...]:
    """What stands between the `*` of a pattern; () for a pattern without text, which finds nothing."""
    return tuple(part for part in map(folded, pattern.split("*")) if part.strip())
