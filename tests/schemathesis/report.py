"""What came of all requests, as tables."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

CLASSES = ("2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True)
class Failure:
    """An answer that must not be; `curl` asks for it again."""

    operation: str
    phase: str
    caller: str
    status: int
    what: str
    curl: str
    answer: str


@dataclass
class Report:
    """Counts by operation, phase and caller, and what failed."""

    by_operation: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_phase: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_caller: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def saw(self, operation: str, phase: str, caller: str, status: int) -> None:
        kind = f"{status // 100}xx"
        for table, name in ((self.by_operation, operation), (self.by_phase, phase), (self.by_caller, caller)):
            table[name][kind] += 1
        self.statuses[status] += 1

    @property
    def total(self) -> int:
        return self.statuses.total()

    @property
    def succeeded(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    def shown(self) -> str:
        """All tables, and each kind of failure with one way to see it."""
        parts = [
            _table("operation", self.by_operation),
            _table("caller", self.by_caller),
            _table("phase", self.by_phase),
            "status  " + "  ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items())),
        ]
        kinds: dict[tuple[str, int, str], list[Failure]] = defaultdict(list)
        for each in self.failures:
            kinds[each.operation, each.status, each.what[:60]].append(each)
        for (operation, status, _), alike in kinds.items():
            one = alike[0]
            parts.append(
                f"FAILED {len(alike)} times: {operation} {status}, asked by {one.caller} ({one.phase})\n"
                f"  {one.what[:600]}\n  {one.answer[:300]}\n  {one.curl[:1500]}"
            )
        parts.append(f"{self.total} requests, {self.succeeded} answered 2xx, {len(self.failures)} failures")
        return "\n\n".join(parts)


def _table(title: str, rows: dict[str, Counter[str]]) -> str:
    width = max(map(len, [title, *rows]))
    lines = [f"{title:{width}}  cases  " + "  ".join(f"{kind:>5}" for kind in CLASSES)]
    for name, counts in rows.items():
        told = "  ".join(f"{counts[kind] or '':>5}" for kind in CLASSES)
        lines.append(f"{name:{width}}  {counts.total():5}  {told}")
    return "\n".join(lines)
