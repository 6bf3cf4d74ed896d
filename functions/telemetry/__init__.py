"""What an operator sees of Farebox: metrics and logs, on Lambda. On one machine there are neither.

An entry makes one Telemetry per process, and from it a Watch for every request: docs/telemetry.md.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from functions.errors import where
from functions.ledger.receipts import Receipt
from functions.observer import NOBODY, Observer
from functions.settings import Settings
from functions.telemetry import logs
from functions.telemetry.metrics import Metrics
from functions.telemetry.watch import Watch, charged

TRACE_ID = re.compile(r"(?:^|;)Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
"""A client may send this header itself: nothing that is no trace id gets into the log.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader"""
FUNCTION_REQUEST_ID = re.compile(r"[0-9a-f-]{36}")

ERRANDS: Mapping[str, Mapping[str, str]] = {
    "notices": {"told": "NoticesTold", "failed": "NoticesFailed", "given_up": "NoticesGivenUp"},
    "reconcile": {"repaired": "LostEvents", "unmatched": "UnmatchedPayments", "failed": "NotReconciled"},
}
"""By task, what its answer says of which metric. What is wrong with owners' payments is theirs to mend."""
DEFAULT = "default"

log = logging.getLogger("farebox.telemetry")


class Telemetry:
    """Of one process: everything it tells bears this stage and this service."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.service, self.cold_start = service, True
        self.metrics = Metrics(settings.stage, service) if settings.on_lambda else None
        if self.metrics:
            logs.configure(settings, service)

    def watch(
        self,
        request_id: str,
        endpoint: str,
        *,
        method: str = "POST",
        trace: str = "",
        context: str = "",
        function_request_id: str = "",
    ) -> Observer:
        """Watch a request from here on; its lines of the log bear its ids.

        `endpoint` and `method` must be of ours, not what a client wrote. `trace` and `context` are the headers that
        tell the streaming function of its invocation: x-amzn-trace-id, and x-amzn-lambda-context of the adapter.
        """
        if self.metrics is None:
            return NOBODY
        try:
            told = invocation(trace, context)
            told["function_request_id"] = function_request_id or told["function_request_id"]
            logs.begin(service=self.service, request_id=request_id, **told)
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("a request has no ids in the log: %s", where(error))
        watch = Watch(self.metrics, endpoint, method, cold_start=self.cold_start)
        self.cold_start = False
        return watch

    def invoked(self, function_request_id: str) -> None:
        """The function begins something that is no request; its lines of the log bear this id."""
        if self.metrics:
            logs.begin(service=self.service, function_request_id=function_request_id)

    def healed(self, receipt: Receipt) -> None:
        """A hold that its request had left open was resolved by this receipt: a crash, or a settle that failed."""
        if self.metrics:
            log.warning("healed: receipt %s is %s", receipt.receipt_id, receipt.outcome)
            self.metrics.write({"HealedHolds": 1} | charged(receipt))

    def audited(self, accounts: int, drift: int) -> None:
        """So many accounts were audited, and together are off by so many microcredits."""
        if self.metrics:
            self.metrics.write({"AuditedAccounts": accounts, "Drift": drift})

    def errand(self, task: str, told: Mapping[str, Any]) -> None:
        """What an errand came to: numbers, or lists of which what is of the built-in project counts."""
        if self.metrics and told:
            found = {name: told.get(key, 0) for key, name in ERRANDS[task].items()}
            self.metrics.write({name: float(_count(each)) for name, each in found.items()})


def _count(found: Any) -> int:
    if isinstance(found, int):
        return found
    return sum(one["project"] == DEFAULT for one in found)


def invocation(trace: str, context: str) -> dict[str, str]:
    """The ids of an invocation from the headers that tell of it; the context's trace id is Lambda's own word."""
    told: Any = json.loads(context) if context else {}
    told = told if isinstance(told, dict) else {}
    function_request_id = FUNCTION_REQUEST_ID.fullmatch(str(told.get("request_id") or ""))
    trace_id = TRACE_ID.search(str(told.get("xray_trace_id") or "")) or TRACE_ID.search(trace)
    return {
        "function_request_id": function_request_id[0] if function_request_id else "",
        "trace_id": trace_id[1] if trace_id else "",
    }
