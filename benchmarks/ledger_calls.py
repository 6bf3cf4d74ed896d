"""DynamoDB calls of one warm request, and how many of them wait for each other.

Requests are counted in a short run of their own, one at a time, with listeners between the gateway and both
DynamoDB and the upstream. They cost CPU and time, so nothing else is measured then.
"""

import asyncio
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


@dataclass(frozen=True)
class LedgerCalls:
    """Averages of one request. `awaited_…`: the longest row of calls of which each began after the one before ended."""

    writes: float
    reads: float
    awaited_before_upstream: float
    awaited_after: float
    by_table: dict[str, float]
    """Such as `{"UpdateItem accounts": 2.0}`."""


@dataclass(frozen=True)
class _Request:
    calls: list[Call]
    upstream_s: float
    """When the request reached the upstream."""


async def ledger_calls(
    stand: Stand, key: str, upstream: str, dynamodb: str, prefix: str
) -> tuple[dict[bool, LedgerCalls], int]:
    """The calls of a buffered (False) and a streamed (True) request, and the tokens that the run's answers reported.

    `prefix` is the tables' prefix, left out of the names.
    """
    async with PassThrough(dynamodb, DELAY_S) as to_dynamodb, PassThrough(upstream) as to_upstream:
        gateway = await stand.start_gateway(to_upstream.url, to_dynamodb.url)
        client = Client(stand.session, "gateway", gateway.url, key)
        found = {}
        for stream in (False, True):
            for _ in range(WARM_UP_REQUESTS):
                await client.ask(stream=stream)
            await asyncio.sleep(SETTLE_S)
            requests = [await _observe(client, stream, to_dynamodb, to_upstream) for _ in range(REQUESTS)]
            found[stream] = _summary(requests, prefix)
        stand.processes.end(gateway.running)
        return found, client.tokens_reported


async def _observe(client: Client, stream: bool, to_dynamodb: PassThrough, to_upstream: PassThrough) -> _Request:
    to_dynamodb.calls.clear()
    to_upstream.calls.clear()
    await client.ask(stream=stream)
    await asyncio.sleep(SETTLE_S)
    posts = [call for call in to_upstream.calls if call.operation.startswith("POST")]
    if len(posts) != 1:
        raise BenchError(f"one request reached the upstream {len(posts)} times")
    return _Request(to_dynamodb.calls.copy(), posts[0].started_s)


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
