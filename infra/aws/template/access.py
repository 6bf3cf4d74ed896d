"""What each function may do: one role a function, every statement with the actions and resources it needs by name."""

from email.utils import parseaddr
from typing import Any

from functions.settings import Settings
from infra.aws.stage import Stage
from infra.aws.template import functions, secrets, tables
from infra.aws.template.functions import Function

Resources = dict[str, Any]
Statement = dict[str, Any]

GET, PUT, UPDATE, DELETE, QUERY, SCAN = "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"
BATCH_GET, CHECK = "BatchGetItem", "ConditionCheckItem"

TIDIED: dict[str, tuple[str, ...]] = {
    "accounts": (GET, UPDATE),
    "receipts": (PUT,),
    "journal": (PUT,),
    "days": (UPDATE,),
    "notices": (PUT,),
}
"""Whoever reads an account heals and tidies it (functions/ledger/tidy.py), and tells what was crossed (crossing.py)."""
ENTERED: dict[str, tuple[str, ...]] = TIDIED | {"identities": (GET, PUT)}
"""Credits that come or go otherwise than by a request: functions/ledger/journal.py."""
PAID: dict[str, tuple[str, ...]] = ENTERED | {
    "members": (PUT,),
    "orders": (GET, PUT, UPDATE),
    "projects": (GET,),
}
"""Bringing orders to where their providers are: functions/payments/synchronize.py."""
SOLD: dict[str, tuple[str, ...]] = {
    "accounts": (GET, UPDATE),
    "members": (PUT, QUERY),
    "orders": (BATCH_GET, GET, PUT),
    "windows": (UPDATE,),
}
"""Checkouts, what was bought, agreements to top-ups: functions/payments/checkout.py, functions/ledger/top_ups.py."""

FIRST_SEEN: dict[str, tuple[str, ...]] = {
    "projects": (GET,),
    "credentials": (GET, UPDATE),
    "accounts": (GET, PUT, UPDATE),
    "identities": (GET, PUT, UPDATE),
    "members": (PUT,),
}
"""Whoever finds out who is asking may make their account: functions/projects/asking.py, functions/ledger/grants.py."""

ERASED: dict[str, tuple[str, ...]] = {
    "accounts": (GET, UPDATE),
    "checkpoints": (GET, PUT),
    "credentials": (DELETE,),
    "days": (DELETE, QUERY),
    "identities": (DELETE, GET, UPDATE),
    "journal": (PUT, QUERY, UPDATE),
    "members": (DELETE, QUERY),
    "notices": (DELETE, QUERY),
    "orders": (GET, PUT),
    "receipts": (DELETE, QUERY),
}
"""Deleting an account, and what is left of its user: functions/ledger/deletion.py, functions/ledger/leftovers.py."""


def _both(one: dict[str, tuple[str, ...]], other: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What either use of the tables needs."""
    return {
        table: tuple(sorted({*one.get(table, ()), *other.get(table, ())}))
        for table in sorted(one.keys() | other.keys())
    }


TABLE_USE: dict[str, dict[str, tuple[str, ...]]] = {
    "stream": TIDIED | FIRST_SEEN | {"receipts": (PUT, QUERY), "windows": (GET, UPDATE), "claims": (PUT, DELETE)},
    "api": _both(
        ERASED,
        TIDIED
        | SOLD
        | FIRST_SEEN
        | {
            "credentials": (GET, PUT, UPDATE),
            "identities": (CHECK, GET, PUT, UPDATE),
            "receipts": (PUT, QUERY),
            "days": (QUERY, UPDATE),
            "members": (PUT, QUERY),
        },
    ),
    "webhooks": PAID | {"windows": (UPDATE,)},
    "errands": PAID
    | {
        "members": (DELETE, PUT, QUERY),
        "notices": (DELETE, PUT, QUERY),
        "orders": (BATCH_GET, GET, PUT, UPDATE),
        "projects": (GET, SCAN),
    },
    "console": _both(
        ERASED,
        {
            "accounts": (BATCH_GET, GET, PUT, UPDATE),
            "claims": (GET, PUT, UPDATE),
            "credentials": (PUT, UPDATE),
            "days": (QUERY, UPDATE),
            "identities": (GET, PUT),
            "journal": (PUT,),
            "members": (DELETE, PUT, QUERY, UPDATE),
            "notices": (PUT, QUERY),
            "orders": (BATCH_GET,),
            "projects": (GET, PUT),
            "receipts": (PUT, QUERY),
            "windows": (BATCH_GET, UPDATE),
        },
    ),
    "admin": _both(
        ERASED,
        ENTERED
        | {table: (GET,) for table in tables.names() if table not in ENTERED}  # each can be reached
        | {
            "accounts": (BATCH_GET, GET, UPDATE),
            "credentials": (BATCH_GET, GET),
            "days": (GET, QUERY, UPDATE),
            "identities": (BATCH_GET, GET, PUT),
            "journal": (GET, PUT, QUERY),
            "members": (DELETE, GET, PUT, QUERY, UPDATE),
            "notices": (GET, PUT),
            "orders": (BATCH_GET, GET),
            "projects": (GET, PUT),
            "receipts": (GET, PUT, QUERY),
            "windows": (BATCH_GET, GET),
        },
    ),
    "authorizer": {},
    "maintenance": _both(
        ERASED,
        TIDIED
        | {
            "accounts": (GET, SCAN, UPDATE),
            "receipts": (PUT, QUERY),
            "journal": (PUT, QUERY),
            "checkpoints": (GET, PUT),
            "members": (GET, PUT),
        },
    ),
}
"""By function and table. A transaction needs the permissions of its parts and none of its own."""

NETWORK_ACTIONS = (
    "AssignPrivateIpAddresses",
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "UnassignPrivateIpAddresses",
)
NETWORK_READS = ("DescribeNetworkInterfaces", "DescribeSubnets")


def role(service: str, statements: list[Statement], condition: Resources | None = None) -> Resources:
    """A role that one AWS service takes, with one policy. Every role gets its boundary from infra/aws/boundary.py."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust | ({"Condition": condition} if condition else {})]}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": document,
            "Policies": [
                {
                    "PolicyName": "what-it-needs",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                }
            ],
        },
    }


def allow(sid: str, actions: list[str], resources: Any, condition: Resources | None = None) -> Statement:
    """One statement."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def resources(stage: Stage) -> Resources:
    """The functions' roles. Chalice's keeps its own trust."""
    return {
        function.role_id: role("lambda.amazonaws.com", statements(stage, function)) for function in functions.of(stage)
    }


def statements(stage: Stage, function: Function) -> list[Statement]:
    """Everything a function may do."""
    return [
        _logs(stage, function),
        allow("Traces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*"),
        allow("Secrets", ["secretsmanager:GetSecretValue"], [secrets.arn(stage, name) for name in function.secrets]),
        *_tables(stage, function),
        *(_mail(stage) if "mail" in function.secrets and stage.mail.identity else []),
        *(interfaces(stage, function) if function.joins_vpc(stage) else []),
    ]


def _logs(stage: Stage, function: Function) -> Statement:
    """Its streams in its own log group; the group itself is the stack's."""
    place = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
    group = {"Fn::Sub": f"{place}{function.log_group(stage)}:log-stream:*"}
    return allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], group)


def _tables(stage: Stage, function: Function) -> list[Statement]:
    """A statement for each set of actions, with the tables it is allowed on."""
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for table, actions in TABLE_USE[function.name].items():
        by_actions.setdefault(tuple(sorted(actions)), []).append(table)
    return [
        allow(
            "Tables" + "".join(table.title() for table in sorted(found)),
            [f"dynamodb:{action}" for action in actions],
            [tables.arn(stage, table) for table in sorted(found)],
        )
        for actions, found in sorted(by_actions.items())
    ]


def _mail(stage: Stage) -> list[Statement]:
    """As the one sender of this stage. A raw message needs SendRawEmail, also through the API's second version.

    The sender is what limits it, not the identity: SES asks for permission on the sender's own address too where that
    is verified beside its domain, and, as long as an account is in SES's sandbox, on each recipient that is verified.
    """
    sender = parseaddr(stage.settings.get("SMTP_FROM", Settings.smtp_from))[1]
    identities = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
    condition = {"StringEquals": {"ses:FromAddress": sender}}
    return [allow("Mail", ["ses:SendEmail", "ses:SendRawEmail"], {"Fn::Sub": identities}, condition)]


def interfaces(stage: Stage, function: Function) -> list[Statement]:
    """Lambda makes the function's network interfaces by the function's role; the function's own code may not.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    actions = [f"ec2:{action}" for action in NETWORK_ACTIONS]
    reads = [f"ec2:{action}" for action in NETWORK_READS]
    here = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"}
    own = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + function.full_name(stage)
    by_code = {"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": own}}}
    return [
        allow("Interfaces", actions, here),
        allow("InterfacesRead", reads, "*"),
        allow("InterfacesNotByCode", sorted(actions + reads), "*", by_code) | {"Effect": "Deny"},
    ]
