"""What an answer in one piece says: which model made it, what it used, whether it was blocked."""

from dataclasses import dataclass
from typing import Any

from functions.errors import ProviderFailed
from functions.forward.endpoints import MESSAGES, RESPONSES
from functions.forward.events import read_object
from functions.forward.hosted_reader import blocked_response, model_name
from functions.forward.refusals import CONTENT_FILTER, REFUSAL, blocked_by, content_refused

CONTENT = ("choices", "output", "content", "data", "results")
"""Where an answer holds what was made, by endpoint. One that has an error and none of them has failed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was read. `usage` is as it came; `blocked` says by whom, or "" where it was not."""

    model: str
    usage: Any
    blocked: str = ""


def read_hosted(endpoint: str, raw: bytes) -> Told:
    """Read a hosted provider's answer of status 200. Raises ProviderFailed, ContentRefused where it is none."""
    answer = read_object(raw)
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
