"""An account as it is in its item: credits, lots, open holds, counters, versions."""

from dataclasses import dataclass

from functions.ledger.store import Item
from functions.ledger.windows import is_counter

DAY_TOTALS = ("requests", "input", "output", "cost")
"""What is summed per UTC day, in attributes such as `input:20779` (tokens; microcredits for cost)."""


OPEN, DELETED = "open", "deleted"
"""States: in use; closed for ever, and nobody's: functions/ledger/deletion.py."""
LATE_S = 2 * 86400
"""So long after a deletion it is still looked for what a process may write that was asleep."""


class AccountGone(Exception):
    """There is no such account, or it was deleted."""


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
    extended: int = 0
    """How many times it was made larger while its request ran."""

    @property
    def amount(self) -> int:
        """Microcredits in all."""
        return self.paid + sum(self.lots.values())

    def to_item(self) -> Item:
        item: Item = {"x": {"N": str(self.expires)}, "p": {"N": str(self.paid)}}
        if self.lots:
            item["l"] = {"M": {lot: {"N": str(part)} for lot, part in self.lots.items()}}
        if self.extended:
            item["e"] = {"N": str(self.extended)}
        return {"M": item}

    @classmethod
    def from_item(cls, hold_id: str, item: Item) -> "Hold":
        fields = item["M"]
        lots = {lot: int(part["N"]) for lot, part in fields["l"]["M"].items()} if "l" in fields else {}
        extended = int(fields["e"]["N"]) if "e" in fields else 0
        return cls(hold_id, int(fields["p"]["N"]), lots, int(fields["x"]["N"]), extended)


class Account:
    """One user of one project, as its item says. Amounts are microcredits, times are seconds since 1970.

    Fields are read from the item when they are asked for: a request looks at few of them.
    """

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item

    def __repr__(self) -> str:
        return f"Account({self.account_id}, available or held {self.paid + self.held()})"

    def number(self, name: str) -> int:
        """A number of the item; 0 where it is absent."""
        value = self.item.get(name)
        return int(value["N"]) if value else 0

    @property
    def account_id(self) -> str:
        return str(self.item["account_id"]["S"])

    def text(self, name: str) -> str:
        """A text of the item; "" where it is absent."""
        value = self.item.get(name)
        return str(value["S"]) if value else ""

    @property
    def email(self) -> str:
        """Of an account that was registered; "" where its user is known in another way."""
        return self.text("email")

    @property
    def identity(self) -> str:
        """How its user is known, such as `jwt`: one of functions/ledger/grants.py's kinds; "" by e-mail address."""
        return self.text("identity")

    @property
    def shown(self) -> str:
        """What a project's owner sees of who it is; may be nothing."""
        return self.text("shown")

    @property
    def state(self) -> str:
        return str(self.item["state"]["S"])

    def has_leftovers(self, now_s: float) -> bool:
        """Whether it was deleted and there may be something left of its user: functions/ledger/leftovers.py."""
        is_new = now_s - self.number("deleted") < LATE_S
        return self.state == DELETED and (is_new or "erased" not in self.item)

    @property
    def blocked(self) -> int:
        """Until when nothing is admitted: functions/ledger/abuse.py; 0 where it was never blocked."""
        return self.number("blocked")

    @property
    def created(self) -> int:
        return self.number("created")

    @property
    def paid(self) -> int:
        return self.number("paid")

    @property
    def credited(self) -> int:
        return self.number("credited")

    @property
    def spent(self) -> int:
        return self.number("spent")

    @property
    def expired(self) -> int:
        return self.number("expired")

    @property
    def debt(self) -> int:
        return self.number("debt")

    @property
    def credentials_version(self) -> int:
        return self.number("credentials_version")

    @property
    def journal_version(self) -> int:
        return self.number("journal_version")

    @property
    def newest_settled(self) -> str:
        """The largest id of a hold that was settled; "" where none was. Only newer ones are admitted (rule 1)."""
        return self.text("settled")

    @property
    def lots(self) -> dict[str, Lot]:
        return {
            name: Lot(int(lot["M"]["n"]["N"]), int(lot["M"]["x"]["N"])) for name, lot in self.item["lots"]["M"].items()
        }

    @property
    def holds(self) -> dict[str, Hold]:
        return {name: Hold.from_item(name, hold) for name, hold in self.item["holds"]["M"].items()}

    @property
    def open_holds(self) -> int:
        """How many requests are running."""
        return len(self.item["holds"]["M"])

    @property
    def counters(self) -> dict[str, int]:
        """Windows by attribute name, such as `m:29384756`."""
        return {name: int(value["N"]) for name, value in self.item.items() if is_counter(name)}

    @property
    def days(self) -> dict[int, dict[str, int]]:
        """Totals of days that are not closed: day since 1970 → what of DAY_TOTALS there is."""
        days: dict[int, dict[str, int]] = {}
        for name, value in self.item.items():
            total, colon, day = name.partition(":")
            if colon and total in DAY_TOTALS:
                days.setdefault(int(day), {})[total] = int(value["N"])
        return days

    def available(self, now_s: float) -> int:
        """What a new request could take."""
        return self.paid + sum(lot.left for lot in self.lots.values() if lot.expires > now_s)

    def held(self) -> int:
        """What open holds have taken."""
        return sum(hold.amount for hold in self.holds.values())

    def drift(self) -> int:
        """How far the account is from the ledger's invariant; 0 unless something is wrong."""
        lots = sum(lot.left for lot in self.lots.values())
        return self.credited - self.paid - lots - self.held() - self.spent - self.expired

    def lots_in_order(self, now_s: float) -> list[tuple[str, Lot]]:
        """Lots that still hold something, the soonest to expire first."""
        alive = [(name, lot) for name, lot in self.lots.items() if lot.left > 0 and lot.expires > now_s]
        return sorted(alive, key=lambda named: (named[1].expires, named[0]))


def key(account_id: str) -> Item:
    """The primary key of an account."""
    return {"account_id": {"S": account_id}}
