"""/openapi.json: complete, valid, one with the routes; and what checks every test's answers by it can fail."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from infra.openapi import __main__ as openapi
from infra.openapi import document, operations, routes
from tests.reference import checking

DOCUMENT = document.build()
OPERATIONS = [each for area in operations.AREAS for each in area.OPERATIONS]
HEALTH = ("GET", "/health", 200, {"content-type": "application/json"})


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a part of the document that is not inside of another."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == "schema":
                yield inside
            else:
                yield from schemas(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from schemas(inside)


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer, where only its name stands."""
    name = answer.get("$ref", "").rpartition("/")[2]
    told: dict[str, Any] = DOCUMENT["components"]["responses"][name] if name else answer
    return told


def references(value: Any) -> Iterator[str]:
    """Every `$ref`."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for inside in value.values():
            yield from references(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from references(inside)


def test_the_file_that_is_served_is_as_the_code_says() -> None:
    """`make reference` was run since the last change of a route or of the words about it."""
    assert openapi.FILE.read_text() == openapi.written()


def test_every_route_is_told_and_nothing_else() -> None:
    """One operation for each method of each route that the functions have."""
    told = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in routes.served()}


def test_a_route_without_words_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a route that nobody described, nor a description of what is not there, can be overlooked."""
    served = routes.served()
    with monkeypatch.context() as patch:
        patch.setattr(routes, "served", lambda: (*served, routes.Route("/new", "GET")))
        with pytest.raises(document.Drifted, match="'GET', '/new'"):
            document.build()
    monkeypatch.setattr(routes, "served", lambda: served[1:])
    with pytest.raises(document.Drifted, match="not served"):
        document.build()


def test_every_schema_is_one() -> None:
    """Each is JSON Schema of the draft that OpenAPI 3.1 uses."""
    found = [*schemas(DOCUMENT), *DOCUMENT["components"]["schemas"].values()]
    assert len(found) > 250
    for schema in found:
        jsonschema_rs.Draft202012Validator(schema | {"components": DOCUMENT["components"]})


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    """No name that is none, and nothing that is left over."""
    used = {*references(DOCUMENT)}
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers", "responses")
        for name in DOCUMENT["components"][kind]
    }
    assert used <= there
    assert {each for each in there if "/headers/" not in each} <= used  # `allow` is of 405, which no operation tells of


@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.id for each in OPERATIONS])
def test_an_operation_can_be_read(operation: Any) -> None:
    """A name like the others', a short summary, words to each parameter, each answer and each field that is sent."""
    assert re.fullmatch("[a-z]+(_[a-z]+)*", operation.id)
    assert 8 <= len(operation.summary) <= 60
    told = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert all(parameter["description"] for parameter in told.get("parameters", ()))
    assert all(answer["description"] for answer in map(whole, told["responses"].values()))
    sent = operation.body.schema.get("properties", {}) if operation.body and operation.who != "payment provider" else {}
    assert all("description" in field or "$ref" in field or "anyOf" in field for field in sent.values())


def test_examples_are_as_they_are_said_to_be() -> None:
    """Each example of a body fits its schema."""
    count = 0
    for operation in OPERATIONS:
        for example in operation.body.examples.values() if operation.body else ():
            schema = operation.body.schema | {"components": DOCUMENT["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(example)
            count += 1
    assert count > 20


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((*HEALTH, b'{"status":"bad"}'), "status"),
        ((*HEALTH, b'{"status":"ok","more":1}'), "more"),
        (("GET", "/health", 418, {"content-type": "application/json"}, b"{}"), "answers 418"),
        (("GET", "/health", 200, {"content-type": "text/plain"}, b"ok"), "as text/plain"),
        (("GET", "/health", 200, {}, b""), "as ;"),
        (("GET", "/account?x=1", 401, {"content-type": "application/json"}, b'{"error":{}}'), "error"),
    ],
)
def test_an_answer_that_is_not_told_of_fails_its_test(answer: Any, said: str) -> None:
    """What checks the answers of all tests sees another status, another type, a field too many or too few."""
    with pytest.raises(checking.Undocumented, match=said):
        checking.check(*answer)


def test_an_answer_that_is_told_of_passes() -> None:
    """And so does what is no route: that is 404, and not described."""
    checking.check(*HEALTH, b'{"status":"ok"}')
    checking.check("GET", "/nowhere", 404, {}, b"")
    checking.check("HEAD", "/health", 200, {}, b"")
    checking.check("PUT", "/health", 405, {}, b"")


@pytest.mark.parametrize("status", [200, 500])
def test_a_method_that_a_path_does_not_have_is_refused(status: int) -> None:
    """Whatever answers to it otherwise is not described."""
    with pytest.raises(checking.Undocumented, match="no method"):
        checking.check("PUT", "/health", status, {}, b"")
