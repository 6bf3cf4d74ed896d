"""What was written for the model, for patterns and moderation to look at."""

from collections.abc import Iterator, Mapping
from typing import Any

INSIDE = ("content", "text", "output", "refusal")
"""Fields in which messages, parts and results of tools hold text."""
NOT_THE_USER = ("system", "developer")
NO_TEXT = ("role", "type", "detail", "image_url", "source", "signature", "data")
"""Of messages that were made anew: what is a word of the API, an image, or the provider's own."""
FIELDS = (*("tools", "tool_choice", "response_format", "text", "suffix", "stop", "stop_sequences", "metadata", "user"),)
"""Of the fields that a client may set, those in which it can write a text."""


def by_user(content: Any) -> tuple[str, ...]:
    """Forward mode: the texts of `messages`, `prompt` or `input`, one for each message.

    Of a conversation, what the model said before is left out: the back-end hands it on, and it is not the user's. The
    last message is looked at whoever seems to have said it, for an answer continues it.
    """
    if isinstance(content, str):
        return (content,)
    if not isinstance(content, list):
        return ()
    found = (" ".join(_inside(each)) for index, each in enumerate(content) if _counts(each, index == len(content) - 1))
    return tuple(text for text in found if text)


def by_client(said: Any, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Managed mode: all that a client wrote, a text for each message, and one for each field that it set.

    The model's earlier words count as well: nobody but the client says that they are the model's. `said` is what was
    made of its messages, prompt or input, `given` the fields.
    """
    messages = said if isinstance(said, list) else [said]
    found = [" ".join(_made(message)) for message in messages]
    found += [" ".join(_any(value)) for name, value in given.items() if name in FIELDS]
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


def _made(value: Any) -> Iterator[str]:
    """The texts of a message that was made anew, in their order; what a tool was called with is of any shape."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _made(part)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "input":
                yield from _any(inner)
            elif name not in NO_TEXT:
                yield from _made(inner)


def _any(value: Any) -> Iterator[str]:
    """Every text of a value, names of fields too: a model reads those of a schema."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _any(part)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _any(inner)
