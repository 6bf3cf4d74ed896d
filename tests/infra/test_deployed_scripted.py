"""What stacks do where CloudFormation is as no emulator shows it: refused before it began, stuck, or slow."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.aws import cloudformation
from infra.aws.cloudformation import StackError
from tests.infra.test_deployed_stacks import NAME, Told, table, template


class Scripted:
    """CloudFormation as no emulator shows it: a stack with a status, and events to come."""

    def __init__(self, status: str, events: list[tuple[str, str, str]] | None = None) -> None:
        self.status, self.events, self.looks = status, events or [], 0

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803  boto3's
        return {"Stacks": [{"StackName": StackName, "StackId": "arn", "StackStatus": self.status}]}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        pass

    def get_paginator(self, name: str) -> "Scripted":
        assert name == "describe_stack_events"
        return self

    def paginate(self, StackName: str) -> Any:  # noqa: N803
        """One event more at each look, newest first."""
        shown = self.events[: self.looks]
        self.looks += 1
        made = [
            {
                "EventId": str(number),
                "StackId": "arn",
                "PhysicalResourceId": "arn" if logical == NAME else logical,
                "LogicalResourceId": logical,
                "ResourceType": "AWS::S3::Bucket",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
            for number, (logical, status, reason) in enumerate(shown)
        ]
        return [{"StackEvents": [event]} for event in reversed(made)]


class Refused(Scripted):
    """CloudFormation that finds a change set wrong, or without a change of resources, before anything is changed."""

    REASON = (
        "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. Use DescribeEvents."
    )

    def __init__(self, events: list[dict[str, str]] | None, status: str = "FAILED") -> None:
        super().__init__("UPDATE_COMPLETE")
        self.found, self.change_set_status, self.calls = events, status, list[str]()

    def create_change_set(self, **given: Any) -> Any:
        return {"Id": "arn:change", "StackId": "arn"}

    def describe_change_set(self, **given: Any) -> Any:
        return {"Status": self.change_set_status, "StatusReason": self.REASON, "Changes": []}

    def delete_change_set(self, **given: Any) -> None:
        self.calls.append("delete_change_set")

    def execute_change_set(self, **given: Any) -> None:
        self.calls.append("execute_change_set")
        self.events = [(NAME, "UPDATE_COMPLETE", "")]

    def describe_events(self, ChangeSetName: str, NextToken: str = "0") -> Any:  # noqa: N803
        """An event a page."""
        assert ChangeSetName == "arn:change"
        if self.found is None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeEvents")
        number = int(NextToken)
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.found) else {}
        return {"OperationEvents": self.found[number : number + 1], **more}


WRONG = {
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "MailSecret",
    "ResourceType": "AWS::SecretsManager::Secret",
    "ValidationFailureMode": "FAIL",
    "ValidationStatusReason": "farebox-test/mail already exists",
    "ValidationPath": "/Resources/MailSecret/Properties/Name",
}


def test_a_change_set_that_is_refused() -> None:
    """What validation found is told resource by resource; warnings are not; and the change set is not left behind."""
    warning = WRONG | {"ValidationFailureMode": "WARN", "LogicalResourceId": "Other"}
    begun = {"EventType": "STACK_EVENT", "LogicalResourceId": NAME}
    hook = {"EventType": "HOOK_INVOCATION_ERROR", "LogicalResourceId": "Topic", "HookStatusReason": "not here"}
    client = Refused([begun, WRONG, warning, hook])
    with pytest.raises(StackError) as raised:
        Told(client).deploy(NAME, template(One=table("one")), {}, {})
    assert str(raised.value).splitlines() == [
        f"{NAME}: {client.REASON}",
        "  MailSecret (AWS::SecretsManager::Secret): farebox-test/mail already exists"
        " [/Resources/MailSecret/Properties/Name]",
        "  Topic (no type): not here",
    ]
    assert client.calls == ["delete_change_set"]


def test_a_change_set_that_is_refused_without_a_word() -> None:
    """Whoever may not read these events is told what the change set itself says."""
    client = Refused(None)
    with pytest.raises(StackError) as raised:
        Told(client).deploy(NAME, template(One=table("one")), {}, {})
    assert str(raised.value) == f"{NAME}: {client.REASON}"
    assert client.calls == ["delete_change_set"]


def test_a_change_of_no_resource() -> None:
    """A change set that CloudFormation makes for outputs or a description alone is carried out like any other."""
    stacks = Told(client := Refused([], "CREATE_COMPLETE"))
    assert stacks.deploy(NAME, template(One=table("one")), {}, {})
    assert client.calls == ["execute_change_set"]
    assert stacks.lines == [f"{NAME}: no resource changes, only what describes the stack"]


class Deleted(Exception):
    """The stack was deleted: the end of what a test looks at."""


class Left(Scripted):
    """A stack that cannot be used, with what is left of it."""

    class meta:  # noqa: N801  boto3's
        region_name = "eu-west-1"

    def __init__(self, status: str, left: dict[str, str]) -> None:
        super().__init__(status, [])
        self.left, self.deleted = left, False

    def get_paginator(self, name: str) -> Any:
        return self if name == "list_stack_resources" else super().get_paginator(name)

    def paginate(self, StackName: str) -> Any:  # noqa: N803
        found = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": name,
                "ResourceType": kind,
                "ResourceStatus": "DELETE_FAILED",
            }
            for name, kind in self.left.items()
        ]
        return [{"StackResourceSummaries": found, "StackEvents": []}]

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.deleted = True
        raise Deleted


@pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED", "ROLLBACK_COMPLETE"])
def test_tables_that_are_left_are_never_lost_sight_of(status: str) -> None:
    """A data stack that still has tables is not deleted: it says by which commands an operator does it, if sure."""
    client = Left(status, {"t-one": "AWS::DynamoDB::Table", "s-mail": "AWS::SecretsManager::Secret"})
    with pytest.raises(StackError) as raised:
        Told(client).deploy("farebox-test-data", template(One=table("one")), {}, {})
    said = str(raised.value).splitlines()
    assert not client.deleted
    assert said[0] == f"farebox-test-data is {status}, and this is left of it. Its events say what failed."
    assert said[2:] == [
        "  aws dynamodb update-table --region eu-west-1 --table-name t-one --no-deletion-protection-enabled",
        "  aws dynamodb delete-table --region eu-west-1 --table-name t-one",
        "  aws secretsmanager delete-secret --region eu-west-1 --force-delete-without-recovery --secret-id s-mail",
        "  aws cloudformation delete-stack --region eu-west-1 --stack-name farebox-test-data",
    ]


@pytest.mark.parametrize(
    ("name", "status", "left"),
    [
        ("farebox-test-data", "ROLLBACK_COMPLETE", {}),
        ("farebox-test", "ROLLBACK_FAILED", {"site": "AWS::S3::Bucket"}),
    ],
)
def test_what_holds_no_table_is_cleared_away(name: str, status: str, left: dict[str, str]) -> None:
    """Without tables, what is left of a first deployment is deleted before the next."""
    client = Left(status, left)
    with pytest.raises(Deleted):
        Told(client).deploy(name, template(One=table("one")), {}, {})
    assert client.deleted


def test_it_is_told_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens for minutes, such as while Lambda leaves a network, a line says that it still goes on."""
    monkeypatch.setattr(cloudformation, "TOLD_EVERY_S", 0.01)
    stacks = Told(
        Scripted("UPDATE_COMPLETE", [("Subnet", "DELETE_IN_PROGRESS", "")] * 3 + [(NAME, "DELETE_COMPLETE", "")])
    )
    assert stacks.delete(NAME)
    assert f"  {NAME}: 0 minutes, still going on" in stacks.lines


def test_the_first_cause_is_told() -> None:
    """What only follows from a failure elsewhere is not told as the cause, and another stack's end is not the end."""
    events = [
        ("Bucket", "DELETE_IN_PROGRESS", ""),
        ("Nested", "DELETE_COMPLETE", ""),
        ("Other", "DELETE_FAILED", "Resource update cancelled"),
        ("Bucket", "DELETE_FAILED", "The bucket is not empty"),
        ("Third", "DELETE_FAILED", "later"),
        (NAME, "DELETE_FAILED", "The following resource(s) failed to delete: [Bucket]."),
    ]
    stacks = Told(Scripted("UPDATE_COMPLETE", events))
    with pytest.raises(StackError) as raised:
        stacks.delete(NAME)
    assert str(raised.value) == f"{NAME}: Bucket (AWS::S3::Bucket) failed: The bucket is not empty"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UPDATE_IN_PROGRESS", "another deployment is running"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "another deployment is running"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name farebox-test"),
    ],
)
def test_a_stack_that_is_not_ready(status: str, words: str) -> None:
    """A stack that somebody else is deploying, or that got stuck, is left alone, with a word on what to do."""
    with pytest.raises(StackError, match=words):
        Told(Scripted(status)).deploy(NAME, template(One=table("one")), {}, {})
