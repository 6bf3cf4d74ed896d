"""What is wrong with an answer: that the document does not tell of it, or that it is the gateway's own fault."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from schemathesis import Response
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.schemathesis.cases import Made

CHECKS = (status_code_conformance, content_type_conformance, response_headers_conformance)
"""Of every answer; `response_schema_conformance` of those that are no events, which are looked at one by one."""
CUT_OFF = (502, 503, 504)
"""Expected where something behind the gateway is cut off, and nowhere else."""
EVENTS = "text/event-stream"
NEVER_SAID = (b"Traceback (most recent call last)", b'File "/')


def wrong(case: Made, response: Response, *, cut_off: bool = False) -> list[str]:
    """What is wrong with an answer; nothing where it is as the document says."""
    found: list[str] = []
    if response.status_code >= 500 and not (cut_off and response.status_code in CUT_OFF):
        found.append(f"answers {response.status_code}")
    is_events = response.headers.get("content-type", [""])[0].startswith(EVENTS)
    try:
        case.validate_response(response, checks=[*CHECKS, *(() if is_events else (response_schema_conformance,))])
    except BaseExceptionGroup as group:
        found += [f"{each.title}: {each.message}".replace("\n", " ") for each in _failures(group)]
    if any(words in response.content for words in NEVER_SAID):
        found.append("tells of its code")
    if is_events:
        found += _wrong_events(case, response.content)
    return found


def _failures(group: BaseExceptionGroup[Any]) -> Iterator[Failure]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _failures(each)
        elif isinstance(each, Failure):
            yield each
        else:
            raise each


ERROR = jsonschema_rs.validator_for(
    {
        "type": "object",
        "required": ["error"],
        "properties": {
            "type": {"const": "error"},
            "request_id": {"type": "string"},
            "error": {
                "type": "object",
                "required": ["message", "type"],
                "properties": {
                    "message": {"type": "string", "minLength": 1},
                    "type": {"type": "string", "minLength": 1},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    }
)
"""How a stream says that it broke off: in OpenAI's shape, with the `type` that Anthropic's has around it."""


def _wrong_events(case: Made, body: bytes) -> Iterator[str]:
    """Each event is one that the document tells of, an error in OpenAI's shape, or the end."""
    raw = case.operation.definition.raw["responses"]["200"]["content"][EVENTS]["schema"]
    components = case.operation.schema.raw_schema["components"]
    event_schema = jsonschema_rs.validator_for(raw["x-farebox-event"] | {"components": components})
    for line in body.decode().splitlines():
        name, _, data = line.partition(":")
        if name not in ("data", "event", "") or (data and name and not data.startswith(" ")):
            yield f"an event's line begins with {name!r}"
        elif name == "data" and data != " [DONE]":
            told = json.loads(data)
            schema = ERROR if isinstance(told, dict) and "error" in told else event_schema
            if not schema.is_valid(told):
                yield f"an event that the document does not tell of: {data[:200]}"
