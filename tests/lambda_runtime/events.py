"""The event that API Gateway's REST proxy integration gives a function."""

import json
import time
from typing import Any

CHAT = "/v1/chat/completions"
STAGE = "staging"
ADDRESS = "198.51.100.7"


def event(
    body: Any = None, key: str = "", path: str = CHAT, *, address: str = ADDRESS, method: str = "POST", **headers: str
) -> dict[str, Any]:
    """A request of a client at `address`; headers as the client sends them, `_` for `-`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    sent = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "abcdef1234.execute-api.us-east-1.amazonaws.com",
        "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793",
        "X-Forwarded-For": address,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if key:
        sent["Authorization"] = f"Bearer {key}"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdef1234",
            "extendedRequestId": "JKJaXmPLvHcESHA=",
            "httpMethod": method,
            "identity": {"sourceIp": address, "userAgent": "curl/8"},
            "path": f"/{STAGE}{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": int(time.time() * 1000),
            "resourceId": "123456",
            "resourcePath": path,
            "stage": STAGE,
        },
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
