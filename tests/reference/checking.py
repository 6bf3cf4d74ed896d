"""Whether an answer is one that /openapi.json tells of: what every test's requests are checked by."""

import functools
import json
from typing import Any

import jsonschema_rs

from functions.routing import Routes
from infra.openapi.document import build

UNTOLD = ("HEAD", "OPTIONS")
BAD_REQUEST, SERVER_ERROR = 400, 500


class Undocumented(AssertionError):
    """An answer that the document does not tell of."""


@functools.cache
def document() -> dict[str, Any]:
    """The document as it is now."""
    return build()


@functools.cache
def _routes() -> Routes:
    return Routes(document()["paths"])


@functools.cache
def _validator(path: str, method: str, status: str, content_type: str) -> Any:
    """Of the body of an answer. Raises Undocumented where there is no such answer."""
    answers = document()["paths"][path][method]["responses"]
    if status not in answers:
        raise Undocumented(f"{method} {path} answers {status}; told are {', '.join(answers)}")
    told = answers[status]
    if "$ref" in told:
        told = document()["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content = told.get("content")
    if content is None:
        return None
    if content_type not in content:
        raise Undocumented(f"{method} {path} answers {status} as {content_type}; told are {', '.join(content)}")
    schema = content[content_type]["schema"] | {"components": document()["components"]}
    return jsonschema_rs.validator_for(schema)


def check(method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Raises Undocumented where an answer of a described operation differs from what the document says.

    `path` is as asked, with its query; `headers` have names in lower case. What is no route is passed over.
    """
    found = _routes().match(path.partition("?")[0])
    if method in UNTOLD or found is None:
        return
    if method.lower() not in document()["paths"][found.resource]:
        if not BAD_REQUEST <= status < SERVER_ERROR:
            raise Undocumented(f"{found.resource} answers {method} with {status}, which is no method of it")
        return
    content_type = headers.get("content-type", "").partition(";")[0]
    validator = _validator(found.resource, method.lower(), str(status), content_type if body else "")
    if validator is None:
        if body:
            raise Undocumented(f"{method} {found.resource} answers {status} with a body; told is none")
        return
    value = json.loads(body) if content_type == "application/json" else body.decode("utf-8", "replace")
    wrong = [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]
    if wrong:
        raise Undocumented(f"{method} {found.resource} answers {status}: {'; '.join(wrong[:3])}")
