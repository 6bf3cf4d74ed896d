"""What an answer in one piece says: which model made it, what it used, whether it was blocked.

A provider of an owner may send anything. What Python makes of JSON can be thirty times its size, so the values in a
large answer are counted before they are made.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from functions.errors import ProviderFailed
from functions.forward.endpoints import MESSAGES, RESPONSES
from functions.forward.events import read_object
from functions.forward.hosted_reader import blocked_response, model_name
from functions.forward.refusals import CONTENT_FILTER, REFUSAL, blocked_by, content_refused

CONTENT = ("choices", "output", "content", "data", "results")
"""Where an answer holds what was made, by endpoint. One that has an error and none of them has failed."""

LARGE_BYTES = 256_000
"""From here on an answer is read in a thread: nobody else's events are to wait for it."""
VALUES_MAX = 1_000_000
"""Of a large answer, numbers in lists aside. A token with 20 others beside it has about 100: 10,000 such tokens."""
NUMBERS_PER_VALUE = 4
"""A number takes a quarter of what other values take."""
_NUMBERS = re.compile(rb"\[[-+.\deE,\s]*+\]")
"""A list of numbers, as an embedding is."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was read. `usage` is as it came; `blocked` says by whom, or "" where it was not."""

    model: str
    usage: Any
    blocked: str = ""


async def parsed(raw: bytes, *, numbers: bool) -> dict[str, Any] | None:
    """The JSON object that a provider sent; None where it is none. Raises ProviderFailed for one of too many values.

    Without `numbers` lists of numbers may be left empty, which nobody looks at.
    """
    if len(raw) <= LARGE_BYTES:
        return read_object(raw)
    return await asyncio.to_thread(_large, raw, numbers)


def _large(raw: bytes, numbers: bool) -> dict[str, Any] | None:
    dense = _NUMBERS.sub(b"[]", raw)
    values = sum(dense.count(sign) for sign in (b"{", b"[", b","))
    if numbers:
        values += (raw.count(b",") - dense.count(b",")) // NUMBERS_PER_VALUE
    if values > VALUES_MAX:
        raise ProviderFailed("The provider sent an answer that is too large; nothing was charged.")
    try:
        answer = json.loads(raw if numbers else dense, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python's reader lets no other thread go on until it is done, but for calls such as this one."""
    return dict(pairs)


async def read_hosted(endpoint: str, raw: bytes) -> Told:
    """Read a hosted provider's answer of status 200. Raises ProviderFailed, ContentRefused where it is none."""
    answer = await parsed(raw, numbers=False)
    if answer is None:
        raise ProviderFailed("The provider's answer is not JSON; nothing was charged.")
    if answer.get("error") and not any(answer.get(name) for name in CONTENT):
        if blocked_by(answer["error"]):
            raise content_refused()
        raise ProviderFailed("The provider failed; nothing was charged.")
    usage, groq = answer.get("usage"), answer.get("x_groq")
    if usage is None and isinstance(groq, dict):
        usage = groq.get("usage")
    return Told(model_name(answer.get("model")), usage, _blocked(endpoint, answer))


def _blocked(endpoint: str, answer: dict[str, Any]) -> str:
    if endpoint == RESPONSES:
        return blocked_response(answer)
    if endpoint == MESSAGES:
        return REFUSAL if answer.get("stop_reason") == REFUSAL else ""
    blocked = blocked_by(answer.get("error"))
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if not isinstance(choice, dict):
            continue
        message = choice.get("message")
        if choice.get("finish_reason") == CONTENT_FILTER:
            return CONTENT_FILTER
        if isinstance(message, dict) and message.get("refusal"):
            blocked = REFUSAL
    return blocked
