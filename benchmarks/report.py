"""The figures as a table for people and as JSON for programs."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cpu import Sample
from benchmarks.ledger_calls import LedgerCalls
from benchmarks.start_up import StartUp

AIMS_SET_AT_MS = {False: 0.15, True: 1.2}
"""What the bare relay took, buffered and streamed, on the machine that the aims were set on."""

HEADINGS = ("", "gateway", "bare relay", "gateway / relay", "aim")


@dataclass(frozen=True)
class Row:
    """One figure. `aim` is what the gateway is to stay under, or at with `at_aim`; nothing fails if it does not."""

    name: str
    unit: str
    gateway: float
    relay: float | None = None
    aim: float | None = None
    at_aim: bool = False

    @property
    def ratio(self) -> float | None:
        return self.gateway / self.relay if self.relay else None

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.gateway < self.aim or (self.at_aim and self.gateway == self.aim)


@dataclass(frozen=True)
class Measured:
    """One server's samples of all rounds, and its first byte's delay above the upstream's own."""

    buffered: list[Sample]
    streamed: list[Sample]
    first_byte_added_ms: float

    def cpu_ms(self, stream: bool) -> float:
        return median([sample.cpu_ms for sample in self._samples(stream)])

    def requests_per_s(self, stream: bool) -> float:
        return median([sample.requests_per_s for sample in self._samples(stream)])

    def rss_mb(self) -> float:
        return max(sample.rss_mb for sample in self.buffered + self.streamed)

    def _samples(self, stream: bool) -> list[Sample]:
        return self.streamed if stream else self.buffered


def rows(gateway: Measured, relay: Measured, starts: dict[str, StartUp], calls: dict[bool, LedgerCalls]) -> list[Row]:
    """Every figure, with the aims of the design. DynamoDB calls are those of the kind of request that makes more."""
    found = [
        Row("CPU, buffered", "ms", gateway.cpu_ms(False), relay.cpu_ms(False), aim=1.05),
        Row("CPU, streamed", "ms", gateway.cpu_ms(True), relay.cpu_ms(True), aim=3.0),
        Row("first byte added, 1 client", "ms", gateway.first_byte_added_ms, relay.first_byte_added_ms),
        Row("buffered, 16 clients", "/s", gateway.requests_per_s(False), relay.requests_per_s(False)),
        Row("streamed, 16 clients", "/s", gateway.requests_per_s(True), relay.requests_per_s(True)),
        Row("memory under load", "MiB", gateway.rss_mb(), relay.rss_mb()),
        Row("start to ready", "ms", starts["gateway"].ready_ms),
        Row("start to first answer", "ms", starts["gateway"].first_answer_ms),
        Row("memory then", "MiB", starts["gateway"].rss_mb),
    ]
    alone = starts["function"]
    found += [
        Row("function: start to ready", "ms", alone.ready_ms),
        Row("function: start to first answer", "ms", alone.first_answer_ms, aim=500),
        Row("function: memory then", "MiB", alone.rss_mb, aim=90),
        Row("function: memory after load", "MiB", alone.loaded_rss_mb, aim=90),
    ]
    most = calls.values()
    return [
        *found,
        Row("DynamoDB writes", "", max(c.writes for c in most), aim=4, at_aim=True),
        Row("DynamoDB reads", "", max(c.reads for c in most)),
        Row("awaited before the upstream", "", max(c.awaited_before_upstream for c in most), aim=1, at_aim=True),
        Row("awaited after it", "", max(c.awaited_after for c in most)),
    ]


def table(found: list[Row]) -> str:
    """The figures as a Markdown table with aligned columns."""
    lines = [HEADINGS, *[_cells(row) for row in found]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    written = [
        [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)] for line in lines
    ]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in [written[0], rule, *written[1:]])


def scale_line(relay: Measured) -> str:
    """How this machine compares with the one that the CPU aims were set on."""
    parts = [
        f"{relay.cpu_ms(stream) / set_at_ms:.1f} times its {set_at_ms} ms {'streamed' if stream else 'buffered'}"
        for stream, set_at_ms in AIMS_SET_AT_MS.items()
    ]
    return f"The CPU aims were set on another machine; here the bare relay takes {' and '.join(parts)}."


def calls_table(calls: dict[bool, LedgerCalls]) -> str:
    """DynamoDB calls of one request by operation and table."""
    names = list(dict.fromkeys(name for found in calls.values() for name in found.by_table))
    counts = [(name, calls[False].by_table.get(name, 0), calls[True].by_table.get(name, 0)) for name in names]
    lines = [f"| {name} | {buffered:g} | {streamed:g} |" for name, buffered, streamed in counts]
    return "\n".join(["| call | buffered | streamed |", "|---|--:|--:|", *lines])


def _cells(row: Row) -> tuple[str, ...]:
    aim = f"{'≤' if row.at_aim else '<'} {row.aim:g}{'' if row.met else ' missed'}" if row.aim is not None else ""
    name = f"{row.name}, {row.unit}" if row.unit else row.name
    return name, number(row.gateway), number(row.relay), number(row.ratio), aim


def number(value: float | None) -> str:
    """Three digits where they say something; nothing for None."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def write_json(path: Path, found: list[Row], servers: dict[str, Measured], calls: dict[bool, LedgerCalls]) -> None:
    """The same figures, every sample they are medians of, and what they were measured on."""
    document: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "figures": [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in found],
        "samples": {name: asdict(measured) for name, measured in servers.items()},
        "dynamodb": {"streamed" if stream else "buffered": asdict(found) for stream, found in calls.items()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
