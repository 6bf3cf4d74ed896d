"""What runs by itself: each night the audit and the reconciliation of payments, each minute what people are told.

What a night does is a state machine, which calls a function again and again until all was done.
"""

import json
from dataclasses import dataclass
from typing import Any

from infra.aws.stage import Stage
from infra.aws.template import access
from infra.aws.template.functions import ERRANDS, MAINTENANCE, Function

Resources = dict[str, Any]

ENDS_AFTER_S = 23 * 3600
"""Before the next begins."""
ANSWERS_LATE_S = 60
MINUTE = "rate(1 minute)"
MINUTE_S = 60
"""The youngest that Lambda can be told to forget an event at: a minute that was missed is not made up for."""


@dataclass(frozen=True)
class Night:
    """Something for every night. Its function answers with `next`: where to go on, or null at the end."""

    name: str
    state: str
    at: str
    """Not at a full hour, when everybody's jobs begin. UTC."""
    function: Function
    asked: dict[str, str]
    """What the function is sent beside `start`."""
    told: tuple[str, ...]
    """What of its answer is shown beside `start`."""

    @property
    def logical_id(self) -> str:
        return f"Nightly{self.name.title()}"

    def states(self) -> Resources:
        """The state machine's definition."""
        return {
            "Comment": f"{self.state}: as much at a time as fits into one call of its function.",
            "StartAt": "From the beginning",
            "TimeoutSeconds": ENDS_AFTER_S,
            "States": {
                "From the beginning": {"Type": "Pass", "Result": {"start": None}, "Next": self.state},
                self.state: {
                    "Type": "Task",
                    "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
                    "Parameters": {
                        "FunctionName": f"${{{self.function.logical_id}.Arn}}",
                        "Payload": {**self.asked, "start.$": "$.start"},
                    },
                    "ResultSelector": {
                        "start.$": "$.Payload.next",
                        **{f"{name}.$": f"$.Payload.{name}" for name in self.told},
                    },
                    "TimeoutSeconds": self.function.timeout_s + ANSWERS_LATE_S,
                    "Retry": [
                        {
                            "ErrorEquals": ["States.ALL"],
                            "IntervalSeconds": 60,
                            "BackoffRate": 2,
                            "MaxAttempts": 5,
                            "MaxDelaySeconds": 900,
                            "JitterStrategy": "FULL",
                        }
                    ],
                    "Next": "Was that all?",
                },
                "Was that all?": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.start", "IsNull": True, "Next": "All done"}],
                    "Default": self.state,
                },
                "All done": {"Type": "Succeed"},
            },
        }


AUDIT = Night("audit", "Audit", "cron(17 3 * * ? *)", MAINTENANCE, {}, ("accounts", "drift"))
RECONCILIATION = Night(
    "reconciliation",
    "Reconcile",
    "cron(17 4 * * ? *)",
    ERRANDS,
    {"task": "reconcile"},
    ("looked_at", "repaired", "unmatched", "failed"),
)
NIGHTS = (AUDIT, RECONCILIATION)

OUTPUTS: Resources = {f"{night.logical_id}Arn": {"Value": {"Ref": night.logical_id}} for night in NIGHTS}


def resources(stage: Stage) -> Resources:
    """State machines and schedules, and a role for each."""
    made = _each_minute(stage)
    for night in NIGHTS:
        made |= _nightly(stage, night)
    return made


def _nightly(stage: Stage, night: Night) -> Resources:
    call = access.allow(night.state, ["lambda:InvokeFunction"], _arn(night.function))
    start = access.allow("Start", ["states:StartExecution"], {"Ref": night.logical_id})
    return {
        night.logical_id: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": f"{stage.stack}-{night.name}",
                "StateMachineType": "STANDARD",
                "RoleArn": _arn_of(f"{night.logical_id}Role"),
                "DefinitionString": {"Fn::Sub": json.dumps(night.states())},
            },
        },
        f"{night.logical_id}Role": access.role("states.amazonaws.com", [call], _own()),
        **_schedule(
            f"{night.logical_id}Schedule",
            {"Name": f"{stage.stack}-{night.name}", "ScheduleExpression": night.at},
            {
                "Arn": {"Ref": night.logical_id},
                "RetryPolicy": {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3600},
            },
            start,
        ),
    }


def _each_minute(stage: Stage) -> Resources:
    """The next minute is the next attempt: nothing is tried again before, nor kept while functions are closed."""
    call = access.allow("Notices", ["lambda:InvokeFunction"], _arn(ERRANDS))
    never = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": MINUTE_S}
    return {
        "NoticesForgotten": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {"FunctionName": {"Ref": ERRANDS.logical_id}, "Qualifier": "$LATEST", **never},
        },
        **_schedule(
            "NoticesSchedule",
            {"Name": f"{stage.stack}-notices", "ScheduleExpression": MINUTE},
            {"Arn": _arn(ERRANDS), "Input": json.dumps({"task": "notices"}), "RetryPolicy": never},
            call,
        ),
    }


def _schedule(logical_id: str, named: Resources, target: Resources, statement: Resources) -> Resources:
    return {
        logical_id: {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                **named,
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {**target, "RoleArn": _arn_of(f"{logical_id}Role")},
            },
        },
        f"{logical_id}Role": access.role("scheduler.amazonaws.com", [statement], _own()),
    }


def _own() -> Resources:
    """Whoever takes a role does so for this account."""
    return {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def _arn(function: Function) -> Resources:
    return _arn_of(function.logical_id)


def _arn_of(logical_id: str) -> Resources:
    return {"Fn::GetAtt": [logical_id, "Arn"]}
