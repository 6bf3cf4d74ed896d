"""The figures as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cpu import Sample
from benchmarks.ledger_calls import Calls
from benchmarks.start_up import StartUp

AIMS_SET_AT_MS = {False: 0.15, True: 1.2}
"""What the bare relay took, buffered and streamed, on the machine that the aims were set on."""

ITEM_BYTES_AIM = 1024
"""Up to here a write costs one write unit."""

GATEWAY, AT_ONCE, RELAY = "gateway", "gateway, DynamoDB at once", "relay"
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


Servers = dict[str, Measured]
"""GATEWAY, AT_ONCE and RELAY."""


def rows(servers: Servers, starts: dict[str, StartUp], item_bytes: int) -> list[Row]:
    """Every figure but the DynamoDB calls, with the aims of the design."""
    whole, alone = starts["gateway"], starts["function"]
    return [
        *_both(servers, "CPU, buffered", "ms", lambda server: server.cpu_ms(False), 1.05),
        *_both(servers, "CPU, streamed", "ms", lambda server: server.cpu_ms(True), 3.0),
        *_both(servers, "first byte added, 1 client", "ms", lambda server: server.first_byte_added_ms),
        *_both(servers, "buffered, 16 clients", "/s", lambda server: server.requests_per_s(False)),
        *_both(servers, "streamed, 16 clients", "/s", lambda server: server.requests_per_s(True)),
        Row("memory under load", "MiB", servers[GATEWAY].rss_mb(), servers[RELAY].rss_mb()),
        Row("start to ready", "ms", whole.ready_ms),
        Row("start to first answer", "ms", whole.first_answer_ms),
        Row("memory then", "MiB", whole.rss_mb),
        Row("streaming function: memory after load", "MiB", alone.loaded_rss_mb, aim=90),
        Row("account item, all limits, 5 open requests", "bytes", item_bytes, aim=ITEM_BYTES_AIM),
    ]


def _both(
    servers: Servers, name: str, unit: str, figure: Callable[[Measured], float], aim: float | None = None
) -> list[Row]:
    """A figure of the gateway over MiniStack, and of the gateway whose DynamoDB answers at once."""
    relay = figure(servers[RELAY])
    return [
        Row(name, unit, figure(servers[GATEWAY]), relay, aim),
        Row(f"{name}, DynamoDB at once", unit, figure(servers[AT_ONCE]), relay, aim),
    ]


def table(found: list[Row]) -> str:
    """The figures as a Markdown table with aligned columns."""
    return aligned([HEADINGS, *[_cells(row) for row in found]])


def aligned(lines: list[tuple[str, ...]]) -> str:
    """A Markdown table of a line of headings and lines of cells; all but the first column on the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
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


def _cells(row: Row) -> tuple[str, ...]:
    name = f"{row.name}, {row.unit}" if row.unit else row.name
    return name, number(row.gateway), number(row.relay), number(row.ratio), aim_of(row)


def aim_of(row: Row) -> str:
    """A row's aim, and whether it was missed; nothing where it has none."""
    if row.aim is None:
        return ""
    return f"{'≤' if row.at_aim else '<'} {row.aim:g}{'' if row.met else ' missed'}"


def number(value: float | None) -> str:
    """Three digits where they say something; nothing for None."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def write_json(path: Path, found: list[Row], servers: Servers, calls: Calls, cold: Mapping[str, Any]) -> None:
    """The same figures, every sample they are medians of, and what they were measured on."""
    document: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "figures": [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in found],
        "samples": {name: asdict(measured) for name, measured in servers.items()},
        "cold_starts": {name: asdict(start) for name, start in cold.items()},
        "dynamodb": {
            kind.name: {"streamed" if stream else "buffered": asdict(one) for stream, one in measured.items()}
            for kind, measured in calls.items()
        },
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
