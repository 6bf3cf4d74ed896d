"""What is left of an account, when that is little, and that it is told once (docs/ledger.md)."""

import contextlib
import random
from dataclasses import replace

import pytest

from functions.ledger import credentials, crossing, grants, journal, notices, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.expression import Expression
from functions.ledger.journal import Entry
from functions.ledger.store import Ledger, NotApplied
from functions.ledger.tables import drive
from functions.settle.charge import charge
from tests.ledger.arrange import ask, check, paper
from tests.ledger.faults import Crash, FakeClock, Fault, FaultyStore, When, at, never
from tests.simulation.table import FakeDynamoDB, schemas

TRIAL_S = 1000
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT, Fault.CRASH_BEFORE]


class Purse:
    """One account of 1,000 microcredits on tables in memory."""

    def __init__(self, trial: bool = False) -> None:
        self.table, self.clock = FakeDynamoDB(schemas("")), FakeClock()
        self.ledger = Ledger(self.table, self.clock, random.Random(6).randbytes, "")
        gift = grants.Trial(1000, TRIAL_S if trial else 0)
        key = drive(grants.register(self.ledger, grants.Address("default", "ada@farebox.test"), gift))
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        self.account_id = found[1].account_id

    @property
    def item(self) -> Account:
        """The account as it stands, not tidied."""
        return Account(self.table.items("accounts")[(self.account_id,)])

    def process(self, when: When = never) -> tuple[Ledger, FaultyStore]:
        store = FaultyStore(self.table, when)
        return replace(self.ledger, store=store), store

    def hold(self, amount: int) -> Admission:
        asked = ask(amount, self.item, self.clock.now())
        return drive(admit(self.ledger, self.item, asked, fresh=True))

    def settle(self, admission: Admission, cost: int, ledger: Ledger | None = None) -> Account | None:
        receipt = paper(admission.account, admission.hold, cost)
        return drive(charge(ledger or self.ledger, replace(admission, account=self.item), receipt))

    def spend(self, cost: int, ledger: Ledger | None = None) -> None:
        self.settle(self.hold(cost), cost, ledger)

    def enter(self, amount: int, reason: str = "purchase") -> None:
        drive(journal.enter(self.ledger, self.account_id, Entry(amount, reason, self.ledger.random(4).hex())))

    def read(self, ledger: Ledger | None = None) -> Account:
        return drive(tidy.read(ledger or self.ledger, self.account_id))

    def told(self) -> list[tuple[int, int, int]]:
        """Of each notice of credits that run low, in order: the level, what was left, and of how much."""
        found = [notices.from_item(item) for item in self.table.items("notices").values()]
        low = [notice for notice in found if notice.kind == notices.CREDITS_LOW]
        return [(int(n.about["level"]), int(n.about["left"]), int(n.about["full"])) for n in low]


def test_levels_are_told_as_they_are_reached() -> None:
    """At exactly 20 %, 5 % and 0, not a microcredit before, and each once."""
    purse = Purse()
    for cost, levels in ((799, []), (1, [20]), (149, [20]), (1, [20, 5]), (49, [20, 5]), (1, [20, 5, 0])):
        purse.spend(cost)
        assert [level for level, _, _ in purse.told()] == levels
        purse.read()
        assert [level for level, _, _ in purse.told()] == levels
    assert purse.told() == [(20, 200, 1000), (5, 50, 1000), (0, 0, 1000)]
    check(purse.item)


def test_of_several_levels_at_once_the_lowest_is_told() -> None:
    """One request from 100 % to nothing: one notice; those above it are not told afterwards."""
    purse = Purse()
    purse.spend(1000)
    purse.read()
    assert purse.told() == [(0, 0, 1000)]


def test_what_is_held_is_left() -> None:
    """A hold of all that there is crosses nothing, nor does giving it back; its settle does."""
    purse = Purse()
    admission = purse.hold(1000)
    assert crossing.left(purse.read(), purse.clock.now()) == 1000
    assert purse.told() == []
    purse.settle(admission, 100)
    assert purse.told() == []
    admission = purse.hold(900)
    purse.settle(admission, 880)
    assert purse.told() == [(5, 20, 1000)]


def test_credits_that_come_in_arm_the_levels_again() -> None:
    """Levels are then of what there is: what was left and what came."""
    purse = Purse()
    purse.spend(900)
    purse.enter(400)
    assert purse.item.number("full") == 500
    purse.spend(399)
    assert [level for level, _, _ in purse.told()] == [20]
    purse.spend(1)
    assert purse.told() == [(20, 100, 1000), (20, 100, 500)]


def test_what_pays_a_debt_is_not_full() -> None:
    """Of 400 that come in 150 are owed: it is full at 250, and nothing is low."""
    purse = Purse()
    purse.spend(1000)
    purse.enter(-150, "refund")
    assert purse.item.debt == 150
    purse.enter(400)
    assert purse.item.number("full") == 250 == purse.read().paid
    assert [level for level, _, _ in purse.told()] == [0]


def test_a_refund_that_takes_the_rest_is_told() -> None:
    """Credits that go back to a buyer are gone as those that were spent."""
    purse = Purse()
    purse.enter(-1000, "refund")
    assert purse.told() == [(0, 0, 1000)]


def test_a_trial_that_ends_crosses_by_itself() -> None:
    """Whoever reads the account then sees to it that it is told, once."""
    purse = Purse(trial=True)
    purse.spend(100)
    purse.clock.time_s += TRIAL_S + 1
    purse.read()
    purse.read()
    assert purse.told() == [(0, 0, 1000)]


def test_an_account_that_never_had_credits_is_told_nothing() -> None:
    """No level of nothing."""
    purse = Purse()
    purse.table.items("accounts")[(purse.account_id,)].pop("full")
    purse.spend(1000)
    purse.read()
    assert purse.told() == []


def test_a_request_costs_no_write_more_but_at_a_crossing() -> None:
    """Its receipt and its settle; one transaction more where a level is crossed, and no read."""
    purse = Purse()
    for cost, operations in (
        (700, ["PutItem", "UpdateItem"]),
        (101, ["PutItem", "UpdateItem", "TransactWriteItems"]),
        (10, ["PutItem", "UpdateItem"]),
    ):
        ledger, store = purse.process()
        purse.spend(cost, ledger)
        assert [call.operation for call in store.calls] == operations


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("number", range(5))
def test_no_fault_loses_or_doubles_a_crossing(fault: Fault, number: int) -> None:
    """Whichever call it strikes, late answers come and everything is sent once more: told once, when all is read."""
    purse = Purse()
    ledger, store = purse.process(at(number, fault))
    admission = purse.hold(900)
    with contextlib.suppress(Crash):
        purse.settle(admission, 900, ledger)
    purse.clock.time_s += 10_000
    purse.read()
    drive(store.deliver())
    drive(store.replay())
    purse.read()
    if purse.item.spent:
        assert [level for level, _, _ in purse.told()] == [20]
    else:
        assert (purse.told(), number, fault) == ([], number, fault)
    check(purse.item)


def test_a_crossing_of_old_news_is_not_told() -> None:
    """Whoever saw few credits before a purchase came in tells nobody after it."""
    purse = Purse()
    admission = purse.hold(900)
    ledger, _ = purse.process(at(2, Fault.CRASH_BEFORE))
    with pytest.raises(Crash):
        purse.settle(admission, 900, ledger)
    low = purse.item
    purse.enter(10_000)  # read before it came in: that is told
    told = purse.told()
    drive(crossing.tell(purse.ledger, low))
    assert purse.told() == told
    assert "told" not in purse.item.item


def test_the_answer_of_a_request_does_not_wait_for_a_table_that_is_down() -> None:
    """The charge succeeds, and the next reader tells; an account can be read although nobody can be told of it."""

    class Down(FaultyStore):
        async def call(self, operation: str, request: dict[str, object]) -> dict[str, object]:
            if operation == "TransactWriteItems":
                raise NotApplied("ProvisionedThroughputExceededException")
            return await super().call(operation, request)

    purse = Purse()
    ledger = replace(purse.ledger, store=Down(purse.table, never))
    admission = purse.hold(900)
    assert purse.settle(admission, 900, ledger)
    assert purse.read(ledger).spent == 900
    assert purse.told() == []
    purse.read()
    assert [level for level, _, _ in purse.told()] == [20]


def test_a_top_up_begins_once_below_its_threshold() -> None:
    """Where its user wants one and none is under way; a level that is crossed with it is told in the same write."""
    purse = Purse()

    def change(write: Expression) -> None:
        drive(purse.ledger.write("UpdateItem", write.request("accounts", {"account_id": {"S": purse.account_id}})))

    def kinds() -> list[str]:
        return sorted(item["kind"]["S"] for item in purse.table.items("notices").values())

    wanted, over = Expression(), Expression()
    wanted.sets.append(f"top_up = {wanted.number(':t', 150)}")
    over.removed.append("topping")
    change(wanted)
    purse.spend(850)
    assert "topping" not in purse.item.item
    ledger, store = purse.process()
    purse.spend(101, ledger)
    assert [call.operation for call in store.calls] == ["PutItem", "UpdateItem", "TransactWriteItems"]
    assert kinds() == ["credits_low", "credits_low", "top_up"]
    assert purse.item.number("topping") == int(purse.clock.now())
    purse.spend(1)
    purse.read()
    assert kinds().count("top_up") == 1
    change(over)
    purse.read()
    assert kinds().count("top_up") == 2
