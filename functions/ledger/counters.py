"""Counters beside accounts: per address, per mailbox; each one item with all its windows."""

from functions.errors import LedgerUnavailable
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import DAY_S, Count, Limit, count, is_counter, stale

TRIES_MAX = 4
KEPT_S = 2 * DAY_S
"""How long an item outlives its last count before DynamoDB's TTL may drop it; longer than any period counted here."""


async def count_one(ledger: Ledger, scope: str, limits: tuple[Limit, ...], seen: dict[str, int]) -> dict[str, int]:
    """Count one request in every window of `scope`, or in none; returns the counters, the next call's `seen`.

    `seen` may be old. These counters are never given back, so a window that was full still is: an old
    count may say no as well as yes, and a flood from one address costs no writes. Where an answer is lost
    a request may be counted twice: a limit is then refused early, never exceeded.
    Raises RateLimited, LedgerUnavailable.
    """
    counters = seen
    for attempt in range(TRIES_MAX):
        now_s = ledger.clock.now()
        counts = count(limits, counters, now_s)
        try:
            answer = await ledger.write("UpdateItem", _write(ledger, scope, counts, counters, now_s))
        except Refused as refused:
            counters = _learn(seen, refused.item or {})
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return _learn(seen, answer["Attributes"])
    raise LedgerUnavailable("The limits cannot be checked; nothing was forwarded.")


def _write(ledger: Ledger, scope: str, counts: list[Count], counters: dict[str, int], now_s: float) -> Item:
    write = Expression()
    write.count(counts, stale(counters, now_s))
    write.sets.append(f"{write.name('#ttl', 'ttl')} = {write.number(':ttl', int(now_s) + KEPT_S)}")
    return write.request(ledger.table("windows"), {"scope": {"S": scope}})


def _learn(seen: dict[str, int], item: Item) -> dict[str, int]:
    """Make `seen` what the item says."""
    seen.clear()
    seen.update({name: int(value["N"]) for name, value in item.items() if is_counter(name)})
    return seen
