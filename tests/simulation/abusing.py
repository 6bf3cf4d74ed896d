"""Offences and blocks in plain numbers: each counts once, and blocks when it must."""

from collections import defaultdict

from tests.simulation.counting import Counting
from tests.simulation.plain import Charged, Limits, Plain, index
from tests.simulation.store import Call, Stage

CLOCKS_DIFFER_S = 10
AGE_STALE = {"m": 3}
"""After how many periods a count may be forgotten; of others after two."""


class Abusing(Counting):
    """What is counted against every user."""

    def __init__(self, stage: Stage, limits: Limits) -> None:
        super().__init__(stage, limits)
        self.offending: dict[str, list[int]] = defaultdict(list)
        """By account, when each offence was begun that is counted beside any request."""
        self.beside: dict[str, list[set[int]]] = defaultdict(list)
        """By account, of each that was counted, which of those it may have been: below the threshold all look alike."""
        self.blocking: dict[str, set[int]] = defaultdict(set)
        """By account, until when somebody may block it by hand."""

        self.latest_s: dict[str, float] = defaultdict(float)
        """By account, when the latest offence was counted."""

    def offended(self, expected: Plain, at_s: int) -> None:
        """One more offence, of this moment; with the last one comes the block, which is never made shorter."""
        if self.limits.abuse is None:
            return self.broken(f"an offence of {expected.account_id}, and nothing counts as one")
        self.latest_s[expected.account_id] = self.stage.time()
        threshold, period, block_s = self.limits.abuse
        name = f"abuse/{period}:{index(period, at_s)}"
        expected.offences[name] = expected.offences.get(name, 0) + 1
        if expected.offences[name] >= threshold:
            expected.blocked = max(expected.blocked, at_s + block_s)
            self.stage.stats["blocks by offences"] += 1
        self.stage.stats["offences"] += 1
        return None

    def offended_by(self, receipt: Charged, expected: Plain) -> None:
        """A receipt is applied, by whomever: what it says of an offence counts then."""
        if receipt.offence:
            self.offended(expected, receipt.ended)

    def offended_beside(self, call: Call, after: Plain, expected: Plain) -> None:
        """An offence that no receipt tells: it is one that was begun, and each of those counts once at most."""
        account_id, expected.offence = after.account_id, after.offence
        fitting: set[int] = set()
        for number, at_s in enumerate(self.offending[account_id]):
            tried = expected.copy()
            self.offended(tried, at_s)
            if (tried.offences, tried.blocked) == (after.offences, after.blocked):
                fitting.add(number)
        self.beside[account_id].append(fitting)
        if not fitting or not _each_its_own(self.beside[account_id]):
            return self.broken(f"{call}: an offence that nobody began, or that was counted before")
        expected.offences, expected.blocked = dict(after.offences), after.blocked
        return None

    def by_hand(self, call: Call, before: Plain, after: Plain, expected: Plain) -> None:
        """Somebody blocked a user, or let one in again; then nothing is counted against them any more."""
        self.expect(after.acts == before.acts + 1, f"{call}: a block that another one overtook")
        if after.blocked:
            self.expect(after.blocked in self.blocking[after.account_id], f"{call}: blocked until {after.blocked}")
        elif self.latest_s[after.account_id] > call.planned_s - CLOCKS_DIFFER_S:
            # What was counted after a process saw the account, it did not see: those windows stay, each as it is.
            expected.offences = {name: expected.offences[name] for name in expected.offences if name in after.offences}
        else:
            expected.offences = {}
        expected.blocked, expected.acts = after.blocked, after.acts
        self.stage.stats["blocks and their ends by hand"] += 1

    def let_in(self, call: Call, expected: Plain, after: Plain) -> None:
        """A request takes something: its user is not blocked, and only counts of long ago are forgotten."""
        self.expect(expected.blocked <= call.planned_s, f"{call}: who is blocked until {expected.blocked} was let in")
        for name in [name for name in expected.offences if name not in after.offences]:
            period, number = name[6], int(name[8:])
            old = number <= index(period, call.planned_s) - AGE_STALE.get(period, 2)
            self.expect(old, f"{call}: {name} was forgotten while it counted")
            del expected.offences[name]


def _each_its_own(choices: list[set[int]]) -> bool:
    """Whether each can be given one of its choices that no other has (Kuhn's algorithm)."""
    given: dict[int, int] = {}

    def give(who: int, tried: set[int]) -> bool:
        for choice in choices[who] - tried:
            tried.add(choice)
            if choice not in given or give(given[choice], tried):
                given[choice] = who
                return True
        return False

    return all(give(who, set()) for who in range(len(choices)))
