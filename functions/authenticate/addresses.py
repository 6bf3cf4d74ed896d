"""The limit of one client address, counted before its key is looked at."""

from collections import OrderedDict

from functions.ledger.counters import count_one
from functions.ledger.store import Ledger
from functions.ledger.windows import Limit, count

REMEMBERED_MAX = 10_000


class Addresses:
    """Counts requests per address in the ledger; remembers what it last saw, so that a flood costs no writes."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self.limits = limits
        self.seen: OrderedDict[str, dict[str, int]] = OrderedDict()

    def check(self, ledger: Ledger, scope: str) -> None:
        """Raises RateLimited where it is known already that no more fits; before anything else is done."""
        if scope in self.seen:
            count(self.limits, self.seen[scope], ledger.clock.now())

    async def count(self, ledger: Ledger, scope: str) -> None:
        """Count one request from an address. Raises RateLimited; LedgerUnavailable, because unknown means no."""
        seen = self.seen.setdefault(scope, {})
        self.seen.move_to_end(scope)
        if len(self.seen) > REMEMBERED_MAX:
            self.seen.popitem(last=False)
        await count_one(ledger, scope, self.limits, seen)
