"""The limits of a whole project, counted beside the admission.

One item holds all windows of a project: of everybody, and of each auth method apart. Past about 1,000 requests a
second, which is what DynamoDB writes to one item, a project can be counted in `shards`: items that share its limits
out between them. A request looks for room in all of them, so the limits are still never exceeded; as every shard
rounds its part of the last minute up by itself, the limit a minute may refuse up to `shards` requests early.
"""

from dataclasses import dataclass, replace

from functions.errors import RateLimited
from functions.ledger.counters import count_returnable
from functions.ledger.store import Ledger
from functions.ledger.windows import Count, Limit


@dataclass(frozen=True, slots=True)
class Counted:
    """Where one request was counted, to give it back."""

    scope: str
    counts: list[Count]


class Totals:
    """Counts the requests of a project; remembers what it last saw, which may only say yes."""

    def __init__(self, project: str, limits: tuple[Limit, ...], shards: int = 1) -> None:
        self.limits = {limit.name: limit.limit for limit in limits}
        shards = max(1, min(shards, *self.limits.values()))  # one without room could not say when there will be
        self.shards: list[tuple[str, tuple[Limit, ...], dict[str, int]]] = [
            (f"project/{project}#{shard}" if shard else f"project/{project}", share(limits, shard, shards), {})
            for shard in range(shards)
        ]

    async def count(self, ledger: Ledger) -> Counted:
        """Count one request. Raises RateLimited, LedgerUnavailable."""
        first = int.from_bytes(ledger.random(2)) % len(self.shards) if len(self.shards) > 1 else 0
        full: list[RateLimited] = []
        for scope, limits, seen in self.shards[first:] + self.shards[:first]:
            try:
                return Counted(scope, await count_returnable(ledger, scope, limits, seen))
            except RateLimited as limited:
                full.append(limited)
        soonest = min(full, key=lambda limited: limited.wait_s)
        raise RateLimited(soonest.name, self.limits[soonest.name], soonest.retry_after_s)


def share(limits: tuple[Limit, ...], shard: int, shards: int) -> tuple[Limit, ...]:
    """What one shard may let in; the shards' parts add up to the limits."""
    return tuple(replace(limit, limit=limit.limit // shards + (shard < limit.limit % shards)) for limit in limits)
