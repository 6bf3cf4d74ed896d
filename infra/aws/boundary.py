"""The most that any role of a stage can do, where the stack `farebox-github` has made its permissions boundary.

A deployment from GitHub may only make roles that carry it, so whatever template it is given, no function can do more
than is said here. A deployment by hand keeps it on: the templates' parameter `PermissionsBoundary`.
"""

from typing import Any

from botocore.exceptions import ClientError

from infra.aws.permissions import Statement, allow, arn, boundary_name, named
from infra.aws.stage import Stage

PARAMETER = "PermissionsBoundary"
"""Of the templates: the ARN, or "" for none."""
CONDITION = "HasPermissionsBoundary"
SESSION = "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel"
"""What Session Manager asks of the router."""


def boundary(stage: Stage) -> list[Statement]:
    """The most that a function's role, the audit's or the router's can do."""
    table, region = arn("dynamodb", f"table/{stage.stack}-*", stage.region), stage.region
    router = stage.network.vpn == "wireguard"
    interfaces = "CreateNetworkInterface DeleteNetworkInterface AssignPrivateIpAddresses UnassignPrivateIpAddresses"
    seen = "DescribeNetworkInterfaces DescribeSubnets"
    return [
        allow("dynamodb", "GetItem BatchGetItem ConditionCheckItem PutItem UpdateItem DeleteItem Query Scan", table),
        allow("secretsmanager", "GetSecretValue", arn("secretsmanager", f"secret:{stage.stack}/*", region)),
        allow("lambda", "InvokeFunction", named(stage, "lambda", "function:")),
        allow("states", "StartExecution", arn("states", f"stateMachine:{stage.stack}-*", region)),
        allow("ses", "SendEmail SendRawEmail", arn("ses", "identity/*", region)),
        allow("logs", "CreateLogStream PutLogEvents", named(stage, "logs", "log-group:/aws/lambda/", ":*")),
        allow("xray", "PutTraceSegments PutTelemetryRecords", "*"),
        *([allow("ec2", f"{interfaces} {seen}", "*")] if stage.in_vpc else []),
        *([allow("ssm", "UpdateInstanceInformation", "*"), allow("ssmmessages", SESSION, "*")] if router else []),
    ]


def bounded(template: dict[str, Any]) -> dict[str, Any]:
    """A template whose roles all carry the boundary; the same where they do already, or where it makes no role."""
    carried = {"Fn::If": [CONDITION, {"Ref": PARAMETER}, {"Ref": "AWS::NoValue"}]}
    roles = {
        name: resource | {"Properties": resource["Properties"] | {"PermissionsBoundary": carried}}
        for name, resource in template["Resources"].items()
        if resource.get("Type") == "AWS::IAM::Role"
    }
    if not roles:
        return template
    return template | {
        "Parameters": {PARAMETER: {"Type": "String", "Default": ""}} | template.get("Parameters", {}),
        "Conditions": {CONDITION: {"Fn::Not": [{"Fn::Equals": [{"Ref": PARAMETER}, ""]}]}}
        | template.get("Conditions", {}),
        "Resources": template["Resources"] | roles,
    }


def boundary_arn(iam: Any, account: str, stage: Stage, partition: str = "aws") -> str:
    """The stage's boundary, for the templates' parameter; "" where the account has none. `iam` is boto3's client."""
    policy = f"arn:{partition}:iam::{account}:policy/{boundary_name(stage)}"
    try:
        iam.get_policy(PolicyArn=policy)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return ""
        raise
    return policy
