"""Plain numbers: an account, a hold and a receipt as a bookkeeper would note them down, read from DynamoDB's JSON."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.request import Request

Item = dict[str, Any]

LENGTH_S = {"m": 60, "h": 3600, "d": 86400, "t": 2**40}
NOT_TOLD = 100
TOTALS = ("requests", "input", "output", "cost")


def index(period: str, now_s: float) -> int:
    """The number of a window."""
    return int(now_s) // LENGTH_S[period]


def is_full(limits: dict[str, int], counts: dict[str, int], now_s: float) -> bool:
    """Whether one more does not fit into one of these windows."""
    for period, limit in limits.items():
        number = index(period, now_s)
        if period == "m":
            at_s = now_s
            if f"m:{number + 1}" in counts:  # by a process with a faster clock: this one counts there too
                number, at_s = number + 1, (number + 1) * 60
            left_ms = 60_000 - int(at_s % 60 * 1000)
            limit -= -(-counts.get(f"m:{number - 1}", 0) * left_ms // 60_000)
        if counts.get(f"{period}:{number}", 0) >= limit:
            return True
    return False


@dataclass(frozen=True)
class Limits:
    """What may be, in each window; and what tokens cost, in microcredits."""

    account: dict[str, int]
    address: dict[str, int]
    project: dict[str, int]
    open_max: int
    input: int
    output: int
    cached: int
    request: int = 0
    abuse: tuple[int, str, int] | None = None
    """So many offences in this period block for so many seconds."""

    def cost(self, tokens_in: int, tokens_out: int, cached: int = 0) -> int:
        fresh = tokens_in - cached
        return self.request + fresh * self.input + cached * self.cached + tokens_out * self.output


@dataclass
class Held:
    """Credits held for one request, and what became of them. Equal where the numbers are."""

    paid: int
    lots: dict[str, int]
    expires: int
    extended: int = 0
    ends: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    """When its lots expire."""
    sizes: list[int] = field(default_factory=list, compare=False, repr=False)
    """What it came to before and after each extension."""
    counted: list[str] = field(default_factory=list, compare=False, repr=False)
    request: "Request | None" = field(default=None, compare=False, repr=False)
    fate: str = field(default="open", compare=False)
    """open, voided or settled."""
    echo: bool = field(default=False, compare=False, repr=False)
    """A doubled write made it again after it was given back: it expires, nothing else."""
    late: bool = field(default=False, compare=False, repr=False)
    """Its admission came when its request was over: it expires, nothing else."""
    unheard: bool = field(default=False, compare=False, repr=False)
    """The answer to its admission was lost."""

    @property
    def amount(self) -> int:
        return self.paid + sum(self.lots.values())

    def grow(self, larger: "Held") -> None:
        self.paid, self.lots, self.extended = larger.paid, larger.lots, larger.extended
        self.sizes.append(self.amount)


@dataclass
class Charged:
    """A receipt: what one request was charged."""

    account_id: str
    receipt_id: str
    outcome: str
    cost: int
    hold: int
    input: int
    output: int
    ended: int
    offence: str


@dataclass(slots=True)
class Plain:
    """An account. `lots` are (left, expires) by name; `counts` are windows, `days` are totals of open days.

    `offences` are counted against its user, who is `blocked` until then; `acts` is how often somebody blocked by hand.
    `full` is what there was when credits last came in, `told` the level last told of, above all levels where none was;
    below `top_up` more is bought, unless that was begun and is `topping`.
    """

    account_id: str
    paid: int
    spent: int
    expired: int
    credited: int
    debt: int
    version: int
    state: str
    lots: dict[str, tuple[int, int]]
    holds: dict[str, Held]
    counts: dict[str, int]
    days: dict[str, int]
    offences: dict[str, int]
    blocked: int
    offence: str
    acts: int
    full: int
    told: int
    top_up: int
    topping: int

    def copy(self) -> "Plain":
        return replace(
            self,
            lots=dict(self.lots),
            holds=dict(self.holds),
            counts=dict(self.counts),
            days=dict(self.days),
            offences=dict(self.offences),
        )

    def unlike(self, other: "Plain") -> str:
        """In what another account is different."""
        names = [name for name in self.__slots__ if getattr(self, name) != getattr(other, name)]
        return ", ".join(f"{name} must be {getattr(self, name)}, is {getattr(other, name)}" for name in names)

    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    def worth(self) -> int:
        return self.paid + sum(left for left, _ in self.lots.values())

    def free(self, now_s: float) -> int:
        """What a request could take."""
        return self.paid + sum(left for left, expires in self.lots.values() if expires > now_s)

    def left(self, now_s: float) -> int:
        """What is not spent, with what is held for requests."""
        return self.free(now_s) + self.held()

    def drift(self) -> int:
        return self.credited - self.worth() - self.held() - self.spent - self.expired

    def lowest(self) -> int:
        """The smallest of all numbers."""
        parts = [part for hold in self.holds.values() for part in (hold.paid, *hold.lots.values())]
        lots = [left for left, _ in self.lots.values()]
        return min(self.paid, self.spent, self.expired, self.debt, *parts, *lots, *self.counts.values())


def read_account(item: Item) -> Plain:
    """An account from its item."""
    numbers = {name: int(value["N"]) for name, value in item.items() if "N" in value}
    return Plain(
        account_id=item["account_id"]["S"],
        paid=numbers.get("paid", 0),
        spent=numbers.get("spent", 0),
        expired=numbers.get("expired", 0),
        credited=numbers.get("credited", 0),
        debt=numbers.get("debt", 0),
        version=numbers["credentials_version"],
        state=item["state"]["S"],
        lots={name: (int(lot["M"]["n"]["N"]), int(lot["M"]["x"]["N"])) for name, lot in item["lots"]["M"].items()},
        holds={name: read_hold(hold["M"]) for name, hold in item["holds"]["M"].items()},
        counts={name: value for name, value in numbers.items() if name[1:2] == ":"},
        days={name: value for name, value in numbers.items() if name.partition(":")[0] in TOTALS},
        offences={name: value for name, value in numbers.items() if name.startswith("abuse/")},
        blocked=numbers.get("blocked", 0),
        offence=item.get("offence", {"S": ""})["S"],
        acts=numbers.get("blocks", 0),
        full=numbers.get("full", 0),
        told=numbers.get("told", NOT_TOLD),
        top_up=numbers.get("top_up", 0),
        topping=numbers.get("topping", 0),
    )


def read_hold(fields: Item) -> Held:
    lots = {lot: int(part["N"]) for lot, part in fields.get("l", {"M": {}})["M"].items()}
    extended = int(fields.get("e", {"N": "0"})["N"])
    held = Held(int(fields["p"]["N"]), lots, int(fields["x"]["N"]), extended)
    held.sizes.append(held.amount)
    return held


def read_receipt(item: Item) -> Charged:
    cost, hold, tokens_in, tokens_out, ended = (
        int(item[name]["N"]) for name in ("cost", "hold", "input", "output", "ended")
    )
    account_id, receipt_id, outcome = (item[name]["S"] for name in ("account_id", "receipt_id", "outcome"))
    offence = item.get("offence", {"S": ""})["S"]
    return Charged(account_id, receipt_id, outcome, cost, hold, tokens_in, tokens_out, ended, offence)


def read_counts(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if name[1:2] == ":"}
