"""Asking a Lambda authorizer as API Gateway does it, and reading the policy that it answers with."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from functions.errors import FareboxError, Forbidden
from infra.local.events import Event
from infra.local.gateway_answers import GatewayError

Authorizer = Callable[[Event, Any], Mapping[str, Any]]

API = "arn:aws:execute-api:us-east-1:000000000000:farebox"
"""Stands for the API in the ARN of a method."""


def authorize(authorizer: Authorizer, event: Event, context: Any) -> None:
    """Raise GatewayError unless the authorizer's policy allows the method and path of a proxy event."""
    told = event["requestContext"]
    arn = f"{API}/{told['stage']}/{event['httpMethod']}{event['path']}"
    asked = {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}
    try:
        answer = authorizer(asked | {"type": "REQUEST", "methodArn": arn}, context)
        allowed = _allows(answer["policyDocument"]["Statement"], arn)
    except Exception as error:
        raise GatewayError(500, FareboxError("The authorizer failed."), readable_by_pages=False) from error
    if not allowed:
        raise GatewayError(403, Forbidden("Access is denied."), readable_by_pages=False)


def _allows(statements: list[Mapping[str, str]], arn: str) -> bool:
    """Whether the statements allow to invoke `arn`; a Deny wins."""
    effects = {
        statement["Effect"]
        for statement in statements
        if _matches(statement["Action"], "execute-api:Invoke") and _matches(statement["Resource"], arn)
    }
    return effects == {"Allow"}


def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` is any text, `?` any character."""
    parts = ["." if part == "?" else ".*" if part == "*" else re.escape(part) for part in re.split(r"([*?])", pattern)]
    return bool(re.fullmatch("".join(parts), text))
