"""The audit recomputes every balance from journal and receipts, and finds one tampered entry (case 10)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from functions.ledger import checkpoints, receipts, tidy
from functions.ledger.account import Account
from functions.ledger.audit import Finding, audit_account, audit_all
from functions.ledger.checkpoints import Checkpoint
from functions.ledger.journal import Entry, enter
from functions.ledger.settle import settle, void
from functions.ledger.store import Item
from functions.ledger.windows import DAY_S
from tests.ledger.arrange import Books, paper, purchase
from tests.ledger.faults import Crash, Fault, at, on_write

TRIAL, PRICE, COST = 10_000, 5_000, 700


async def audit(books: Books, account: Account, *, full: bool = False) -> Finding:
    return await audit_account(books.ledger, account.account_id, full=full)


async def charge(books: Books, account: Account, cost: int = COST) -> str:
    """One request that is settled; its id."""
    books.clock.time_s += 1
    admission = await books.take(account, cost + 1)
    await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, cost))
    return admission.hold.hold_id


async def busy_account(books: Books) -> Account:
    """An account with a trial, purchases, a refund, receipts, a voided request and one that still runs."""
    account = await books.account(TRIAL, paid=PRICE)
    await enter(books.ledger, account.account_id, purchase(PRICE))
    for _ in range(3):
        await charge(books, account)
    voided = await books.take(account, COST)
    await void(books.ledger, voided.account, voided.hold, voided.counts)
    await enter(books.ledger, account.account_id, Entry(-PRICE // 2, "refund", "r-" + account.account_id))
    await charge(books, account)
    return (await books.take(account, COST)).account


async def row(books: Books, account: Account, table: str, number: int) -> Item:
    """One row of an account, counted from the oldest."""
    rows = await books.scan(table, "account_id", account.account_id)
    sort = {"journal": "version", "receipts": "receipt_id"}[table]
    return sorted(rows, key=lambda item: str(item[sort]))[number]


async def put(books: Books, table: str, item: Item) -> None:
    await books.ledger.store.call("PutItem", {"TableName": books.ledger.table(table), "Item": item})


async def delete(books: Books, table: str, item: Item, sort: str) -> None:
    key = {"account_id": item["account_id"], sort: item[sort]}
    await books.ledger.store.call("DeleteItem", {"TableName": books.ledger.table(table), "Key": key})


async def more(books: Books, account: Account, table: str, number: int, name: str, by: int) -> None:
    """Add to one number of one row."""
    item = await row(books, account, table, number)
    await put(books, table, item | {name: {"N": str(int(item[name]["N"]) + by)}})


async def change(books: Books, account: Account, expression: str, by: int = 0) -> None:
    names = {"hold": next(iter(account.holds))} if "#hold" in expression else {}
    values = {":n": {"N": str(by)}} if ":n" in expression else {":x": {"S": "x"}}
    await books.change(account.account_id, expression, values, **names)


Tamper = Callable[[Books, Account], Awaitable[object]]
TAMPERED: dict[str, tuple[int, Tamper]] = {
    "a receipt's cost": (1, lambda b, a: more(b, a, "receipts", 1, "cost", -1)),
    "a receipt's cost above its hold": (9 + 10, lambda b, a: more(b, a, "receipts", 1, "cost", 10)),
    "a receipt's cost below nothing": (COST + 5 + 5, lambda b, a: more(b, a, "receipts", 1, "cost", -COST - 5)),
    "a missing receipt": (COST, lambda b, a: _missing(b, a, "receipts", 1, "receipt_id")),
    "the last receipt is missing": (COST, lambda b, a: _missing(b, a, "receipts", -1, "receipt_id")),
    "a receipt of nothing": (3, lambda b, a: _invented(b, a)),
    "a journal amount": (2, lambda b, a: more(b, a, "journal", 1, "amount", 2)),
    "the opening amount": (3, lambda b, a: more(b, a, "journal", 0, "amount", 3)),
    "a journal sum before": (8, lambda b, a: more(b, a, "journal", 2, "credited_before", 4)),
    "a journal sum after": (10, lambda b, a: more(b, a, "journal", 2, "credited_after", 5)),
    "a journal debt": (6, lambda b, a: more(b, a, "journal", 2, "debt", 6)),
    "a missing journal entry": (PRICE, lambda b, a: _missing(b, a, "journal", 2, "version")),
    "the last journal entry is missing": (1 + PRICE // 2, lambda b, a: _missing(b, a, "journal", -1, "version")),
    "a journal entry too many": (PRICE // 2, lambda b, a: more(b, a, "journal", -1, "version", 1)),
    "paid": (7, lambda b, a: change(b, a, "ADD paid :n", -7)),
    "paid below nothing": (20_000 * 2 - 7_500, lambda b, a: change(b, a, "SET paid = paid - :n", 20_000)),
    "spent": (16, lambda b, a: change(b, a, "ADD spent :n", 8)),
    "expired": (9, lambda b, a: change(b, a, "ADD expired :n", 9)),
    "credited": (20, lambda b, a: change(b, a, "ADD credited :n", 10)),
    "paid and credited alike": (11, lambda b, a: change(b, a, "ADD credited :n, paid :n", 11)),
    "debt": (12, lambda b, a: change(b, a, "SET debt = :n", 12)),
    "a lot": (13, lambda b, a: change(b, a, "SET lots.trial.n = lots.trial.n - :n", 13)),
    "a hold": (14, lambda b, a: change(b, a, "SET holds.#hold.l.trial = holds.#hold.l.trial + :n", 14)),
    "a hold that is gone": (COST, lambda b, a: change(b, a, "SET was = :x REMOVE holds.#hold")),
    "the account's place in the journal": (1, lambda b, a: change(b, a, "ADD journal_version :n", 1)),
    "the newest settled": (4 * COST * 2, lambda b, a: change(b, a, "SET was = :x REMOVE settled")),
    "what is no number": (1, lambda b, a: change(b, a, "SET paid = :x")),
    "an account in pieces": (1, lambda b, a: change(b, a, "SET was = :x REMOVE lots")),
}


async def _missing(books: Books, account: Account, table: str, number: int, sort: str) -> None:
    await delete(books, table, await row(books, account, table, number), sort)


async def _invented(books: Books, account: Account) -> None:
    item = await row(books, account, "receipts", 0)
    await put(books, "receipts", item | {"receipt_id": {"S": "2" * 18}, "cost": {"N": "3"}})


@pytest.mark.parametrize("what", TAMPERED)
async def test_case_10_the_audit_finds_one_tampered_entry(books: Books, what: str) -> None:
    """Each kind of row and number, changed by hand, is drift by what it was changed, and by what disagrees with it."""
    account = await busy_account(books)
    expected, tamper = TAMPERED[what]
    await tamper(books, account)
    for full in (False, True):
        finding = await audit(books, account, full=full)
        assert finding.drift == expected, finding.mismatches
        assert not finding.advanced
    assert await checkpoints.find(books.ledger, account.account_id) is None


async def test_case_10_an_account_that_nobody_touched_has_no_drift(books: Books) -> None:
    """With purchases, a refund, receipts and a request that runs: nothing is wrong."""
    account = await busy_account(books)
    finding = await audit(books, account)
    assert (finding.mismatches, finding.drift, finding.entries, finding.receipts) == ((), 0, 4, 4)


async def test_case_10_a_second_audit_reads_only_what_is_newer(books: Books) -> None:
    """The checkpoint advances; what is below is not read again, and auditing twice changes nothing."""
    account = await busy_account(books)
    before = await books.item(account)
    first = await audit(books, account)
    assert first.advanced
    reached = await checkpoints.find(books.ledger, account.account_id)
    assert reached == Checkpoint(before.newest_settled, 4 * COST, 4, 4, before.credited, 0)
    second = await audit(books, account)
    assert (second.entries, second.receipts, second.drift, second.advanced) == (0, 0, 0, False)
    assert (await books.item(account)).item == before.item
    await charge(books, account)
    await enter(books.ledger, account.account_id, purchase(1))
    third = await audit(books, account)
    assert (third.entries, third.receipts, third.drift, third.advanced) == (1, 1, 0, True)
    whole = await audit(books, account, full=True)
    assert (whole.entries, whole.receipts, whole.drift, whole.advanced) == (5, 5, 0, False)


async def test_case_10_a_checkpoint_stays_below_every_open_hold(books: Books) -> None:
    """Newer requests are settled while an older one runs: its receipt, which comes last, is still summed."""
    account = await books.account(TRIAL)
    await charge(books, account)
    old = await books.take(account, COST)
    newer = [await charge(books, account), await charge(books, account)]
    await receipts.put(books.ledger, paper(account, old.hold, COST))
    finding = await audit(books, account)
    assert (finding.drift, finding.receipts) == (0, 4)
    reached = await checkpoints.find(books.ledger, account.account_id)
    assert reached
    assert reached.upto < old.hold.hold_id < newer[0]
    await settle(books.ledger, old.account, old.hold, paper(account, old.hold, COST))
    finding = await audit(books, account)
    assert (finding.drift, finding.receipts, finding.advanced) == (0, 3, True)
    reached = await checkpoints.find(books.ledger, account.account_id)
    assert (reached and reached.upto, reached and reached.spent) == (newer[1], 4 * COST)


async def test_case_10_receipts_below_a_checkpoint_may_expire(books: Books) -> None:
    """What was summed is not needed again; a receipt above the checkpoint is."""
    account = await busy_account(books)
    await audit(books, account)
    for item in await books.scan("receipts", "account_id", account.account_id):
        await delete(books, "receipts", item, "receipt_id")
    await charge(books, account)
    assert (await audit(books, account)).drift == 0
    assert (await audit(books, account, full=True)).drift == 4 * COST


async def test_case_10_a_tampered_checkpoint_is_found_and_a_full_audit_mends_it(books: Books) -> None:
    """What was summed before disagrees with the account; computed from the beginning, nothing is wrong."""
    account = await busy_account(books)
    await audit(books, account)
    stored = await checkpoints.find(books.ledger, account.account_id)
    assert stored
    assert await checkpoints.advance(books.ledger, account.account_id, stored, replace(stored, spent=stored.spent + 5))
    assert (await audit(books, account)).drift == 5
    mended = await audit(books, account, full=True)
    assert (mended.drift, mended.advanced) == (0, True)
    assert await checkpoints.find(books.ledger, account.account_id) == stored


@pytest.mark.parametrize("charged", [True, False], ids=["after its receipt", "without a receipt"])
async def test_case_10_what_nobody_reads_is_healed_by_the_audit(books: Books, charged: bool) -> None:
    """Expired holds are resolved, by their receipt or at no cost, and lots that are over lapse."""
    account = await busy_account(books)
    if charged:
        hold = next(iter(account.holds.values()))
        await receipts.put(books.ledger, paper(account, hold, COST))
    books.clock.time_s += 8 * DAY_S
    finding = await audit(books, account)
    assert (finding.drift, finding.healed, finding.advanced) == (0, 1, True)
    after = await books.item(account)
    assert (after.holds, after.lots, after.spent) == ({}, {}, (4 + charged) * COST)
    assert (await audit(books, account)).healed == 0


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
async def test_case_10_a_crash_at_every_step_of_an_audit_changes_no_balance(books: Books, fault: Fault) -> None:
    """Wherever it ends, the next audit finds nothing wrong and comes to the same checkpoint."""
    for number in count():
        account = await busy_account(books)
        books.clock.time_s += 61
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await audit_account(ledger, account.account_id)
        assert (await audit(books, account)).drift == 0
        reached = await checkpoints.find(books.ledger, account.account_id)
        assert reached
        assert (reached.spent, reached.receipts, reached.version) == (4 * COST, 5, 4)
        if not store.struck:
            break
    assert number == 8


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
async def test_case_10_a_checkpoint_whose_write_went_astray_does_no_harm(
    books: Books, fault: Fault, first: bool
) -> None:
    """Late, it is refused where another is there, and never puts an account's checkpoint back."""
    account = await busy_account(books)
    if not first:
        await audit(books, account)
        await enter(books.ledger, account.account_id, purchase(1))
    ledger, store = books.process(on_write(0, fault))
    assert (await audit_account(ledger, account.account_id)).drift == 0
    assert store.struck == 1
    await enter(books.ledger, account.account_id, purchase(1))
    await audit(books, account)
    newest = await checkpoints.find(books.ledger, account.account_id)
    await store.deliver()
    await store.replay()
    assert await checkpoints.find(books.ledger, account.account_id) == newest
    assert (await audit(books, account)).drift == 0


async def test_case_10_two_audits_at_once_agree(books: Books) -> None:
    """Both read before either writes: nothing is wrong, and one checkpoint is there."""
    account = await busy_account(books)
    findings = await asyncio.gather(*(audit_account(one, account.account_id) for one in books.processes(2)))
    assert [finding.drift for finding in findings] == [0, 0]
    assert sorted(finding.advanced for finding in findings) == [False, True]
    assert (await audit(books, account)).receipts == 0


async def test_case_10_an_audit_of_nobody_says_so(books: Books) -> None:
    """An account that is not there raises, and leaves no checkpoint."""
    with pytest.raises(tidy.AccountGone):
        await audit_account(books.ledger, "default/2")
    assert await checkpoints.find(books.ledger, "default/2") is None


async def test_case_10_every_account_is_audited_once_from_any_start(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, and from the middle on exactly the rest."""
    monkeypatch.setattr("functions.ledger.audit.ACCOUNTS_PER_PAGE", 3)
    own = {(await books.account(TRIAL)).account_id for _ in range(7)}
    seen = [finding.account_id async for finding in audit_all(books.ledger)]
    assert len(seen) == len(set(seen))
    assert own <= set(seen)
    middle = len(seen) // 2
    assert [finding.account_id async for finding in audit_all(books.ledger, seen[middle])] == seen[middle + 1 :]
