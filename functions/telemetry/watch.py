"""One request, watched: what it came to, told at its end in its metrics and one line of the log.

The line tells amounts, times and ids. It never tells content, keys, addresses or anything else that a client wrote.
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec

from functions.errors import FareboxError, ProviderFailed, ProviderLoading, where
from functions.ledger.receipts import Receipt
from functions.money import MICROCREDITS_PER_CREDIT
from functions.observer import Observer
from functions.telemetry import logs
from functions.telemetry.metrics import Metrics

log = logging.getLogger("farebox.request")

UPSTREAM_OUTCOMES = {"provider_failed": "provider_failed", "timed_out": "provider_timed_out"}
"""Answers that broke off after they had begun: the receipt's outcome, and the error's code that means the same."""
GATEWAY_FAILED = "gateway_failed"
BROKE_OFF = "broke_off"
"""Nobody said what became of the request, and it got no answer."""

Told = ParamSpec("Told")


def never_raises(method: Callable[Told, None]) -> Callable[Told, None]:
    """A method whose faults are told to the log and end there: no request suffers from being watched."""

    @functools.wraps(method)
    def guarded(*told: Told.args, **more: Told.kwargs) -> None:
        try:
            method(*told, **more)
        except Exception as error:  # noqa: BLE001  the last resort, told to the log by `where`
            with contextlib.suppress(Exception):  # it may have been the log that failed
                log.error("a request was not told: %s", where(error))

    return guarded


class Watch(Observer):
    """Of one request."""

    __slots__ = (
        *("came_s", "facts", "is_told", "metrics", "outcome", "refused", "stream", "upstream", "upstream_error"),
        "values",
    )

    def __init__(self, metrics: Metrics, endpoint: str, method: str, *, cold_start: bool) -> None:
        self.metrics, self.came_s = metrics, time.perf_counter()
        self.values: dict[str, float] = {}
        self.facts: dict[str, object] = {"endpoint": endpoint, "method": method}
        if cold_start:
            self.facts["cold_start"] = 1
        self.outcome = self.refused = self.upstream_error = ""
        self.stream = self.is_told = False
        self.upstream = "UpstreamErrors"

    @never_raises
    def admitted(self, receipt_id: str, *, stream: bool) -> None:
        self.values["Admitted"] = 1
        self.stream, self.facts["stream"] = stream, int(stream)  # numbers, which every query language can compare
        logs.add(receipt_id=receipt_id)

    @never_raises
    def asked(self, project_id: str, *, owners: bool) -> None:
        self.facts["project"] = project_id
        self.upstream = "OwnersUpstreamErrors" if owners else "UpstreamErrors"

    @never_raises
    def settled(self, receipt: Receipt) -> None:
        self._came_to(receipt)
        self.values |= charged(receipt)

    @never_raises
    def settled_late(self, receipt: Receipt) -> None:
        self._came_to(receipt)
        self.values["LateSettle"] = 1

    @never_raises
    def not_settled(self, receipt: Receipt) -> None:
        self._came_to(receipt)
        self.values["NotSettled"] = 1

    def _came_to(self, receipt: Receipt) -> None:
        self.outcome = receipt.outcome
        self.upstream_error = UPSTREAM_OUTCOMES.get(receipt.outcome, "")
        if receipt.outcome == GATEWAY_FAILED:
            self.refused = GATEWAY_FAILED
        self.facts |= {"input_tokens": receipt.input, "output_tokens": receipt.output}
        self.facts |= {"cached_tokens": receipt.cached, "credits": receipt.cost / MICROCREDITS_PER_CREDIT}

    @never_raises
    def failed(self, error: FareboxError) -> None:
        self.outcome = reason_of(error)
        if isinstance(error, ProviderFailed | ProviderLoading):
            self.upstream_error = self.outcome
        else:
            self.refused = self.outcome

    @never_raises
    def left(self) -> None:
        self.outcome = self.outcome or "client_left"  # what it came to before stays

    @never_raises
    def done(self, status: int, first_byte_s: float | None = None) -> None:
        if self.is_told:
            return
        self.is_told = True
        if first_byte_s is not None:
            first_byte_ms = _ms(first_byte_s - self.came_s)
            self.facts["first_byte_ms"] = first_byte_ms
            if self.stream and status == 200:
                self.values["FirstByte"] = first_byte_ms
        self.metrics.write(self.values)
        if self.refused:
            self.metrics.write({"Refused": 1}, self.refused)
        if self.upstream_error:
            self.metrics.write({self.upstream: 1}, self.upstream_error)
        if log.isEnabledFor(logging.INFO):
            self.facts |= {"status": status, "outcome": self.outcome or ("completed" if status else BROKE_OFF)}
            self.facts["duration_ms"] = _ms(time.perf_counter() - self.came_s)
            log.info("request", extra=self.facts)


def charged(receipt: Receipt) -> dict[str, float]:
    """The metrics of a receipt that was just applied to its account."""
    return {
        "Credits": receipt.cost / MICROCREDITS_PER_CREDIT,
        "InputTokens": receipt.input,
        "OutputTokens": receipt.output,
    }


def reason_of(error: FareboxError) -> str:
    """What an error is in metrics."""
    return error.reason


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 1)
