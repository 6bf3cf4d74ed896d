"""One client's request: what was made for it, what came back, and whether that was justified by the plain numbers."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from tests.simulation.model import Model
from tests.simulation.plain import Charged, Held, is_full
from tests.simulation.provider import Served
from tests.simulation.store import Process

REASONS = {
    "invalid_api_key": "key",
    "insufficient_quota": "credits",
    "forbidden": "blocked",
    "user_blocked": "abuse",
    "credits_held": "held",
    "too_many_open_requests": "open",
    "rate_limit_exceeded": "rate",
    "ledger_unavailable": "fault",
    "idempotency_key_used": "used",
    "idempotency_key_in_progress": "in progress",
    "idempotency_key_reused": "reused",
}
"""By the code of a refusal: what must have been so while the request ran."""


@dataclass(eq=False)
class Request:
    """A request, everything that happened to it, and everything that could have refused it."""

    name: str
    model: Model
    account_id: str
    key: str
    body: bytes
    address: str
    endpoint: str = "/v1/chat/completions"
    drains: bool = False
    """An answer whose client left is made, and charged, to its end."""
    repeats: list["Request"] = field(default_factory=list)
    """All requests with its Idempotency-Key, in the order in which they were sent; empty: it has none."""
    process: Process | None = None
    faults: int = 0
    """How many of its calls to the store met a fault."""
    could: set[str] = field(default_factory=set)
    """What was so at some moment while it ran, by the words of REASONS."""
    served: list[Served] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    whole: bool = False
    """The body ended."""
    left: bool = False
    crashed: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        asked, limits = json.loads(self.body), self.model.limits
        self.credential_id = sha256(self.key.encode()).hexdigest()
        self.scope = ""
        self.estimate = -(-len(self.body) // 4)
        self.least = limits.cost(self.estimate, 1)
        self.upper = limits.cost(len(self.body) + 400, asked["max_tokens"])
        self.stream = bool(asked["stream"])

    def __str__(self) -> str:
        return self.name

    # What could refuse it

    def witness(self) -> None:
        """Note what is so now."""
        process, model = self.process, self.model
        if process is None:
            return
        if model.keys.get(self.credential_id) not in ("live", "pending"):
            self.could.add("key")
        account = model.accounts[self.account_id]
        low = account.free(process.stage.time() + model.fastest_s + 1)
        high = account.free(process.stage.time() + model.slowest_s - 1)
        if account.state != "open":
            self.could.add("blocked")
        if account.blocked > process.now():
            self.could.add("abuse")
        if account.debt or low + account.held() < self.least:
            self.could.add("credits")
        if low < self.least <= high + account.held():
            self.could.add("held")
        if len(account.holds) >= model.limits.open_max:
            self.could.add("open")
        if any(self.full(process.now()).values()):
            self.could.add("rate")
        for other in self.repeats:
            if other is not self:
                self.could |= {"in progress", "reused"} - ({"reused"} if other.body == self.body else set())
                self.could |= {"used"} if other.charged() else set()

    def full(self, now_s: float) -> dict[str, bool]:
        """Whose windows have no room: the account's, the address's, the project's."""
        model, places = self.model, {"account": self.account_id, "address": self.scope, "project": "project/default"}
        full = {}
        for name, place in places.items():
            counts = model.accounts[place].counts if name == "account" else model.scopes.get(place, {})
            # A process may remember of the last minute what one with a faster clock has forgotten.
            full[name] = is_full(getattr(model.limits, name), {**model.counted.get(place, {}), **counts}, now_s)
        return full

    def predicted(self) -> str:
        """The code of the refusal that it must meet if it is alone and nothing fails; "" if it must be admitted."""
        self.witness()
        assert self.process
        account, full = self.model.accounts[self.account_id], self.full(self.process.now())
        first = next((other for other in self.repeats if other is not self and other.charged()), None)
        refusals = (
            (full["address"], "rate_limit_exceeded"),
            ("key" in self.could, "invalid_api_key"),
            (first and first.body == self.body, "idempotency_key_used"),
            (first, "idempotency_key_reused"),
            (full["project"], "rate_limit_exceeded"),
            ("blocked" in self.could, "forbidden"),
            ("abuse" in self.could, "user_blocked"),
            (account.debt, "insufficient_quota"),
            (full["account"], "rate_limit_exceeded"),
            ("open" in self.could, "too_many_open_requests"),
            ("held" in self.could, "credits_held"),
            ("credits" in self.could, "insufficient_quota"),
        )
        return next((code for true, code in refusals if true), "")

    def charged(self) -> bool:
        """It has a receipt, and not because it expired."""
        receipts = [self.model.receipts[hold] for hold in self.holds if hold in self.model.receipts]
        return any(receipt.outcome != "expired" for receipt in receipts)

    def given_up(self) -> bool:
        """Whatever was held for it was given back, or has expired."""
        for hold_id in self.holds:
            hold = self.model.held[hold_id]
            if not (hold.fate == "voided" or hold.echo or hold.late or hold_id in self.model.receipts):
                return False
        return not self.charged()

    # What is made for it

    def called(self, served: Served) -> None:
        """The provider is called for it."""
        self.served.append(served)
        model = self.model
        model.expect(len(self.served) == 1, f"{self}: the provider was called twice")
        model.expect(bool(self.holds), f"{self}: the provider was called, and nothing is held")
        for other in self.repeats:
            again = other is not self and other.served and not other.given_up()
            model.expect(not again, f"{self}: the provider was called for {other}, with the same Idempotency-Key")
        if self.holds and not self.faults:
            held = [model.held[hold].fate == "open" for hold in self.holds]
            model.expect(held.count(True) == 1, f"{self}: the provider was called with {held} holds")
        most = max((model.held[hold].amount for hold in self.holds), default=0)
        if self.stream and self.process:  # its hold can grow while it runs
            most += model.accounts[self.account_id].free(self.process.stage.time() + model.slowest_s - 1) + self.upper
        model.expect(served.limit * model.limits.output <= most, f"{self}: {served.limit} tokens for {most}")

    def check_receipt(self, receipt: Charged, hold: Held) -> None:
        """Its receipt charges exactly what was made for it, and no more than its hold."""
        model = self.model
        if not self.served or not self.served[-1].reached:
            return model.broken(f"{self}: charged, and the provider was not reached")
        served = self.served[-1]
        tokens_in, tokens_out, cached = self.estimate, 0, 0
        if served.told and (self.stream or self.drains or receipt.outcome != "client_left"):
            tokens_in, tokens_out, cached = served.input, served.output, served.cached
        cost = model.limits.cost(tokens_in, tokens_out, cached)
        model.expect(receipt.hold in hold.sizes, f"{self}: its receipt holds {receipt.hold}, it held {hold.sizes}")
        model.expect(receipt.cost == min(cost, receipt.hold), f"{self}: cost {cost} of {hold}, charged {receipt}")
        told = (receipt.input, receipt.output)
        model.expect(told == (tokens_in, tokens_out), f"{self}: used {tokens_in}, {tokens_out}, receipt says {told}")
        if receipt.outcome == "completed":
            model.expect(served.ended, f"{self}: completed, and the provider had not ended")
            counts = served.blocked and bool(model.limits.abuse)
            model.expect(bool(receipt.offence) == counts, f"{self}: {served}, its receipt counts {receipt.offence!r}")
        model.expect(served.blocked or not receipt.offence, f"{self}: counted as an offence, and nothing was blocked")
        if receipt.outcome == "client_left":
            model.expect(self.left, f"{self}: its client is said to have left")
        earlier = [model.receipts[hold_id].cost for hold_id in self.holds if hold_id in model.receipts]
        model.expect(sum(cost > 0 for cost in earlier) <= 1, f"{self}: charged twice, {earlier}")
        return None

    # What came back

    def heard_all(self) -> None:
        """The body has ended: whoever sees that and no fault has been charged already."""
        self.whole = True
        if self.status == 200 and not self.faults:
            fates = [self.model.held[hold].fate for hold in self.holds]
            self.model.expect(fates == ["settled"], f"{self}: the answer ended, its hold is {fates}")

    def refusal(self) -> str:
        """The code it was refused with before the provider was asked; "" where it was not."""
        code: str = json.loads(self.data)["error"]["code"] if self.status not in (0, 200) and self.data else ""
        return code if code in REASONS else ""

    def told(self) -> str:
        """How it ended, for the summary."""
        if self.status == 200:
            return "200" if self.whole else "200 broken off"
        if self.status:
            return (
                f"{self.status} {json.loads(self.data)['error']['code']}" if self.data else f"{self.status} broken off"
            )
        return "none: left" if self.left else "none: crash"

    def judge(self) -> None:
        """Was the answer justified?"""
        model = self.model
        model.expect(bool(self.status or self.left or self.crashed), f"{self}: got no answer")
        if self.status in (0, 200) or not self.data:
            return
        error = json.loads(self.data)["error"]
        reason = REASONS.get(error["code"])
        if reason:
            justified = reason in self.could or (reason == "fault" and self.faults > 0)
            model.expect(justified, f"{self}: refused with {error['code']}, which was at no moment so")
            model.expect(not self.served, f"{self}: refused with {error['code']}, and the provider was called")
        elif self.status == 504 and self.faults and not self.served:
            return  # the store took so long that no time was left to ask the provider
        elif self.served:
            late = (504,) if self.faults else ()  # what was left of its time when it was admitted
            failures = (503, *late) if self.served[-1].kind == "503" else (502, 504)
            model.expect(self.status in failures, f"{self}: {self.served[-1]}, told {self.status}")
        else:
            model.broken(f"{self}: refused with {self.status} {error['code']}, which nothing explains")

    def judge_charge(self) -> None:
        """At the end of everything: was it charged rightly?"""
        model = self.model
        costs = [model.receipts[hold].cost for hold in self.holds if hold in model.receipts]
        same = sum(other.charged() for other in self.repeats)
        model.expect(same <= 1, f"{self}: {same} requests with one Idempotency-Key were charged")
        model.expect(sum(cost > 0 for cost in costs) <= 1, f"{self}: charged twice, {costs}")
        if self.status not in (0, 200):
            model.expect(sum(costs) == 0, f"{self}: refused with {self.status}, and charged {costs}")
        if self.status == 200 and self.whole:
            receipt = model.receipts.get(self.headers["x-farebox-receipt"])
            if receipt is None or receipt.receipt_id not in self.holds:
                return model.broken(f"{self}: answered, and has no receipt")
            free = receipt.outcome == "expired" and not self.faults
            model.expect(not free, f"{self}: answered, and not charged, though nothing failed")
        return None
