"""DynamoDB calls of one warm request, and how many of them wait for each other.

Requests are counted in short runs of their own, one at a time, with listeners between the gateway and both
DynamoDB and the upstream. They cost CPU and time, so nothing else is measured then. Not counted is the write of
statistics, which goes out beside some request every few seconds: functions/tally.py.
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass

from benchmarks.load import Client
from benchmarks.pass_through import Call, PassThrough
from benchmarks.processes import BenchError
from benchmarks.stand import Stand

READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"})
WARM_UP_REQUESTS = 5
REQUESTS = 6
DELAY_S = 0.02
"""How long each DynamoDB call is held back: long beside the gateway's own work between two calls."""

SETTLE_S = 0.3
"""After an answer, for calls that come behind it."""

PROJECT_LIMITS = dict.fromkeys(("minute", "hour", "day", "week", "month"), 10**9)
TOTAL_RULES = {"limits": {"project": PROJECT_LIMITS}}
AWAITED_BEFORE_MAX = 1


@dataclass(frozen=True)
class Kind:
    """A kind of request: with a limit of the whole project counted, with an Idempotency-Key claimed."""

    name: str
    total: bool = False
    claim: bool = False

    @property
    def writes_max(self) -> int:
        """The aim: admission, receipt and settle, and a write for each thing that is counted or claimed beside."""
        return 3 + 1 + self.total + self.claim

    @property
    def made_of(self) -> str:
        """The same as a sum; the window of the client's address is always on."""
        return "3 + 1 per-IP window" + " + 1 total" * self.total + " + 1 claim" * self.claim


KINDS = (
    Kind("plain"),
    Kind("project total", total=True),
    Kind("Idempotency-Key", claim=True),
    Kind("both", total=True, claim=True),
)


@dataclass(frozen=True)
class LedgerCalls:
    """Averages of one request. `awaited_…`: the longest row of calls of which each began after the one before ended."""

    writes: float
    reads: float
    awaited_before_upstream: float
    awaited_after: float
    by_table: dict[str, float]
    """Such as `{"UpdateItem accounts": 2.0}`."""


Calls = dict[Kind, dict[bool, LedgerCalls]]
"""Of each kind of request, buffered (False) and streamed (True)."""


@dataclass(frozen=True)
class _Request:
    calls: list[Call]
    upstream_s: float
    """When the request reached the upstream."""


async def ledger_calls(stand: Stand, key: str, upstream: str, dynamodb: str, prefix: str) -> tuple[Calls, int]:
    """The calls of each kind of request, and the tokens that the answers of all these runs reported.

    `prefix` is the tables' prefix, left out of the names.
    """
    found: Calls = {}
    tokens = 0
    async with PassThrough(dynamodb, DELAY_S) as to_dynamodb, PassThrough(upstream) as to_upstream:
        for kind in KINDS:
            rules = TOTAL_RULES if kind.total else None
            gateway = await stand.start_gateway(to_upstream.url, to_dynamodb.url, rules)
            client = Client(stand.session, "gateway", gateway.url, key)
            found[kind] = {}
            for stream in (False, True):
                for _ in range(WARM_UP_REQUESTS):
                    await _ask(client, kind, stream)
                await asyncio.sleep(SETTLE_S)
                requests = [await _observe(client, kind, stream, to_dynamodb, to_upstream) for _ in range(REQUESTS)]
                found[kind][stream] = _summary(requests, prefix)
            stand.processes.end(gateway.running)
            tokens += client.tokens_reported
    return found, tokens


async def _ask(client: Client, kind: Kind, stream: bool) -> None:
    await client.ask(stream=stream, idempotency_key=secrets.token_hex(16) if kind.claim else "")


async def _observe(
    client: Client, kind: Kind, stream: bool, to_dynamodb: PassThrough, to_upstream: PassThrough
) -> _Request:
    to_dynamodb.calls.clear()
    to_upstream.calls.clear()
    await _ask(client, kind, stream)
    await asyncio.sleep(SETTLE_S)
    posts = [call for call in to_upstream.calls if call.operation.startswith("POST")]
    if len(posts) != 1:
        raise BenchError(f"one request reached the upstream {len(posts)} times")
    return _Request([call for call in to_dynamodb.calls if not call.is_statistics], posts[0].started_s)


def _summary(requests: list[_Request], prefix: str) -> LedgerCalls:
    count: Counter[str] = Counter()
    before = after = writes = 0
    for request in requests:
        for call in request.calls:
            count[f"{call.operation} {', '.join(table.removeprefix(prefix) for table in call.tables)}"] += 1
            writes += call.operation not in READS
        before += awaited([call for call in request.calls if call.ended_s <= request.upstream_s])
        after += awaited([call for call in request.calls if call.started_s > request.upstream_s])
    total, number = sum(count.values()), len(requests)
    return LedgerCalls(
        writes / number,
        (total - writes) / number,
        before / number,
        after / number,
        {name: times / number for name, times in count.most_common()},
    )


def awaited(calls: list[Call]) -> int:
    """The longest row of calls that do not overlap: how many round trips are waited for one after the other."""
    row, end_s = 0, 0.0
    for call in sorted(calls, key=lambda call: call.ended_s):
        if call.started_s >= end_s:
            row, end_s = row + 1, call.ended_s
    return row
