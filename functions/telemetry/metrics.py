"""Metrics in CloudWatch's embedded metric format: a line of JSON on stdout, from which CloudWatch makes the metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
What each metric means: docs/telemetry.md.
"""

import json
import logging
import sys
import threading

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from functions.errors import where

NAMESPACE = "Farebox"
NO_STAGE = "none"
"""A dimension cannot be empty."""
UNITS = {
    "Admitted": MetricUnit.Count,
    "Refused": MetricUnit.Count,
    "Credits": MetricUnit.NoUnit,
    "InputTokens": MetricUnit.Count,
    "OutputTokens": MetricUnit.Count,
    "FirstByte": MetricUnit.Milliseconds,
    "UpstreamErrors": MetricUnit.Count,
    "OwnersUpstreamErrors": MetricUnit.Count,
    "NotSettled": MetricUnit.Count,
    "LateSettle": MetricUnit.Count,
    "HealedHolds": MetricUnit.Count,
    "Drift": MetricUnit.NoUnit,
    "AuditedAccounts": MetricUnit.Count,
    "NoticesTold": MetricUnit.Count,
    "NoticesFailed": MetricUnit.Count,
    "NoticesGivenUp": MetricUnit.Count,
    "LostEvents": MetricUnit.Count,
    "UnmatchedPayments": MetricUnit.Count,
    "NotReconciled": MetricUnit.Count,
}
"""Every metric. One value of each at most stands in a line, so Powertools' limit of 100 values is far."""

log = logging.getLogger("farebox.telemetry")

encode = json.JSONEncoder(separators=(",", ":")).encode


class Metrics:
    """Writes metrics of one function of one stage."""

    def __init__(self, stage: str, service: str) -> None:
        self.dimensions = {"stage": stage or NO_STAGE, "service": service}
        self._unreasoned = self._provider()
        self._lock = threading.Lock()

    def _provider(self) -> AmazonCloudWatchEMFProvider:
        return AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE, service=self.dimensions["service"], default_dimensions=self.dimensions
        )

    def write(self, values: dict[str, float], reason: str = "") -> None:
        """Write these metrics, now, in one line; with a `reason` under both dimensions with it and without.

        Never raises: no request fails because of its metrics.
        """
        if not values:
            return
        try:
            line = self._reasoned(values, reason) if reason else self._plain(values)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("metrics were not written: %s", where(error))

    def _plain(self, values: dict[str, float]) -> str:
        """By the provider that all requests share: it is filled and emptied again with nothing between."""
        with self._lock:
            try:
                return _line(self._unreasoned, values)
            finally:
                self._unreasoned.metric_set.clear()

    def _reasoned(self, values: dict[str, float], reason: str) -> str:
        provider = self._provider()
        provider.add_dimensions(reason=reason)
        return _line(provider, values)


def _line(provider: AmazonCloudWatchEMFProvider, values: dict[str, float]) -> str:
    for name, value in values.items():
        provider.add_metric(name, UNITS[name], value)
    return encode(provider.serialize_metric_set())
