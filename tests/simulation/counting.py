"""Windows in plain numbers: what was counted where, forgetting nothing, and whether that was allowed."""

from collections import Counter
from typing import Any

from tests.simulation.plain import Limits, index, read_counts
from tests.simulation.store import Call, Stage

Item = dict[str, Any]


class Counting:
    """Every window of every account, address and project. `violations` are the promises that were broken."""

    def __init__(self, stage: Stage, limits: Limits) -> None:
        self.stage, self.limits = stage, limits
        self.violations: list[str] = []
        self.scopes: dict[str, dict[str, int]] = {}
        """What the counters beside the accounts must be, by their scope."""
        self.counted: dict[str, Counter[str]] = {}
        """By account or scope, what was counted in each window; forgets nothing."""
        self.fastest_s = self.slowest_s = 0.0
        """How far the clocks of processes have ever been from the true time."""

    def broken(self, promise: str) -> None:
        """A promise is broken."""
        self.violations.append(promise)
        self.stage.trace.append(f"BROKEN: {promise}")

    def expect(self, kept: bool, promise: str) -> None:
        if not kept:
            self.broken(promise)

    def clock(self, skew_s: float) -> None:
        """A process has a clock that is off by so much."""
        self.fastest_s, self.slowest_s = max(self.fastest_s, skew_s), min(self.slowest_s, skew_s)

    def count(
        self, call: Call, expected: dict[str, int], after: dict[str, int], own: Counter[str], limits: dict[str, int]
    ) -> list[str]:
        """One more in each window, and none of them full; gives the windows."""
        now_s, fastest_s = call.planned_s, self.stage.time() + self.fastest_s
        for name in [name for name in expected if name not in after]:
            old = int(name[2:]) <= index(name[0], now_s) - 2
            self.expect(old, f"{call}: the window {name} was forgotten while it counted")
            del expected[name]
        counted = []
        for period, limit in limits.items():
            now_s = self.turned(call, expected, after) if period == "m" else call.planned_s
            name = f"{period}:{index(period, now_s)}"
            if name not in expected and index(period, now_s) <= index(period, fastest_s) - 2:
                own[name] = 0  # a write of long ago: its window is over, and may be forgotten
            allowed = limit
            if period == "m":
                previous = f"m:{index(period, now_s) - 1}"
                forgotten = index(period, now_s) <= index(period, fastest_s) - 2  # by a process with a faster clock
                carried = expected.get(previous, 0) if forgotten else own[previous]
                left_ms = 60_000 - int(now_s % 60 * 1000 + 0.5)
                allowed -= -(-carried * max(0, left_ms - 1) // 60_000)
            own[name] += 1
            self.expect(own[name] <= allowed, f"{call}: {own[name]} of {allowed} requests in {name}, {dict(own)}")
            expected[name] = own[name]
            counted.append(name)
        return counted

    def turned(self, call: Call, expected: dict[str, int], after: dict[str, int]) -> float:
        """When a call counts its minute: a slow clock counts in the next one, as soon as that has begun for others."""
        following = f"m:{index('m', call.planned_s) + 1}"
        slow = after.get(following, 0) == expected.get(following, 0) + 1
        if following not in expected:  # but by a write of long ago, when it was there
            gone = index("m", call.planned_s) + 1 <= index("m", self.stage.time() + self.fastest_s) - 2
            return (index("m", call.planned_s) + 1) * 60.0 if slow and gone else call.planned_s
        self.expect(slow or call.planned_s % 60 <= 50.001, f"{call}: counts in a minute that others have left")
        return (index("m", call.planned_s) + 1) * 60.0 if slow else call.planned_s

    def scope_changed(self, call: Call, scope: str, after: Item) -> None:
        """A counter beside the accounts; one of an address is never given back."""
        expected, now = dict(self.scopes.get(scope, {})), read_counts(after)
        own = self.counted.setdefault(scope, Counter())
        less = [name for name in expected if now.get(name, expected[name]) < expected[name]]
        if less:
            self.expect(not scope.startswith("ip/"), f"{call}: an address was given back a request")
            for name in less:
                own[name] -= 1
                expected[name] -= 1
                self.expect(int(name[2:]) >= index(name[0], call.planned_s), f"{call}: gave back to {name}, long past")
        else:
            limits = self.limits.address if scope.startswith("ip/") else self.limits.project
            self.count(call, expected, now, own, limits)
        self.expect(expected == now, f"{call}: {scope} must count {expected}, but is {now}")
        self.scopes[scope] = now
