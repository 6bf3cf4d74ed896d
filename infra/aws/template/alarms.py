"""Alarms: each is something that an operator has to act on, and one mail when it begins and when it ends."""

from typing import Any

from functions.errors import LedgerUnavailable, PaymentProviderFailed
from functions.telemetry.watch import GATEWAY_FAILED
from infra.aws.stage import Stage
from infra.aws.template import functions
from infra.aws.template.functions import ERRANDS, MAINTENANCE, Function
from infra.aws.template.scheduled import NIGHTS, Night

Resources = dict[str, Any]

NAMESPACE = "Farebox"
MINUTE_S, HOUR_S = 60, 3600
PERIOD_S = 5 * MINUTE_S
NEAR_TIMEOUT = 0.95
"""Of a function's time. A stream ends itself before: HOLD_EXPIRY_S less a minute, 93 % of Lambda's 15 minutes."""
FAILING_PERCENT = 5
REQUESTS_MIN = 20
"""Fewer in five minutes tell no rate."""
UPSTREAM_ERRORS = 5
AUDITED_WITHIN_H = 26
PROVIDER_ERRORS = 5
RUN_WITHIN_PERIODS = 3
"""Of five minutes; errands run each minute."""

ANSWERING = ("stream", "api", "webhooks", "console", "admin")
"""Functions that answer clients. What they did not expect they answer too: Lambda does not count it as an error."""
READING = ("stream", "api", "webhooks", "console")
"""Those that ask the ledger for clients."""
PAYING = ("api", "webhooks")
"""Those that ask payment providers while somebody waits."""

HOT_TABLES = ("accounts", "credentials", "receipts", "windows")
"""That stand in the way of a request."""
HOT_CALLS = (("accounts", "GetItem"), ("accounts", "UpdateItem"), ("receipts", "PutItem"), ("windows", "UpdateItem"))


def resources(stage: Stage) -> Resources:
    """The alarms, and the topic that tells of them."""
    made: Resources = _topic(stage)
    for function in functions.of(stage):
        made |= _of_function(stage, function)
    return made | _of_requests(stage) | _of_money(stage) | _of_nights(stage) | _of_payments(stage) | _of_tables(stage)


def metric(stage: Stage, name: str, service: str, **more: str) -> Resources:
    """One of the metrics that the functions write."""
    return _metric(NAMESPACE, name, stage=stage.name, service=service, **more)


def _metric(namespace: str, name: str, **dimensions: Any) -> Resources:
    told = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": name, "Dimensions": told}


def _topic(stage: Stage) -> Resources:
    """Not encrypted by a key: with AWS's own key for SNS, CloudWatch cannot publish."""
    alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:" + f"{stage.stack}-*"
    publish = {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "AlarmTopic"},
        "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::Sub": alarms}}},
    }
    document = {"Version": "2012-10-17", "Statement": [publish]}
    made: Resources = {
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{stage.stack}-alarms"}},
        "AlarmTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "AlarmTopic"}], "PolicyDocument": document},
        },
    }
    if stage.alarms.mail:
        properties = {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": stage.alarms.mail}
        made["AlarmMail"] = {"Type": "AWS::SNS::Subscription", "Properties": properties}
    return made


def _alarm(stage: Stage, name: str, why: str, above: float, **more: Any) -> Resources:
    """An alarm while something is above a number in a period of five minutes; `more` says of what, and otherwise."""
    words = "-".join(name.lower().split())
    logical_id = "".join(word.title() for word in name.split()) + "Alarm"
    properties = {
        "AlarmName": f"{stage.stack}-{words}",
        "AlarmDescription": why,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": above,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopic"}],
        "OKActions": [{"Ref": "AlarmTopic"}],
    }
    if "Metrics" not in more:
        properties |= {"Period": PERIOD_S, "Statistic": "Sum"}
    return {logical_id: {"Type": "AWS::CloudWatch::Alarm", "Properties": properties | more}}


def _sums(expression: str, metrics: dict[str, Resources]) -> list[Resources]:
    """An expression over sums of metrics, by the ids it uses."""
    return [
        {"Id": "result", "Expression": expression, "ReturnData": True},
        *(
            {"Id": key, "MetricStat": {"Metric": each, "Period": PERIOD_S, "Stat": "Sum"}, "ReturnData": False}
            for key, each in metrics.items()
        ),
    ]


def _total(metrics: list[Resources]) -> list[Resources]:
    named = {f"m{index}": each for index, each in enumerate(metrics)}
    return _sums(" + ".join(f"FILL({key}, 0)" for key in named), named)


def _of_function(stage: Stage, function: Function) -> Resources:
    def of(name: str) -> Resources:
        return _metric("AWS/Lambda", name, FunctionName={"Ref": function.logical_id})

    full = function.full_name(stage)
    made = _alarm(
        stage, f"{function.name} errors", f"{full} raised what it did not expect: see its log.", 0, **of("Errors")
    )
    made |= _alarm(
        stage,
        f"{function.name} throttles",
        f"Lambda refused calls of {full}: its concurrency, or the account's, is used up.",
        0,
        **of("Throttles"),
    )
    if function in (MAINTENANCE, ERRANDS):
        return made  # they use all of their time, and hand on what is left
    return made | _alarm(
        stage,
        f"{function.name} duration",
        f"{full} ran for nearly all of the {function.timeout_s} s that it has.",
        NEAR_TIMEOUT * function.timeout_s * 1000,
        Statistic="Maximum",
        **of("Duration"),
    )


def _of_requests(stage: Stage) -> Resources:
    of_api = {"ApiName": stage.stack, "Stage": stage.name}
    counted = {
        "failed": _metric("AWS/ApiGateway", "5XXError", **of_api),
        "requests": _metric("AWS/ApiGateway", "Count", **of_api),
    }
    rate = f"IF(requests >= {REQUESTS_MIN}, 100 * failed / requests, 0)"
    made = _alarm(
        stage,
        "api failing",
        f"More than {FAILING_PERCENT} % of requests were answered with a status of 500 or above, for ten minutes.",
        FAILING_PERCENT,
        Metrics=_sums(rate, counted),
        EvaluationPeriods=2,
    )
    made |= _alarm(
        stage,
        "gateway failed",
        "A function met what it did not expect, and answered 500: a line of level ERROR in its log says where.",
        0,
        Metrics=_total([metric(stage, "Refused", name, reason=GATEWAY_FAILED) for name in ANSWERING]),
    )
    made |= _alarm(
        stage,
        "ledger unavailable",
        "Requests were refused because DynamoDB could not be reached, or refused what was asked of it.",
        0,
        Metrics=_total([metric(stage, "Refused", name, reason=LedgerUnavailable.code) for name in READING]),
    )
    return made | _alarm(
        stage,
        "upstream failing",
        "The llama-server fails or cannot be reached, for ten minutes: is it up, is the VPN?",
        UPSTREAM_ERRORS,
        EvaluationPeriods=2,
        **metric(stage, "UpstreamErrors", "stream"),
    )


def _of_money(stage: Stage) -> Resources:
    made = _alarm(
        stage,
        "not settled",
        "A request ended and its receipt could not be written or settled. Its hold heals; its cost may be lost.",
        0,
        **metric(stage, "NotSettled", "stream"),
    )
    return made | _alarm(
        stage,
        "drift",
        "The audit computed a balance that is not the one stored: the log of the maintenance function names it.",
        0,
        **metric(stage, "Drift", MAINTENANCE.name),
    )


def _of_nights(stage: Stage) -> Resources:
    made: Resources = {}
    for night in NIGHTS:
        made |= _of_night(stage, night)
    return made | _alarm(
        stage,
        "audit missing",
        f"Nothing was audited for {AUDITED_WITHIN_H} hours. Stands until the first audit of a new stage.",
        1,
        Period=HOUR_S,
        EvaluationPeriods=AUDITED_WITHIN_H,
        Statistic="SampleCount",
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
        **metric(stage, "AuditedAccounts", MAINTENANCE.name),
    )


def _of_night(stage: Stage, night: Night) -> Resources:
    ends = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    machine = [_metric("AWS/States", end, StateMachineArn={"Ref": night.logical_id}) for end in ends]
    why = f"The nightly {night.name} did not come to its end."
    return _alarm(stage, f"{night.name} failed", why, 0, Metrics=_total(machine))


def _of_payments(stage: Stage) -> Resources:
    failed = [metric(stage, "Refused", name, reason=PaymentProviderFailed.code) for name in PAYING]
    made = _alarm(
        stage,
        "payments failing",
        "Payment providers fail or cannot be reached, for ten minutes: the logs of api and webhooks name them.",
        PROVIDER_ERRORS,
        Metrics=_total(failed),
        EvaluationPeriods=2,
    )
    made |= _alarm(
        stage,
        "payments astray",
        "Payments that no event told of were found at night, or a provider could not be asked: see errands' log.",
        0,
        Metrics=_total([metric(stage, name, ERRANDS.name) for name in ("LostEvents", "NotReconciled")]),
    )
    made |= _alarm(
        stage,
        "notices given up",
        "Somebody was not told of something, tried for three days: the log of errands names it.",
        0,
        **metric(stage, "NoticesGivenUp", ERRANDS.name),
    )
    return made | _alarm(
        stage,
        "notices missing",
        "Errands did not run for 15 minutes: nobody is told anything, and no account is topped up.",
        1,
        EvaluationPeriods=RUN_WITHIN_PERIODS,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
        **_metric("AWS/Lambda", "Invocations", FunctionName={"Ref": ERRANDS.logical_id}),
    )


def _of_tables(stage: Stage) -> Resources:
    def of(name: str, table: str, **more: str) -> Resources:
        return _metric("AWS/DynamoDB", name, TableName=f"{stage.table_prefix}{table}", **more)

    throttles = [of(name, table) for table in HOT_TABLES for name in ("ReadThrottleEvents", "WriteThrottleEvents")]
    faults = [of("SystemErrors", table, Operation=operation) for table, operation in HOT_CALLS]
    made = _alarm(
        stage,
        "tables throttled",
        "DynamoDB refused calls because there were too many: of one account, or faster than a table grows.",
        0,
        Metrics=_total(throttles),
    )
    return made | _alarm(
        stage, "tables failing", "DynamoDB answered with faults of its own.", 0, Metrics=_total(faults)
    )
