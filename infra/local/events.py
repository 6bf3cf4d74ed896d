"""API Gateway's REST proxy events: an HTTP request as an event, and what a function returns as an HTTP answer.

Source of the shapes: API Gateway's developer guide, "Lambda proxy integrations". As there, names of headers and
path parameters are as sent, and query values are decoded.
"""

import base64
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qs

from functions.routing import Match

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""

Event = dict[str, Any]
Scope = Mapping[str, Any]


class Context:
    """What Lambda hands over beside the event."""

    function_name = "farebox-local"

    def __init__(self, request_id: str, timeout_s: float) -> None:
        self.aws_request_id = request_id
        self._deadline_s = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline_s - time.monotonic()) * 1000))


def event_of(
    scope: Scope, body: bytes, match: Match, request_id: str, binary_types: Collection[str], *, stage: str = ""
) -> Event:
    """The event of an ASGI HTTP scope and its whole body.

    The path of `scope` is what stands below the stage; the context's has the stage in front, as it was sent.
    """
    headers: dict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")].append(value.decode("latin-1"))
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = raw_path(scope)
    text, is_base64 = _body_text(body, headers.get("content-type", [""])[-1], binary_types)
    return {
        "resource": match.resource,
        "path": path,
        "httpMethod": scope["method"],
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": dict(headers),
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": match.resource,
            "path": f"/{stage}{path}" if stage else path,
            "httpMethod": scope["method"],
            "requestId": request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "protocol": f"HTTP/{scope['http_version']}",
            "stage": stage or "local",
            "domainName": headers.get("host", [""])[-1],
            "identity": {"sourceIp": peer(scope), "userAgent": headers.get("user-agent", [""])[-1]},
        },
        "body": text,
        "isBase64Encoded": is_base64,
    }


def answer_of(returned: Mapping[str, Any]) -> Answer:
    """Status, headers and body of what a function returned. A header in both maps has the values of the second."""
    values = {name.lower(): [value] for name, value in (returned.get("headers") or {}).items()}
    values |= {name.lower(): list(many) for name, many in (returned.get("multiValueHeaders") or {}).items()}
    text = returned.get("body") or ""
    body = base64.b64decode(text) if returned.get("isBase64Encoded") else str(text).encode()
    values.setdefault("content-type", ["application/json"])  # API Gateway's default
    values["content-length"] = [str(len(body))]
    headers = [(name.encode("latin-1"), str(value).encode("latin-1")) for name in values for value in values[name]]
    return int(returned["statusCode"]), headers, body


def raw_path(scope: Scope) -> str:
    """The path as sent, percent-encoded, without the query."""
    return str(scope["raw_path"].decode("latin-1"))


def peer(scope: Scope) -> str:
    """The address at the socket's other end; X-Forwarded-For does not count."""
    return str(scope["client"][0]) if scope.get("client") else ""


def _body_text(body: bytes, content_type: str, binary_types: Collection[str]) -> tuple[str | None, bool]:
    if not body:
        return None, False
    if content_type.partition(";")[0].strip().lower() not in binary_types:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
