"""The fields of a model's request in the document are those that the gateway's rules let pass, bound by bound."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from functions.errors import BadRequest
from functions.forward import llama
from functions.forward.endpoints import ENDPOINTS
from functions.forward.fields import Rule
from functions.forward.hosted import CONTENT, TABLES
from functions.projects.client_sets import SETTABLE
from infra.openapi.field_words import FORMS, WORDS
from infra.openapi.fields import fields, schema_of

TRIED: tuple[Any, ...] = (True, "text", "low", 0, -1, 1.5, 10**12, -(10**17), [], ["a"], ["a"] * 17, {}, "x" * 2000)


def rules() -> Iterator[tuple[str, str, Rule]]:
    """Every rule that a field's schema is read from."""
    for endpoint in ENDPOINTS:
        tables = llama.ENDPOINTS.get(endpoint, ({}, "", ""))[0], SETTABLE[endpoint]
        yield from (
            (endpoint, name, rule) for table in tables for name, rule in table.items() if _is_read(endpoint, name, rule)
        )


def _is_read(endpoint: str, name: str, rule: Rule) -> bool:
    return bool(schema_of(rule)) and name not in {*FORMS, CONTENT[endpoint]}


def passes(rule: Rule, value: Any) -> bool:
    try:
        rule("it", value)
    except BadRequest:
        return False
    return True


def near(schema: dict[str, Any]) -> Iterator[Any]:
    """Values on both sides of each bound."""
    for name in ("minimum", "maximum"):
        if name in schema:
            yield from (schema[name] - 1, schema[name], schema[name] + 1)
    if schema.get("maxLength", 10**6) <= 2000:
        yield from ("x" * schema["maxLength"], "x" * (schema["maxLength"] + 1))
    yield from schema.get("enum", ())


@pytest.mark.parametrize(("endpoint", "name", "rule"), tuple(rules()))
def test_a_schema_says_what_its_rule_does(endpoint: str, name: str, rule: Rule) -> None:
    """Whatever the schema takes, the rule takes; and whatever the schema refuses, the rule refuses."""
    schema = schema_of(rule)
    is_told = jsonschema_rs.validator_for(schema).is_valid
    for value in (*TRIED, *near(schema)):
        assert is_told(value) == passes(rule, value), (endpoint, name, value)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_field_is_told_with_words(endpoint: str) -> None:
    """Every field of the tables is in the document but those that are refused whatever they hold."""
    told = fields(endpoint)
    assert all(field["description"] for field in told.values())
    untold = {*TABLES[endpoint]} - {*told, CONTENT[endpoint]}
    assert untold <= {"audio", "prediction", "web_search_options", "previous_response_id", "conversation"} | {
        *("prompt", "container", "mcp_servers")
    }


def test_no_words_are_left_over() -> None:
    """Of a field that there is no more."""
    named = {name for endpoint in ENDPOINTS for name in fields(endpoint)}
    assert {*WORDS} == named
    assert {*FORMS} <= named
