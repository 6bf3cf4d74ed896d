"""The nightly audit: a state machine that calls the maintenance function until every account was seen."""

import json
from typing import Any

from infra.aws.stage import Stage
from infra.aws.template import access
from infra.aws.template.functions import MAINTENANCE, STREAM_TIMEOUT_S

Resources = dict[str, Any]

AT = "cron(17 3 * * ? *)"
"""Every night at 03:17 UTC: not at a full hour, when everybody's jobs begin."""
ENDS_AFTER_S = 23 * 3600
"""Before the next begins."""
ANSWERS_LATE_S = 60

OUTPUTS: Resources = {"NightlyAuditArn": {"Value": {"Ref": "NightlyAudit"}}}

STATES: Resources = {
    "Comment": "Audits every account, as many at a time as fit into one call of the maintenance function.",
    "StartAt": "From the beginning",
    "TimeoutSeconds": ENDS_AFTER_S,
    "States": {
        "From the beginning": {"Type": "Pass", "Result": {"start": None}, "Next": "Audit"},
        "Audit": {
            "Type": "Task",
            "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${MaintenanceFunction.Arn}", "Payload": {"start.$": "$.start"}},
            "ResultSelector": {
                "start.$": "$.Payload.next",
                "accounts.$": "$.Payload.accounts",
                "drift.$": "$.Payload.drift",
            },
            "TimeoutSeconds": STREAM_TIMEOUT_S + ANSWERS_LATE_S,
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
            "Next": "Were these all?",
        },
        "Were these all?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.start", "IsNull": True, "Next": "All seen"}],
            "Default": "Audit",
        },
        "All seen": {"Type": "Succeed"},
    },
}


def resources(stage: Stage) -> Resources:
    """The state machine, its schedule, and a role for each."""
    call = access.allow("Audit", ["lambda:InvokeFunction"], {"Fn::GetAtt": [MAINTENANCE.logical_id, "Arn"]})
    start = access.allow("Start", ["states:StartExecution"], {"Ref": "NightlyAudit"})
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return {
        "NightlyAudit": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": f"{stage.stack}-audit",
                "StateMachineType": "STANDARD",
                "RoleArn": {"Fn::GetAtt": ["NightlyAuditRole", "Arn"]},
                "DefinitionString": {"Fn::Sub": json.dumps(STATES)},
            },
        },
        "NightlyAuditRole": access.role("states.amazonaws.com", [call], own),
        "NightlyAuditSchedule": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Name": f"{stage.stack}-audit",
                "ScheduleExpression": AT,
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Ref": "NightlyAudit"},
                    "RoleArn": {"Fn::GetAtt": ["NightlyAuditScheduleRole", "Arn"]},
                    "RetryPolicy": {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 3600},
                },
            },
        },
        "NightlyAuditScheduleRole": access.role("scheduler.amazonaws.com", [start], own),
    }
