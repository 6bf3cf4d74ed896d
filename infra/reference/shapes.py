"""JSON Schema as people read it: a field a row, its type in words, what is inside of it below."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
BOUNDS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "{} characters at least",
    "maxLength": "{} characters at most",
    "minItems": "{} at least",
    "maxItems": "{} at most",
    "default": "`{}` if left out",
    "format": "{}",
}
UNSAID_FORMATS = ("uri", "email", "date-time", "date")
ENUM_SHOWN = 12
DEPTH_MAX = 4


def table(schema: Schema, shapes: str) -> str:
    """The fields of an object; `shapes` is where the page with the named shapes is, as a link."""
    rows = list(_rows(schema, "", shapes))
    if not rows:
        return ""
    return "| field | | |\n|---|---|---|\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def type_of(schema: Schema, shapes: str) -> str:
    """A type in words, such as `text`, `whole number or null`, or a link to a named shape."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({shapes}#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each, shapes) for each in schema["anyOf"]))
    if "const" in schema:
        return f"`{_said(schema['const'])}`"
    if "enum" in schema:
        return _enum(schema["enum"])
    kinds = schema.get("type", "anything")
    names = [_name(kind, schema, shapes) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join(names)


def words(schema: Schema) -> str:
    """What is said of a field: its description, and its bounds."""
    bounds = [
        text.format(_said(schema[name]))
        for name, text in BOUNDS.items()
        if name in schema and schema[name] not in UNSAID_FORMATS
    ]
    said = [schema.get("description", ""), ", ".join(bounds)]
    return _cell(" ".join(f"{part.rstrip('.')}." for part in said if part))


def _rows(schema: Schema, path: str, shapes: str, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    needed = schema.get("required", ())
    for name, inside in schema.get("properties", {}).items():
        here = f"{path}{name}"
        mark = "" if name in needed else " (optional)"
        yield f"`{here}`", type_of(inside, shapes) + mark, words(inside)
        within, suffix = _inside(inside)
        if within is not None and depth < DEPTH_MAX:
            yield from _rows(within, here + suffix, shapes, depth + 1)


def _inside(schema: Schema) -> tuple[Schema | None, str]:
    """The object that a field is, or is a list of, and what stands between their names."""
    if schema.get("properties"):
        return schema, "."
    items = schema.get("items", {})
    if items.get("properties"):
        return items, "[]."
    return None, ""


def _name(kind: str, schema: Schema, shapes: str) -> str:
    if kind == "array":
        return f"list of {type_of(schema['items'], shapes)}" if schema.get("items") else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'], shapes)} by name"
    if kind == "string" and schema.get("format") in UNSAID_FORMATS:
        return {"uri": "URL", "email": "e-mail address", "date-time": "time", "date": "date"}[schema["format"]]
    return {"string": "text", "integer": "whole number"}.get(kind, kind)


def _enum(values: list[Any]) -> str:
    shown = [f"`{_said(value)}`" for value in values[:ENUM_SHOWN]]
    return ", ".join(shown) + (f" and {len(values) - ENUM_SHOWN} more" if len(values) > ENUM_SHOWN else "")


def _said(value: Any) -> str:
    """A value as JSON has it."""
    return str(value) if isinstance(value, str) and value else json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
