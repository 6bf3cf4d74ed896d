"""What watches a deployment: alarms, the dashboard, and the nightly audit that runs by itself."""

import json
import re
from typing import Any

import pytest

from functions import maintenance
from functions.errors import FareboxError, LedgerUnavailable
from functions.ledger.audit import Finding, Mismatch
from functions.ledger.tables import TABLES
from functions.telemetry.metrics import NAMESPACE, UNITS
from functions.telemetry.watch import reason_of
from infra.aws.template import functions, nightly
from tests.infra.templates import FULL, filled, merged, of_type, stage

METRICS = {
    "AWS/Lambda": {"ConcurrentExecutions", "Duration", "Errors", "Throttles"},
    "AWS/ApiGateway": {"4XXError", "5XXError", "Count", "Latency"},
    "AWS/States": {"ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"},
    "AWS/DynamoDB": {
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "SuccessfulRequestLatency",
        "SystemErrors",
        "WriteThrottleEvents",
    },
    NAMESPACE: set(UNITS),
}
"""By namespace, what AWS and functions/telemetry/metrics.py emit."""
ALARMS_METRICS_MAX = 10
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"""
WEEK_S = 7 * 86400
STATE_BYTES_MAX = 262_144
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


def alarms(**document: Any) -> dict[str, dict[str, Any]]:
    """Alarms by their names without the stage."""
    found = of_type(merged(stage(**document)), "AWS::CloudWatch::Alarm").values()
    return {filled(each)["AlarmName"].removeprefix("farebox-staging-"): filled(each) for each in found}


def watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics of an alarm."""
    if "Metrics" not in alarm:
        return [alarm]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


def dimensions(metric: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def test_every_function_is_watched() -> None:
    """An alarm for what it raises and for what Lambda refuses; for its time, unless it uses all of it by design."""
    found = alarms(**FULL)
    for function in functions.of(stage(**FULL)):
        for what, metric in (("errors", "Errors"), ("throttles", "Throttles"), ("duration", "Duration")):
            if (function.name, what) == ("maintenance", "duration"):
                assert "maintenance-duration" not in found
                continue
            alarm = found[f"{function.name}-{what}"]
            assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", metric)
            assert dimensions(alarm) == {"FunctionName": function.logical_id}
    assert found["stream-duration"]["Threshold"] == 855_000
    assert found["api-duration"]["Threshold"] == pytest.approx(27_550)
    assert found["stream-duration"]["Statistic"] == "Maximum"


def test_a_stream_that_ends_itself_raises_no_alarm() -> None:
    """The longest request that HOLD_EXPIRY_S allows is shorter than the time that the alarm watches for."""
    longest_ms = (900 - 60) * 1000
    assert longest_ms < alarms()["stream-duration"]["Threshold"] < 900_000


def test_money_is_watched() -> None:
    """One receipt that could not be settled, or one microcredit of drift, is told."""
    found = alarms()
    for name, metric, service in (("not-settled", "NotSettled", "stream"), ("drift", "Drift", "maintenance")):
        alarm = found[name]
        assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, metric)
        assert dimensions(alarm) == {"stage": "staging", "service": service}
        assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
            "Sum",
            "GreaterThanThreshold",
            0,
        )
        assert alarm["EvaluationPeriods"] == 1


def test_what_functions_answer_for_themselves_is_watched() -> None:
    """What an entry did not expect it answers with 500, which is no error to Lambda; nor is a ledger out of reach."""
    expected = {
        "gateway-failed": ("gateway_failed", {"stream", "api", "webhooks", "console", "admin"}),
        "ledger-unavailable": ("ledger_unavailable", {"stream", "api", "console"}),
    }
    for name, (reason, services) in expected.items():
        found = [dimensions(metric) for metric in watched(alarms()[name])]
        assert {each["service"] for each in found} == services
        assert {(each["stage"], each["reason"]) for each in found} == {("staging", reason)}
        assert {metric["MetricName"] for metric in watched(alarms()[name])} == {"Refused"}
    assert reason_of(FareboxError("a fault of ours")) == expected["gateway-failed"][0]
    assert reason_of(LedgerUnavailable("it is away")) == expected["ledger-unavailable"][0]


def test_an_audit_that_fails_or_does_not_run_is_told() -> None:
    """Executions that fail, end by time or by hand; and no audited account for 26 hours, where silence is bad."""
    found = alarms()
    assert {each["MetricName"] for each in watched(found["audit-failed"])} == METRICS["AWS/States"]
    missing = found["audit-missing"]
    assert (missing["MetricName"], missing["Statistic"]) == ("AuditedAccounts", "SampleCount")
    assert missing["Period"] * missing["EvaluationPeriods"] == 26 * 3600
    assert missing["TreatMissingData"] == "breaching"
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)


def test_every_alarm_can_ring() -> None:
    """Each watches what is emitted, tells the topic of its begin and end, and says what it means."""
    for name, alarm in alarms(**FULL).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlarmTopic"], name
        assert len(alarm["AlarmDescription"]) > 20
        if name != "audit-missing":
            assert alarm["TreatMissingData"] == "notBreaching", name
        assert 1 <= len(watched(alarm)) <= ALARMS_METRICS_MAX
        for metric in watched(alarm):
            assert metric["MetricName"] in METRICS[metric["Namespace"]], name
            assert all(dimensions(metric).values())
        if "Metrics" in alarm:
            ids = {each["Id"] for each in alarm["Metrics"]}
            assert len(ids) == len(alarm["Metrics"])
            assert [each["Id"] for each in alarm["Metrics"] if each["ReturnData"]] == ["result"]
            expression = next(each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
            assert set(re.findall(r"\b[a-z]\w*", expression)) == ids - {"result"}
            assert not {"Period", "Statistic", "MetricName"} & set(alarm)
        else:
            assert alarm["Period"] * alarm["EvaluationPeriods"] <= WEEK_S


def test_tables_are_watched_under_their_names() -> None:
    """Throttles and faults of the tables that a request waits for."""
    names = {f"farebox-staging-{model.__name__.lower()}" for model in TABLES}
    for name in ("tables-throttled", "tables-failing"):
        tables = {dimensions(metric)["TableName"] for metric in watched(alarms()[name])}
        assert tables <= names
        assert "farebox-staging-accounts" in tables


def test_alarms_reach_the_operator() -> None:
    """The stage's address gets a mail; only this stage's alarms may use the topic."""
    assert not of_type(merged(stage()), "AWS::SNS::Subscription")
    template = merged(stage(alarms={"mail": "operator@example.com"}))
    (mail,) = of_type(template, "AWS::SNS::Subscription").values()
    assert mail == {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": "operator@example.com"}
    (policy,) = filled(of_type(template, "AWS::SNS::TopicPolicy")).values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:farebox-staging-*"}
    }


def widgets() -> list[dict[str, Any]]:
    """The dashboard as CloudWatch gets it: what CloudFormation leaves of `${!…}` is `${…}`."""
    (dashboard,) = of_type(merged(stage()), "AWS::CloudWatch::Dashboard").values()
    text = filled(dashboard["DashboardBody"])
    assert not re.search(r"\$\{[^!]", text)
    found: list[dict[str, Any]] = json.loads(text.replace("${!", "${"))["widgets"]
    return found


def test_the_dashboard_shows_what_is_emitted() -> None:
    """Its body is JSON; every metric is one of AWS's or of ours, under the dimensions that it is emitted with."""
    shown = set()
    for widget in widgets():
        properties = widget["properties"]
        assert properties["region"] == "eu-west-1"
        for metric in properties["metrics"]:
            if isinstance(metric[0], dict):
                name = re.search(
                    r'SEARCH\(\'{Farebox,stage,service,reason} MetricName="(\w+)" stage="staging"',
                    metric[0]["expression"],
                )
                assert name
                shown.add((NAMESPACE, name[1]))
                continue
            namespace, name, *rest = metric
            assert name in METRICS[namespace]
            pairs = [part for part in rest if isinstance(part, str)]
            assert len(pairs) % 2 == 0
            keys = pairs[::2]
            assert keys == ["stage", "service"] or namespace != NAMESPACE
            shown.add((namespace, name))
    assert {name for namespace, name in shown if namespace == NAMESPACE} == set(UNITS)
    assert {("AWS/Lambda", name) for name in METRICS["AWS/Lambda"]} <= shown
    assert {("AWS/ApiGateway", name) for name in METRICS["AWS/ApiGateway"]} <= shown


def test_no_widget_hides_another() -> None:
    """Widgets fill the dashboard's 24 columns, each in a place of its own."""
    places = [(each["x"], each["y"]) for each in widgets()]
    assert len(set(places)) == len(places)
    assert all(each["x"] + each["width"] <= 24 for each in widgets())


def machine() -> dict[str, Any]:
    (made,) = of_type(merged(stage()), "AWS::StepFunctions::StateMachine").values()
    definition: dict[str, Any] = json.loads(filled(made["DefinitionString"]))
    assert made["StateMachineType"] == "STANDARD"
    return definition


def test_the_nightly_audit_goes_on_until_all_accounts_were_seen() -> None:
    """It begins with no account, hands on where the function stopped, and ends where there is no next."""
    states = machine()["States"]
    begin, audit, choice = states["From the beginning"], states["Audit"], states["Were these all?"]
    assert machine()["StartAt"] == "From the beginning"
    assert begin["Result"] == {"start": None}
    assert begin["Next"] == "Audit"
    assert audit["Resource"] == "arn:aws:states:::lambda:invoke"
    assert audit["Parameters"] == {"FunctionName": "${MaintenanceFunction.Arn}", "Payload": {"start.$": "$.start"}}
    assert audit["ResultSelector"]["start.$"] == "$.Payload.next"
    assert '"next"' in (maintenance.handler.__doc__ or "")
    assert audit["Next"] == "Were these all?"
    assert choice["Choices"] == [{"Variable": "$.start", "IsNull": True, "Next": "All seen"}]
    assert choice["Default"] == "Audit"
    assert states["All seen"] == {"Type": "Succeed"}


def test_the_nightly_audit_tries_again_and_never_overlaps_itself() -> None:
    """A call that fails is made again; an audit ends before the next begins, and waits longer than its function."""
    audit = machine()["States"]["Audit"]
    assert audit["Retry"][0]["ErrorEquals"] == ["States.ALL"]
    assert audit["Retry"][0]["MaxAttempts"] > 1
    assert audit["TimeoutSeconds"] > functions.MAINTENANCE.timeout_s
    assert machine()["TimeoutSeconds"] < 86400


def test_what_an_audit_finds_fits_into_its_answer() -> None:
    """However much is wrong, Step Functions can pass on what the maintenance function tells of it."""
    told: list[dict[str, Any]] = []
    wrong = Mismatch("receipt 019aa0000000-0000000000000000: cost is " + "9" * 40 + ", of a hold of " + "9" * 40, 1)
    for number in range(maintenance.FINDINGS_MAX + 1):
        maintenance._tell(Finding(f"default/{number:020}", (wrong,) * 1000), told)
    assert len(told) == maintenance.FINDINGS_MAX
    assert len(json.dumps({"Payload": {"findings": told}})) < STATE_BYTES_MAX / 2


def test_the_nightly_audit_begins_by_itself() -> None:
    """Every night, by a role that can start it and nothing else."""
    template = merged(stage())
    (schedule,) = filled(of_type(template, "AWS::Scheduler::Schedule")).values()
    assert schedule["ScheduleExpression"] == nightly.AT == "cron(17 3 * * ? *)"
    assert schedule["Target"]["Arn"] == "NightlyAudit"
    assert schedule["Target"]["RoleArn"] == "NightlyAuditScheduleRole.Arn"
    for role, action, resource, service in (
        ("NightlyAuditScheduleRole", "states:StartExecution", "NightlyAudit", "scheduler.amazonaws.com"),
        ("NightlyAuditRole", "lambda:InvokeFunction", "MaintenanceFunction.Arn", "states.amazonaws.com"),
    ):
        made = filled(template["Resources"][role]["Properties"])
        (statement,) = made["Policies"][0]["PolicyDocument"]["Statement"]
        assert (statement["Action"], statement["Resource"]) == ([action], resource)
        (trust,) = made["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": service}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
