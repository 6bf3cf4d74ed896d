"""Short words for JSON Schema (draft 2020-12), which OpenAPI 3.1 uses: each gives a schema, a dict."""

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]


def obj(
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
    *,
    is_open: bool = False,
    **more: Any,
) -> Schema:
    """An object. Other fields are none of it, but where it `is_open`: then they are somebody else's to define."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    return schema | ({} if is_open else {"additionalProperties": False}) | more


def list_of(items: Schema, **more: Any) -> Schema:
    """An array, bounded by `minItems` and `maxItems` where those are said."""
    return {"type": "array", "items": items, **more}


def page_of(items: Schema, **more: Schema) -> Schema:
    """A list as every route that lists answers it: `object`, `data`, and what else it says."""
    return obj({"object": one_of("list"), "data": list_of(items), **more})


def by_name(values: Schema, **more: Any) -> Schema:
    """An object whose names are somebody's own."""
    return {"type": "object", "additionalProperties": values, **more}


def text(**more: Any) -> Schema:
    """A string: `minLength`, `maxLength`, `pattern`, `format` as JSON Schema has them."""
    return {"type": "string", **more}


def whole(minimum: int | None = None, maximum: int | None = None, **more: Any) -> Schema:
    """A whole number."""
    bounds = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{name: bound for name, bound in bounds.items() if bound is not None}, **more}


def number(**more: Any) -> Schema:
    """Any number."""
    return {"type": "number", **more}


def boolean(**more: Any) -> Schema:
    """True or false."""
    return {"type": "boolean", **more}


def one_of(*values: str, **more: Any) -> Schema:
    """One of these strings."""
    return {"type": "string", "enum": list(values), **more}


def time(**more: Any) -> Schema:
    """A time as every answer tells it: UTC, to the second or finer."""
    return {"type": "string", "format": "date-time", **more}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    told = schema | {"type": [*kinds, "null"]}
    return told | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def any_of(*schemas: Schema, **more: Any) -> Schema:
    """One of several shapes."""
    return {"anyOf": list(schemas), **more}


def anything(**more: Any) -> Schema:
    """Any value: it is passed on, and not ours to judge."""
    return dict(more)


def ref(name: str) -> Schema:
    """A named schema of the document: one that a module of operations has in its SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def described(schema: Schema, description: str) -> Schema:
    """The same with words to it."""
    return schema | {"description": description}


def all_of(names: Sequence[str], schema: Schema) -> Mapping[str, Schema]:
    """The same schema for several fields."""
    return dict.fromkeys(names, schema)
