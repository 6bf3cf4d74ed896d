"""What an account should be, in plain numbers: written from the rules, sharing no code with the ledger."""

from dataclasses import dataclass, field

HOUR_S, DAY_S = 3600, 86400
CLOCKS_DIFFER_S = 60


@dataclass
class Held:
    """A hold of the model: what it took from each lot and from paid, when it expires, the hour it was counted in."""

    lots: dict[str, int]
    paid: int
    expires: int
    hour: int

    @property
    def amount(self) -> int:
        return self.paid + sum(self.lots.values())


@dataclass
class Claimed:
    """An Idempotency-Key that was used: for which body, when, for which hold; and whether that was charged."""

    body: bytes
    created: int
    hold_id: str
    charged: bool = False


@dataclass
class Model:
    """One account. `lots` is name → [left, expires]; `days` counts requests, input, output and cost by day."""

    hour_limit: int
    lots: dict[str, list[int]]
    paid: int = 0
    spent: int = 0
    expired: int = 0
    debt: int = 0
    entries: int = 1
    holds: dict[str, Held] = field(default_factory=dict)
    hours: dict[int, int] = field(default_factory=dict)
    days: dict[int, list[int]] = field(default_factory=dict)
    claims: dict[str, Claimed] = field(default_factory=dict)

    def available(self, now: int) -> int:
        return self.paid + sum(left for left, expires in self.lots.values() if expires > now)

    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    def left_in_lots(self) -> int:
        return sum(left for left, _ in self.lots.values())

    def parts(self, now: int, amount: int) -> dict[str, int]:
        """What `amount` takes from which lot: the soonest to expire first, all of them before paid."""
        alive = sorted((expires, name) for name, (left, expires) in self.lots.items() if left > 0 and expires > now)
        parts: dict[str, int] = {}
        for _, name in alive:
            if amount:
                parts[name] = min(amount, self.lots[name][0])
                amount -= parts[name]
        return parts

    def take(self, lots: dict[str, int], paid: int) -> None:
        self.paid -= paid
        for name, part in lots.items():
            self.lots[name][0] -= part

    def admit(self, now: int, hold_id: str, lots: dict[str, int], paid: int, expires: int) -> None:
        self.take(lots, paid)
        self.hours[now // HOUR_S] = self.hours.get(now // HOUR_S, 0) + 1
        self.holds[hold_id] = Held(dict(lots), paid, expires, now // HOUR_S)

    def resolve(self, now: int, hold_id: str, cost: int) -> None:
        """Lots pay first; the rest goes back to where it came from, or has expired."""
        hold = self.holds.pop(hold_id)
        self.spent += cost
        for name, part in hold.lots.items():
            used = min(cost, part)
            cost -= used
            if name in self.lots and self.lots[name][1] > now:
                self.lots[name][0] += part - used
            else:
                self.expired += part - used
        self.paid += hold.paid - cost

    def count(self, now: int, tokens_in: int, tokens_out: int, cost: int) -> None:
        day = self.days.setdefault(now // DAY_S, [0, 0, 0, 0])
        for index, value in enumerate((1, tokens_in, tokens_out, cost)):
            day[index] += value

    def go_out(self, amount: int, *, owed: bool) -> None:
        """A refund's rest is owed; a deduction stops at zero."""
        taken = min(self.paid, amount)
        self.paid -= taken
        self.entries += 1
        if owed:
            self.debt += amount - taken

    def tidy(self, now: int) -> None:
        """Expired holds cost nothing, a lot that is over has expired, debt is paid from paid."""
        for hold_id in [hold_id for hold_id, hold in self.holds.items() if hold.expires <= now]:
            self.resolve(now, hold_id, 0)
            self.count(now, 0, 0, 0)
        for name in [name for name, (_, expires) in self.lots.items() if expires <= now]:
            self.expired += self.lots.pop(name)[0]
        if self.debt and self.paid:
            netted = min(self.debt, self.paid)
            self.debt -= netted
            self.paid -= netted
            self.entries += 1

    def claim(self, now: int, key: str, body: bytes, lasts_s: int) -> str:
        """What comes of an Idempotency-Key: `claimed`, or why not."""
        found = self.claims.get(key)
        if found is None or found.created + DAY_S <= now:
            return "claimed"
        if found.body != body:
            return "idempotency_key_reused"
        over = now > found.created + lasts_s + CLOCKS_DIFFER_S
        if over:
            self.tidy(now)
        if found.charged:
            return "idempotency_key_used"
        return "claimed" if over else "idempotency_key_in_progress"
