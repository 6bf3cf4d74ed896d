"""A hold that grows while its request runs: by one numbered write, which counts once whatever happens to it."""

from contextlib import suppress

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import receipts
from functions.ledger.account import Account
from functions.ledger.admit import Admission
from functions.ledger.extend import More, extend
from functions.ledger.settle import HoldResolved, settle, void
from functions.ledger.store import Item, Ledger
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import Books, check, paper
from tests.ledger.faults import Call, Fault, on_write
from tests.ledger.test_crashes import CRASHES, Arranged, crash_everywhere

TRIAL, PAID, FIRST, COST = 3000, 5000, 2000, 4500
MORE = More(upper=7000, least=100)
LARGER = FIRST + (TRIAL + PAID - FIRST) // 2
"""The first hold and half of what it left: a part of the trial and a part of what was paid."""
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT]
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
DELIVERIES = ("before the settle", "after the settle", "after the holds expired")


async def running(books: Books) -> Admission:
    """A request that runs, on an account with a trial and credits that were paid."""
    return await books.take(await books.account(TRIAL, paid=PAID), FIRST)


async def charged(books: Books, account: Account, cost: int = COST) -> Account:
    """The account, healed; it paid this cost, and has the rest."""
    after = await books.healed(account)
    assert (after.spent, after.available(books.clock.now())) == (cost, TRIAL + PAID - cost)
    return after


def unanswered(index: int, call: Call) -> Fault | None:
    """Every write of an extension is applied, and no answer comes."""
    return Fault.LOST_ANSWER if ":hold" in call.request.get("ExpressionAttributeValues", {}) else None


async def test_an_extension_takes_half_of_what_is_free_from_the_lot_first(books: Books) -> None:
    """The hold grows, what is free shrinks by as much, and the hold still names what it took from where."""
    admission = await running(books)
    hold, account = await extend(books.ledger, admission.account, admission.hold, MORE)
    assert (hold.amount, hold.extended) == (LARGER, 1)
    assert (hold.lots, hold.paid) == ({"trial": TRIAL}, LARGER - TRIAL)
    assert hold.expires == admission.hold.expires, "it may not run longer for it"
    assert account.available(books.clock.now()) == TRIAL + PAID - LARGER
    stored = await books.item(account)
    assert stored.holds == {hold.hold_id: hold}
    check(stored)
    await settle(books.ledger, account, hold, paper(account, hold, COST))
    await charged(books, account)


@EVERY_FAULT
@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_case_04_an_extension_counts_once_whatever_happens_to_its_write(
    books: Books, fault: Fault, delivery: str
) -> None:
    """Lost, late, doubled or refused by a conflict, before the settle or after it: no credit appears or is lost."""
    admission = await running(books)
    ledger, store = books.process(on_write(0, fault))
    hold, account = await extend(ledger, admission.account, admission.hold, MORE)
    assert (hold.amount, hold.extended, store.struck) == (LARGER, 1, 1)
    if delivery == "before the settle":
        await store.deliver()
    check(await books.item(account))
    await settle(ledger, account, hold, paper(account, hold, COST))
    if delivery == "after the holds expired":
        await books.expire()
    await store.deliver()
    await charged(books, account)
    await store.replay()
    books.clock.time_s += HOUR_S
    await store.replay()
    await charged(books, account)


@EVERY_FAULT
async def test_case_04_each_of_several_extensions_counts_once(books: Books, fault: Fault) -> None:
    """Each has its number: one that comes again, or late, finds a later one there and changes nothing."""
    admission = await running(books)
    account, hold = admission.account, admission.hold
    for number in (1, 2, 3):
        ledger, store = books.process(on_write(0, fault))
        free = account.available(books.clock.now())
        more = min(MORE.upper - hold.amount, max(MORE.least, free // 2))
        before = hold.amount
        hold, account = await extend(ledger, account, hold, MORE)
        assert (hold.amount, hold.extended) == (before + more, number)
        await store.deliver()
        await store.replay()
        stored = await books.item(account)
        check(stored)
        assert stored.holds == {hold.hold_id: hold}
    assert hold.amount == MORE.upper


async def test_nothing_beyond_the_most_a_request_can_cost_is_taken(books: Books) -> None:
    """A hold that is at its upper bound stays as it is, and nothing is written."""
    admission = await running(books)
    ledger, store = books.process()
    hold, _ = await extend(ledger, admission.account, admission.hold, More(FIRST, 100))
    assert hold == admission.hold
    assert not [call for call in store.calls if call.is_write]


@pytest.mark.parametrize("view", ["as it is", "as it was"])
@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("SET debt = :d", {":d": {"N": "1"}}),
        ("SET #state = :s", {":s": {"S": "blocked"}}),
        ("SET lots.trial.n = :n, credited = :c", {":n": {"N": "0"}, ":c": {"N": str(FIRST)}}),
    ],
    ids=["debt", "blocked", "nothing free"],
)
async def test_an_account_that_may_not_go_on_is_not_extended(
    books: Books, change: str, values: Item, view: str
) -> None:
    """With debt, blocked, or with nothing free the hold stays as it is, also where the account as seen says better."""
    account = await books.account(TRIAL + PAID)
    admission = await books.take(account, FIRST)
    request: Item = {"TableName": books.ledger.table("accounts"), "Key": {"account_id": {"S": account.account_id}}}
    request |= {"UpdateExpression": change, "ExpressionAttributeValues": values}
    if "#state" in change:
        request["ExpressionAttributeNames"] = {"#state": "state"}
    await books.ledger.store.call("UpdateItem", request)
    before = await books.item(account)
    seen = before if view == "as it is" else admission.account
    hold, _ = await extend(books.ledger, seen, admission.hold, MORE)
    assert hold == admission.hold
    assert (await books.item(account)).holds == before.holds
    check(await books.item(account))


async def test_credits_that_came_since_the_account_was_seen_are_found(books: Books) -> None:
    """That nothing is free is believed only of an account just read (rule 5)."""
    account = await books.account(0, paid=FIRST)
    admission = await books.take(account, FIRST)
    assert not admission.account.available(books.clock.now())
    await books.pay(account.account_id, 1000)
    hold, _ = await extend(books.ledger, admission.account, admission.hold, MORE)
    assert hold.amount == FIRST + 500


@pytest.mark.parametrize("end", ["settled", "voided", "expired"])
async def test_a_hold_that_is_resolved_is_not_extended(books: Books, end: str) -> None:
    """An extension after the end takes nothing: HoldResolved, and not a credit less."""
    admission = await running(books)
    if end == "settled":
        await settle(books.ledger, admission.account, admission.hold, paper(admission.account, admission.hold, 1))
    elif end == "voided":
        await void(books.ledger, admission.account, admission.hold, [])
    else:
        await books.healed(admission.account)
    before = await books.item(admission.account)
    with pytest.raises(HoldResolved):
        await extend(books.ledger, admission.account, admission.hold, MORE)
    assert (await books.item(admission.account)).item == before.item


@pytest.mark.parametrize("end", ["settle", "void"])
async def test_the_end_finds_a_hold_whose_extension_nobody_heard_of(books: Books, end: str) -> None:
    """Every answer was lost, so the request knows its first hold only; what was taken comes back all the same."""
    admission = await running(books)
    ledger, store = books.process(unanswered)
    with suppress(LedgerUnavailable):
        await extend(ledger, admission.account, admission.hold, MORE)
    assert (await books.item(admission.account)).held() == LARGER
    if end == "settle":
        await settle(books.ledger, admission.account, admission.hold, paper(admission.account, admission.hold, FIRST))
    else:
        await void(books.ledger, admission.account, admission.hold, [])
    check(await books.item(admission.account))
    await store.replay()
    await charged(books, admission.account, FIRST if end == "settle" else 0)


async def test_an_extension_that_arrives_between_receipt_and_settle_is_given_back(books: Books) -> None:
    """The settle was planned with the smaller hold: it is refused, and planned again with the true one."""
    admission = await running(books)
    ledger, store = books.process(lambda index, call: Fault.LATE if call.operation == "UpdateItem" else None)
    with pytest.raises(LedgerUnavailable):
        await extend(ledger, admission.account, admission.hold, MORE)
    assert (await books.item(admission.account)).held() == FIRST
    receipt = paper(admission.account, admission.hold, FIRST)
    await receipts.put(books.ledger, receipt)
    await store.deliver()
    assert (await books.item(admission.account)).held() == LARGER
    await settle(books.ledger, admission.account, admission.hold, receipt)
    await charged(books, admission.account, FIRST)


@pytest.mark.parametrize("put", [True, False], ids=["after its receipt", "without a receipt"])
async def test_case_03_the_healer_resolves_an_extended_hold(books: Books, put: bool) -> None:
    """A process that ended after an extension: charged by its receipt, more than the first hold even, or nothing."""
    admission = await running(books)
    hold, account = await extend(books.ledger, admission.account, admission.hold, MORE)
    if put:
        await receipts.put(books.ledger, paper(account, hold, COST))
    await charged(books, account, COST if put else 0)
    (receipt,) = await books.receipts(account)
    assert (receipt.outcome, receipt.hold) == ("completed" if put else "expired", LARGER)


@CRASHES
async def test_case_03_a_crash_at_any_call_of_an_extension_heals(books: Books, fault: Fault) -> None:
    """Wherever the process ends, the request is charged by its receipt or not at all, and nothing stays held."""

    async def arrange() -> Arranged:
        admission = await running(books)
        poor = Account(admission.account.item | {"paid": {"N": "0"}, "lots": {"M": {}}})  # an old view: it is read

        async def step(ledger: Ledger) -> None:
            hold, account = await extend(ledger, poor, admission.hold, MORE)
            assert hold.amount == LARGER
            await settle(ledger, account, hold, paper(account, hold, COST))

        return admission.account, step

    async def judge(after: Account) -> None:
        papers = {receipt.outcome: receipt.cost for receipt in await books.receipts(after)}
        assert papers in ({"expired": 0}, {"completed": COST})
        assert after.spent == sum(papers.values())

    assert await crash_everywhere(books, fault, arrange, judge) == 4
