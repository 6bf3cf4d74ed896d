"""Managed mode: a client's messages for chat completions, made anew of what a message may hold.

Nothing else gets through: a message is built from its role and its content, at every level from fields named here.
"""

from typing import Any

from functions.errors import BadRequest
from functions.forward.fields import array, object_, text

MESSAGES_MAX = 10_000
PARTS_MAX = 1000
TOOL_CALLS_MAX = 128
TEXT_MAX = 4_500_000
IMAGE = "data:image/"
WITHOUT = ("user", "assistant")
WITH_TOOLS = (*WITHOUT, "tool")
"""Who may speak, where the template has no tools, and where it has."""


def messages(path: str, value: Any, *, images: bool, tools: bool) -> list[dict[str, Any]]:
    """The client's messages. Raises BadRequest: for other roles than its own, and for what a message may not hold.

    An empty last answer is dropped: Flutter's AI toolkit sends one, to be filled in.
    """

    def message(where: str, each: Any) -> dict[str, Any]:
        return _message(where, object_(where, each), images=images, tools=tools)

    made: list[dict[str, Any]] = array(message, MESSAGES_MAX)(path, value)
    last = made[-1] if made else {}
    if last.get("role") == "assistant" and not last.get("content") and "tool_calls" not in last:
        made.pop()
    return made


def _message(path: str, given: dict[str, Any], *, images: bool, tools: bool) -> dict[str, Any]:
    kind, content = role(path, given, WITH_TOOLS if tools else WITHOUT), f"{path}.content"
    if kind == "user":
        return {"role": kind, "content": _content(content, given.get("content"), images=images)}
    if kind == "tool":
        identifier = text(200)(f"{path}.tool_call_id", given.get("tool_call_id"))
        return {"role": kind, "tool_call_id": identifier, "content": _content(content, given.get("content"))}
    made: dict[str, Any] = {"role": kind}
    said = given.get("content")
    if tools and given.get("tool_calls"):
        made["tool_calls"] = array(_tool_call, TOOL_CALLS_MAX)(f"{path}.tool_calls", given["tool_calls"])
    return made | {"content": None if said is None else _content(content, said, refusals=True)}


def role(path: str, given: dict[str, Any], roles: tuple[str, ...]) -> str:
    """Whose message it is; the project alone speaks as `system` and `developer`."""
    kind = given.get("role")
    if not isinstance(kind, str) or kind not in roles:
        raise BadRequest(f"{path}.role can only be {' or '.join(roles)} here.", param=f"{path}.role")
    return kind


def _content(path: str, value: Any, *, images: bool = False, refusals: bool = False) -> Any:
    if isinstance(value, str):
        return value

    def part(where: str, each: Any) -> dict[str, Any]:
        kind = object_(where, each).get("type")
        if kind == "text":
            return {"type": "text", "text": text(TEXT_MAX)(f"{where}.text", each.get("text"))}
        if refusals and kind == "refusal":
            return {"type": "refusal", "refusal": text(TEXT_MAX)(f"{where}.refusal", each.get("refusal"))}
        if images and kind == "image_url":
            return {"type": "image_url", "image_url": _image(f"{where}.image_url", each.get("image_url"))}
        raise BadRequest(f"{where}.type: only {_kinds(images)} can be sent here.", param=f"{where}.type")

    return array(part, PARTS_MAX)(path, value)


def _image(path: str, value: Any) -> dict[str, Any]:
    given = object_(path, value)
    made = {"url": image_data(f"{path}.url", given.get("url"))}
    return made | detail(f"{path}.detail", given)


def image_data(path: str, value: Any) -> str:
    """An image in the request itself: what lies elsewhere would make somebody fetch a URL of the client's."""
    url: str = text(TEXT_MAX)(path, value)
    if not url.startswith(IMAGE):
        raise BadRequest(f"{path} must be an image's own data, such as data:image/png;base64,…", param=path)
    return url


def detail(path: str, given: dict[str, Any]) -> dict[str, str]:
    """How closely an image is looked at, where the client says so."""
    asked = given.get("detail")
    if asked is None:
        return {}
    if asked not in ("auto", "low", "high"):
        raise BadRequest(f"{path} can only be auto, low or high.", param=path)
    return {"detail": str(asked)}


def _tool_call(path: str, value: Any) -> dict[str, Any]:
    given = object_(path, value)
    called = object_(f"{path}.function", given.get("function"))
    name = text(200)(f"{path}.function.name", called.get("name"))
    arguments = text(TEXT_MAX)(f"{path}.function.arguments", called.get("arguments"))
    identifier = text(200)(f"{path}.id", given.get("id"))
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def _kinds(images: bool) -> str:
    return "text and images" if images else "text"
