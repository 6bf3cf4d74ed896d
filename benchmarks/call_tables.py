"""The DynamoDB calls of one request as tables: how many and how many wait for each other, and which they are."""

from collections.abc import Callable

from benchmarks.ledger_calls import AWAITED_BEFORE_MAX, Calls, Kind, LedgerCalls
from benchmarks.report import Row, aim_of, aligned, number

HEADINGS = ("DynamoDB calls", "writes", "aim", "reads", "awaited before the upstream", "aim", "awaited after")


def call_rows(calls: Calls) -> list[Row]:
    """The calls that have an aim, as figures."""
    return [row for kind in calls for row in (_writes(kind, calls), _awaited(kind, calls))]


def counts_table(calls: Calls) -> str:
    """A line for each kind of request, with what its aim is made of; of buffered and streamed, what is more."""
    lines = []
    for kind in calls:
        writes, before = _writes(kind, calls), _awaited(kind, calls)
        made_of = f"≤ {kind.writes_max} = {kind.made_of}{'' if writes.met else ' missed'}"
        reads, after = _most(kind, calls, lambda one: one.reads), _most(kind, calls, lambda one: one.awaited_after)
        cells = (number(writes.gateway), made_of, number(reads), number(before.gateway), aim_of(before), number(after))
        lines.append((kind.name, *cells))
    return aligned([HEADINGS, *lines])


def operations_table(calls: Calls) -> str:
    """Which calls they are, by operation and table: a column for each kind of request."""
    each = [one for measured in calls.values() for one in measured.values()]

    def line(operation: str) -> tuple[str, ...]:
        return operation, *[number(_most(kind, calls, lambda one: one.by_table.get(operation, 0))) for kind in calls]

    operations = dict.fromkeys(name for one in each for name in one.by_table)
    return aligned([("call", *[kind.name for kind in calls]), *[line(operation) for operation in operations]])


def _writes(kind: Kind, calls: Calls) -> Row:
    writes = _most(kind, calls, lambda one: one.writes)
    return Row(f"writes, {kind.name}", "", writes, aim=kind.writes_max, at_aim=True)


def _awaited(kind: Kind, calls: Calls) -> Row:
    awaited = _most(kind, calls, lambda one: one.awaited_before_upstream)
    return Row(f"awaited before the upstream, {kind.name}", "", awaited, aim=AWAITED_BEFORE_MAX, at_aim=True)


def _most(kind: Kind, calls: Calls, figure: Callable[[LedgerCalls], float]) -> float:
    return max(figure(one) for one in calls[kind].values())
