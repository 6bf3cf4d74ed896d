"""What watches a deployment: alarms, the dashboard, and what runs by itself, each night and each minute."""

import json
import re
from typing import Any

import pytest

from functions import errands, maintenance
from functions.errors import FareboxError, LedgerUnavailable, PaymentProviderFailed
from functions.ledger.audit import Finding, Mismatch
from functions.ledger.tables import TABLES
from functions.payments import reconciled
from functions.telemetry import ERRANDS
from functions.telemetry.metrics import NAMESPACE, UNITS
from functions.telemetry.watch import reason_of
from infra.aws.template import functions
from infra.aws.template.scheduled import AUDIT, NIGHTS, RECONCILIATION, Night
from tests.infra.templates import FULL, Template, filled, merged, of_type, stage

METRICS = {
    "AWS/Lambda": {"ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"},
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
            if function.name in ("maintenance", "errands") and what == "duration":
                assert f"{function.name}-duration" not in found
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
    """What an entry did not expect it answers with 500, which is no error to Lambda; nor is what it cannot reach."""
    expected = {
        "gateway-failed": ("gateway_failed", {"stream", "api", "webhooks", "console", "admin"}),
        "ledger-unavailable": ("ledger_unavailable", {"stream", "api", "webhooks", "console"}),
        "payments-failing": ("payment_provider_failed", {"api", "webhooks"}),
    }
    for name, (reason, services) in expected.items():
        found = [dimensions(metric) for metric in watched(alarms()[name])]
        assert {each["service"] for each in found} == services
        assert {(each["stage"], each["reason"]) for each in found} == {("staging", reason)}
        assert {metric["MetricName"] for metric in watched(alarms()[name])} == {"Refused"}
    assert reason_of(FareboxError("a fault of ours")) == expected["gateway-failed"][0]
    assert reason_of(LedgerUnavailable("it is away")) == expected["ledger-unavailable"][0]
    assert reason_of(PaymentProviderFailed("it is away")) == expected["payments-failing"][0]


def test_an_audit_that_fails_or_does_not_run_is_told() -> None:
    """Executions that fail, end by time or by hand; and no audited account for 26 hours, where silence is bad."""
    found = alarms()
    for night in NIGHTS:
        failed = watched(found[f"{night.name}-failed"])
        assert {each["MetricName"] for each in failed} == METRICS["AWS/States"]
        assert [dimensions(each) for each in failed] == [{"StateMachineArn": night.logical_id}] * 3
    missing = found["audit-missing"]
    assert (missing["MetricName"], missing["Statistic"]) == ("AuditedAccounts", "SampleCount")
    assert missing["Period"] * missing["EvaluationPeriods"] == 26 * 3600
    assert missing["TreatMissingData"] == "breaching"
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)


def test_what_errands_come_to_is_watched() -> None:
    """A payment that no event told of, a provider that could not be asked, and what nobody could be told."""
    found, expected = alarms(), {"payments-astray": {"LostEvents", "NotReconciled"}}
    for name, metrics in (expected | {"notices-given-up": {"NoticesGivenUp"}}).items():
        assert {each["MetricName"] for each in watched(found[name])} == metrics
        assert {dimensions(each)["service"] for each in watched(found[name])} == {"errands"}
        assert found[name]["Threshold"] == 0
    assert metrics_of_errands() <= set(UNITS)
    told = reconciled.nightly.__doc__ or ""
    assert all(f'"{name}"' in told for name in ERRANDS["reconcile"])
    told = errands.notices.__doc__ or ""
    assert all(f'"{name}"' in told for name in ERRANDS["notices"])
    assert set(ERRANDS) == set(errands.TASKS)


def metrics_of_errands() -> set[str]:
    return {metric for by_key in ERRANDS.values() for metric in by_key.values()}


def test_errands_that_do_not_run_are_told() -> None:
    """Fifteen minutes without a run, where silence is bad: nothing else would say that nobody hears of anything."""
    missing = alarms()["notices-missing"]
    assert (missing["Namespace"], missing["MetricName"], missing["Statistic"]) == ("AWS/Lambda", "Invocations", "Sum")
    assert dimensions(missing) == {"FunctionName": "ErrandsFunction"}
    assert missing["Period"] * missing["EvaluationPeriods"] == 15 * 60
    assert missing["TreatMissingData"] == "breaching"
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)


def test_every_alarm_can_ring() -> None:
    """Each watches what is emitted, tells the topic of its begin and end, and says what it means."""
    for name, alarm in alarms(**FULL).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlarmTopic"], name
        assert len(alarm["AlarmDescription"]) > 20
        if name not in ("audit-missing", "notices-missing"):
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


def machine(night: Night) -> dict[str, Any]:
    made = of_type(merged(stage()), "AWS::StepFunctions::StateMachine")[night.logical_id]
    definition: dict[str, Any] = json.loads(filled(made["DefinitionString"]))
    assert made["StateMachineType"] == "STANDARD"
    return definition


@pytest.mark.parametrize(
    ("night", "entry", "function", "payload"),
    [
        (AUDIT, maintenance.handler, "MaintenanceFunction", {}),
        (RECONCILIATION, reconciled.nightly, "ErrandsFunction", {"task": "reconcile"}),
    ],
    ids=[night.name for night in NIGHTS],
)
def test_a_night_goes_on_until_all_is_done(night: Night, entry: Any, function: str, payload: dict[str, str]) -> None:
    """It begins without a start, hands on where the function stopped, and ends where there is no next."""
    states = machine(night)["States"]
    begin, work, choice = states["From the beginning"], states[night.state], states["Was that all?"]
    assert machine(night)["StartAt"] == "From the beginning"
    assert begin["Result"] == {"start": None}
    assert begin["Next"] == night.state
    assert work["Resource"] == "arn:aws:states:::lambda:invoke"
    expected = {"FunctionName": f"${{{function}.Arn}}", "Payload": payload | {"start.$": "$.start"}}
    assert work["Parameters"] == expected
    assert work["ResultSelector"]["start.$"] == "$.Payload.next"
    for name in ("next", *night.told):
        assert f'"{name}"' in (entry.__doc__ or ""), "what the state machine looks for is in the answer"
    assert work["Next"] == "Was that all?"
    assert choice["Choices"] == [{"Variable": "$.start", "IsNull": True, "Next": "All done"}]
    assert choice["Default"] == night.state
    assert states["All done"] == {"Type": "Succeed"}


@pytest.mark.parametrize("night", NIGHTS, ids=[night.name for night in NIGHTS])
def test_a_night_tries_again_and_never_overlaps_itself(night: Night) -> None:
    """A call that fails is made again; a night ends before the next begins, and waits longer than its function."""
    work = machine(night)["States"][night.state]
    assert work["Retry"][0]["ErrorEquals"] == ["States.ALL"]
    assert work["Retry"][0]["MaxAttempts"] > 1
    assert work["TimeoutSeconds"] > night.function.timeout_s
    assert machine(night)["TimeoutSeconds"] < 86400


def test_what_an_audit_finds_fits_into_its_answer() -> None:
    """However much is wrong, Step Functions can pass on what the maintenance function tells of it."""
    told: list[dict[str, Any]] = []
    wrong = Mismatch("receipt 019aa0000000-0000000000000000: cost is " + "9" * 40 + ", of a hold of " + "9" * 40, 1)
    for number in range(maintenance.FINDINGS_MAX + 1):
        maintenance._tell(Finding(f"default/{number:020}", (wrong,) * 1000), told)
    assert len(told) == maintenance.FINDINGS_MAX
    assert len(json.dumps({"Payload": {"findings": told}})) < STATE_BYTES_MAX / 2


def test_all_that_runs_by_itself_has_a_schedule() -> None:
    """Each night and each minute, by roles that can start just that, for this account."""
    template = merged(stage())
    schedules = filled(of_type(template, "AWS::Scheduler::Schedule"))
    expected = {
        "NightlyAuditSchedule": ("cron(17 3 * * ? *)", "states:StartExecution", "NightlyAudit"),
        "NightlyReconciliationSchedule": ("cron(17 4 * * ? *)", "states:StartExecution", "NightlyReconciliation"),
        "NoticesSchedule": ("rate(1 minute)", "lambda:InvokeFunction", "ErrandsFunction.Arn"),
    }
    assert set(schedules) == set(expected)
    for name, (at, action, target) in expected.items():
        assert (schedules[name]["ScheduleExpression"], schedules[name]["Target"]["Arn"]) == (at, target)
        assert schedules[name]["Target"]["RoleArn"] == f"{name}Role.Arn"
        _allows_just(template, f"{name}Role", action, target, "scheduler.amazonaws.com")
    for night, function in ((AUDIT, "MaintenanceFunction.Arn"), (RECONCILIATION, "ErrandsFunction.Arn")):
        _allows_just(template, f"{night.logical_id}Role", "lambda:InvokeFunction", function, "states.amazonaws.com")


def _allows_just(template: Template, role: str, action: str, resource: str, service: str) -> None:
    made = filled(template["Resources"][role]["Properties"])
    (statement,) = made["Policies"][0]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ([action], resource)
    (trust,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": service}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_a_minute_that_was_missed_is_not_made_up_for() -> None:
    """While functions are closed nothing piles up: neither the schedule nor Lambda keeps an event past its minute."""
    template = merged(stage())
    never = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    target = of_type(template, "AWS::Scheduler::Schedule")["NoticesSchedule"]["Target"]
    assert json.loads(target["Input"]) == {"task": "notices"}
    assert target["RetryPolicy"] == never
    (kept,) = of_type(template, "AWS::Lambda::EventInvokeConfig").values()
    assert kept == {"FunctionName": {"Ref": "ErrandsFunction"}, "Qualifier": "$LATEST"} | never
