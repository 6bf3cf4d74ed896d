"""The CloudWatch dashboard of a stage: what came in, what it cost, how quick it was, what is full."""

import json
from typing import Any

from infra.aws.stage import Stage
from infra.aws.template import functions, tables
from infra.aws.template.alarms import HOT_CALLS, NAMESPACE
from infra.aws.template.functions import ERRANDS, MAINTENANCE

Resources = dict[str, Any]
Widget = dict[str, Any]

COLUMNS, WIDTH, HEIGHT = 24, 8, 6
PERIOD_S = 300
STREAM = "stream"


def resources(stage: Stage) -> Resources:
    """The dashboard; its region and the names of what CloudFormation makes are filled in there."""
    body = json.dumps({"start": "-PT12H", "widgets": _placed(_widgets(stage))})
    properties = {"DashboardName": stage.stack, "DashboardBody": {"Fn::Sub": body}}
    return {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}


def _widgets(stage: Stage) -> list[Widget]:
    return [*_requests(stage), *_gateway(stage), *_functions(stage), *_tables(stage)]


def _placed(widgets: list[Widget]) -> list[Widget]:
    """Row by row, three in each."""
    in_row = COLUMNS // WIDTH
    return [
        widget | {"x": index % in_row * WIDTH, "y": index // in_row * HEIGHT, "width": WIDTH, "height": HEIGHT}
        for index, widget in enumerate(widgets)
    ]


def _widget(title: str, *metrics: list[Any], stat: str = "Sum", **more: Any) -> Widget:
    told = {"title": title, "region": "${AWS::Region}", "view": "timeSeries", "period": PERIOD_S}
    return {"type": "metric", "properties": told | {"stat": stat, "metrics": list(metrics)} | more}


def _own(stage: Stage, name: str, service: str, **more: Any) -> list[Any]:
    """One of the metrics that the functions write."""
    return [NAMESPACE, name, "stage", stage.name, "service", service, {"label": name} | more]


def _by_reason(stage: Stage, name: str) -> list[Any]:
    """A line for each reason that there is."""
    searched = f'{{{NAMESPACE},stage,service,reason}} MetricName="{name}" stage="{stage.name}"'
    return [
        {
            "expression": f"SEARCH('{searched}', 'Sum', {PERIOD_S})",
            "id": name.lower(),
            "label": "${!PROP('Dim.reason')}",
        }
    ]


def _requests(stage: Stage) -> list[Widget]:
    ended = [_own(stage, name, STREAM) for name in ("NotSettled", "LateSettle")]
    return [
        _widget("Requests admitted, and refused", _own(stage, "Admitted", STREAM), _own(stage, "Refused", STREAM)),
        _widget("Refused, by reason", _by_reason(stage, "Refused")),
        _widget("Model server's errors, by reason", _by_reason(stage, "UpstreamErrors")),
        _widget("Errors of owners' providers, by reason", _by_reason(stage, "OwnersUpstreamErrors")),
        _widget("Credits charged", _own(stage, "Credits", STREAM)),
        _widget("Tokens", *(_own(stage, name, STREAM) for name in ("InputTokens", "OutputTokens"))),
        _widget(
            "First byte of a stream, ms",
            *(_own(stage, "FirstByte", STREAM, stat=stat, label=stat) for stat in ("p50", "p95", "p99")),
        ),
        _widget("Holds that did not end as they should", *ended, _own(stage, "HealedHolds", MAINTENANCE.name)),
        _widget("Drift found by the audit, microcredits", _own(stage, "Drift", MAINTENANCE.name)),
        _widget("Accounts audited", _own(stage, "AuditedAccounts", MAINTENANCE.name)),
        _widget("Notices", *(_own(stage, f"Notices{name}", ERRANDS.name) for name in ("Told", "Failed", "GivenUp"))),
        _widget(
            "Payments, each night",
            *(_own(stage, name, ERRANDS.name) for name in ("LostEvents", "UnmatchedPayments", "NotReconciled")),
        ),
    ]


def _gateway(stage: Stage) -> list[Widget]:
    def of(name: str, **more: Any) -> list[Any]:
        return ["AWS/ApiGateway", name, "ApiName", stage.stack, "Stage", stage.name, {"label": name} | more]

    return [
        _widget("API: requests", of("Count")),
        _widget("API: refused and failed", of("4XXError"), of("5XXError")),
        _widget("API: duration of whole answers, ms", *(of("Latency", stat=s, label=s) for s in ("p50", "p95", "p99"))),
    ]


def _functions(stage: Stage) -> list[Widget]:
    def of(name: str) -> list[list[Any]]:
        return [
            ["AWS/Lambda", name, "FunctionName", each.full_name(stage), {"label": each.name}]
            for each in functions.of(stage)
        ]

    return [
        _widget("Functions: running at once", *of("ConcurrentExecutions"), stat="Maximum"),
        _widget("Functions: duration, ms (p95)", *of("Duration"), stat="p95"),
        _widget("Functions: errors and throttles", *of("Errors"), *of("Throttles")),
        _widget("Functions: calls", *of("Invocations")),
    ]


def _tables(stage: Stage) -> list[Widget]:
    def of(name: str, table: str, **more: str) -> list[Any]:
        dimensions = [part for pair in more.items() for part in pair]
        label = " ".join((table, *more.values()))
        return ["AWS/DynamoDB", name, "TableName", f"{stage.table_prefix}{table}", *dimensions, {"label": label}]

    throttles = [of(name, table) for table in tables.names() for name in ("ReadThrottleEvents", "WriteThrottleEvents")]
    return [
        _widget(
            "Tables: latency, ms (p95)",
            *(of("SuccessfulRequestLatency", table, Operation=operation) for table, operation in HOT_CALLS),
            stat="p95",
        ),
        _widget("Tables: throttled", *throttles),
        _widget("Tables: writes used", *(of("ConsumedWriteCapacityUnits", table) for table in tables.names())),
    ]
