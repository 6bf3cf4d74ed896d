"""Managed mode: a request built from the project's template; of the client's only what it may say is in it.

The client gives its messages, prompt or input, whether it wants a stream, and the fields that the owner lists. All
else that it sends is ignored, and never refused: the vendor's pages send a model and a temperature wherever they call.
"""

from collections.abc import Mapping
from typing import Any

from functions.errors import BadRequest
from functions.forward import hosted
from functions.forward.endpoints import CHAT, COMPLETIONS, MESSAGES, RESPONSES
from functions.forward.fields import boolean, many, object_, text
from functions.projects import blocks, chat, written
from functions.projects.client_sets import chosen
from functions.projects.items import items
from functions.projects.project import Endpoint

INPUTS_MAX = 2048
TEXT_MAX = 4_500_000
STREAMS = (CHAT, COMPLETIONS, RESPONSES, MESSAGES)
WITH_USAGE = (CHAT, COMPLETIONS)
"""Where a client may ask for an event with the usage of its stream."""


def build(
    endpoint: str, served: Endpoint, body: Mapping[str, Any], *, images: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The request to send, and every text of it that the client wrote. Raises BadRequest that names the field."""
    name = hosted.CONTENT[endpoint]
    if body.get(name) is None:
        raise BadRequest(f"{name} is required.", param=name)
    made = chosen(endpoint, served.client_sets, served.template, body)
    said = _said(endpoint, made, body[name], images=images)
    given = {field: made[field] for field in served.client_sets if field in made and body.get(field) is not None}
    made[name] = _after(endpoint, made.get(name), said)
    if endpoint in STREAMS:
        _stream(endpoint, made, body)
    return made, written.by_client(said, given)


def _said(endpoint: str, made: Mapping[str, Any], value: Any, *, images: bool) -> Any:
    """The client's part, made anew. Tools are spoken of only where the request has some."""
    tools = bool(made.get("tools"))
    if endpoint == CHAT:
        return chat.messages("messages", value, images=images, tools=tools)
    if endpoint == MESSAGES:
        return blocks.messages("messages", value, images=images, tools=tools, thinking="thinking" in made)
    if endpoint == RESPONSES:
        return items("input", value, images=images, tools=tools)
    if endpoint == COMPLETIONS:
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        return text(TEXT_MAX)("prompt", one)
    return many(text(TEXT_MAX), INPUTS_MAX)("input", value)


def _after(endpoint: str, first: Any, said: Any) -> Any:
    """What the template says first, and then the client."""
    if endpoint in (CHAT, MESSAGES):
        return [*(first or ()), *said]
    if endpoint == RESPONSES and first:
        return [*([{"role": "user", "content": first}] if isinstance(first, str) else first), *said]
    if endpoint == COMPLETIONS:
        return (first or "") + said
    return said


def _stream(endpoint: str, made: dict[str, Any], body: Mapping[str, Any]) -> None:
    """Whether the answer comes event by event: as the client says, else as the template does."""
    made.pop("stream_options", None)
    wished, asked = made.pop("stream", None), body.get("stream")
    if not boolean("stream", (wished or False) if asked is None else asked):
        return
    made["stream"] = True
    if endpoint in WITH_USAGE and body.get("stream_options") is not None:
        wanted = object_("stream_options", body["stream_options"]).get("include_usage")
        made["stream_options"] = {"include_usage": boolean("stream_options.include_usage", wanted or False)}
