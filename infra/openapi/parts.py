"""The parts of an operation: who may ask, what they send, what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from functions.errors import FareboxError
from infra.openapi.schemas import Schema

JSON, EVENTS, FORM, CSV, HTML = (
    "application/json",
    "text/event-stream",
    "application/x-www-form-urlencoded",
    "text/csv",
    "text/html",
)

Who = Literal["anybody", "user", "owner", "operator", "payment provider"]
"""anybody: no key. user: a key and, in projects, a user token. owner: a session of the console. operator: the admin
key."""


@dataclass(frozen=True)
class Parameter:
    """Of the query, or a header. Those of the path are made from the route, with `Operation.path_values`."""

    name: str
    schema: Schema
    description: str
    required: bool = False
    where: Literal["query", "header"] = "query"


@dataclass(frozen=True)
class Body:
    """What is sent. The same schema holds for each content type; `examples` are whole bodies, by a short name."""

    schema: Schema
    required: bool = True
    content_types: Sequence[str] = (JSON,)
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What is answered when all went well. `schema` None: there is no body; `headers`: names of headers.py."""

    description: str
    schema: Schema | None = None
    content_type: str = JSON
    headers: Sequence[str] = ()
    more: Mapping[str, Schema] = field(default_factory=dict)
    """Other content types this answer may have instead, with the schema of each."""


@dataclass(frozen=True)
class Problem:
    """An error that an operation may answer with: a class of functions/errors.py, and a code where that has several."""

    error: type[FareboxError]
    code: str | None
    when: str

    @property
    def status(self) -> int:
        return self.error.status


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    method: str
    path: str
    id: str
    """Its name, in snake_case, unlike any other."""
    tag: str
    summary: str
    who: Who
    answers: Mapping[int, Answer]
    problems: Sequence[Problem]
    description: str = ""
    body: Body | None = None
    parameters: Sequence[Parameter] = ()
    is_page: bool = False
    """Whether a browser (`Accept: text/html`) is shown a page where there was an error."""
    error_fields: Mapping[str, Schema] = field(default_factory=dict)
    """What its errors have beside `error`."""
    path_values: Mapping[str, Schema] = field(default_factory=dict)
    """The schema of each `{name}` in the path, with its description."""
