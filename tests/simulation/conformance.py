"""`make conformance`: is the simulator's table exact? The same requests go to it and to others, and are compared."""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from functions.ledger.store import Item
from tests import stand
from tests.simulation import cases, condition_cases, digests, generated, recorded, request_cases
from tests.simulation.cases import Case
from tests.simulation.differences import DYNAMODB_LOCAL, MINISTACK, said, why
from tests.simulation.dynamodb_local import Unavailable, dynamodb_local
from tests.simulation.peers import Peer, compared, fake, outcome

LOCAL = stand.ROOT / ".local" / "dynamodb-local"
SHOWN_MAX = 40
KEPT_SEED, KEPT_GENERATED = 0, 1500
LEDGER_REQUESTS = 300
GROUPS: tuple[Callable[[], Iterator[Case]], ...] = (
    cases.updates,
    cases.rejected_updates,
    cases.values,
    condition_cases.conditions,
    condition_cases.conditions_read,
    request_cases.puts,
    request_cases.gets,
    request_cases.pages,
    request_cases.transactions,
    request_cases.sizes,
)


@dataclass
class Report:
    """How a peer compared: cases, differences that are known, those that are news."""

    peer: str
    cases: int = 0
    known: Counter[str] = field(default_factory=Counter)
    news: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        known = sum(self.known.values())
        yield f"{self.peer}: {self.cases} cases, {known} known differences, {len(self.news)} new"
        for reason, count in self.known.most_common():
            yield f"  known {count:5}  {reason}"
        for new in self.news[:SHOWN_MAX]:
            yield f"  NEW    {new}"
        if len(self.news) > SHOWN_MAX:
            yield f"  NEW    and {len(self.news) - SHOWN_MAX} more"


def written() -> Iterator[Case]:
    """The requests that were written by hand."""
    for group in GROUPS:
        yield from group()


def kept_cases() -> list[Case]:
    """The cases whose outcomes are kept as digests: those written by hand, and some generated."""
    made = [*written(), *generated.generated(KEPT_SEED, KEPT_GENERATED)]
    return [case.numbered(number) for number, case in enumerate(made)]


def all_cases(seed: int, generated_count: int, ledger_requests: int) -> list[Case]:
    """The kept ones, so many more generated, and what the ledger sends for so many requests."""
    kept = kept_cases()
    more = generated.generated(seed, generated_count)
    return [
        *kept,
        *(case.numbered(len(kept) + number) for number, case in enumerate(more)),
        *recorded.recorded(seed, ledger_requests),
    ]


def compare(name: str, peer: Peer, chosen: Iterable[Case]) -> Report:
    """Send cases to a peer and to the table in memory; the peer's tables must be empty."""
    report, table = Report(name), fake()
    for number, case in enumerate(chosen):
        ours, theirs = outcome(table.apply, case), outcome(peer.apply, case)
        report.cases += 1
        if compared(ours) == compared(theirs):
            report.digests.append(digests.digest(theirs, number))
            continue
        report.digests.append(digests.NONE)
        reason = why(name, case, ours, theirs)
        if reason:
            report.known[reason] += 1
        else:
            report.news.append(_shown(case, ours, theirs))
    return report


def _keep(found: list[str], write: bool) -> int:
    """Write the digests, or say whether those that are kept are out of date: 1 if so."""
    if write:
        digests.write(found)
    elif not digests.FILE.exists() or digests.read() != found:
        print(f"{digests.FILE.name} is out of date: renew it with --write", flush=True)
        return 1
    return 0


def _shown(case: Case, ours: Item, theirs: Item) -> str:
    different = [name for name in compared(ours) if ours.get(name) != theirs.get(name)]
    parts = {name: (ours.get(name), theirs.get(name)) for name in different}
    return (
        f"{case.operation} {case.name[:600]}\n         ours: {said(ours)}; theirs: {said(theirs)}; {str(parts)[:900]}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generated", type=int, default=5000, help="how many requests are generated")
    parser.add_argument("--write", action="store_true", help="keep DynamoDB Local's answers as digests, for the tests")
    options = parser.parse_args()
    chosen = all_cases(options.seed, options.generated, LEDGER_REQUESTS)
    new = 0
    with tempfile.TemporaryDirectory() as folder:
        peers: dict[str, AbstractContextManager[str]] = {
            MINISTACK: stand.ministack(Path(folder)),
            DYNAMODB_LOCAL: dynamodb_local(LOCAL),
        }
        for name, starting in peers.items():
            print(f"{name}: starting", flush=True)
            try:
                with starting as url:
                    print(f"{name}: {len(chosen)} cases", flush=True)
                    peer = Peer(url)
                    peer.create_tables()
                    report = compare(name, peer, chosen)
            except Unavailable as error:
                print(f"SKIPPED: {name}: {error}", flush=True)
                continue
            print("\n".join(report.lines()), flush=True)
            new += len(report.news)
            if name == DYNAMODB_LOCAL:
                new += _keep(report.digests[: len(kept_cases())], options.write)
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
