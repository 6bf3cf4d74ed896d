"""Credits that come or go otherwise than by a request: once, whatever happens to the writes (rules 8 and 10)."""

import asyncio
from itertools import count

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger.account import Account
from functions.ledger.audit import audit_account
from functions.ledger.journal import Entry, enter
from functions.ledger.settle import settle
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import Books, check, paper, purchase
from tests.ledger.faults import Crash, Fault, at, on_write

PRICE = 5_000
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT]
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
KINDS = [Entry(PRICE, "purchase", "p"), Entry(-PRICE, "refund", "r"), Entry(-7, "adjustment", "a")]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.reason)


def own(kind: Entry, account: Account) -> Entry:
    """The same entry under a reference that no other test uses."""
    return Entry(kind.amount, kind.reason, f"{kind.reference}-{account.account_id}", kind.lot)


async def entries_of(books: Books, account: Account) -> list[tuple[str, int, int]]:
    """Reason, amount and debt of every journal entry after the first, in order."""
    items = await books.scan("journal", "account_id", account.account_id)
    items.sort(key=lambda item: int(item["version"]["N"]))
    return [(item["reason"]["S"], int(item["amount"]["N"]), int(item["debt"]["N"])) for item in items[1:]]


async def sound(books: Books, account: Account) -> Account:
    """The account; its invariant holds and its journal agrees."""
    now = await books.read(account)
    check(now)
    assert (await audit_account(books.ledger, account.account_id, full=True)).mismatches == ()
    return now


async def test_a_purchase_is_paid_and_in_the_journal(books: Books) -> None:
    """What is bought does not expire; the entry says what it was, and the sum before and after."""
    account = await books.account(100)
    entered = await enter(books.ledger, account.account_id, purchase(PRICE, "order-1-" + account.account_id))
    assert (entered.amount, entered.debt, entered.version, entered.again) == (PRICE, 0, 2, False)
    assert (entered.account.paid, entered.account.credited) == (PRICE, PRICE + 100)
    (_, item) = await books.scan("journal", "account_id", account.account_id)
    assert {item[name]["N"] for name in ("credited_before", "credited_after")} == {"100", str(PRICE + 100)}
    await sound(books, account)


@EVERY_FAULT
@EVERY_KIND
async def test_case_04_an_entry_is_entered_once_whatever_happens_to_its_write(
    books: Books, kind: Entry, fault: Fault
) -> None:
    """Lost, late, doubled or conflicting: it counts once, its caller is told so, and asking again changes nothing."""
    account = await books.account(paid=3 * PRICE)
    ledger, store = books.process(on_write(0, fault))
    entered = await enter(ledger, account.account_id, own(kind, account))
    assert (store.struck, entered.again) == (1, False)
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        await store.deliver()
        await store.replay()
        again = await enter(books.ledger, account.account_id, own(kind, account))
        assert again.again
        assert (again.version, again.amount, again.debt) == (entered.version, entered.amount, entered.debt)
    assert (await entries_of(books, account))[1:] == [(kind.reason, kind.amount, 0)]
    assert (await sound(books, account)).paid == 3 * PRICE + kind.amount


@EVERY_KIND
async def test_case_04_an_entry_that_nobody_could_confirm_is_entered_once_when_asked_again(
    books: Books, kind: Entry
) -> None:
    """Every answer is lost and every write comes late, in either order with the one that asks again."""
    for late_first in (True, False):
        account = await books.account(paid=3 * PRICE)
        ledger, store = books.process(lambda index, call: Fault.LATE if call.is_write else None)
        with pytest.raises(LedgerUnavailable):
            await enter(ledger, account.account_id, own(kind, account))
        assert 1 < len(store.late) <= 20
        if late_first:
            await store.deliver()
        entered = await enter(books.ledger, account.account_id, own(kind, account))
        assert entered.again is late_first
        await store.deliver()
        assert (await sound(books, account)).paid == 3 * PRICE + kind.amount


@EVERY_KIND
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
async def test_case_03_a_crash_anywhere_in_an_entry_leaves_all_of_it_or_nothing(
    books: Books, kind: Entry, fault: Fault
) -> None:
    """Whoever asks again with the same reference finds it done, or does it; the account is whole throughout.

    Reading, entering, reading; a refund of all that there is also has its user told, and reads what that came to.
    """
    for number in count():
        account = await books.account(paid=PRICE)
        ledger, store = books.process(at(number, fault))
        try:
            await enter(ledger, account.account_id, own(kind, account))
        except Crash:
            await sound(books, account)
        await enter(books.ledger, account.account_id, own(kind, account))
        assert (await sound(books, account)).paid == PRICE + kind.amount
        if not store.struck:
            break
    assert number == (5 if kind.reason == "refund" else 3)


async def test_fifty_at_once_with_one_reference_are_one_entry(books: Books) -> None:
    """One of them enters it, the others are told that it is done."""
    account = await books.account()
    entry = own(KINDS[0], account)
    entered = await asyncio.gather(*(enter(ledger, account.account_id, entry) for ledger in books.processes(50)))
    assert [one.again for one in entered].count(False) == 1
    assert {(one.version, one.amount) for one in entered} == {(2, PRICE)}
    assert await entries_of(books, account) == [("purchase", PRICE, 0)]
    assert (await sound(books, account)).paid == PRICE


async def test_several_purchases_at_once_are_all_entered(books: Books) -> None:
    """They chain one after the other."""
    account = await books.account()
    ledgers = books.processes(8)
    entered = await asyncio.gather(*(enter(ledger, account.account_id, purchase(PRICE)) for ledger in ledgers))
    assert sorted(one.version for one in entered) == list(range(2, 10))
    assert (await sound(books, account)).paid == 8 * PRICE


async def test_purchases_succeed_while_the_user_is_active(books: Books) -> None:
    """16 requests are admitted and settled all the time: every purchase is entered, by its first write."""
    account = await books.account(100_000)
    busy = True

    async def chat() -> int:
        done = 0
        while busy:
            admission = await books.take(account, 10)
            await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, 1))
            done += 1
        return done

    chats = [asyncio.create_task(chat()) for _ in range(16)]
    ledger, store = books.process()
    for _ in range(20):
        await enter(ledger, account.account_id, purchase(PRICE))
    busy = False
    requests = sum(await asyncio.gather(*chats))
    assert requests > 40
    assert sum(call.is_write for call in store.calls) == 20
    now = await sound(books, account)
    assert (now.paid, now.spent) == (20 * PRICE, requests)
