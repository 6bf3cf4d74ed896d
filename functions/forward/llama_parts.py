"""What a conversation for llama-server is made of: messages, a response's items, prompts, tools.

llama-server answers a part of a wrong type with 500, which would look like a failure of its own (seen on build
11549: `name` of a message that is no string, or null; a tool call without a type). So each part that it reads is
checked here. Null counts as absent, a message's `content` excepted.
"""

from typing import Any

from functions.errors import BadRequest
from functions.forward.fields import DROP, Rule, anything, array, object_, one_of, partly, text

TEXT_MAX = 4_500_000
MESSAGES_MAX = 10_000
TOOLS_MAX = 128
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
ITEM_ROLES = ("system", "developer", "user", "assistant")
"""Of a chat's messages, and of a response's input."""


def _content(path: str, value: Any) -> Any:
    if isinstance(value, list):
        for index, part in enumerate(value):
            where = f"{path}[{index}]"
            kind = object_(where, part).get("type")
            if kind not in ("text", "refusal"):
                raise BadRequest(f"{where}.type: this model reads text only.", param=f"{where}.type")
            text(TEXT_MAX)(f"{where}.{kind}", part.get(kind))
    elif value is not None and not isinstance(value, str):
        raise BadRequest(f"{path} must be a string or a list of parts.", param=path)
    return value


_TOOL_CALL = partly(
    {
        "id": text(TEXT_MAX),
        "type": one_of("function"),
        "function": partly({"name": text(TEXT_MAX), "arguments": anything}, required=("name", "arguments")),
    },
    required=("type", "function"),
)

_MESSAGE = partly(
    {
        "role": one_of(*ROLES),
        "name": text(TEXT_MAX),
        "tool_call_id": text(TEXT_MAX),
        "reasoning_content": text(TEXT_MAX),
        "tool_calls": array(_TOOL_CALL, TOOLS_MAX),
    },
    required=("role",),
)

_ITEM = partly({"role": one_of(*ITEM_ROLES), "name": text(TEXT_MAX)}, required=("role",))


def message(path: str, value: Any) -> dict[str, Any]:
    """One message of a chat."""
    made: dict[str, Any] = _MESSAGE(path, value)
    if "content" in value:  # null has a meaning here: an answer that only calls tools
        made["content"] = _content(f"{path}.content", value["content"])
    return made


tool: Rule = partly(
    {
        "type": one_of("function"),
        "function": partly({"name": text(TEXT_MAX), "description": text(TEXT_MAX)}, required=("name",)),
    },
    required=("type", "function"),
)


def _response_item(path: str, value: Any) -> Any:
    item = object_(path, value)
    kind = item.get("type") or "message"
    if kind == "reasoning":  # what the SDK hands back of an earlier answer; no message
        return DROP
    if kind != "message":
        raise BadRequest(f"{path}.type: only messages are supported here.", param=f"{path}.type")
    made = _ITEM(path, item) | {"type": kind}  # llama-server takes an assistant's without it for something else
    content = made.get("content")
    if isinstance(content, list):
        for index, part in enumerate(content):
            where = f"{path}.content[{index}]"
            if object_(where, part).get("type") not in ("input_text", "output_text", "text"):
                raise BadRequest(f"{where}.type: only text is supported here.", param=f"{where}.type")
            text(TEXT_MAX)(f"{where}.text", part.get("text"))
    elif not isinstance(content, str):
        raise BadRequest(f"{path}.content must be a string or a list of text parts.", param=f"{path}.content")
    return made


def response_input(path: str, value: Any) -> Any:
    """A response's `input`: a text, or items that are messages."""
    return value if isinstance(value, str) else array(_response_item, MESSAGES_MAX)(path, value)


def prompt(path: str, value: Any) -> Any:
    """A completion's `prompt`: one text."""
    if isinstance(value, list):
        if len(value) != 1:
            raise BadRequest(f"{path} must be one text: llama-server counts one prompt only.", param=path)
        value = value[0]
    return text(TEXT_MAX)(path, value)
