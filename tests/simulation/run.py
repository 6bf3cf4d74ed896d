"""Run many seeds: `python -m tests.simulation.run --seeds 1000`, or one again: `--seed 17 -v`."""

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.world import Outcome, play

SHOWN_EVERY_S = 2.0
NEEDED_FROM = 200
"""From so many seeds on, nothing of NEEDED may be missing."""
NEEDED = (
    "answers 200",
    "answers none: left",
    "answers none: crash",
    "answers 401 invalid_api_key",
    "answers 402 insufficient_quota",
    "answers 403 forbidden",
    "answers 403 user_blocked",
    "answers 409 idempotency_key_in_progress",
    "answers 409 idempotency_key_reused",
    "answers 409 idempotency_key_used",
    "answers 429 credits_held",
    "answers 429 rate_limit_exceeded",
    "answers 429 too_many_open_requests",
    "answers 502 provider_failed",
    "answers 503 ledger_unavailable",
    "crashes",
    "answers lost before the commit",
    "answers lost after the commit",
    "late deliveries",
    "duplicated deliveries",
    "conflicts",
    "throttles",
    "stalls",
    "late settles",
    "heals",
    "adopted holds",
    "offences",
    "blocks by offences",
    "blocks and their ends by hand",
    "first sights",
    "extensions",
    "audits",
    "crossings",
    "top-ups begun",
    "notices told",
)


def many(seeds: Iterable[int], stats: Counter[str]) -> list[Outcome]:
    """Run seeds on every core; adds to `stats`, gives the outcomes that broke a promise."""
    failed: list[Outcome] = []
    shown_s, done, numbers = time.monotonic(), 0, list(seeds)
    with multiprocessing.get_context("fork").Pool() as pool:
        for outcome in pool.imap_unordered(play, numbers, chunksize=8):
            done += 1
            stats.update(outcome.stats)
            if outcome.violations:
                failed.append(outcome)
                tell(outcome)
            if time.monotonic() - shown_s > SHOWN_EVERY_S:
                shown_s = time.monotonic()
                print(f"\r{done} of {len(numbers)} seeds, {stats['requests']} requests", end="", flush=True)
    print(f"\r{done} seeds, {stats['requests']} requests, {len(failed)} failed", flush=True)
    return failed


def tell(outcome: Outcome) -> None:
    """A seed that broke a promise, and how to see it again."""
    print(f"\nseed {outcome.seed}: {outcome.violations[0][:2000]}")
    print(f"    again: .venv/bin/python -m tests.simulation.run --seed {outcome.seed} -v", flush=True)


def main() -> int:
    """Exit code 1 where a promise was broken, or a fault never struck."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("-v", action="store_true", help="every call, in order")
    asked = parser.parse_args()
    stats: Counter[str] = Counter()
    if asked.seed is not None:
        outcome = play(asked.seed)
        if asked.v:
            print("\n".join(outcome.trace))
        for violation in outcome.violations:
            print(f"broken: {violation}")
        print(f"seed {outcome.seed}, trace {outcome.digest}: {dict(sorted(outcome.stats.items()))}")
        return bool(outcome.violations)
    failed = many(range(asked.first, asked.first + asked.seeds), stats)
    for name, count in sorted(stats.items()):
        print(f"{count:9} {name}")
    missing = [name for name in NEEDED if not stats[name]] if asked.seeds >= NEEDED_FROM else []
    for name in missing:
        print(f"never: {name}")
    print(f"failed: {[outcome.seed for outcome in failed][:20]}" if failed else "all promises kept")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{(used.ru_utime + used.ru_stime) * 1000 / asked.seeds:.0f} ms of CPU a seed")
    return bool(failed or missing)


if __name__ == "__main__":
    sys.exit(main())
