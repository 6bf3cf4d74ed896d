"""Managed mode: a client's input for the Responses API, made anew of what its items may hold."""

from typing import Any

from functions.errors import BadRequest
from functions.forward.fields import DROP, array, object_, text
from functions.projects.chat import MESSAGES_MAX, PARTS_MAX, TEXT_MAX, detail, image_data, role

TEXTS = ("input_text", "output_text", "text")
DONE_THERE = ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call")
"""What an SDK hands back of tools that the provider ran for the template: its answers say what came of them."""


def items(path: str, value: Any, *, images: bool, tools: bool) -> list[dict[str, Any]]:
    """The client's items; a text is a user's message. Raises BadRequest for what an item may not be, or hold.

    What an SDK hands back of the model's reasoning is dropped: it refers to what the provider keeps.
    """
    if isinstance(value, str):
        return [{"role": "user", "content": value}]

    def item(where: str, each: Any) -> Any:
        given = object_(where, each)
        kind = given.get("type", "message")
        if kind == "message":
            return _message(where, given, images=images)
        if kind == "reasoning" or (tools and kind in DONE_THERE):
            return DROP
        if tools and kind == "function_call":
            return {"type": kind} | _texts(where, given, ("call_id", "name", "arguments"))
        if tools and kind == "function_call_output":
            return {"type": kind} | _texts(where, given, ("call_id", "output"))
        raise BadRequest(f"{where}.type: only messages can be sent here.", param=f"{where}.type")

    made: list[dict[str, Any]] = array(item, MESSAGES_MAX)(path, value)
    if made and made[-1].get("role") == "assistant" and not made[-1]["content"]:
        made.pop()
    return made


def _message(path: str, given: dict[str, Any], *, images: bool) -> dict[str, Any]:
    kind, content = role(path, given, ("user", "assistant")), given.get("content")
    if isinstance(content, str):
        return {"role": kind, "content": content}

    def part(where: str, each: Any) -> dict[str, Any]:
        sort = object_(where, each).get("type")
        if isinstance(sort, str) and sort in TEXTS:
            said = text(TEXT_MAX)(f"{where}.text", each.get("text"))
            return {"type": "input_text" if kind == "user" else "output_text", "text": said}
        if images and kind == "user" and sort == "input_image":
            made = {"type": sort, "image_url": image_data(f"{where}.image_url", each.get("image_url"))}
            return made | detail(f"{where}.detail", each)
        what = "text and images" if images else "text"
        raise BadRequest(f"{where}.type: only {what} can be sent here.", param=f"{where}.type")

    return {"role": kind, "content": array(part, PARTS_MAX)(f"{path}.content", content)}


def _texts(path: str, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text(TEXT_MAX)(f"{path}.{name}", given.get(name)) for name in names}
