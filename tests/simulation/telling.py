"""What people are told, in plain numbers: each crossing once, and every notice until somebody has told it."""

from collections import Counter
from typing import Any

from tests.simulation.abusing import Abusing
from tests.simulation.plain import NOT_TOLD, Limits, Plain
from tests.simulation.store import Call, Stage

Item = dict[str, Any]

LEVELS = (0, 5, 20)
LEASE_S = 120


class Telling(Abusing):
    """Levels that were crossed, top-ups that were begun, and notices from when they are put until they are told."""

    def __init__(self, stage: Stage, limits: Limits) -> None:
        super().__init__(stage, limits)
        self.most: dict[str, int] = {}
        """By account, what was left when credits last came or went otherwise than by a request."""
        self.untold: Counter[tuple[str, str]] = Counter()
        """By account and kind, changes whose notice must come in the same transaction."""
        self.rows: dict[str, set[tuple[str, ...]]] = {}
        """Where each notice stands, by its id; nowhere once it is told."""
        self.leased: dict[str, tuple[float, str]] = {}
        """When each was leased last, and by whom."""
        self.told: Counter[str] = Counter()

    def opened(self, after: Plain) -> None:
        """An account begins full."""
        self.expect(after.full == after.credited and after.told == NOT_TOLD, f"{after.account_id} does not begin full")
        self.most[after.account_id] = after.credited

    def moved(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        """Credits came or went: what came makes the account full of what there is then, less what pays a debt."""
        came, now_s = after.credited - before.credited, self.stage.time()
        if came > 0:
            gift = len(after.lots) > len(before.lots) or after.paid == before.paid
            owed = min(before.debt, before.paid + (0 if gift else came))
            least = before.left(now_s + self.fastest_s) + came - owed
            most = self.most[after.account_id] + came - owed
            self.expect(least <= after.full <= most, f"{call}: full of {after.full}, not of {least} to {most}")
            expected.full, expected.told = after.full, NOT_TOLD
        self.most[after.account_id] = self.most[after.account_id] + came

    def crossed(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        """A level is told, which is true and lower than the one before; or a top-up begins, which is wanted."""
        left = before.left(self.stage.time() + self.fastest_s)
        if after.told != before.told:
            self.expect(after.told in LEVELS and after.told < before.told, f"{call}: {after.told} after {before.told}")
            true = left * 100 <= before.full * after.told
            self.expect(true, f"{call}: told of {after.told} % with {left} of {before.full} left")
            self.untold[after.account_id, "credits_low"] += 1
            self.stage.stats["crossings"] += 1
            expected.told = after.told
        if after.topping and not before.topping:
            self.expect(left < before.top_up, f"{call}: a top-up begins at {left}, not below {before.top_up}")
            self.untold[after.account_id, "top_up"] += 1
            self.stage.stats["top-ups begun"] += 1
        if call.process.reliable or after.topping:
            expected.top_up, expected.topping = after.top_up, after.topping

    def notice(self, call: Call, key: tuple[str, ...], before: Item | None, after: Item | None) -> None:
        """One is put with what it tells of, moved, or done with."""
        item = after or before
        if item is None:
            return
        identifier, account_id, kind = (item[name]["S"] for name in ("id", "account_id", "kind"))
        if identifier not in self.rows:
            self.rows[identifier] = set()
            self.untold[account_id, kind] -= 1
            self.expect(self.untold[account_id, kind] == 0, f"{call}: a notice of nothing, or of something told before")
        elif after is not None:
            moved = any("Delete" in part for part in call.body.get("TransactItems", ()))
            self.expect(moved, f"{call}: {identifier} is put again")
        (self.rows[identifier].discard if after is None else self.rows[identifier].add)(key)

    def tells(self, identifier: str, name: str) -> None:
        """A process that has leased it tells it."""
        now_s = self.stage.time()
        at_s, who = self.leased.get(identifier, (0.0, ""))
        apart_s = LEASE_S - self.fastest_s + self.slowest_s - 1
        self.expect(now_s - at_s >= apart_s, f"{identifier} is told by {name} while {who} has it")
        self.leased[identifier] = now_s, name
        self.told[identifier] += 1
        self.stage.stats["notices told"] += 1

    def all_told(self, accounts: dict[str, Plain]) -> None:
        """At the end, every crossing was noticed, and every notice told."""
        self.expect(not any(self.untold.values()), f"{self.untold} without a notice")
        for identifier, rows in self.rows.items():
            self.expect(not rows, f"{identifier} waits for ever")
            self.expect(self.told[identifier] > 0, f"{identifier} was never told")
        for account in accounts.values():
            left = account.left(self.stage.time())
            crossed = [level for level in LEVELS if account.full and left * 100 <= account.full * level]
            told = account.told <= min(crossed, default=NOT_TOLD)
            self.expect(told, f"{account.account_id} has {left} of {account.full} left, and {account.told} was told")
