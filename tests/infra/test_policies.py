"""What each function may do, against what it does: enough for every call, nothing more, and nothing by a wildcard."""

import contextvars
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from typing import Any

import pytest

from functions.ledger import audit, grants, journal, tidy
from functions.ledger.store import Ledger
from functions.settings import Settings
from infra.aws.boundary import boundary
from infra.aws.template import access, application, functions, scheduled, tables
from tests.infra import policies, snapshots
from tests.infra.templates import (
    FULL,
    MAILED,
    artifacts,
    merged,
    of_type,
    policy_documents,
    role_of,
    stage,
    statements,
)
from tests.simulation import world

Use = dict[str, set[tuple[str, str]]]

SEEDS = range(1, 61)

WILDCARDS = {
    ("xray:PutTelemetryRecords", "xray:PutTraceSegments"): "X-Ray has no resources to name for these",
    ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"): "EC2 has no resources to name for what describes",
}
"""Actions that may be allowed on every resource, and why."""
NOT_SIMULATED = {("api", "receipts", "Query"), ("api", "days", "Query")}
"""GET /account and its pages read these through PynamoDB: functions/ledger/pages.py."""
CALL_OUT = ("api", "stream", "webhooks", "console", "errands")
"""Functions that join a VPC where there is one."""
OF_PROJECTS = {
    ("projects", "GetItem"),
    ("accounts", "PutItem"),
    ("identities", "PutItem"),
    ("members", "PutItem"),
}
"""Finding out who asks in a project may make an account: tests/infra/test_policies_projects.py hears all of these."""
SES_ASKS_FOR = {
    "example.com": "the domain of the sender",
    "key@example.com": "the sender, where it is verified beside its domain",
    "ada@example.org": "in the sandbox, a recipient that is verified",
}
"""Identities that SES wants permission on for one mail."""


@pytest.fixture(scope="module")
def used() -> Use:
    """By what runs, the tables and actions that it used in simulated deployments."""
    now: contextvars.ContextVar[str] = contextvars.ContextVar("now", default="")
    found: Use = defaultdict(set)

    def within(name: str, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(*given: Any, **named: Any) -> Any:
            token = now.set(name)
            try:
                return await function(*given, **named)
            finally:
                now.reset(token)

        return run

    def noted(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(ledger: Ledger, operation: str, request: dict[str, Any]) -> Any:
            found[now.get()].update(policies.parts(operation, request))
            return await function(ledger, operation, request)

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name, place, attribute in (
            ("stream", world.World, "ask"),
            ("register", grants, "register"),
            ("activate", grants, "activate"),
            ("enter", journal, "enter"),
            ("audit", audit, "audit_account"),
            ("tidy", tidy, "tidy"),
        ):
            patch.setattr(place, attribute, within(name, getattr(place, attribute)))
        for attribute in ("read", "write"):
            patch.setattr(Ledger, attribute, noted(getattr(Ledger, attribute)))
        for seed in SEEDS:
            assert not world.play(seed).violations
    return found


def _pairs(use: dict[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    return {(table, action) for table, actions in use.items() for action in actions}


def test_the_stream_function_may_do_what_it_does_and_no_more(used: Use) -> None:
    """Every call of 60 simulated deployments is allowed, and what is allowed was called."""
    assert _pairs(access.TABLE_USE["stream"]) == used["stream"] | used["tidy"] | used["activate"] | OF_PROJECTS


def test_whoever_reads_an_account_may_tidy_it(used: Use) -> None:
    """What tidying does is exactly what every function that reads accounts is allowed for it."""
    assert _pairs(access.TIDIED) == used["tidy"]
    for name in ("stream", "api", "webhooks", "console", "maintenance", "errands"):
        assert used["tidy"] <= _pairs(access.TABLE_USE[name]), name


def test_the_api_may_register_and_show_accounts(used: Use) -> None:
    """Registration, the look-up of a key and tidying are allowed; beside them pages, limits, selling, deletion."""
    looked_up = {("credentials", "GetItem"), ("accounts", "GetItem")}
    needed = used["register"] | used["activate"] | used["tidy"] | looked_up | {("windows", "UpdateItem")}
    more = {(table, action) for name, table, action in NOT_SIMULATED if name == "api"}
    needed |= OF_PROJECTS | _pairs(access.SOLD) | _pairs(access.ERASED)
    assert _pairs(access.TABLE_USE["api"]) == needed | more | {("receipts", "PutItem")}


def test_who_hears_of_payments_may_enter_them(used: Use) -> None:
    """What the journal does to enter a payment is allowed; what else: tests/infra/test_policies_payments.py."""
    for name in ("webhooks", "errands"):
        assert used["enter"] <= _pairs(access.TABLE_USE[name]), name


def test_maintenance_may_audit(used: Use) -> None:
    """What an audit does is allowed, the scan that lists accounts, what lists a user and what erases one; no more."""
    more = {("accounts", "Scan"), ("members", "PutItem")} | _pairs(access.ERASED)  # of nobody here
    assert _pairs(access.TABLE_USE["maintenance"]) == used["audit"] | used["tidy"] | more


def test_the_operator_reads_everything_and_the_authorizer_touches_no_table(used: Use) -> None:
    """The operator's status looks whether each table is there, and what is given by hand is entered as any money is.

    What else is written: tests/infra/test_policies_projects.py.
    """
    assert {(table, "GetItem") for table in tables.names()} <= _pairs(access.TABLE_USE["admin"])
    assert used["enter"] | used["tidy"] <= _pairs(access.TABLE_USE["admin"])
    assert access.TABLE_USE["authorizer"] == {}


def test_every_function_has_a_role_of_its_own() -> None:
    """No two functions share a role, and only Lambda takes it."""
    template = merged(stage(**FULL))
    roles = [role_of(template, function.logical_id) for function in functions.of(stage(**FULL))]
    assert len(set(roles)) == len(roles) == len(functions.of(stage(**FULL)))
    for role in roles:
        trust = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert [each["Principal"] for each in trust] == [{"Service": "lambda.amazonaws.com"}], role
        assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]


def test_no_wildcard_stands_where_a_name_can() -> None:
    """No action is a pattern; a resource is `*` only where AWS knows no other, and each of these is listed here."""
    template = merged(stage(**FULL))
    seen = set()
    for role in of_type(template, "AWS::IAM::Role"):
        for statement in statements(template, role):
            actions = tuple(statement["Action"])
            assert not [action for action in actions if "*" in action or "?" in action], (role, statement)
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if statement["Effect"] == "Deny":
                continue
            if "*" in resources:
                assert actions in WILDCARDS, (role, statement)
                seen.add(actions)
                continue
            for arn in resources:
                assert "${" not in arn, (role, arn)
                assert _is_named(arn), (role, arn)
    assert seen == set(WILDCARDS)


def _is_named(arn: str) -> bool:
    """Whether an ARN is of this stage alone, or of Lambda's network interfaces in this account."""
    if arn.startswith("arn:aws:ec2:eu-west-1:111122223333:"):
        return arn == "arn:aws:ec2:eu-west-1:111122223333:*/*"
    if arn in ("MaintenanceFunction.Arn", "ErrandsFunction.Arn", "NightlyAudit", "NightlyReconciliation"):
        return True
    name = arn.split(":", 5)[5]
    if name == "identity/*":  # what limits mail is its sender: the test of mail below
        return True
    return "farebox-staging" in name and ("*" not in name or name.endswith(":log-stream:*"))


def test_logs_go_to_the_functions_own_group_only() -> None:
    """A function writes streams of its own log group, and can make or delete no group."""
    for function in functions.of(stage(**FULL)):
        log = [s for s in _of(function) if any(action.startswith("logs:") for action in s["Action"])]
        assert [each["Action"] for each in log] == [["logs:CreateLogStream", "logs:PutLogEvents"]]
        group = f"log-group:/aws/lambda/farebox-staging-{function.name}:log-stream:*"
        assert log[0]["Resource"] == f"arn:aws:logs:eu-west-1:111122223333:{group}"


def test_secrets_are_read_by_those_who_need_them() -> None:
    """Each function reads its own secrets and no other; AWS's six random characters are all that is left open."""
    needed = {
        "api": {"gateway", "mail", "payments", "projects"},
        "stream": {"gateway", "projects"},
        "webhooks": {"gateway", "payments", "projects"},
        "console": {"gateway", "mail", "projects"},
        "admin": {"gateway", "admin"},
        "authorizer": {"admin"},
        "maintenance": {"gateway"},
        "errands": {"gateway", "mail", "payments", "projects"},
    }
    place = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:farebox-staging/"
    for function in functions.of(stage(**FULL)):
        read = [s for s in _of(function) if "secretsmanager:GetSecretValue" in s["Action"]]
        assert {arn for each in read for arn in each["Resource"]} == {
            f"{place}{name}-??????" for name in needed[function.name]
        }


def test_mail_goes_out_as_the_one_sender() -> None:
    """Only `api`, `console` and `errands` send, from SMTP_FROM's address; where there is no identity, nobody does."""
    for function in functions.of(stage(**FULL)):
        sends = [s for s in _of(function) if any(action.startswith("ses:") for action in s["Action"])]
        if function.name not in ("api", "console", "errands"):
            assert not sends
            continue
        (send,) = sends
        for identity in SES_ASKS_FOR:
            resource = f"arn:aws:ses:eu-west-1:111122223333:identity/{identity}"
            assert policies.allows([send], "ses:SendEmail", resource, ses__FromAddress="key@example.com"), identity
            assert not policies.allows([send], "ses:SendEmail", resource, ses__FromAddress="other@example.com")
        assert not policies.allows([send], "ses:SendEmail", "arn:aws:ses:eu-west-1:444455556666:identity/example.com")
    assert "ses:" not in json.dumps(application(stage(), artifacts(stage())))
    assert parseaddr(Settings.smtp_from)[1] == "no-reply@farebox.invalid"


def test_only_functions_in_the_vpc_may_have_interfaces() -> None:
    """Lambda may make their network interfaces; their own code may not."""
    for document in (FULL, MAILED):
        for function in functions.of(stage(**document)):
            network = [s for s in _of(function, **document) if any(a.startswith("ec2:") for a in s["Action"])]
            assert bool(network) == (document is FULL and function.name in CALL_OUT)
            if network:
                denied = [each for each in network if each["Effect"] == "Deny"]
                own = f"arn:aws:lambda:eu-west-1:111122223333:function:farebox-staging-{function.name}"
                assert [s["Condition"] for s in denied] == [{"ArnEquals": {"lambda:SourceFunctionArn": own}}]
                allowed = {a for each in network if each["Effect"] == "Allow" for a in each["Action"]}
                assert set(denied[0]["Action"]) == allowed


def _of(function: functions.Function, **document: Any) -> list[dict[str, Any]]:
    template = {"Resources": access.resources(stage(**(document or FULL)))}
    return statements(template, function.role_id)


def test_the_boundary_of_github_leaves_every_permission() -> None:
    """A deployment by GitHub puts a boundary around each role; nothing that a role allows is taken away by it."""
    of = stage(**FULL)
    machine = f"arn:aws:states:{of.region}:{policies.ACCOUNT}:stateMachine:farebox-staging"
    given = {night.logical_id: f"{machine}-{night.name}" for night in scheduled.NIGHTS}
    given |= {"AWS::Region": of.region}
    most = policies.resolved(boundary(of), given)
    for role in merged(of)["Resources"].values():
        if role["Type"] != "AWS::IAM::Role":
            continue
        assert "PermissionsBoundary" in role["Properties"]
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow" and "Fn::GetAtt" not in statement["Resource"]:
                    _allowed_by(most, policies.resolved(statement, given))


def _allowed_by(most: list[dict[str, Any]], statement: dict[str, Any]) -> None:
    for action in statement["Action"]:
        for resource in policies.listed(statement["Resource"]):
            assert policies.allows(most, action, resource), (action, resource)


def test_policies_are_as_written_down() -> None:
    """Case 36: the snapshot has every permission. `python -m tests.infra.snapshots` writes it again."""
    written = (snapshots.FOLDER / "policies.json").read_text()
    assert policy_documents("staging") == json.loads(written)
    assert policy_documents("prod") == json.loads(written.replace("staging", "prod"))
