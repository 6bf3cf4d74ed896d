"""What an account should be, in plain numbers: written from the rules, sharing no code with the ledger."""

from dataclasses import dataclass, field

HOUR_S, DAY_S = 3600, 86400


@dataclass
class Held:
    """A hold of the model: what it took from the trial and from paid, and when it expires."""

    trial: int
    paid: int
    expires: int
    hour: int


@dataclass
class Model:
    """One account with one lot. `days` counts requests, input, output and cost by day."""

    trial: int
    trial_expires: int
    hour_limit: int
    paid: int = 0
    spent: int = 0
    expired: int = 0
    holds: dict[str, Held] = field(default_factory=dict)
    hours: dict[int, int] = field(default_factory=dict)
    days: dict[int, list[int]] = field(default_factory=dict)
    has_lot: bool = True

    def available(self, now: int) -> int:
        return self.paid + (self.trial if self.trial_expires > now else 0)

    def held(self) -> int:
        return sum(hold.trial + hold.paid for hold in self.holds.values())

    def from_trial(self, now: int, amount: int) -> int:
        """Lots before paid."""
        return min(amount, self.trial if self.trial_expires > now else 0)

    def admit(self, now: int, hold_id: str, from_trial: int, from_paid: int, expires: int) -> None:
        self.trial -= from_trial
        self.paid -= from_paid
        self.hours[now // HOUR_S] = self.hours.get(now // HOUR_S, 0) + 1
        self.holds[hold_id] = Held(from_trial, from_paid, expires, now // HOUR_S)

    def resolve(self, now: int, hold_id: str, cost: int) -> None:
        """The trial pays first; the rest goes back to where it came from, or has expired."""
        hold = self.holds.pop(hold_id)
        from_trial = min(cost, hold.trial)
        self.spent += cost
        self.paid += hold.paid - (cost - from_trial)
        if self.has_lot and self.trial_expires > now:
            self.trial += hold.trial - from_trial
        else:
            self.expired += hold.trial - from_trial

    def count(self, now: int, tokens_in: int, tokens_out: int, cost: int) -> None:
        day = self.days.setdefault(now // DAY_S, [0, 0, 0, 0])
        for index, value in enumerate((1, tokens_in, tokens_out, cost)):
            day[index] += value

    def tidy(self, now: int) -> None:
        """Expired holds cost nothing; a trial that is over has expired."""
        for hold_id in [hold_id for hold_id, hold in self.holds.items() if hold.expires <= now]:
            self.resolve(now, hold_id, 0)
            self.count(now, 0, 0, 0)
        if self.has_lot and self.trial_expires <= now:
            self.expired += self.trial
            self.trial, self.has_lot = 0, False
