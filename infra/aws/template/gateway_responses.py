"""What API Gateway says by itself, before or instead of a function: in the shape of our own errors, readable by pages.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
from typing import Any

from functions import cors
from functions.errors import BadRequest, FareboxError, Forbidden, Limited, NotFound, TooLarge, Unauthenticated

MAY_HAVE_BEEN_CHARGED = {"x-should-retry": "false"}
"""The function may have run to its end: only the receipts tell."""
FAILED = "The gateway failed."
NOT_IN_TIME = "The gateway did not answer in time. If this request was charged, your receipts tell it."
BROKE_OFF = "The gateway broke off. If this request was charged, your receipts tell it."
NOT_ALLOWED = "This is not allowed from here."
NO_SUCH_ROUTE = "There is no such route."

RESPONSES: dict[str, tuple[int | None, FareboxError]] = {
    "DEFAULT_4XX": (None, BadRequest("The request was refused.")),
    "DEFAULT_5XX": (None, FareboxError(FAILED)),
    "ACCESS_DENIED": (Forbidden.status, Forbidden(NOT_ALLOWED)),
    "API_CONFIGURATION_ERROR": (FareboxError.status, FareboxError(FAILED)),
    "AUTHORIZER_CONFIGURATION_ERROR": (FareboxError.status, FareboxError(FAILED)),
    "AUTHORIZER_FAILURE": (FareboxError.status, FareboxError(FAILED)),
    "BAD_REQUEST_BODY": (BadRequest.status, BadRequest("The body cannot be read.")),
    "BAD_REQUEST_PARAMETERS": (BadRequest.status, BadRequest("A parameter is missing or wrong.")),
    "EXPIRED_TOKEN": (Forbidden.status, Forbidden("The signature has expired.")),
    "INTEGRATION_FAILURE": (502, FareboxError(BROKE_OFF, headers=MAY_HAVE_BEEN_CHARGED)),
    "INTEGRATION_TIMEOUT": (504, FareboxError(NOT_IN_TIME, headers=MAY_HAVE_BEEN_CHARGED)),
    "INVALID_API_KEY": (Forbidden.status, Forbidden(NOT_ALLOWED)),
    "INVALID_SIGNATURE": (Forbidden.status, Forbidden("The signature is wrong.")),
    "MISSING_AUTHENTICATION_TOKEN": (NotFound.status, NotFound(NO_SUCH_ROUTE)),
    "QUOTA_EXCEEDED": (Limited.status, Limited("The quota is used up.", None)),
    "REQUEST_TOO_LARGE": (TooLarge.status, TooLarge("The body is too large.")),
    "RESOURCE_NOT_FOUND": (NotFound.status, NotFound(NO_SUCH_ROUTE)),
    "THROTTLED": (Limited.status, Limited("Too many requests are coming in. Try again in 1 s.", 1)),
    "UNAUTHORIZED": (Unauthenticated.status, Unauthenticated()),
    "UNSUPPORTED_MEDIA_TYPE": (415, BadRequest("This content type is not accepted.", param="content-type")),
    "WAF_FILTERED": (Forbidden.status, Forbidden(NOT_ALLOWED)),
}
"""Status (None: as it is) and error. A path that is nowhere is MISSING_AUTHENTICATION_TOKEN to API Gateway; so is an
unsigned request to /admin where IAM guards it, which is told as much."""


def gateway_responses() -> dict[str, Any]:
    """The value of x-amazon-apigateway-gateway-responses."""
    return {name: _response(status, error) for name, (status, error) in RESPONSES.items()}


def _response(status: int | None, error: FareboxError) -> dict[str, Any]:
    headers = {
        name: f"'{value}'" for name, value in (cors.HEADERS | {"cache-control": "no-store"} | error.headers).items()
    }
    headers["x-request-id"] = "context.requestId"
    return {
        **({"statusCode": str(status)} if status else {}),
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(error.body())},
    }
