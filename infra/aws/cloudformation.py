"""Bringing one CloudFormation stack to what its template says, or away, and telling on the way what happens.

Everything goes through change sets: what will change is shown before anything does.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import leftovers

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
TEMPLATE_BYTES_MAX = 51_200
"""A longer template is handed over by its address in S3."""
POLL_S = 2.0
WITHIN_S = 3600
"""A distribution or a VPN connection takes minutes; nothing here takes an hour."""
TOLD_EVERY_S = 120
"""That it is still going on."""
NEVER_MADE = ("REVIEW_IN_PROGRESS",)
NOT_USABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
"""After a first deployment that failed: such a stack cannot be updated, only deleted."""
KEEPS = "-data"
"""How the names of stacks end that hold what cannot be made anew."""
TABLE = "AWS::DynamoDB::Table"
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
WRONG = ("VALIDATION_ERROR", "PROVISIONING_ERROR", "HOOK_INVOCATION_ERROR")
"""Events that say why a change set was refused before anything was changed."""
CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled", "The following resource(s) failed")
SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "+", "Dynamic": "~"}

Tell = Callable[[str], None]


class StackError(Exception):
    """A stack cannot be brought to its template. The message says in plain words why."""


@dataclass
class Stacks:
    """The stacks of one account and region. `client` is boto3's; `tell` gets lines for the operator."""

    client: Any
    tell: Tell
    poll_s: float = POLL_S

    def status(self, name: str) -> str:
        """The stack's status; "" where there is none."""
        stack = self._describe(name)
        return str(stack["StackStatus"]) if stack else ""

    def outputs(self, name: str) -> dict[str, str]:
        """The stack's outputs; none where there is no such stack."""
        stack = self._describe(name) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def resources(self, name: str) -> dict[str, str]:
        """Physical ids by logical ids of what the stack has now."""
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in self._resources(name)}

    def kinds(self, name: str) -> dict[str, list[str]]:
        """Physical ids by type, such as AWS::DynamoDB::Table."""
        kinds: dict[str, list[str]] = {}
        for each in self._resources(name):
            kinds.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
        return kinds

    def _resources(self, name: str) -> Iterator[dict[str, str]]:
        for page in self.client.get_paginator("list_stack_resources").paginate(StackName=name):
            for each in page["StackResourceSummaries"]:
                if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE":
                    yield each

    def deploy(
        self, name: str, template: Mapping[str, str], parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> bool:
        """Create or update the stack; False where nothing had to change. Raises StackError.

        `template` is {"TemplateBody": …} or {"TemplateURL": …}.
        """
        status = self._ready(name)
        change_set = f"farebox-{time.time_ns()}"
        created = self.client.create_change_set(
            StackName=name,
            ChangeSetName=change_set,
            ChangeSetType="CREATE" if status in ("", *NEVER_MADE) else "UPDATE",
            Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            **template,
        )
        stack_id = created["StackId"]
        if not self._has_changes(name, change_set, created["Id"]):
            self.tell(f"{name}: no changes")
            return False
        seen: set[str] = set()
        self._new_events(stack_id, seen)
        # What a first deployment made goes away with its failure, tables that are kept otherwise too.
        self.client.execute_change_set(StackName=name, ChangeSetName=change_set, RetainExceptOnCreate=True)
        self._follow(name, stack_id, seen)
        return True

    def delete(self, name: str) -> bool:
        """Delete the stack; False where there is none. Raises StackError."""
        stack = self._describe(name)
        if not stack:
            return False
        seen: set[str] = set()
        self._new_events(stack["StackId"], seen)
        self.client.delete_stack(StackName=name)
        self._follow(name, stack["StackId"], seen)
        return True

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            stack: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
                return None
            raise
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def _ready(self, name: str) -> str:
        """The status of a stack that can be deployed to. Raises StackError where that cannot be now."""
        status = self.status(name)
        if status in NOT_USABLE:
            self._refuse_kept(name, status)
            self.tell(f"{name}: left over from a first deployment that failed ({status}); it is deleted first")
            self.delete(name)
            return ""
        if status == "UPDATE_ROLLBACK_FAILED":
            raise StackError(
                f"{name} could not be rolled back. Mend what its events name, then: "
                f"aws cloudformation continue-update-rollback --stack-name {name}"
            )
        if status.endswith("_IN_PROGRESS") and status not in NEVER_MADE:
            raise StackError(f"{name} is {status}: another deployment is running; wait for its end")
        return status

    def _refuse_kept(self, name: str, status: str) -> None:
        """Raise StackError where deleting what is left of a stack would lose sight of tables.

        They are protected, and kept by the stack: without it they would be in the way of every later deployment.
        """
        if not name.endswith(KEEPS):
            return
        kinds = self.kinds(name)
        if status != "ROLLBACK_COMPLETE" or kinds.get(TABLE):
            raise StackError(leftovers.refusal(name, status, kinds, self.client.meta.region_name))

    def _has_changes(self, name: str, change_set: str, arn: str) -> bool:
        """Wait for the change set; tell what it changes. One that failed is deleted. Raises StackError."""
        for _ in self._ticks(f"the change set of {name}"):
            pages = list(self._change_set(name, change_set))
            status, reason = pages[0]["Status"], pages[0].get("StatusReason", "")
            if status == "FAILED":
                wrong = [] if any(words in reason for words in NO_CHANGES) else [f"{name}: {reason}", *self._wrong(arn)]
                self.client.delete_change_set(StackName=name, ChangeSetName=change_set)
                if wrong:
                    raise StackError("\n  ".join(wrong))
                return False
            if status == "CREATE_COMPLETE":
                changes = [change["ResourceChange"] for page in pages for change in page["Changes"]]
                self._show(name, changes)
                break
        return True

    def _wrong(self, change_set: str) -> list[str]:
        """What was found wrong in a change set; nothing where that is not told, or not to us."""
        found: list[str] = []
        more: dict[str, str] = {}
        try:
            while True:
                page = self.client.describe_events(ChangeSetName=change_set, **more)
                found += [_finding(event) for event in page.get("OperationEvents", []) if _is_wrong(event)]
                if not page.get("NextToken"):
                    return found
                more = {"NextToken": page["NextToken"]}
        except (ClientError, AttributeError):  # no right to ask, or an older boto3
            return found

    def _change_set(self, name: str, change_set: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self.client.describe_change_set(StackName=name, ChangeSetName=change_set, **more)
            yield page
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def _show(self, name: str, changes: list[dict[str, Any]]) -> None:
        many = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
        self.tell(f"{name}: {many if changes else 'no resource changes, only what describes the stack'}")
        for change in changes:
            replaced = {"True": ", replaced", "Conditional": ", perhaps replaced"}.get(
                change.get("Replacement", ""), ""
            )
            sign = SIGNS.get(change["Action"], "?")
            self.tell(f"  {sign} {change['LogicalResourceId']} ({change['ResourceType']}){replaced}")

    def _new_events(self, stack: str, seen: set[str]) -> list[dict[str, Any]]:
        """What happened since the last look, oldest first; from now on it is seen."""
        new: list[dict[str, Any]] = []
        for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack):
            for event in page["StackEvents"]:  # newest first
                if event["EventId"] in seen:
                    return new[::-1]
                seen.add(event["EventId"])
                new.append(event)
        return new[::-1]

    def _follow(self, name: str, stack: str, seen: set[str]) -> None:
        """Tell each resource that is ready, until the stack is. Raises StackError with the first failure's reason.

        The stack's own events say when it ends: its status may still be that of the last deployment.
        """
        first = ""
        for _ in self._ticks(name):
            for event in self._new_events(stack, seen):
                status = event["ResourceStatus"]
                first = first or _failure(event)
                if status.endswith("_IN_PROGRESS"):
                    continue
                if event["PhysicalResourceId"] != event["StackId"]:
                    self.tell(f"  {status.lower().replace('_', ' ')}: {event['LogicalResourceId']}")
                elif "ROLLBACK" in status or status.endswith("_FAILED"):
                    raise StackError(f"{name}: {first or status}")
                else:
                    return

    def _ticks(self, what: str) -> Iterator[None]:
        began = told = time.monotonic()
        while time.monotonic() < began + WITHIN_S:
            yield
            time.sleep(self.poll_s)
            if time.monotonic() > told + TOLD_EVERY_S:
                told = time.monotonic()
                self.tell(f"  {what}: {(told - began) / 60:.0f} minutes, still going on")
        raise StackError(f"{what} took longer than {WITHIN_S // 60} minutes; it may still be going on")


def _failure(event: Mapping[str, Any]) -> str:
    """What failed and why, "" for an event that tells no cause."""
    reason = event.get("ResourceStatusReason", "")
    if not event["ResourceStatus"].endswith("_FAILED") or reason.startswith(CONSEQUENCES):
        return ""
    return f"{event['LogicalResourceId']} ({event['ResourceType']}) failed: {reason or 'no reason was given'}"


def _is_wrong(event: Mapping[str, Any]) -> bool:
    """Whether an event tells why a change set was refused; a warning does not."""
    return event.get("EventType") in WRONG and event.get("ValidationFailureMode", "FAIL") == "FAIL"


def _finding(event: Mapping[str, Any]) -> str:
    reasons = ("ValidationStatusReason", "HookStatusReason", "ResourceStatusReason")
    reason = next((event[key] for key in reasons if event.get(key)), "no reason was given")
    who = f"{event.get('LogicalResourceId', 'the template')} ({event.get('ResourceType', 'no type')})"
    return f"{who}: {reason}" + (f" [{event['ValidationPath']}]" if event.get("ValidationPath") else "")
