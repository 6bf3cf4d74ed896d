"""Answers that are lost, writes that come late or twice: each is applied once (case 4)."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import receipts, tidy
from functions.ledger.account import Account
from functions.ledger.admit import Admission, admit
from functions.ledger.pages import DayTotals
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.store import Item, Ledger
from functions.ledger.windows import DAY_S, HOUR_S, MINUTE_S, Limit
from tests.ledger.arrange import Books, ask, check, paper
from tests.ledger.faults import Call, FakeClock, Fault, FaultyStore, on_write

TRIAL = 10_000
HOLD = 1000
"""Small enough to be taken twice: a doubled admission would find credits."""
COST = 700
MINUTE = Limit("m", 60, "requests a minute")
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT]
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
ADMIT, RECEIPT, SETTLE = 0, 1, 2


@dataclass
class Chat:
    """One request through a store that fails once; late writes arrive where `delivery` says."""

    books: Books
    account: Account
    write: int
    fault: Fault
    delivery: str = "after the settle"
    store: FaultyStore = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger, self.store = self.books.process(on_write(self.write, self.fault))

    async def admit(self) -> Admission:
        wanted = ask(HOLD, self.account, self.books.clock.now(), MINUTE)
        return await admit(self.ledger, self.account, wanted, fresh=False)

    async def run(self) -> None:
        admission = await self.admit()
        if self.delivery == "before the settle":
            await self.store.deliver()
        receipt = paper(self.account, admission.hold, COST, input=3, output=4)
        with suppress(HoldResolved):  # where the answer to the second of two settles comes
            await settle(self.ledger, admission.account, admission.hold, receipt)
        if self.delivery == "after the holds expired":
            await self.books.expire()
            await self.books.read(self.account)
        await self.store.deliver()


async def charged_once(books: Books, account: Account) -> Account:
    """The account, healed; it was charged for exactly one request."""
    after = await books.healed(account)
    papers = await books.receipts(account)
    assert [receipt.cost for receipt in papers if receipt.outcome == "completed"] == [COST]
    assert after.spent == sum(receipt.cost for receipt in papers) == COST
    assert after.available(books.clock.now()) == 2 * TRIAL - COST
    return after


@EVERY_FAULT
@pytest.mark.parametrize("write", [ADMIT, RECEIPT, SETTLE], ids=["admit", "receipt", "settle"])
@pytest.mark.parametrize("delivery", ["before the settle", "after the settle", "after the holds expired"])
async def test_case_04_whatever_happens_to_a_write_of_a_request_it_is_charged_once(
    books: Books, write: int, fault: Fault, delivery: str
) -> None:
    """Lost, late, doubled or conflicting: the request is admitted, and its cost leaves the account once."""
    account = await books.account(TRIAL, paid=TRIAL)
    chat = Chat(books, account, write, fault, delivery)
    await chat.run()
    assert chat.store.struck == 1
    check(await books.item(account))
    await charged_once(books, account)


@EVERY_FAULT
@pytest.mark.parametrize("write", [ADMIT, RECEIPT, SETTLE], ids=["admit", "receipt", "settle"])
async def test_case_04_every_write_again_an_hour_later_applies_nothing_twice(
    books: Books, write: int, fault: Fault
) -> None:
    """The same bytes once more, at once and an hour later, in their order: the cost stays one cost."""
    account = await books.account(TRIAL, paid=TRIAL)
    chat = Chat(books, account, write, fault)
    await chat.run()
    await chat.store.replay()
    check(await books.item(account))
    await charged_once(books, account)
    books.clock.time_s += HOUR_S
    await chat.store.replay()
    check(await books.item(account))
    await charged_once(books, account)


async def test_case_04_an_admission_that_comes_again_after_its_settle_is_not_charged_again(books: Books) -> None:
    """Its receipt is there already: a hold that came back under the same id must not be settled by it again."""
    account = await books.account(TRIAL, paid=TRIAL)
    ledger, store = books.process()
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):  # of the settles; the admissions are in the order of time
        admissions = []
        for _ in order:
            books.clock.time_s += 1
            admissions.append(await books.take(account, 100, ledger))
        for place in order:
            hold = admissions[place].hold
            await settle(ledger, admissions[place].account, hold, paper(account, hold, 100))
    await store.replay()
    assert not (await books.item(account)).holds
    assert (await books.healed(account)).spent == 900


async def test_an_admission_by_a_clock_that_is_behind_gets_a_newer_id(books: Books) -> None:
    """Another process's clock was an hour ahead and settled; ids go on from there, and nobody is locked out."""
    account = await books.account(TRIAL)
    books.clock.time_s += HOUR_S
    ahead = await books.take(account, 100)
    await settle(books.ledger, account, ahead.hold, paper(account, ahead.hold, 100))
    books.clock.time_s -= HOUR_S
    behind = await books.take(account, 100)
    assert behind.hold.hold_id > ahead.hold.hold_id
    assert (await settle(books.ledger, account, behind.hold, paper(account, behind.hold, 100))).spent == 200


async def test_case_04_an_admission_whose_answer_was_lost_is_adopted(books: Books) -> None:
    """Rule 1: the second attempt finds the first one's hold and goes on with it; one hold, counted once."""
    account = await books.account(TRIAL, paid=TRIAL)
    chat = Chat(books, account, ADMIT, Fault.LOST_ANSWER)
    admission = await chat.admit()
    after = await books.item(account)
    assert list(after.holds.values()) == [admission.hold]
    assert list(after.counters.values()) == [1]
    assert len({next(iter(names_of_holds(call))) for call in chat.store.calls}) == 2, "each id is sent once"


def names_of_holds(call: Call) -> list[str]:
    return [call.request["ExpressionAttributeNames"]["#h"]]


async def test_case_04_an_adopted_admission_gives_back_the_window_it_was_counted_in(books: Books) -> None:
    """Where the minute turned between the lost answer and the next attempt, a void leaves no count below nothing."""
    books.clock.time_s += MINUTE_S - books.clock.time_s % MINUTE_S - 0.001
    account = await books.account(TRIAL, paid=TRIAL)
    chat = Chat(books, account, ADMIT, Fault.LOST_ANSWER)
    admission = await admit(
        replace(chat.ledger, store=Slow(chat.store, books.clock)),
        account,
        ask(COST, account, books.clock.now(), MINUTE),
        fresh=False,
    )
    await void(books.ledger, admission.account, admission.hold, admission.counts)
    check(await books.item(account))


@dataclass
class Slow:
    """A store whose calls take a second each."""

    store: FaultyStore
    clock: FakeClock

    async def call(self, operation: str, request: Item) -> Item:
        try:
            return await self.store.call(operation, request)
        finally:
            self.clock.time_s += 1


async def test_case_04_a_late_admission_leaves_a_hold_that_expires_and_nothing_else(books: Books) -> None:
    """Two attempts were applied in the end: one is settled, the other is given back when it expires."""
    account = await books.account(TRIAL, paid=TRIAL)
    chat = Chat(books, account, ADMIT, Fault.LATE, "before the settle")
    await chat.run()
    orphan = await books.item(account)
    assert orphan.held() == HOLD
    check(orphan)
    after = await charged_once(books, account)
    assert sorted(receipt.outcome for receipt in await books.receipts(account)) == ["completed", "expired"]
    assert after.held() == 0


async def test_case_04_with_every_answer_to_the_admission_lost_nothing_is_charged(books: Books) -> None:
    """After a bounded number of attempts the request is refused; what was held is given back when it expires."""
    account = await books.account(TRIAL)
    ledger, store = books.process(lambda index, call: Fault.LATE if call.operation == "UpdateItem" else None)
    with pytest.raises(LedgerUnavailable):
        await books.take(account, 100, ledger)
    assert 1 < len(store.calls) <= 8
    await store.deliver()
    check(await books.item(account))
    after = await books.healed(account)
    assert (after.spent, after.available(books.clock.now())) == (0, TRIAL)


@EVERY_FAULT
async def test_case_04_a_void_is_applied_once(books: Books, fault: Fault) -> None:
    """Given back once, counters too, however often the write arrives."""
    account = await books.account(TRIAL, paid=TRIAL)
    ledger, store = books.process(on_write(ADMIT + 1, fault))
    admission = await admit(ledger, account, ask(COST, account, books.clock.now(), MINUTE), fresh=False)
    with suppress(HoldResolved):
        await void(ledger, admission.account, admission.hold, admission.counts)
    await store.deliver()
    after = await books.item(account)
    check(after)
    assert (after.held(), list(after.counters.values())) == (0, [0])
    await store.replay()
    assert (await books.healed(account)).available(books.clock.now()) == 2 * TRIAL


@EVERY_FAULT
@pytest.mark.parametrize("write", range(4), ids=["expired receipt", "expired hold", "lapsed lot", "closed day"])
async def test_case_04_what_tidying_writes_is_applied_once(books: Books, write: int, fault: Fault) -> None:
    """Receipt and hold of a crash, a lot that is over, a day that closes: each is moved once."""
    account = await books.account(TRIAL, paid=TRIAL, lasts_s=DAY_S)
    admission = await books.take(account, COST)
    await settle(books.ledger, account, admission.hold, paper(account, admission.hold, COST, input=3, output=4))
    await books.take(account, HOLD)
    day = int(books.clock.now()) // DAY_S
    books.clock.time_s += 2 * DAY_S
    ledger, store = books.process(on_write(write, fault))
    await tidy.read(ledger, account.account_id)
    assert store.struck == 1
    await store.deliver()
    await store.replay()
    books.clock.time_s += HOUR_S
    await store.replay()
    after = await books.healed(account)
    assert (after.spent, after.expired, after.paid) == (COST, TRIAL - COST, TRIAL)
    assert books.days(after)[0] == DayTotals(day, 1, 3, 4, COST)


async def test_case_04_a_receipt_whose_answer_was_lost_is_recognised_as_ones_own(books: Books) -> None:
    """Putting the same again is refused by the one that was applied, which is the same."""
    account = await books.account(TRIAL)
    admission = await books.take(account, COST)
    ledger, _ = books.process(on_write(0, Fault.LOST_ANSWER))
    receipt = paper(account, admission.hold, COST)
    assert await receipts.put(ledger, receipt) == receipt
    assert await receipts.put(books.ledger, replace(receipt, cost=1)) == receipt
