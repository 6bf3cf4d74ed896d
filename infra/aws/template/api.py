"""The REST API: the routes that Chalice does not know, who may ask for them, and who may ask at all."""

import re
from dataclasses import dataclass
from typing import Any

from functions.cors import METHODS
from functions.forward.endpoints import ENDPOINTS
from functions.payments.provider import PROVIDERS
from infra.aws.stage import Stage
from infra.aws.template import functions
from infra.aws.template.functions import ADMIN, AUTHORIZER, CONSOLE, STREAM, WEBHOOKS, WHOLE, Function
from infra.aws.template.gateway_responses import gateway_responses

Resources = dict[str, Any]

ANY = "x-amazon-apigateway-any-method"
STREAM_TIMEOUT_MS = 1000 * functions.STREAM_TIMEOUT_S
WHOLE_TIMEOUT_MS = 1000 * functions.ANSWER_TIMEOUT_S
PLAIN_CALL = "2015-03-31/functions/${%s.Arn}/invocations"
STREAMING_CALL = "2021-11-15/functions/${%s.Arn}/response-streaming-invocations"
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-lambda-configure.html"""


ADMINS = "/admin/{proxy+}"
WEBHOOKS_OF = ("", "/projects/{project_id}")
"""The deployment's own connections, and a project's."""
OF_APP = (
    "/AGENTS.md",
    "/account",
    "/account/*",
    "/checkout",
    "/checkout/done",
    "/dashboard",
    "/health",
    "/llms.txt",
    "/openapi.json",
    "/register",
    "/v1/*",
)
"""Paths of app.py, and all that is below some of them. A test compares them with what Chalice packages."""


@dataclass(frozen=True)
class Route:
    """A path, the method of it that a function answers, and whether only the operator may ask."""

    path: str
    method: str
    function: Function
    operator: bool = False


def routes(stage: Stage) -> tuple[Route, ...]:
    """Every route beside those of app.py, which Chalice packages: what else a path takes is told there too.

    The operator's page sends the key in a header, so its browser asks first, without one, whether it may: the function
    says so to the site's own pages alone. With IAM there is no key, and nothing that a page could send.
    """
    stream = STREAM if stage.streaming else WHOLE
    preflights = () if stage.admin.iam else (Route("/admin", "options", ADMIN), Route(ADMINS, "options", ADMIN))
    return (
        *(Route(path, "post", stream) for path in ENDPOINTS),
        *(Route(f"{of}/{provider}/webhook", "post", WEBHOOKS) for provider in PROVIDERS for of in WEBHOOKS_OF),
        Route("/console", ANY, CONSOLE),
        Route("/console/{proxy+}", ANY, CONSOLE),
        *preflights,
        Route("/admin", ANY, ADMIN, operator=True),
        Route(ADMINS, ANY, ADMIN, operator=True),
    )


def resources(stage: Stage) -> Resources:
    """What Chalice's RestAPI does not say, and for each route the permission to call its function."""
    made: Resources = {"RestAPI": {"Properties": _api(stage)}}
    made["APIHandlerInvokePermission"] = {"Properties": {"SourceArn": _source(f"{stage.name}/*")}}
    for route in routes(stage):
        method = "*" if route.method == ANY else route.method.upper()
        path = re.sub(r"\{.*?\}", "*", route.path)
        words = "".join(word.title() for word in re.findall("[a-z0-9]+", route.path))
        made[f"{route.function.logical_id}InvokedBy{words}"] = _permission(
            route.function, f"{stage.name}/{method}{path}"
        )
    if AUTHORIZER in functions.of(stage):
        made["AuthorizerFunctionInvokePermission"] = _permission(AUTHORIZER, "authorizers/*")
    return made


def _api(stage: Stage) -> Resources:
    body: Resources = {
        "info": {"title": stage.stack},
        "paths": {},
        "x-amazon-apigateway-gateway-responses": gateway_responses(),
        "x-amazon-apigateway-policy": _policy(stage),
        "securityDefinitions": {"operator": _operator(stage)},
    }
    for route in routes(stage):
        body["paths"].setdefault(route.path, {})[route.method] = _method(route)
    return {
        "Name": stage.stack,
        "EndpointConfiguration": {"Type": "REGIONAL"},
        "OpenApiVersion": "2.0",  # without it SAM makes a second stage, called Stage, that no limit below holds for
        "TracingEnabled": False,  # its traces hold whole addresses, and links have keys in theirs
        "MethodSettings": [
            {
                "HttpMethod": "*",
                "ResourcePath": "/*",
                "MetricsEnabled": True,
                "ThrottlingRateLimit": stage.capacity.throttle_rate,
                "ThrottlingBurstLimit": stage.capacity.throttle_burst,
                "LoggingLevel": "OFF",  # API Gateway's own log tells whole requests, keys and prompts among them
                "DataTraceEnabled": False,
            }
        ],
        "DefinitionBody": body,
    }


def _method(route: Route) -> Resources:
    streaming = route.function is STREAM
    call = (STREAMING_CALL if streaming else PLAIN_CALL) % route.function.logical_id
    integration: Resources = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/" + call},
        "timeoutInMillis": STREAM_TIMEOUT_MS if streaming else WHOLE_TIMEOUT_MS,
        **({"responseTransferMode": "STREAM"} if streaming else {}),
    }
    names = re.findall(r"\{(\w+)\+?\}", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "type": "string"} for name in names]
    return {
        "responses": {},
        "x-amazon-apigateway-integration": integration,
        **({"parameters": parameters} if parameters else {}),
        **({"security": [{"operator": []}]} if route.operator else {}),
    }


def _operator(stage: Stage) -> Resources:
    """How the operator proves who it is.

    Nothing is remembered: a remembered yes would outlive a changed key, and hold for other addresses too. So no
    identity source is named either, and a request without a key is refused as one with a wrong key is: 403.
    """
    told = {"type": "apiKey", "name": "Authorization", "in": "header"}
    if stage.admin.iam:
        return told | {"x-amazon-apigateway-authtype": "awsSigv4"}
    call = PLAIN_CALL % AUTHORIZER.logical_id
    authorizer = {
        "type": "request",
        "authorizerUri": {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/" + call},
        "authorizerResultTtlInSeconds": 0,
    }
    return told | {"x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": authorizer}


def _policy(stage: Stage) -> Resources:
    """Anybody may ask for anything, but for /admin: there the address decides first, and nothing else yet says yes.

    With IAM a yes here would be enough for every user and role of the account, whatever they are allowed themselves.
    So what is public is named then. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
    """
    admin = ["execute-api:/*/*/admin", "execute-api:/*/*/admin/*"]
    everything: str | list[str] = _public(stage) if stage.admin.iam else "execute-api:/*"
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": everything}
    nobody: Resources = {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": admin}
    if stage.admin.allowed_cidrs:
        nobody["Condition"] = {"NotIpAddress": {"aws:SourceIp": list(stage.admin.allowed_cidrs)}}
    return {"Version": "2012-10-17", "Statement": [everybody, nobody]}


def _public(stage: Stage) -> list[str]:
    """Every path but the operator's. Methods are spelled out: a `*` in their place is also `GET/admin`."""
    others = (route.path for route in routes(stage) if not route.operator and route.path not in ENDPOINTS)
    paths = {*OF_APP, *(re.sub(r"\{.*?\}", "*", path) for path in others)}
    return [f"execute-api:/{stage.name}/{method}{path}" for path in sorted(paths) for method in METHODS]


def _permission(function: Function, source: str) -> Resources:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": function.logical_id},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": _source(source),
        },
    }


def _source(rest: str) -> Resources:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{RestAPI}}/{rest}"}
