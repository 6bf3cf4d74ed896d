"""Abuse: offences are counted exactly, the one that reaches the threshold blocks, and who is blocked is refused."""

import asyncio
from dataclasses import replace

import pytest

from functions.errors import Forbidden
from functions.ledger import abuse
from functions.ledger.abuse import FOREVER, Policy
from functions.ledger.account import Account, AccountGone
from functions.ledger.admit import admit
from functions.ledger.audit import audit_account
from functions.ledger.extend import More, extend
from functions.ledger.settle import settle, void
from functions.ledger.windows import DAY_S, Limit
from tests.ledger.arrange import Books, ask, check, paper

THREE_A_DAY = Policy(3, "d", 3600)
COST = 700
PAID = 100_000
MINUTE = Limit("m", 60, "requests a minute")


async def refused(books: Books, account: Account) -> str:
    """The words of the refusal of a request."""
    with pytest.raises(Forbidden) as error:
        await books.take(account, COST)
    assert error.value.code == "user_blocked"
    assert "x-farebox-credits-remaining" in error.value.headers
    return error.value.message


async def test_the_offence_that_reaches_the_threshold_blocks(books: Books) -> None:
    """Not the one before it. Whoever is blocked is told until when, and let in again at that second."""
    account = await books.account(paid=PAID)
    for count in (1, 2):
        account = await abuse.offend(books.ledger, account, THREE_A_DAY)
        assert (account.counters[f"abuse/d:{books.clock.now() // DAY_S:.0f}"], account.blocked) == (count, 0)
    await books.take(account, COST)
    before = await books.item(account)
    account = await abuse.offend(books.ledger, account, THREE_A_DAY)
    assert account.blocked == books.clock.now() + 3600
    for view in (account, before):  # also by whoever remembers the account as it was
        assert await refused(books, view) == "This user is blocked until 2027-01-15T09:00:30Z."
    books.clock.time_s += 3599
    await refused(books, account)
    books.clock.time_s += 1
    assert (await books.take(account, COST)).account.held() == COST


@pytest.mark.parametrize(
    ("policy", "offences"),
    [(Policy(1, "m", None), 1), (Policy(0, "h", None), 1), (Policy(2, "M", None), 2), (Policy(5, "w", None), 5)],
    ids=lambda value: getattr(value, "text", None),
)
async def test_a_policy_counts_in_its_own_window_and_may_block_for_good(
    books: Books, policy: Policy, offences: int
) -> None:
    """With a threshold of 1 the first offence blocks; a block without an end is told without one."""
    account = await books.account(paid=PAID)
    for _ in range(offences):
        assert not account.blocked
        account = await abuse.offend(books.ledger, account, policy)
    assert account.blocked == FOREVER
    books.clock.time_s += 400 * DAY_S
    assert await refused(books, await books.read(account)) == "This user is blocked."
    assert Policy.of(policy.text) == policy


async def test_a_new_window_begins_at_nothing_and_old_ones_are_dropped(books: Books) -> None:
    """Two offences on one day and two on the next are no three; the admission forgets days long past."""
    account = await books.account(paid=PAID)
    for _ in range(2):
        for _ in range(2):
            account = await abuse.offend(books.ledger, account, THREE_A_DAY)
        assert not account.blocked
        books.clock.time_s += DAY_S
    books.clock.time_s += 2 * DAY_S
    admission = await books.take(account, COST)
    assert not [name for name in admission.account.counters if name.startswith("abuse/")]


async def test_an_offence_never_shortens_a_block(books: Books) -> None:
    """A request that was running when its user was blocked for good counts, and does not let them in earlier."""
    account = await abuse.block(books.ledger, (await books.account(paid=PAID)).account_id, None)
    once = Policy(1, "d", 60)
    view = await books.item(account)
    assert (await abuse.offend(books.ledger, view, once)).blocked == FOREVER
    stale = Account({name: value for name, value in view.item.items() if name != "blocked"})
    books.clock.time_s += 1
    after = await abuse.offend(books.ledger, stale, once)
    assert (after.blocked, after.counters[f"abuse/d:{books.clock.now() // DAY_S:.0f}"]) == (FOREVER, 2)


async def test_a_settle_counts_its_offence_in_its_one_write(books: Books) -> None:
    """The hold goes, the cost is charged and the offence counts, together; the receipt says so."""
    account = await books.account(paid=PAID)
    for count in (1, 2, 3):
        admission = await books.take(account, COST)
        ledger, store = books.process()
        receipt = paper(account, admission.hold, COST)
        account = await settle(ledger, admission.account, admission.hold, receipt, THREE_A_DAY)
        assert [call.operation for call in store.calls] == ["PutItem", "UpdateItem"]
        assert (account.spent, bool(account.blocked)) == (COST * count, count == 3)
    assert [receipt.offence for receipt in await books.receipts(account)] == ["3/d/3600"] * 3
    check(account)
    assert (await audit_account(books.ledger, account.account_id)).drift == 0


async def test_a_void_counts_its_offence_in_its_one_write(books: Books) -> None:
    """A request that was refused for what it said gives back its credits and its place in the window, and counts."""
    account = await books.account(paid=PAID)
    wanted = ask(COST, account, books.clock.now(), MINUTE)
    for count in (1, 2, 3):
        admission = await admit(books.ledger, account, wanted, fresh=True)
        ledger, store = books.process()
        account = await void(ledger, admission.account, admission.hold, admission.counts, THREE_A_DAY)
        assert len(store.calls) == 1
        assert bool(account.blocked) == (count == 3)
    assert (account.spent, account.available(0)) == (0, PAID)
    assert {name: value for name, value in account.counters.items() if value} == {
        f"abuse/d:{books.clock.now() // DAY_S:.0f}": 3
    }


async def test_what_runs_when_its_user_is_blocked_goes_on_and_does_not_grow(books: Books) -> None:
    """Its hold stays as it is, whatever view it is asked with; it settles as any other."""
    account = await books.account(paid=PAID)
    admission = await books.take(account, COST)
    before = admission.account
    await abuse.block(books.ledger, account.account_id, int(books.clock.now()) + 60)
    hold, seen = await extend(books.ledger, before, admission.hold, More(10 * COST, 1))
    assert (hold, seen.blocked) == (admission.hold, books.clock.now() + 60)
    books.clock.time_s += 60
    hold, seen = await extend(books.ledger, seen, hold, More(10 * COST, 1))
    assert hold.amount == 10 * COST
    after = await settle(books.ledger, seen, hold, paper(account, hold, COST))
    assert (after.spent, after.holds) == (COST, {})


async def test_an_owner_blocks_and_unblocks(books: Books) -> None:
    """Each is done once, says how the account is, and can be asked for again; unblocking forgets the offences."""
    account = await books.account(paid=PAID)
    until = int(books.clock.now()) + 5
    for _ in range(2):
        assert (await abuse.block(books.ledger, account.account_id, until)).blocked == until
    assert (await abuse.block(books.ledger, account.account_id, None)).blocked == FOREVER
    account = await abuse.offend(books.ledger, account, replace(THREE_A_DAY, threshold=9))
    for _ in range(2):
        account = await abuse.unblock(books.ledger, account.account_id)
        assert (account.blocked, account.counters) == (0, {})
    await books.take(account, COST)
    for _ in range(2):
        view = account = await abuse.offend(books.ledger, account, THREE_A_DAY)
    assert not account.blocked
    await abuse.unblock(books.ledger, account.account_id)
    books.clock.time_s += 1
    account = await abuse.offend(books.ledger, view, THREE_A_DAY)  # by whoever remembers two
    assert (account.blocked, list(account.counters.values())) == (0, [1])


async def test_whoever_is_not_there_is_neither_blocked_nor_counted(books: Books) -> None:
    """No item is made by blocking a number that nobody has."""
    nobody = Account({"account_id": {"S": "default/1"}})
    for asked in (
        abuse.block(books.ledger, nobody.account_id, None),
        abuse.unblock(books.ledger, nobody.account_id),
        abuse.offend(books.ledger, nobody, THREE_A_DAY),
        abuse.offend(books.ledger, nobody, replace(THREE_A_DAY, threshold=1)),
    ):
        with pytest.raises(AccountGone):
            await asked
    with pytest.raises(AccountGone):
        await books.read(nobody)


@pytest.mark.parametrize("threshold", [1, 5, 8, 9])
async def test_eight_processes_that_saw_the_same_count_exactly(books: Books, threshold: int) -> None:
    """All write at one moment from one view: each offence counts, and only the threshold's own blocks."""
    account = await books.account(paid=PAID)
    policy = replace(THREE_A_DAY, threshold=threshold)
    seen = await asyncio.gather(*(abuse.offend(ledger, account, policy) for ledger in books.processes(8)))
    counts = {after.number(f"abuse/d:{books.clock.now() // DAY_S:.0f}"): bool(after.blocked) for after in seen}
    assert counts == {count: count >= threshold for count in range(1, 9)}
