"""Counters beside accounts: per address, per mailbox, of a whole project; each one item with all its windows."""

from functions.errors import LedgerUnavailable, RateLimited
from functions.ledger.expression import Expression
from functions.ledger.store import Ambiguous, Item, Ledger, Refused
from functions.ledger.windows import DAY_S, FOREVER_S, Count, Limit, count, current, is_counter, stale

TRIES_MAX = 4
KEPT_S = 2 * DAY_S
"""How long an item outlives the last of its windows before DynamoDB's TTL may drop it."""


async def count_one(ledger: Ledger, scope: str, limits: tuple[Limit, ...], seen: dict[str, int]) -> list[Count]:
    """Count one request in every window of `scope`, or in none; returns how. `seen` becomes what the item says.

    `seen` may be old, and may say no as well as yes: a window that was full still is, where nothing is ever
    given back. So a flood costs no writes. Where an answer is lost a request may be counted twice: a limit is
    then refused early, never exceeded. Raises RateLimited, LedgerUnavailable.
    """
    for attempt in range(TRIES_MAX):
        now_s = ledger.clock.now()
        counts = count(limits, seen, now_s)
        try:
            answer = await ledger.write("UpdateItem", _write(ledger, scope, counts, seen, now_s))
        except Refused as refused:
            _learn(seen, refused.item or {})
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            _learn(seen, answer["Attributes"])
            return counts
    raise LedgerUnavailable("The limits cannot be checked; nothing was forwarded.")


async def count_returnable(ledger: Ledger, scope: str, limits: tuple[Limit, ...], seen: dict[str, int]) -> list[Count]:
    """As `count_one`, for counters that are given back: an old count may only say yes (rule 5)."""
    try:
        count(limits, seen, ledger.clock.now())
    except RateLimited:
        request = {"TableName": ledger.table("windows"), "Key": _key(scope), "ConsistentRead": True}
        _learn(seen, (await ledger.read("GetItem", request)).get("Item", {}))
    return await count_one(ledger, scope, limits, seen)


async def give_back(ledger: Ledger, scope: str, counts: list[Count]) -> None:
    """Take one request back out of the windows that are still current.

    Sent once: where the answer is lost nobody knows whether it was applied, and twice would let one too many in.
    So a limit may be refused early by what was lost. Raises nothing.
    """
    write = Expression()
    for index, counted in enumerate(current(counts, ledger.clock.now())):
        name = write.name(f"#w{index}", counted.attribute)
        write.added.append(f"{name} {write.number(':less', -1)}")
        write.conditions.append(f"{name} > {write.number(':none', 0)}")
    if write.added:
        try:
            await ledger.write("UpdateItem", write.request(ledger.table("windows"), _key(scope)))
        except (Refused, Ambiguous, LedgerUnavailable):
            return


def _key(scope: str) -> Item:
    return {"scope": {"S": scope}}


def _write(ledger: Ledger, scope: str, counts: list[Count], counters: dict[str, int], now_s: float) -> Item:
    write = Expression()
    write.count(counts, stale(counters, now_s))
    ends = [counted.end_s for counted in counts if counted.end_s < FOREVER_S]
    write.sets.append(f"{write.name('#ttl', 'ttl')} = {write.number(':ttl', max(ends, default=int(now_s)) + KEPT_S)}")
    return write.request(ledger.table("windows"), _key(scope))


def _learn(seen: dict[str, int], item: Item) -> None:
    """Make `seen` what the item says."""
    seen.clear()
    seen.update({name: int(value["N"]) for name, value in item.items() if is_counter(name)})
