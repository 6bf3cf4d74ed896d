"""Entry of the authorizer: says to API Gateway whether a request for the operator's endpoints is the operator's.

It sees no body. Of requests that may bring the key there, or in the address, and that have no Authorization header, it
says only that they are from an allowed network; the function judges their key.

A REQUEST authorizer whose answers are not to be remembered: each is about one request, and allows that one only.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from typing import Any

from functions import settings as settings_module
from functions.authenticate.admin import may_go_on

WILDCARDS = frozenset("*?$")
"""What IAM reads as more than itself in a resource. The arn holds the request's path, and no path of ours has these."""

settings_module.get()  # with an empty secret nothing starts


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  Lambda's signature
    """An IAM policy for the method and path that are asked for, and no other."""
    arn = str(event["methodArn"])
    _, _, method, path = (*arn.split("/", 3), "", "", "")[:4]
    renewed = settings_module.source().renew()
    allowed = may_go_on(renewed, event, method, f"/{path}") and WILDCARDS.isdisjoint(arn)
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow" if allowed else "Deny", "Resource": arn}
    return {
        "principalId": "operator" if allowed else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
