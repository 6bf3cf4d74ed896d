"""What Farebox costs on AWS, from one formula: `python -m infra.aws.costs` prints docs/costs.md's tables.

Prices are those of us-east-1, on demand and in their first tier, in US dollars, as of November 2026; free tiers are
left out. `python -m infra.aws.costs --write` puts tables and chart into the documentation.
"""

import argparse
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = DOCS / "costs.md"
CHART = DOCS / "images/costs.svg"

MILLION = 1_000_000
HOURS_A_MONTH = 730
KIB_A_GIB = 1024**2

LAMBDA_GB_S = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
LAMBDA_MILLION_REQUESTS = 0.20
DYNAMODB_MILLION_WRITES = 0.625
WRITE_UNIT_BYTES = 1024
API_MILLION_REQUESTS = 3.50
API_REQUEST_KIB = 10 * 1024
"""A streamed answer counts as a request for each started 10 MB."""
EGRESS_GB = 0.09
LOGS_GB = 0.50
TRACES_MILLION = 5.00
TRACED_SHARE = 0.05
"""X-Ray's default rule, beyond the first request of each second."""
SCHEDULES_MILLION = 1.00
READ_UNIT_MILLION = 0.125
STORAGE_GB_MONTH = 0.25
RECOVERY_GB_MONTH = 0.20

MEMORIES_MB = (128, 256, 512)
DURATIONS_S = (2, 10, 30)


@dataclass(frozen=True)
class Chat:
    """What one streamed chat takes; the defaults are the tables' example."""

    seconds: float = 10
    memory_mb: int = 256
    architecture: str = "arm64"
    writes: int = 4
    """Address, admission, receipt, settle; one more for each limit of all users together, and an Idempotency-Key."""
    item_bytes: int = 756
    """The account item with all limits and five open requests: docs/benchmarks.md."""
    answer_kib_s: float = 6.4
    """30 events a second of 220 bytes."""
    log_kib: float = 2
    receipt_bytes: int = 500
    """With what DynamoDB adds for its index."""

    @property
    def answer_kib(self) -> float:
        """What a client is sent."""
        return self.seconds * self.answer_kib_s


def per_million(chat: Chat) -> dict[str, float]:
    """Dollars for a million such chats, by what they are paid for."""
    units = chat.writes * math.ceil(chat.item_bytes / WRITE_UNIT_BYTES)
    return {
        "Lambda, compute": MILLION * chat.seconds * chat.memory_mb / 1024 * LAMBDA_GB_S[chat.architecture],
        "Lambda, requests": LAMBDA_MILLION_REQUESTS,
        "DynamoDB, writes": units * DYNAMODB_MILLION_WRITES,
        "API Gateway": math.ceil(chat.answer_kib / API_REQUEST_KIB) * API_MILLION_REQUESTS,
        "egress": MILLION * chat.answer_kib / KIB_A_GIB * EGRESS_GB,
        "logs and metrics, as log lines": MILLION * chat.log_kib / KIB_A_GIB * LOGS_GB,
        "traces": TRACED_SHARE * TRACES_MILLION,
    }


def total(chat: Chat) -> float:
    """Dollars for a million such chats."""
    return sum(per_million(chat).values())


def kept_a_month(chat: Chat) -> float:
    """Dollars a month for keeping the receipts of a million chats, with recovery to any second."""
    return MILLION * chat.receipt_bytes / 1024**3 * (STORAGE_GB_MONTH + RECOVERY_GB_MONTH)


RUNS_A_MONTH = HOURS_A_MONTH * 60
"""Of errands."""
RUN = Chat(seconds=0.1, memory_mb=256, writes=0, log_kib=0.6)
"""One that finds nothing to do: a read of what is due, and Lambda's own three lines."""


def runs_a_month() -> float:
    """Dollars a month for looking each minute whether there is something to tell."""
    run = per_million(RUN)
    parts = [run["Lambda, compute"], run["Lambda, requests"], run["logs and metrics, as log lines"]]
    return RUNS_A_MONTH / MILLION * (sum(parts) + SCHEDULES_MILLION + READ_UNIT_MILLION)


ALARM_METRICS = 61
METRIC_SERIES = 55
FIXED: tuple[tuple[str, str, float], ...] = (
    ("five secrets", "$0.40 each", 5 * 0.40),
    ("alarms", f"$0.10 for each metric they watch, {ALARM_METRICS}", ALARM_METRICS * 0.10),
    ("metrics of Farebox", f"$0.30 for each series, about {METRIC_SERIES}", METRIC_SERIES * 0.30),
    ("errands, each minute", f"{RUNS_A_MONTH:,} runs that find nothing to do", runs_a_month()),
    ("CloudWatch dashboard", "the account's first three are free", 0.0),
    ("CloudFront and the site's bucket", "within the always-free tier", 0.0),
    ("traces, the first of each second", "$5.00 per million, at most", HOURS_A_MONTH * 3600 / MILLION * TRACES_MILLION),
)
"""Each stage, each month, whatever it serves."""

NETWORK: tuple[tuple[str, str, float], ...] = (
    ('`vpn = "none"`', "nothing", 0.0),
    ('`vpn = "site-to-site"`', "$0.05 an hour", 0.05 * HOURS_A_MONTH),
    (
        '`vpn = "wireguard"`',
        "t4g.nano $0.0042 and a public address $0.005 an hour, 8 GB of disk $0.64",
        (0.0042 + 0.005) * HOURS_A_MONTH + 0.64,
    ),
    (
        '`outbound = "none"`',
        "endpoint of Secrets Manager in two zones, $0.01 an hour each; one more where SES sends by SMTP",
        2 * 0.01 * HOURS_A_MONTH,
    ),
    ('`outbound = "ipv6"`', "nothing", 0.0),
    (
        '`outbound = "nat"`',
        "$0.045 and a public address $0.005 an hour; $0.045 a GB",
        (0.045 + 0.005) * HOURS_A_MONTH,
    ),
)
"""Each stage's network, each month. DynamoDB's endpoint is free."""


def table_by_memory() -> str:
    """A million chats of ten seconds, by what they are paid for and the memory of the streaming function."""
    chats = [Chat(memory_mb=memory) for memory in MEMORIES_MB]
    rows = [[part, *(dollars(per_million(chat)[part]) for chat in chats)] for part in per_million(chats[0])]
    rows.append(["**together**", *(f"**{dollars(total(chat))}**" for chat in chats)])
    return table(["a million chats of 10 s", *(f"{memory} MB" for memory in MEMORIES_MB)], rows)


def table_by_duration() -> str:
    """A million chats, by how long each takes."""
    rows = [
        [f"{seconds} s", *(dollars(total(Chat(seconds=seconds, memory_mb=memory))) for memory in MEMORIES_MB)]
        for seconds in DURATIONS_S
    ]
    return table(["a million chats of", *(f"{memory} MB" for memory in MEMORIES_MB)], rows)


def table_of(head: str, lines: tuple[tuple[str, str, float], ...], *, summed: bool) -> str:
    """What is paid each month."""
    rows = [[name, why, dollars(cost)] for name, why, cost in lines]
    if summed:
        rows.append(["**together**", "", f"**{dollars(sum(cost for _, _, cost in lines))}**"])
    return table([head, "price", "a month"], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; figures stand at the right."""
    marks = ["---"] + ["---:" if any("$" in row[column] for row in rows) else "---" for column in range(1, len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, marks, *rows])


def dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def tables() -> dict[str, str]:
    """Every generated part of docs/costs.md, by the name that marks its place there."""
    return {
        "by-memory": table_by_memory(),
        "by-duration": table_by_duration(),
        "kept": f"{dollars(kept_a_month(Chat()))} a month for each million receipts.",
        "fixed": table_of("each stage", FIXED, summed=True),
        "network": table_of("`[network]`", NETWORK, summed=False),
    }


def put_into(page: str) -> str:
    """The page with every part between `<!-- name -->` and `<!-- end -->` made anew. Raises ValueError."""
    for name, made in tables().items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, found = pattern.subn(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", page)  # type: ignore[misc]
        if found != 1:
            raise ValueError(f"docs/costs.md has no place marked {name}")
    return page


def main(arguments: list[str] | None = None) -> int:
    """Print the tables, or write them into the documentation."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.costs", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/costs.md, with its chart")
    parser.add_argument("--seconds", type=float, help="instead of the tables: a million chats of this length")
    parser.add_argument("--memory", type=int, default=Chat.memory_mb, help="of the streaming function, in MB")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        from infra.aws.costs_chart import chart  # noqa: PLC0415  it is drawn from what is said here

        PAGE.write_text(put_into(PAGE.read_text()))
        CHART.write_text(chart())
    elif chosen.seconds is not None:
        chat = Chat(seconds=chosen.seconds, memory_mb=chosen.memory)
        for part, cost in [*per_million(chat).items(), ("together", total(chat))]:
            print(f"{part:32} {dollars(cost):>10}")
    else:
        print("\n\n".join(tables().values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
