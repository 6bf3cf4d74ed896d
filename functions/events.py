"""API Gateway's REST proxy events: their headers and bodies."""

import base64
from typing import Any

Event = dict[str, Any]
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html"""


def headers(event: Event, name: str) -> list[str]:
    """Every value of a header, in order, whatever the case of its name."""
    values: dict[str, list[str]] = event.get("multiValueHeaders") or {}
    return [value for key, many in values.items() if key.lower() == name for value in many]


def header(event: Event, name: str) -> str:
    """The first value of a header, "" where there is none."""
    return next(iter(headers(event, name)), "")


def wants_page(event: Event) -> bool:
    """Whether a browser asks, for something to look at."""
    return "text/html" in header(event, "accept")


def body_of(event: Event) -> bytes:
    """The body of an event; API Gateway gives bytes that are no text in base 64."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def source_address(event: Event) -> str:
    """The address that API Gateway says the request came from, "" where it does not say."""
    return str((event["requestContext"].get("identity") or {}).get("sourceIp") or "")
