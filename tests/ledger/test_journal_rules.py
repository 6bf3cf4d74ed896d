"""What entries come to: debt and its netting, deductions, lots, references, guards (rules 8 and 10)."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from functions import money
from functions.errors import CreditsExhausted
from functions.ledger import journal, tidy
from functions.ledger.account import Account
from functions.ledger.admit import admit
from functions.ledger.expression import Expression
from functions.ledger.journal import Entry, enter
from functions.ledger.settle import settle
from functions.ledger.store import Item, Store
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import Books, ask, check, paper, purchase
from tests.ledger.faults import Fault, Together, on_write
from tests.ledger.test_journal import EVERY_FAULT, KINDS, PRICE, entries_of, own, sound


async def test_case_14_a_refund_of_spent_credits_is_debt_until_a_purchase_pays_it(books: Books) -> None:
    """What is there is taken, the rest is owed; nothing is admitted, trial or not; the next purchase pays first."""
    account = await books.account(100, paid=PRICE)
    spent = await books.take(account, 1_100)
    await settle(books.ledger, account, spent.hold, paper(account, spent.hold, 1_100))
    refunded = await enter(books.ledger, account.account_id, own(KINDS[1], account))
    assert (refunded.amount, refunded.debt, refunded.account.debt) == (-4_000, 1_000, 1_000)
    with pytest.raises(CreditsExhausted, match="owes"):
        await books.take(account, 1)
    part = await enter(books.ledger, account.account_id, purchase(400))
    assert (part.account.debt, part.account.paid) == (600, 0)
    rest = await enter(books.ledger, account.account_id, purchase(1_000))
    assert (rest.account.debt, rest.account.paid) == (0, 400)
    assert "debt" not in rest.account.item
    netted = [("purchase", 400, 0), ("debt", -400, -400), ("purchase", 1_000, 0), ("debt", -600, -600)]
    assert (await entries_of(books, account))[1:] == [("refund", -4_000, 1_000), *netted]
    await books.take(await sound(books, account), 400)


async def test_debt_is_paid_by_what_a_settle_gives_back_and_not_by_a_trial(books: Books) -> None:
    """A refund while credits are held owes what is held; it is paid when that comes back. A trial is a gift."""
    account = await books.account(50, paid=PRICE)
    running = await books.take(account, 3_050)
    refunded = await enter(books.ledger, account.account_id, own(KINDS[1], account))
    assert refunded.account.debt == 3_000
    await settle(books.ledger, account, running.hold, paper(account, running.hold, 10))
    now = await sound(books, account)
    assert (now.debt, now.paid, now.lots["trial"].left) == (0, 0, 40)


@EVERY_FAULT
@pytest.mark.parametrize("together", [1, 3])
async def test_case_04_debt_is_netted_once(books: Books, fault: Fault, together: int) -> None:
    """By several readers at once, with answers lost, late or doubled: one journal entry."""
    account = await books.account()
    await enter(books.ledger, account.account_id, own(KINDS[1], account))
    change = "SET paid = paid + :a, credited = credited + :a"  # a purchase whose process ended before it netted
    await books.change(account.account_id, change, {":a": {"N": "8000"}})
    ledger, store = books.process(on_write(0, fault))
    barrier = asyncio.Barrier(together)
    readers = [replace(ledger, store=Together(store, barrier)) for _ in range(together)]
    await asyncio.gather(*(tidy.read(reader, account.account_id) for reader in readers))
    assert store.struck == 1
    await store.deliver()
    await store.replay()
    now = await books.read(account)
    check(now)
    assert (now.debt, now.paid, now.journal_version) == (0, 8_000 - PRICE, 3)
    assert (await entries_of(books, account))[1:] == [("debt", -PRICE, -PRICE)]


async def test_deductions_stop_at_zero(books: Books) -> None:
    """An adjustment takes what there is and leaves no debt, and the entry says what it took."""
    account = await books.account(paid=300)
    entered = await enter(books.ledger, account.account_id, Entry(-1_000, "adjustment", "a-" + account.account_id))
    assert (entered.amount, entered.debt, entered.account.paid, entered.account.debt) == (-300, 0, 0, 0)
    again = await enter(books.ledger, account.account_id, Entry(-5, "adjustment", "b-" + account.account_id))
    assert (again.amount, again.account.paid) == (0, 0)
    await sound(books, account)


async def test_a_refund_is_entered_though_requests_keep_taking_what_it_would_take(books: Books) -> None:
    """Each time it looks there is less than when it writes; in the end all is owed, and what is there pays at once."""
    account = await books.account(paid=PRICE)
    ledger, store = books.process()
    greedy = Greedy(books, account, store)
    entered = await enter(replace(ledger, store=greedy), account.account_id, own(KINDS[1], account))
    assert greedy.took > 5
    assert (entered.amount, entered.debt) == (0, PRICE)
    assert (entered.account.paid, entered.account.debt) == (0, greedy.took)
    await books.expire()
    now = await sound(books, account)
    assert (now.paid, now.debt, now.credited) == (0, 0, 0)


@dataclass
class Greedy:
    """A store that takes a microcredit from the account whenever something is about to be entered, while it can."""

    books: Books
    account: Account
    store: Store
    took: int = 0

    async def call(self, operation: str, request: Item) -> Item:
        if operation == "TransactWriteItems" and not (await self.books.item(self.account)).debt:
            await self.books.take(self.account, 1)
            self.took += 1
        return await self.store.call(operation, request)


async def test_a_lot_with_an_expiry(books: Books) -> None:
    """A gift becomes a lot of its own, is spent before paid, and expires."""
    account = await books.account(paid=PRICE)
    expires = int(books.clock.now()) + HOUR_S
    gift = Entry(70, "sign_up", "g-" + account.account_id, ("gift", expires))
    entered = await enter(books.ledger, account.account_id, gift)
    assert entered.account.lots["gift"].left == 70
    with pytest.raises(journal.LotTaken):
        await enter(books.ledger, account.account_id, Entry(1, "sign_up", "h-" + account.account_id, gift.lot))
    assert (await books.take(entered.account, 71)).hold.lots == {"gift": 70}
    books.clock.time_s += HOUR_S
    now = await sound(books, account)
    assert (now.lots, now.expired, now.paid) == ({}, 70, PRICE)


async def test_a_full_map_of_lots_makes_room_only_where_one_is_used_up_and_idle(books: Books) -> None:
    """Eight lots at most. One that a running request took from stays: what comes back belongs there."""
    account = await books.account()
    expires = int(books.clock.now()) + 30

    async def give(number: int, amount: int = 10) -> Account:
        name = f"{number}-{account.account_id}"
        entry = Entry(amount, "sign_up", name, (f"lot-{number}", expires + number))
        return (await enter(books.ledger, account.account_id, entry)).account

    for number in range(journal.LOTS_MAX):
        await give(number)
    with pytest.raises(journal.LotsFull):
        await give(8)
    used = await books.take(account, 10)
    with pytest.raises(journal.LotsFull):
        await give(8)
    await settle(books.ledger, account, used.hold, paper(account, used.hold, 10))
    assert set((await give(8)).lots) == {f"lot-{number}" for number in range(1, 9)}
    books.clock.time_s += 32  # two more are over
    assert len((await give(30)).lots) == 7
    await sound(books, account)


async def test_a_reference_is_of_one_account_and_one_amount(books: Books) -> None:
    """One payment cannot be entered for a second account, nor again with another amount; both raise."""
    one, other = await books.account(), await books.account()
    entry = own(KINDS[0], one)
    await enter(books.ledger, one.account_id, entry)
    with pytest.raises(journal.ReferenceTaken):
        await enter(books.ledger, other.account_id, entry)
    with pytest.raises(journal.ReferenceTaken):
        await enter(books.ledger, one.account_id, Entry(PRICE + 1, "purchase", entry.reference))
    await enter(books.ledger, one.account_id, Entry(-PRICE, "refund", entry.reference))
    assert ((await sound(books, one)).paid, (await sound(books, other)).credited) == (0, 0)


async def test_a_callers_guard_rides_in_the_same_transaction(books: Books) -> None:
    """An order that is open becomes paid with the entry; one that is not refuses it, and says how it is."""
    account = await books.account()
    order = {"identity_id": {"S": f"order/{account.account_id}"}}
    table = books.ledger.table("identities")
    await books.ledger.store.call("PutItem", {"TableName": table, "Item": order | {"now": {"S": "open"}}})

    def paid() -> Item:
        write = Expression()
        write.sets.append("#now = :paid")
        write.conditions.append("#now = :open")
        write.name("#now", "now")
        write.values |= {":paid": {"S": "paid"}, ":open": {"S": "open"}}
        part = write.transact(table, order)
        part["Update"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return part

    ledger, _ = books.process(on_write(0, Fault.LOST_ANSWER))
    assert not (await enter(ledger, account.account_id, own(KINDS[0], account), [paid()])).again
    assert (await enter(books.ledger, account.account_id, own(KINDS[0], account), [paid()])).again
    with pytest.raises(journal.GuardRefused) as refused:
        await enter(books.ledger, account.account_id, purchase(1), [paid()])
    assert refused.value.items == [order | {"now": {"S": "paid"}}]
    assert (await sound(books, account)).paid == PRICE


@pytest.mark.parametrize("amount", [0, True, 1.5, -1.5, "5", None, float("nan"), 10**25, -(10**25)])
async def test_case_09_what_is_no_amount_is_refused(books: Books, amount: object) -> None:
    """Nothing is written for an amount that is no whole number of microcredits, none, or too much."""
    account = await books.account()
    ledger, store = books.process()
    with pytest.raises(money.AmountError):
        await enter(ledger, account.account_id, Entry(amount, "purchase", "x"))  # type: ignore[arg-type]
    assert not store.calls


@pytest.mark.parametrize(
    "entry",
    [
        Entry(1, "refund", "x"),
        Entry(-1, "purchase", "x"),
        Entry(1, "email", "x"),
        Entry(1, "purchase", ""),
        Entry(1, "purchase", "x" * 501),
        Entry(1, "sign_up", "x", ("gift", 1_000)),
        Entry(1, "sign_up", "x", ("", 2_000_000_000)),
        Entry(-1, "adjustment", "x", ("gift", 2_000_000_000)),
    ],
)
async def test_what_makes_no_sense_is_refused(books: Books, entry: Entry) -> None:
    """A reason of the wrong sign, an unknown one, no reference, a lot that is over, a lot of what goes out."""
    account = await books.account()
    with pytest.raises(journal.EntryError):
        await enter(books.ledger, account.account_id, entry)


async def test_nothing_is_entered_for_an_account_that_is_not_there(books: Books) -> None:
    """An account update never makes an account."""
    with pytest.raises(tidy.AccountGone):
        await enter(books.ledger, "default/1", purchase(1))
    assert not await books.scan("accounts", "account_id", "default/1")


async def test_a_refusal_by_debt_is_made_from_the_account_as_it_is(books: Books) -> None:
    """A remembered account with debt that was paid since says yes (rule 5)."""
    account = await books.account()
    await enter(books.ledger, account.account_id, own(KINDS[1], account))
    owing = await books.item(account)
    await enter(books.ledger, account.account_id, purchase(2 * PRICE))
    admission = await admit(books.ledger, owing, ask(10, owing, books.clock.now()), fresh=False)
    assert admission.account.debt == 0
