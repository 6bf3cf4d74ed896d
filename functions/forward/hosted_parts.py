"""What the messages and tools of a request to a hosted provider hold: text, calls of functions, images; nothing else.

Images are bounded by a number of tokens each, whatever their bytes: no provider counts more. Files and sound are
refused, because nothing here can say how many tokens they are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from functions.errors import BadRequest
from functions.forward.endpoints import CHAT, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.fields import object_, one_of, text
from functions.forward.hosted_fields import Opened

TEXT_MAX = 4_500_000
ENTRIES_MAX = 10_000
TOOLS_MAX = 128
"""Of messages, items and parts in one list, and of tools: as a llama-server's table has them."""

IMAGES = ("image_url", "input_image", "image")
"""Of chat completions and moderations, of responses, of Anthropic's messages."""

CHAT_PARTS = ("text", "refusal", "image_url")
RESPONSE_PARTS = ("input_text", "output_text", "text", "refusal", "input_image", "summary_text", "reasoning_text")
RESPONSE_ITEMS = (
    *("message", "reasoning", "function_call", "function_call_output"),
    *("custom_tool_call", "custom_tool_call_output"),
)
MESSAGE_PARTS = ("text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result")

LISTS = {
    CHAT: "messages",
    MESSAGES: "messages",
    RESPONSES: "input",
    MODERATIONS: "input",
}
"""Where an endpoint's parts are."""


def check_counts(endpoint: str, body: Mapping[str, Any]) -> None:
    """Refuse, before anything is made of each entry, lists with more entries than anybody asks about."""
    for name, most in ((LISTS.get(endpoint, ""), ENTRIES_MAX), ("tools", TOOLS_MAX), ("functions", TOOLS_MAX)):
        _check_count(name, body.get(name), most)


def parts(endpoint: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every part of every message, as its path and itself; also those that are malformed."""
    name = LISTS.get(endpoint, "")
    for path, item in _listed(name, body.get(name)):
        if endpoint == MODERATIONS:
            if isinstance(item, dict):
                yield path, item
        elif isinstance(item, dict):
            for field in ("content", "output"):
                for where, part in _listed(f"{path}.{field}", item.get(field)):
                    yield where, part
                    if isinstance(part, dict) and part.get("type") == "tool_result":
                        yield from _listed(f"{where}.content", part.get("content"))


def images(endpoint: str, body: Mapping[str, Any]) -> tuple[int, int]:
    """How many images there are, and how many of the body's bytes are theirs."""
    found = [part for _, part in parts(endpoint, body) if isinstance(part, dict) and part.get("type") in IMAGES]
    return len(found), sum(map(_image_bytes, found))


def check_parts(endpoint: str, body: Mapping[str, Any], opened: Opened) -> None:
    """Refuse, by their path, parts of other types than an endpoint's own."""
    name = LISTS.get(endpoint, "")
    if name and not isinstance(body.get(name), str | list):
        raise BadRequest(f"{name} must be a list.", param=name)
    for path, item in _listed(name, body.get(name)):
        if endpoint == RESPONSES:
            _check_item(path, item, opened)
        elif endpoint != MODERATIONS and object_(path, item).get("audio") is not None and not opened("audio"):
            raise BadRequest(f"{path}.audio is not supported here.", param=f"{path}.audio")
    known = {RESPONSES: RESPONSE_PARTS, MESSAGES: MESSAGE_PARTS}.get(endpoint, CHAT_PARTS)
    for path, part in parts(endpoint, body):
        kind = object_(path, part).get("type")
        if not isinstance(kind, str) or (kind not in known and not opened(kind)):
            raise BadRequest(f"{path}.type: only {', '.join(known)} are supported here.", param=f"{path}.type")
        if kind in IMAGES and not opened("file_id"):
            _check_image(path, part)


def check_tools(body: Mapping[str, Any], opened: Opened) -> None:
    """Refuse tools that run at the provider: what they do is not counted in tokens."""
    for path, tool in _listed("tools", body.get("tools")):
        kind = object_(path, tool).get("type", "custom")
        if kind not in ("function", "custom", None) and not (isinstance(kind, str) and opened(kind)):
            raise BadRequest(f"{path}.type: only function and custom are supported here.", param=f"{path}.type")


def _check_item(path: str, item: Any, opened: Opened) -> None:
    """An item of a response's input: without a type it must be a message, else it refers to one that is stored."""
    kind = object_(path, item).get("type") or ("message" if "role" in item else "item_reference")
    if not isinstance(kind, str) or (kind not in RESPONSE_ITEMS and not opened(kind)):
        raise BadRequest(f"{path}.type: only {', '.join(RESPONSE_ITEMS)} are supported here.", param=f"{path}.type")


def _check_image(path: str, part: Mapping[str, Any]) -> None:
    """An image comes as a URL or as its bytes; the name of a file says nothing of what it holds."""
    if part["type"] == "image":
        source = object_(f"{path}.source", part.get("source"))
        one_of("base64", "url")(f"{path}.source.type", source.get("type"))
    else:
        if part.get("file_id") is not None:
            raise BadRequest(f"{path}.file_id is not supported here.", param=f"{path}.file_id")
        text(TEXT_MAX)(f"{path}.image_url", _url(part))


def _image_bytes(part: Mapping[str, Any]) -> int:
    """The length of an image that came with the request; 0 for one that is elsewhere."""
    if part["type"] == "image":
        source = part.get("source")
        is_here = isinstance(source, dict) and source.get("type") == "base64"
        data = source.get("data") if is_here and isinstance(source, dict) else ""
        return len(data) if isinstance(data, str) else 0
    url = _url(part)
    return len(url) if isinstance(url, str) and url.startswith("data:image/") else 0


def _url(part: Mapping[str, Any]) -> Any:
    url = part.get("image_url")
    return url.get("url") if isinstance(url, dict) else url


def _listed(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a list, each with its path, made one by one; none of what is no list."""
    if isinstance(value, list):
        _check_count(path, value, ENTRIES_MAX)
        for index, part in enumerate(value):
            yield f"{path}[{index}]", part


def _check_count(path: str, value: Any, most: int) -> None:
    if isinstance(value, list) and len(value) > most:
        raise BadRequest(f"{path} may hold {most} at most.", param=path)
