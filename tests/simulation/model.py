"""What the ledger should be, in plain numbers: written from its rules, sharing no code with it.

The model hears of every committed change, finds out what kind of change it was, computes by itself what the account
must be afterwards, and compares. So it judges every state that ever was, not only the last.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.simulation.plain import Charged, Held, Limits, Plain, index, read_account, read_receipt
from tests.simulation.store import Call, Fault, Stage
from tests.simulation.telling import Telling

Item = dict[str, Any]


class Model(Telling):
    """Every account, receipt, key and counter as it must be."""

    def __init__(self, stage: Stage, limits: Limits) -> None:
        super().__init__(stage, limits)
        self.accounts: dict[str, Plain] = {}
        self.receipts: dict[str, Charged] = {}
        self.keys: dict[str, str] = {}
        self.held: dict[str, Held] = {}
        """Every hold there ever was, as it was last; `fate` says what became of it."""
        self.asked: dict[tuple[str, str], int] = {}
        """What is to be entered in the journal, by reason and reference; below 0 for what goes out."""
        self.entered: Counter[tuple[str, str]] = Counter()
        self.unentered: dict[str, tuple[int, int, int, int]] = {}
        """Changes of credits whose journal entry must come in the same transaction."""
        self.days: Counter[str] = Counter()

    def changed(self, table: str, key: tuple[str, ...], before: Item | None, after: Item | None) -> None:
        """The tables' observer: an item changed."""
        call = self.stage.current
        assert call, "something changed that nobody asked for"
        if table == "accounts":
            self._account(call, before, after)
        elif table == "receipts":
            self._receipt(call, before, after)
        elif table == "journal":
            self._journal(call, before, after)
        elif table == "windows" and not key[0].startswith("usage/"):  # statistics are no part of the ledger
            self.scope_changed(call, key[0], after or {})
        elif table == "notices":
            self.notice(call, key, before, after)
        elif table == "credentials" and after:
            self.keys[key[0]] = after["state"]["S"]
        for request in self.stage.active:
            request.witness()

    def _account(self, call: Call, before_item: Item | None, after_item: Item | None) -> None:
        if after_item is None:
            self.broken("an account vanished")
            return
        after = read_account(after_item)
        if before_item is None:
            self.expect(after.credited == after.worth(), "an account begins with what it was credited")
            self.counted[after.account_id] = Counter()
            self.opened(after)
        else:
            before = self.accounts[after.account_id]
            expected = before.copy()
            self._explain(call, before, after, expected)
            if expected != after:
                self.broken(f"{call}: {expected.unlike(after)}")
        self.expect(after.drift() == 0, f"credited = paid + lots + holds + spent + expired, but {after}")
        self.expect(after.lowest() >= 0, f"nothing is negative, but {after}")
        self.accounts[after.account_id] = after

    def _explain(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        """Make `expected` what the account must be after a change of this kind."""
        new = [hold for hold in after.holds if hold not in before.holds]
        gone = [hold for hold in before.holds if hold not in after.holds]
        grown = [hold for hold in after.holds if after.holds[hold] != before.holds.get(hold, after.holds[hold])]
        if len(new) == 1 and not gone:
            self._admitted(call, new[0], after.holds[new[0]], expected, after)
        elif len(gone) == 1 and not new:
            self._resolved(call, gone[0], expected, after)
        elif new or gone:
            self.broken("one write makes or resolves one hold")
        elif grown:
            self._extended(call, grown[0], after.holds[grown[0]], expected)
        elif len(after.lots) < len(before.lots) and after.credited == before.credited:
            self._lapsed(call, before, after, expected)
        elif closed := [name for name in before.days if name not in after.days]:
            for name in closed:
                self.days[after.account_id + name.partition(":")[0]] += expected.days.pop(name)
        else:
            self._otherwise(call, before, after, expected)

    def _admitted(self, call: Call, hold_id: str, hold: Held, expected: Plain, after: Plain) -> None:
        request = call.request
        if request is None or request.account_id != after.account_id:
            self.broken("a hold is of a request of this account")
            return
        earlier = self.held.get(hold_id)
        if earlier:
            hold.echo = True
            self.expect(earlier.fate != "settled", f"{request}: a settled request was admitted again")
        self.expect(expected.state == "open" and not expected.debt, f"{request}: a blocked account was admitted")
        self.let_in(call, expected, after)
        self.expect(self.keys.get(request.credential_id) == "live", f"{request}: a key that is not live was admitted")
        self.expect(len(expected.holds) < self.limits.open_max, f"{request}: more requests run than may")
        self.expect(request.least <= hold.amount <= request.upper, f"{request}: {hold} is held for {request.least}…")
        for lot in hold.lots:
            alive = lot in expected.lots and expected.lots[lot][1] > call.planned_s - 1
            self.expect(alive, f"{request}: took from a lot that is over")
        self._spend(expected, hold.paid, hold.lots)
        expected.holds[hold_id] = hold
        hold.counted = self.count(
            call, expected.counts, after.counts, self.counted[after.account_id], self.limits.account
        )
        hold.ends = {lot: expires for lot, (_, expires) in expected.lots.items()}
        hold.request, hold.fate, hold.unheard = request, "open", call.fault in (Fault.LOST_ANSWER, Fault.LATE)
        hold.late = request.ended
        self.held[hold_id] = hold
        request.holds.append(hold_id)

    def _spend(self, expected: Plain, paid: int, lots: dict[str, int]) -> None:
        expected.paid -= paid
        for lot, part in lots.items():
            if lot in expected.lots:
                left, expires = expected.lots[lot]
                expected.lots[lot] = (left - part, expires)

    def _resolved(self, call: Call, hold_id: str, expected: Plain, after: Plain) -> None:
        hold, receipt = expected.holds.pop(hold_id), self.receipts.get(hold_id)
        hold = self.held.get(hold_id, hold)
        own = call.request is not None and call.request is hold.request
        tombstone = receipt is not None and receipt.outcome == "expired"
        if receipt and tombstone and own and after.days == expected.days:
            receipt = None  # given back by its request while somebody healed it: at no cost either way
        hold.fate = "settled" if receipt else "voided"
        if receipt is None:
            self.expect(own, f"{call}: somebody else gave back {hold_id}, and there is no receipt")
            self.expect(after.spent == expected.spent, f"{call}: charged, and there is no receipt")
            for name in hold.counted:
                if int(name[2:]) >= index(name[0], call.planned_s) and name in expected.counts:
                    expected.counts[name] -= 1
                    self.counted[after.account_id][name] -= 1
        else:
            self._charge(call, receipt, expected, after)
            self.offended_by(receipt, expected)
            if own and hold.unheard:
                self.stage.stats["adopted holds"] += 1
        cost = receipt.cost if receipt else 0
        self._give_back(call, hold, cost, expected)

    def _charge(self, call: Call, receipt: Charged, expected: Plain, after: Plain) -> None:
        expected.spent += receipt.cost
        today = index("d", call.planned_s)
        day = today if f"requests:{today}" in after.days else today - 1  # it was begun a moment before midnight
        sums = {"requests": 1, "input": receipt.input, "output": receipt.output, "cost": receipt.cost}
        for name, value in sums.items():
            if value:
                expected.days[f"{name}:{day}"] = expected.days.get(f"{name}:{day}", 0) + value

    def _give_back(self, call: Call, hold: Held, cost: int, expected: Plain) -> None:
        """Lots are spent before paid, the soonest to expire first; the rest goes back to where it came from."""
        for lot, part in sorted(hold.lots.items(), key=lambda named: (hold.ends.get(named[0], 0), named[0])):
            used = min(part, cost)
            cost -= used
            left, expires = expected.lots.get(lot, (0, 0))
            if expires > call.planned_s:
                expected.lots[lot] = (left + part - used, expires)
            else:
                expected.expired += part - used
        expected.paid += hold.paid - cost

    def _extended(self, call: Call, hold_id: str, larger: Held, expected: Plain) -> None:
        hold = self.held[hold_id]
        self.expect(call.request is hold.request, f"{call}: somebody else extended {hold_id}")
        self.expect(expected.state == "open" and not expected.debt, f"{call}: a blocked account was extended")
        self.expect(expected.blocked <= call.planned_s, f"{call}: extended for a user who is blocked")
        self.expect(larger.extended == hold.extended + 1, f"{call}: {hold_id} was extended twice by one write")
        added = {lot: part - hold.lots.get(lot, 0) for lot, part in larger.lots.items()}
        self._spend(expected, larger.paid - hold.paid, added)
        self.expect(
            min(larger.paid - hold.paid, *added.values(), 0) >= 0, f"{call}: an extension made {hold_id} smaller"
        )
        self.expect(larger.expires == hold.expires, f"{call}: an extension moved the expiry of {hold_id}")
        hold.grow(larger)
        hold.ends |= {lot: expires for lot, (_, expires) in expected.lots.items()}
        expected.holds[hold_id] = larger
        self.stage.stats["extensions"] += 1

    def _lapsed(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        for lot in [lot for lot in before.lots if lot not in after.lots]:
            left, expires = expected.lots.pop(lot)
            expected.expired += left
            self.expect(expires <= self.stage.time() + self.fastest_s, f"{call}: a lot lapsed before its time")

    def _otherwise(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        """Not by a request: credits that came or went, debt, keys, a block, an offence."""
        came, owed = after.credited - before.credited, after.debt - before.debt
        if came or owed:
            gifts = {name: lot for name, lot in after.lots.items() if name not in before.lots}
            used_up = [name for name in before.lots if name not in after.lots]
            self.expect(all(before.lots[name][0] == 0 for name in used_up), f"{call}: a lot vanished with its credits")
            expected.lots = {name: lot for name, lot in expected.lots.items() if name not in used_up} | gifts
            expected.paid += came - sum(left for left, _ in gifts.values())
            expected.credited, expected.debt = after.credited, after.debt
            self.unentered[after.account_id] = (came, owed, before.paid, before.debt)
            self.moved(call, before, after, expected)
        else:
            self.crossed(call, before, after, expected)
        if after.offence != before.offence:
            self.offended_beside(call, after, expected)
        if after.acts != before.acts:
            self.by_hand(call, before, after, expected)
        if call.request is None or after.version != before.version:
            expected.state, expected.version = after.state, after.version

    def _journal(self, call: Call, before: Item | None, after: Item | None) -> None:
        """An entry says what its account's change was, and is entered once."""
        if before is not None or after is None:
            return self.broken(f"{call}: a journal entry was changed")
        name = after["reason"]["S"], after["reference"]["S"]
        amount, debt = int(after["amount"]["N"]), int(after["debt"]["N"])
        opening = (amount, debt, 0, 0)
        came, owed, paid, owes = self.unentered.pop(after["account_id"]["S"], opening)
        self.expect((came, owed) == (amount, debt), f"{call}: entered {amount}, {debt}; changed {came}, {owed}")
        if name[0] == "debt":
            self.expect(
                amount == debt and 0 < -amount <= min(paid, owes), f"{call}: paid {amount} of {owes} with {paid}"
            )
        elif name in self.asked:
            self.entered[name] += 1
            self.expect(self.entered[name] == 1, f"{call}: {name} was entered twice")
            asked = self.asked[name]
            if name[0] == "adjustment" and asked < 0:  # a deduction stops at nothing, as it was when it was planned
                asked = max(asked, min(amount, 0))
            self.expect(amount - debt == asked, f"{call}: {name} of {asked} entered {amount}, {debt}")
            self.expect(min(debt, amount - self.asked[name]) >= 0, f"{call}: {name} entered {amount}, {debt}")
        else:
            self.expect(name[0] in ("trial", "opened"), f"{call}: nobody asked for {name}")
        return None

    def _receipt(self, call: Call, before: Item | None, after: Item | None) -> None:
        if before is not None or after is None:
            return self.broken(f"{call}: a receipt was changed")
        receipt = read_receipt(after)
        hold = self.held.get(receipt.receipt_id)
        if hold is None or hold.request is None or hold.request.account_id != receipt.account_id:
            return self.broken(f"{call}: a receipt without a hold")
        self.receipts[receipt.receipt_id] = receipt
        self.expect(
            hold.fate == "open" or (hold.fate == "voided" and receipt.outcome == "expired"),
            f"{call}: a receipt for a hold that was {hold.fate}",
        )
        if receipt.outcome == "expired":
            self.stage.stats["heals"] += 1
            self.expect(receipt.cost == 0, f"{call}: a hold that expired costs something")
            self.expect(hold.expires <= self.stage.time() + self.fastest_s, f"{call}: a hold was healed that runs")
        else:
            self.expect(call.request is hold.request, f"{call}: somebody else put a receipt")
            self.expect(not hold.echo, f"{call}: a hold that was given back is charged")
            hold.request.check_receipt(receipt, hold)
        return None

    def ended(self, days: Iterable[Item]) -> None:
        """At the end, everything has been resolved, and all sums agree."""
        for row in days:
            for name in ("requests", "input", "output", "cost"):
                if name in row:
                    self.days[row["account_id"]["S"] + "+" + name] += int(row[name]["N"])
        for account_id, account in self.accounts.items():
            mine = [receipt for receipt in self.receipts.values() if receipt.account_id == account_id]
            spent = sum(receipt.cost for receipt in mine)
            settled = sum(self.held[receipt.receipt_id].fate == "settled" for receipt in mine)
            self.expect(spent == account.spent, f"receipts come to {spent}, spent is {account.spent}")
            self.expect(not account.holds, f"{account_id} still holds {account.holds}")
            for name in ("requests", "input", "output", "cost"):
                moved, arrived = self.days[account_id + name], self.days[f"{account_id}+{name}"]
                self.expect(moved == arrived, f"{name}: {moved} were moved to closed days, {arrived} arrived")
                in_days = moved + sum(value for day, value in account.days.items() if day.startswith(name + ":"))
                truth = settled if name == "requests" else sum(getattr(receipt, name) for receipt in mine)
                self.expect(in_days == truth, f"{name}: days come to {in_days}, receipts to {truth}")
        for hold_id, hold in self.held.items():
            self.expect(hold.fate != "open", f"{hold_id} was never resolved")
        self.all_told(self.accounts)
        self.expect(not self.unentered, f"{self.unentered} changed credits without a journal entry")
