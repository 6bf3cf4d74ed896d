"""The document: what the functions serve, joined with what is written of it. Either without the other is an error."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.openapi import headers, routes, shared
from infra.openapi.operations import AREAS
from infra.openapi.parts import HTML, JSON, Answer, Body, Operation, Problem
from infra.openapi.routes import Route
from infra.openapi.schemas import Schema, nullable, obj, one_of, text

ROOT = Path(__file__).parent.parent.parent
VERSION = "3.1.0"
SUMMARY = "A prepaid gateway for LLM inference"
DESCRIPTION = """\
OpenAI's API for a llama-server or hosted providers, with accounts, prepaid credits, limits and payments around it.

Every error has OpenAI's shape. `503` always means that nothing was forwarded and nothing charged. Every route that
answers to GET answers to HEAD; `/v1`, `/account`, `/checkout` and `/register` answer preflights of any origin. A path
that is none is answered with 404, a method that a path does not have with 405, both in the same shape."""
SECURITY: Mapping[str, Sequence[Mapping[str, list[str]]]] = {
    "anybody": [],
    "user": [{"key": []}, {"api_key": []}, {"key": [], "user_token": []}, {"key": [], "promptproxy_key": []}],
    "owner": [{"session": []}],
    "operator": [{"admin_key": []}],
    "payment provider": [],
}
"""By who may ask: what they show. Payment providers sign what they send, each in a way of its own."""
SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "`sk-…`, a user's key; `pk-…` or `ps-…`, a project's publishable or secret key.",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "The same, as Anthropic's SDKs send it.",
    },
    "user_token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-User-Token",
        "description": "A project's user: an ID token of its issuer, or a test token. With a project's key.",
    },
    "promptproxy_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-PromptProxy-Key",
        "description": "The same as X-User-Token.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "An owner's session, from `POST /console/sessions`.",
    },
    "admin_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "ADMIN_KEY, from a network of ADMIN_ALLOWED_CIDRS.",
    },
}
UNSUPPORTED = "The content type of the body is none that this route takes."
ERROR_TYPES = ("invalid_request_error", "api_error")


class Drifted(Exception):
    """What is served and what is written of it differ."""


def build(base_url: str = "/") -> dict[str, Any]:
    """The document as a dict. Raises Drifted."""
    served = {(route.method, route.path): route for route in routes.served()}
    operations = {(each.method, each.path): each for area in AREAS for each in area.OPERATIONS}
    _check_same(served, operations, [each.id for area in AREAS for each in area.OPERATIONS])
    paths: dict[str, dict[str, Any]] = {}
    for key, operation in operations.items():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, served[key])
    errors = _named_errors(paths)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Farebox",
            "version": version(),
            "summary": SUMMARY,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations.values())],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": errors,
            "headers": {each.name: _header(each) for each in headers.ANSWER},
            "securitySchemes": SCHEMES,
        },
    }


def version() -> str:
    """Of this Farebox."""
    told: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return told


def _check_same(
    served: Mapping[tuple[str, str], Route], told: Mapping[tuple[str, str], Operation], ids: list[str]
) -> None:
    untold, unserved = sorted({*served} - {*told}), sorted({*told} - {*served})
    if untold or unserved:
        raise Drifted(f"served, and not described: {untold}; described, and not served: {unserved}")
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice or len(ids) != len(told):
        raise Drifted(f"described twice: {twice or 'a route'}")


def _schemas() -> dict[str, Schema]:
    named: dict[str, Schema] = dict(shared.SCHEMAS)
    for area in AREAS:
        again = sorted({*named} & {*area.SCHEMAS})
        if again:
            raise Drifted(f"schemas of one name: {again}")
        named |= area.SCHEMAS
    return named


def _named_errors(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The errors of all operations, each once: in their operations stands only which. Many have the same."""
    named: dict[str, Any] = {}
    for operation in (each for methods in paths.values() for each in methods.values()):
        for status, told in operation["responses"].items():
            if status >= "400":
                known = (name for name, other in named.items() if other == told and name.startswith(f"Error{status}"))
                count = sum(name.startswith(f"Error{status}") for name in named)
                name = next(known, f"Error{status}" + (f"_{count + 1}" if count else ""))
                named[name] = told
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return named


def _operation(operation: Operation, route: Route) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "security": list(SECURITY[operation.who]),
        "x-farebox-who": operation.who,
    }
    if parameters := _parameters(operation):
        told["parameters"] = parameters
    if operation.body:
        told["requestBody"] = _body(operation.body, route, operation)
    told["responses"] = _responses(operation, route)
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    named = re.findall(r"{(\w+)}", operation.path)
    if set(named) != set(operation.path_values):
        raise Drifted(f"{operation.path} has {named}; described are {sorted(operation.path_values)}")
    found: list[dict[str, Any]] = []
    for name in named:
        schema = dict(operation.path_values[name])
        description = schema.pop("description", "")
        found.append({"name": name, "in": "path", "required": True, "description": description, "schema": schema})
    for each in operation.parameters:
        told = {"name": each.name, "in": each.where, "required": each.required, "description": each.description}
        found.append(told | {"schema": each.schema})
    return found


def _body(body: Body, route: Route, operation: Operation) -> dict[str, Any]:
    if "*/*" not in route.content_types and not {*body.content_types} <= {*route.content_types}:
        raise Drifted(f"{operation.id} takes {route.content_types}; described are {body.content_types}")
    examples = {name.replace(" ", "_"): {"summary": name, "value": value} for name, value in body.examples.items()}
    content = {"schema": body.schema} | ({"examples": examples} if examples else {})
    return {"required": body.required, "content": dict.fromkeys(body.content_types, content)}


def _responses(operation: Operation, route: Route) -> dict[str, Any]:
    told = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    by_status: dict[int, list[Problem]] = {}
    for problem in operation.problems:
        by_status.setdefault(problem.status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        if str(status) in told:
            raise Drifted(f"{operation.id} answers {status} in two ways")
        told[str(status)] = _problems(status, problems, operation)
    if "*/*" not in route.content_types:
        told["415"] = _error(UNSUPPORTED, 415, ERROR_TYPES, [None])
    return told


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description, "headers": _told(answer.headers)}
    if answer.schema is not None:
        content = {answer.content_type: answer.schema, **answer.more}
        told["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
    return told


def _problems(status: int, problems: Iterable[Problem], operation: Operation) -> dict[str, Any]:
    """The errors of one status as one response."""
    problems = list(dict.fromkeys(problems))
    words = "\n".join(f"- {f'`{each.code}`: ' if each.code else ''}{each.when}" for each in problems)
    types = sorted({each.error.type for each in problems})
    return _error(words, status, types, [each.code for each in problems], operation)


def _error(
    words: str, status: int, types: Sequence[str], codes: Sequence[str | None], operation: Operation | None = None
) -> dict[str, Any]:
    known = sorted({code for code in codes if code})
    code: Schema = one_of(*known) if known else {"type": "null"}
    if known and None in codes:
        code = nullable(code)
    error = obj({"message": text(), "type": one_of(*types), "param": nullable(text()), "code": code})
    more = operation.error_fields if operation else {}
    content = {JSON: {"schema": obj({**more, "error": error})}}
    if operation and operation.is_page:
        content[HTML] = {"schema": text()}
    return {"description": words, "headers": _told(headers.BY_STATUS.get(status, ())), "content": content}


def _told(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys((*headers.EVERYWHERE, *names))}


def _header(header: headers.Header) -> dict[str, Any]:
    return {"description": header.description, "schema": header.schema}
