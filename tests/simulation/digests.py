"""What DynamoDB Local answered, kept as digests: tests check the table against it on machines without Java.

`make conformance` says when they are out of date; `python -m tests.simulation.conformance --write` renews them.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from functions.ledger.store import Item
from tests.simulation.cases import Case
from tests.simulation.peers import Apply, compared, outcome

FILE = Path(__file__).with_name("dynamodb_local.digests")
DIGITS = 6
NONE = "-" * DIGITS
"""Where DynamoDB Local is known to differ."""
PER_LINE = 18


def digest(result: Item, number: int) -> str:
    """A few digits of an outcome, whatever the number of its case."""
    text = json.dumps(compared(result), sort_keys=True).replace(Case.mark(number), "@")
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def write(digests: Sequence[str]) -> None:
    """Keep the digests of all cases, in order."""
    lines = [" ".join(digests[start : start + PER_LINE]) for start in range(0, len(digests), PER_LINE)]
    FILE.write_text("\n".join(lines) + "\n")


def read() -> list[str]:
    """The digests that were kept."""
    return FILE.read_text().split()


def differing(apply: Apply, cases: Sequence[Case]) -> list[str]:
    """The names of numbered cases whose outcome is not the one that was kept."""
    names = []
    for number, (case, kept) in enumerate(zip(cases, read(), strict=True)):
        if kept not in (NONE, digest(outcome(apply, case), number)):
            names.append(case.name)
    return names
