"""What a project's users did, by day and hour: an item a day in `windows`, added to by every process.

These are statistics, kept beside the ledger and never asked by it: a process that ends at once may take its last
seconds along. What counts is in accounts and receipts. docs/usage.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.errors import LedgerUnavailable
from functions.ledger.expression import Expression
from functions.ledger.receipts import Receipt
from functions.ledger.store import Item, Ledger
from functions.ledger.windows import DAY_S, HOUR_S

KEPT_S = 400 * DAY_S
BATCH_MAX = 100
"""Keys that one BatchGetItem takes: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
READS_MAX = 5

INPUT, OUTPUT = "input", "output"
REQUESTS, COST = "n:", "c:"
"""Before an hour of the day, such as `n:14`: its requests, its microcredits."""
REFUSED, OUTCOME = "refused/", "outcome/"

Sums = dict[str, int]
"""What is added to a day's item, by attribute."""


@dataclass(frozen=True, slots=True)
class DayUse:
    """One UTC day of a project, `day` since 1970; `cost` in microcredits. `requests` are those that have receipts."""

    day: int
    input: int = 0
    output: int = 0
    requests_by_hour: Mapping[int, int] = field(default_factory=dict)
    cost_by_hour: Mapping[int, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    """By the errors' codes; these requests have no receipts."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """By the receipts' outcomes."""

    @property
    def requests(self) -> int:
        return sum(self.requests_by_hour.values())

    @property
    def cost(self) -> int:
        return sum(self.cost_by_hour.values())


def of_receipt(receipt: Receipt, at_s: float) -> Sums:
    """What a request adds to its day. Nothing in it is a client's or a provider's word: the item stays small."""
    hour = int(at_s) % DAY_S // HOUR_S
    return {
        f"{REQUESTS}{hour:02}": 1,
        f"{COST}{hour:02}": receipt.cost,
        INPUT: receipt.input,
        OUTPUT: receipt.output,
        OUTCOME + receipt.outcome: 1,
    }


def of_refusal(reason: str) -> Sums:
    """What a refused request adds to its day; `reason` is the code of an error of ours."""
    return {REFUSED + reason: 1}


async def add(ledger: Ledger, project_id: str, day: int, sums: Sums) -> None:
    """Add to a day. Sent once: where the answer is lost it may have been added, and nothing is to be added twice.

    Raises StoreError.
    """
    write = Expression()
    for index, (name, number) in enumerate(sums.items()):
        write.added.append(f"{write.name(f'#s{index}', name)} {write.number(f':s{index}', number)}")
    write.sets.append(f"{write.name('#ttl', 'ttl')} = {write.number(':ttl', (day + 1) * DAY_S + KEPT_S)}")
    await ledger.store.call("UpdateItem", write.request(ledger.table("windows"), _key(project_id, day)))


async def days(ledger: Ledger, project_id: str, first: int, last: int) -> list[DayUse]:
    """A project's days from `first` to `last`, both included, on which something came; oldest first.

    Raises LedgerUnavailable.
    """
    keys, table = [_key(project_id, day) for day in range(first, last + 1)], ledger.table("windows")
    found: dict[int, DayUse] = {}
    for begin in range(0, len(keys), BATCH_MAX):
        waiting = keys[begin : begin + BATCH_MAX]
        for attempt in range(READS_MAX):
            answer = await ledger.read("BatchGetItem", {"RequestItems": {table: {"Keys": waiting}}})
            for item in answer["Responses"].get(table, []):
                one = from_item(item)
                found[one.day] = one
            waiting = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not waiting:
                break
            await ledger.pause(attempt)
        if waiting:
            raise LedgerUnavailable("The ledger is busy. Try again.")
    return [found[day] for day in sorted(found)]


def from_item(item: Item) -> DayUse:
    """A day from its item."""
    numbers = {name: int(value["N"]) for name, value in item.items() if "N" in value}

    def named(prefix: str) -> Sums:
        return {name.removeprefix(prefix): number for name, number in numbers.items() if name.startswith(prefix)}

    def hourly(prefix: str) -> dict[int, int]:
        return {int(hour): number for hour, number in named(prefix).items()}

    return DayUse(
        int(item["scope"]["S"].rpartition("/")[2]),
        numbers.get(INPUT, 0),
        numbers.get(OUTPUT, 0),
        hourly(REQUESTS),
        hourly(COST),
        named(REFUSED),
        named(OUTCOME),
    )


def _key(project_id: str, day: int) -> Item:
    return {"scope": {"S": f"usage/{project_id}/{day}"}}
