"""The fields of a model's request, read from the rules that check them: no bound stands twice.

A rule of functions/forward/fields.py is a function made by another, whose bounds it keeps. Of the rules for a field,
the first that says anything counts: what bounds every request, what a managed project may open, what the built-in
project's llama-server takes, what goes on to hosted providers. What a llama-server takes only one value of, hosted
providers may take more of.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from functions.forward import hosted_fields, llama
from functions.forward.fields import Rule, boolean, object_, refuse
from functions.forward.hosted import CONTENT, TABLES
from functions.projects.client_sets import SETTABLE
from infra.openapi import schemas
from infra.openapi.field_words import FORMS, WORDS
from infra.openapi.schemas import Schema, any_of, list_of, nullable, number, obj, text, whole

OPTIONS = "stream_options"


def fields(endpoint: str) -> dict[str, Schema]:
    """Every field of a request to an endpoint but the one with what the model is to read; each may be null as well."""
    taken = llama.ENDPOINTS[endpoint][0] if endpoint in llama.ENDPOINTS else {}
    tables: tuple[Mapping[str, Rule], ...] = (
        {name: rule for name, rule in hosted_fields.BOUNDS.items() if name != OPTIONS},
        SETTABLE[endpoint],
        {name: rule for name, rule in taken.items() if _maker(rule) != "only"},
        TABLES[endpoint],
    )
    names = [name for name in {**TABLES[endpoint], **taken} if name != CONTENT[endpoint]]
    found: dict[str, Schema] = {}
    for name in names:
        rules = [table[name] for table in tables if name in table]
        if not all(rule is refuse for rule in rules):
            told = next((told for rule in rules if (told := schema_of(rule))), {})
            found[name] = _or_null(told or FORMS.get(name, {})) | {"description": WORDS[name]}
    return found


def schema_of(rule: Rule) -> Schema:
    """What a rule lets pass; {} where it says nothing of it."""
    if rule in _PLAIN:
        return _PLAIN[rule]()
    maker = _maker(rule)
    return _MADE[maker](**inspect.getclosurevars(rule).nonlocals) if maker in _MADE else {}


def _maker(rule: Rule) -> str:
    """The function that made it; its own name where none did."""
    return rule.__qualname__.partition(".")[0]


def _or_null(schema: Schema) -> Schema:
    if "const" in schema:
        return {"enum": [schema["const"], None]}
    return nullable(schema) if "type" in schema or "anyOf" in schema else schema


def _integer(low: int, high: int) -> Schema:
    return whole(low, high)


def _number(low: float, high: float) -> Schema:
    return number(minimum=low, maximum=high)


def _text(length_max: int) -> Schema:
    return text(maxLength=length_max)


def _one_of(choices: tuple[Any, ...]) -> Schema:
    if all(isinstance(choice, str) for choice in choices):
        return schemas.one_of(*choices)
    return {"const": choices[0]} if len(choices) == 1 else {"enum": list(choices)}


def _array(rule: Rule, count_max: int) -> Schema:
    return list_of(schema_of(rule), maxItems=count_max)


def _many(rule: Rule, count_max: int) -> Schema:
    return any_of(schema_of(rule), _array(rule, count_max))


def _shaped(table: Mapping[str, Rule]) -> Schema:
    return obj({}, {name: schema_of(rule) for name, rule in table.items()}, is_open=True)


def _flat(length_max: int) -> Schema:
    return schemas.by_name(any_of(text(maxLength=length_max), number()))


_PLAIN: dict[Rule, Callable[[], Schema]] = {boolean: schemas.boolean, object_: lambda: obj({}, is_open=True)}
_MADE: dict[str, Callable[..., Schema]] = {
    "integer": _integer,
    "number": _number,
    "text": _text,
    "one_of": _one_of,
    "array": _array,
    "many": _many,
    "shaped": _shaped,
    "_flat": _flat,
    "_function_tool": lambda: obj({"type": text()}, is_open=True),
    "_text_format": lambda: obj({"type": text()}, is_open=True),
    "_text_options": lambda: FORMS["text"],
}
"""By the name of the function that makes a rule; what it was given comes by the names of its parameters."""
