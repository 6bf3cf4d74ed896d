"""An account as it is in its item: credits, lots, open holds, counters, versions."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from functions.ledger.store import Item
from functions.ledger.windows import is_counter

DAY_TOTALS = ("requests", "input", "output", "cost")
"""What is summed per UTC day, in attributes such as `input:20779` (tokens; microcredits for cost)."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Credits that expire: `left` microcredits until `expires` (seconds since 1970)."""

    left: int
    expires: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits reserved for one request, and where they were taken from (rule 4)."""

    hold_id: str
    paid: int
    lots: dict[str, int]
    expires: int

    @property
    def amount(self) -> int:
        """Microcredits in all."""
        return self.paid + sum(self.lots.values())

    def to_item(self) -> Item:
        item: Item = {"x": {"N": str(self.expires)}, "p": {"N": str(self.paid)}}
        if self.lots:
            item["l"] = {"M": {lot: {"N": str(part)} for lot, part in self.lots.items()}}
        return {"M": item}

    @classmethod
    def from_item(cls, hold_id: str, item: Item) -> "Hold":
        fields = item["M"]
        lots = {lot: int(part["N"]) for lot, part in fields["l"]["M"].items()} if "l" in fields else {}
        return cls(hold_id, int(fields["p"]["N"]), lots, int(fields["x"]["N"]))


@dataclass(frozen=True, slots=True)
class Account:
    """One user of one project. Amounts are microcredits, times are seconds since 1970."""

    account_id: str
    email: str
    state: str
    created: int
    paid: int
    credited: int
    spent: int
    expired: int
    debt: int
    credentials_version: int
    journal_version: int
    lots: dict[str, Lot] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    days: dict[int, dict[str, int]] = field(default_factory=dict)

    def available(self, now_s: float) -> int:
        """What a new request could take."""
        return self.paid + sum(lot.left for lot in self.lots.values() if lot.expires > now_s)

    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    def drift(self) -> int:
        """How far the account is from the ledger's invariant; 0 unless something is wrong."""
        lots = sum(lot.left for lot in self.lots.values())
        return self.credited - self.paid - lots - self.held() - self.spent - self.expired

    def lots_in_order(self, now_s: float) -> Iterator[tuple[str, Lot]]:
        """Lots that still hold something, the soonest to expire first."""
        alive = ((name, lot) for name, lot in self.lots.items() if lot.left > 0 and lot.expires > now_s)
        yield from sorted(alive, key=lambda named: (named[1].expires, named[0]))


def parse(item: Item) -> Account:
    """The account in an item of the accounts table."""
    counters: dict[str, int] = {}
    days: dict[int, dict[str, int]] = {}
    for name, value in item.items():
        if ":" not in name:
            continue
        if is_counter(name):
            counters[name] = int(value["N"])
        else:
            total, _, day = name.partition(":")
            days.setdefault(int(day), {})[total] = int(value["N"])
    return Account(
        account_id=item["account_id"]["S"],
        email=item["email"]["S"],
        state=item["state"]["S"],
        created=int(item["created"]["N"]),
        paid=int(item["paid"]["N"]),
        credited=int(item["credited"]["N"]),
        spent=int(item["spent"]["N"]),
        expired=int(item["expired"]["N"]),
        debt=int(item["debt"]["N"]) if "debt" in item else 0,
        credentials_version=int(item["credentials_version"]["N"]),
        journal_version=int(item["journal_version"]["N"]),
        lots={name: Lot(int(lot["M"]["n"]["N"]), int(lot["M"]["x"]["N"])) for name, lot in item["lots"]["M"].items()},
        holds={name: Hold.from_item(name, hold) for name, hold in item["holds"]["M"].items()},
        counters=counters,
        days=days,
    )


def key(account_id: str) -> Item:
    """The primary key of an account."""
    return {"account_id": {"S": account_id}}
