"""The API as it is deployed: who answers what, how it streams, who may ask, and what is said when nobody answers."""

import json
import re
from collections import Counter
from ipaddress import ip_network
from typing import Any

import pytest

import app as entry
from functions import cors, errors
from functions.admin import app as admin
from functions.console import app as console
from functions.forward.endpoints import ENDPOINTS
from functions.webhooks import app as webhooks
from infra.aws.template.api import ANY
from infra.aws.template.gateway_responses import RESPONSES
from tests.infra import policies
from tests.infra.templates import Template, filled, merged, methods, of_type, stage, transformed

ADMIN = ("/admin", "/admin/{proxy+}")
INTEGRATION = "x-amazon-apigateway-integration"
PLACE = "arn:aws:apigateway:eu-west-1:lambda:path/"
API = "arn:aws:execute-api:eu-west-1:111122223333:${RestAPI}/"


def integrations(template: Template) -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, method): filled(definition[INTEGRATION]) for path, method, definition in methods(template)}


def called(integration: dict[str, Any]) -> str:
    """The logical id of the function that an integration calls."""
    found = re.search(r"functions/\$\{(\w+)\.Arn\}/", integration["uri"])
    assert found, integration
    return found[1]


def sources(template: Template, function: str) -> list[str]:
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    mine = [each for each in permissions if each["FunctionName"] == {"Ref": function}]
    assert {each["Action"] for each in mine} == {"lambda:InvokeFunction"}
    assert {each["Principal"] for each in mine} == {"apigateway.amazonaws.com"}
    return sorted(filled(each["SourceArn"]) for each in mine)


def body(template: Template) -> dict[str, Any]:
    definition: dict[str, Any] = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return definition


def test_what_can_stream_streams() -> None:
    """POST on each endpoint streams for as long as its function may run; cfn-lint does not look in here."""
    found = integrations(merged(stage()))
    for path in ENDPOINTS:
        assert found[path, "post"] == {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": f"{PLACE}2021-11-15/functions/${{StreamFunction.Arn}}/response-streaming-invocations",
            "responseTransferMode": "STREAM",
            "timeoutInMillis": 900_000,
        }
    streaming = {key for key, each in found.items() if "responseTransferMode" in each or "2021-11-15" in each["uri"]}
    assert streaming == {(path, "post") for path in ENDPOINTS}


def test_without_streaming_answers_come_in_one_piece() -> None:
    """With streaming = false nothing of it is left, and API Gateway waits no longer than it can."""
    template = merged(stage(streaming=False))
    for path in ENDPOINTS:
        assert integrations(template)[path, "post"] == {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": f"{PLACE}2015-03-31/functions/${{StreamFunction.Arn}}/invocations",
            "timeoutInMillis": 29_000,
        }
    assert "STREAM" not in json.dumps(body(template))


def test_every_route_reaches_its_function() -> None:
    """Each route of each entry has one integration, with the function that serves it; there are no others."""
    found = {key: called(each) for key, each in integrations(merged(stage())).items()}
    expected = {(path, "post"): "StreamFunction" for path in ENDPOINTS}
    for path, by_method in entry.app.routes.items():
        for method in by_method:
            assert (path, method.lower()) not in expected, "two functions for one route"
            expected[path, method.lower()] = "APIHandler"
    expected |= {(path, "post"): "WebhooksFunction" for path in webhooks.routes}
    expected |= {(path, "options"): "AdminFunction" for path in ADMIN}
    for name, function, served in (("admin", "AdminFunction", admin), ("console", "ConsoleFunction", console)):
        expected |= {(f"/{name}", ANY): function, (f"/{name}/{{proxy+}}", ANY): function}
        assert all(path == f"/{name}" or path.startswith(f"/{name}/") for path in served.routes)
    assert found == expected


@pytest.mark.parametrize("streaming", [True, False])
def test_api_gateway_may_call_each_function_for_its_routes_only(streaming: bool) -> None:
    """Every integration has one permission that covers it, in this API and stage, and no permission covers more."""
    template = merged(stage(streaming=streaming))
    assert sources(template, "StreamFunction") == sorted(f"{API}staging/POST{path}" for path in ENDPOINTS)
    told = {path.replace("{project_id}", "*") for path in webhooks.routes}
    assert sources(template, "WebhooksFunction") == sorted(f"{API}staging/POST{path}" for path in told)
    assert sources(template, "ConsoleFunction") == [f"{API}staging/*/console", f"{API}staging/*/console/*"]
    assert sources(template, "AdminFunction") == [f"{API}staging/*/admin", f"{API}staging/*/admin/*"]
    assert sources(template, "AuthorizerFunction") == [f"{API}authorizers/*"]
    assert sources(template, "APIHandler") == [f"{API}staging/*"]
    permissions = of_type(template, "AWS::Lambda::Permission")
    named = Counter(each["FunctionName"]["Ref"] for each in permissions.values())
    assert set(named) == {called(each) for each in integrations(template).values()} | {"AuthorizerFunction"}


def test_pages_of_other_origins_may_ask() -> None:
    """Every path that a page may call answers preflights, those of the streaming function by `api`.

    Those of the console and of the operator their functions answer themselves, for they know which pages may ask.
    """
    found = integrations(merged(stage()))
    others = {path for path, _ in found} - set(webhooks.routes) - {"/admin", "/admin/{proxy+}"}
    for path in others - {"/console", "/console/{proxy+}"}:
        assert called(found[path, "options"]) == "APIHandler", path
    for path in ("/console", "/console/{proxy+}"):
        assert {method for of, method in found if of == path} == {ANY}
    for path in ADMIN:
        assert called(found[path, "options"]) == "AdminFunction"


@pytest.mark.parametrize("name", RESPONSES)
def test_api_gateways_own_answers_are_like_ours(name: str) -> None:
    """OpenAI's shape, from the errors of functions/errors.py; readable by pages, kept by nobody, with a request id."""
    answer = body(merged(stage()))["x-amazon-apigateway-gateway-responses"][name]
    error = json.loads(answer["responseTemplates"]["application/json"])["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    assert "$" not in answer["responseTemplates"]["application/json"]
    codes = {each.code for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "code")}
    assert error["code"] in codes
    headers = {
        key.removeprefix("gatewayresponse.header."): value for key, value in answer["responseParameters"].items()
    }
    assert headers["x-request-id"] == "context.requestId"
    for key, value in (cors.HEADERS | {"cache-control": "no-store"}).items():
        assert headers[key] == f"'{value}'"
    assert set(headers) - set(cors.HEADERS) <= {"x-request-id", "cache-control", "retry-after", "x-should-retry"}
    kind = "api_error" if int(answer.get("statusCode", 400 if name == "DEFAULT_4XX" else 500)) >= 500 else None
    assert error["type"] == (kind or error["type"])
    assert (error["type"] == "api_error") == bool(kind)


def test_what_api_gateway_says_by_itself_has_the_right_status() -> None:
    """Nowhere is 404, too large 413, too many 429 with a time; what may have been charged must not be sent again."""
    answers = body(merged(stage()))["x-amazon-apigateway-gateway-responses"]
    statuses = {name: int(answer["statusCode"]) for name, answer in answers.items() if "statusCode" in answer}
    assert set(answers) - set(statuses) == {"DEFAULT_4XX", "DEFAULT_5XX"}
    assert {
        "MISSING_AUTHENTICATION_TOKEN": 404,
        "RESOURCE_NOT_FOUND": 404,
        "REQUEST_TOO_LARGE": 413,
        "THROTTLED": 429,
        "QUOTA_EXCEEDED": 429,
        "UNSUPPORTED_MEDIA_TYPE": 415,
        "BAD_REQUEST_BODY": 400,
        "BAD_REQUEST_PARAMETERS": 400,
        "UNAUTHORIZED": 401,
        "ACCESS_DENIED": 403,
        "INTEGRATION_FAILURE": 502,
        "INTEGRATION_TIMEOUT": 504,
        "AUTHORIZER_FAILURE": 500,
    }.items() <= statuses.items()
    header = "gatewayresponse.header."
    assert answers["THROTTLED"]["responseParameters"][f"{header}retry-after"] == "'1'"
    for name in ("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"):
        assert answers[name]["responseParameters"][f"{header}x-should-retry"] == "'false'"
    codes = {
        name: json.loads(answer["responseTemplates"]["application/json"])["error"]["code"]
        for name, answer in answers.items()
    }
    assert codes["MISSING_AUTHENTICATION_TOKEN"] == "not_found"
    assert codes["REQUEST_TOO_LARGE"] == "request_too_large"
    assert codes["UNAUTHORIZED"] == "invalid_api_key"


def test_the_operators_routes_ask_the_authorizer_each_time() -> None:
    """All of /admin but preflights is behind the authorizer; a yes is remembered for nobody. No other route is."""
    template = merged(stage())
    for path, method, definition in methods(template):
        is_operators = path.startswith("/admin") and method != "options"
        secured: list[dict[str, list[str]]] | None = [{"operator": []}] if is_operators else None
        assert definition.get("security") == secured, (path, method)
    operator = filled(body(template)["securityDefinitions"]["operator"])
    assert operator["x-amazon-apigateway-authtype"] == "custom"
    assert operator["x-amazon-apigateway-authorizer"] == {
        "type": "request",
        "authorizerUri": f"{PLACE}2015-03-31/functions/${{AuthorizerFunction.Arn}}/invocations",
        "authorizerResultTtlInSeconds": 0,
    }


def test_with_iam_aws_checks_the_operator() -> None:
    """admin.iam asks for a signature, of everybody and for every method, and no authorizer is left."""
    template = merged(stage(admin={"iam": True, "allowed_cidrs": ["203.0.113.7/32"]}))
    operator = body(template)["securityDefinitions"]["operator"]
    assert operator["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert "x-amazon-apigateway-authorizer" not in operator
    assert not [name for name in template["Resources"] if name.startswith("Authorizer")]
    assert {method for path, method, _ in methods(template) if path.startswith("/admin")} == {ANY}


@pytest.mark.parametrize("streaming", [True, False])
def test_with_iam_the_policy_names_every_public_route_and_no_other(streaming: bool) -> None:
    """A route that is added is public there too, and no path below /admin is, however it ends."""
    template = merged(stage(streaming=streaming, admin={"iam": True, "allowed_cidrs": ["203.0.113.7/32"]}))
    policy = body(template)["x-amazon-apigateway-policy"]
    allowed, _ = policy["Statement"]
    assert "NotResource" not in allowed
    assert len(json.dumps(policy, separators=(",", ":"))) <= 8192
    public = set()
    for path, method, _ in methods(template):
        if path == "/admin" or path.startswith("/admin/"):
            continue
        public.add(re.sub(r"\{.*?\}", "x", path))
        for each in cors.METHODS if method == ANY else (method.upper(),):
            for asked in (path.replace("{proxy+}", "x/y"), re.sub(r"\{.*?\}", "x", path)):
                resource = f"execute-api:/staging/{each}{asked}"
                assert policies.allows([allowed], "execute-api:Invoke", resource), resource
    for path in ("", "/", "/status", "/v1", *public):
        for each in cors.METHODS:
            resource = f"execute-api:/staging/{each}/admin{path}"
            assert not policies.allows([allowed], "execute-api:Invoke", resource), resource
    assert not policies.allows([allowed], "execute-api:Invoke", "execute-api:/other/GET/health")


@pytest.mark.parametrize("cidrs", [[], ["203.0.113.7/32", "2001:db8::/48"]])
def test_the_operators_routes_are_closed_to_other_addresses(cidrs: list[str]) -> None:
    """Outside admin.allowed_cidrs /admin is denied; an empty list denies everybody. The rest is open to all."""
    allowed, denied = body(merged(stage(admin={"allowed_cidrs": cidrs})))["x-amazon-apigateway-policy"]["Statement"]
    assert (allowed["Effect"], allowed["Principal"], allowed["Resource"]) == ("Allow", "*", "execute-api:/*")
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert denied["Resource"] == ["execute-api:/*/*/admin", "execute-api:/*/*/admin/*"]
    assert denied.get("Condition") == ({"NotIpAddress": {"aws:SourceIp": cidrs}} if cidrs else None)
    assert all(ip_network(each) for each in cidrs)


def test_the_stage_has_limits_and_writes_no_requests_down() -> None:
    """All clients together are limited. No log or trace of API Gateway has a request's address: links have keys in it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html
    """
    template = transformed(stage(capacity={"throttle_rate": 7, "throttle_burst": 11}))
    stages = of_type(template, "AWS::ApiGateway::Stage")
    (made,) = stages.values()
    assert made["StageName"] == "staging"
    assert made["TracingEnabled"] is False
    assert made["MethodSettings"] == [
        {
            "HttpMethod": "*",
            "ResourcePath": "/*",
            "MetricsEnabled": True,
            "ThrottlingRateLimit": 7,
            "ThrottlingBurstLimit": 11,
            "LoggingLevel": "OFF",
            "DataTraceEnabled": False,
        }
    ]
    assert "AccessLogSetting" not in made


def test_there_is_no_second_stage_without_limits() -> None:
    """SAM would deploy to a stage called Stage as well, which no limit holds for."""
    (deployment,) = of_type(transformed(stage()), "AWS::ApiGateway::Deployment").values()
    assert "StageName" not in deployment


def test_the_api_is_regional_and_json_stays_text() -> None:
    """An edge endpoint would cut idle streams at 30 s; only media that is no text comes in base 64."""
    (api,) = of_type(transformed(stage()), "AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["Name"] == api["Body"]["info"]["title"] == "farebox-staging"
    assert api["Body"]["swagger"] == "2.0"
    binary = api["Body"]["x-amazon-apigateway-binary-media-types"]
    assert not [
        kind for kind in binary if "json" in kind or "*" in kind or kind.startswith(("text/", "application/x-www"))
    ]
    assert "BinaryMediaTypes" not in api


def test_a_change_of_a_route_is_deployed() -> None:
    """API Gateway serves a deployment's snapshot: another definition is another deployment."""
    names = {
        name
        for of in (stage(), stage(streaming=False), stage(admin={"allowed_cidrs": ["203.0.113.7/32"]}))
        for name in of_type(transformed(of), "AWS::ApiGateway::Deployment")
    }
    assert len(names) == 3
