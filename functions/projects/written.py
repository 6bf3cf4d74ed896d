"""What a client wrote for the model, for patterns and moderation to look at."""

from collections.abc import Iterator
from typing import Any

INSIDE = ("content", "text", "output", "refusal")
"""Fields in which messages, parts and results of tools hold text."""
NOT_THE_USER = ("system", "developer")


def texts(content: Any) -> tuple[str, ...]:
    """The texts of `messages`, `prompt` or `input`, one for each message.

    Of a conversation, what the model said before is left out: it is not the user's. The last message is looked at
    whoever seems to have said it, for an answer continues it.
    """
    if isinstance(content, str):
        return (content,)
    if not isinstance(content, list):
        return ()
    found = (" ".join(_inside(each)) for index, each in enumerate(content) if _counts(each, index == len(content) - 1))
    return tuple(text for text in found if text)


def _counts(message: Any, last: bool) -> bool:
    if not isinstance(message, dict):
        return True
    role = message.get("role")
    return role not in NOT_THE_USER and (last or role != "assistant")


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _inside(part)
    elif isinstance(value, dict):
        for name in INSIDE:
            if name in value:
                yield from _inside(value[name])
