"""Managed mode: a client's messages for Anthropic's Messages API, made anew of what their blocks may hold."""

import re
from typing import Any

from functions.errors import BadRequest
from functions.forward.fields import DROP, array, boolean, object_, text
from functions.projects.chat import MESSAGES_MAX, PARTS_MAX, TEXT_MAX, role

_MEDIA = re.compile(r"image/(png|jpeg|gif|webp)")


def messages(path: str, value: Any, *, images: bool, tools: bool, thinking: bool) -> list[dict[str, Any]]:
    """The client's messages. Raises BadRequest for other roles than its own, and for what a block may not be or hold.

    What the model thought is handed back only where the template has it think: the API wants it then, and its
    signature says that it is the model's. An empty last answer is dropped.
    """

    def block(where: str, each: Any) -> Any:
        given = object_(where, each)
        kind = given.get("type")
        if kind == "text":
            return {"type": kind, "text": text(TEXT_MAX)(f"{where}.text", given.get("text"))}
        if images and kind == "image":
            return {"type": kind, "source": _source(f"{where}.source", given.get("source"))}
        if kind == "thinking":
            return {"type": kind} | _texts(where, given, ("thinking", "signature")) if thinking else DROP
        if kind == "redacted_thinking":
            return {"type": kind} | _texts(where, given, ("data",)) if thinking else DROP
        if tools and kind == "tool_use":
            called = object_(f"{where}.input", given.get("input"))
            return {"type": kind, "input": called} | _texts(where, given, ("id", "name"))
        if tools and kind == "tool_result":
            return _result(where, given)
        raise BadRequest(f"{where}.type: this kind of content cannot be sent here.", param=f"{where}.type")

    def _result(where: str, given: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "tool_result"} | _texts(where, given, ("tool_use_id",))
        if given.get("content") is not None:
            made["content"] = content(f"{where}.content", given["content"])
        if given.get("is_error") is not None:
            made["is_error"] = boolean(f"{where}.is_error", given["is_error"])
        return made

    def content(where: str, value: Any) -> Any:
        return value if isinstance(value, str) else array(block, PARTS_MAX)(where, value)

    def message(where: str, each: Any) -> dict[str, Any]:
        given = object_(where, each)
        return {
            "role": role(where, given, ("user", "assistant")),
            "content": content(f"{where}.content", given.get("content")),
        }

    made: list[dict[str, Any]] = array(message, MESSAGES_MAX)(path, value)
    if made and made[-1]["role"] == "assistant" and not made[-1]["content"]:
        made.pop()
    return made


def _source(path: str, value: Any) -> dict[str, Any]:
    """An image in the request itself, never one that is fetched from somewhere."""
    given = object_(path, value)
    media = given.get("media_type")
    if given.get("type") != "base64" or not isinstance(media, str) or not _MEDIA.fullmatch(media):
        raise BadRequest(f"{path} must be an image's own data, in base64.", param=path)
    return {"type": "base64", "media_type": media, "data": text(TEXT_MAX)(f"{path}.data", given.get("data"))}


def _texts(path: str, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text(TEXT_MAX)(f"{path}.{name}", given.get(name)) for name in names}
