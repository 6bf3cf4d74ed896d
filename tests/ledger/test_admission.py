"""Admission under concurrency: one write that checks and takes everything, or nothing (case 2)."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from functions.errors import CreditsExhausted, CreditsHeld, FareboxError, Forbidden, RateLimited, TooManyOpen
from functions.ledger.account import Account
from functions.ledger.admit import Admission, Ask, CredentialsChanged, admit
from functions.ledger.settle import settle, void
from functions.ledger.windows import Limit
from tests.ledger.arrange import Books, ask, check, paper

COST = 1000
CROWD = 200
MINUTE = Limit("m", 7, "requests a minute")


async def rush(
    books: Books, account: Account, wanted: Ask, count: int = CROWD
) -> tuple[list[Admission], Counter[type]]:
    """`count` requests at once, each from the same old view of the account: who got in, and why others did not."""

    async def one() -> Admission | FareboxError:
        try:
            return await admit(books.ledger, account, wanted, fresh=False)
        except FareboxError as error:
            return error

    answers = await asyncio.gather(*(one() for _ in range(count)))
    admitted = [answer for answer in answers if isinstance(answer, Admission)]
    return admitted, Counter(type(answer) for answer in answers if not isinstance(answer, Admission))


@pytest.mark.parametrize(
    ("trial", "paid"),
    [(5 * COST, 0), (0, 5 * COST), (2 * COST + 500, 2 * COST + 500), (4 * COST + 999, 1), (5 * COST + 999, 0)],
    ids=["trial", "paid", "both halves", "both uneven", "a rest too small"],
)
async def test_case_02_of_200_concurrent_holds_exactly_those_the_balance_covers_are_admitted(
    books: Books, trial: int, paid: int
) -> None:
    """A balance for 5 admits 5 of 200 at once, whichever kinds of credits it is made of; 195 learn why not."""
    account = await books.account(trial, paid=paid)
    admitted, refused = await rush(books, account, ask(COST, account, books.clock.now()))
    assert len(admitted) == 5
    assert refused == {CreditsHeld: CROWD - 5}
    assert len({admission.hold.hold_id for admission in admitted}) == 5
    after = await books.read(account)
    check(after)
    assert after.held() == 5 * COST
    assert after.available(books.clock.now()) == trial + paid - 5 * COST


async def test_case_02_limit_and_balance_are_checked_in_the_same_write(books: Books) -> None:
    """Where the window is fuller than the balance it decides, and nobody is counted who got no credits."""
    account = await books.account(100 * COST)
    admitted, refused = await rush(books, account, ask(COST, account, books.clock.now(), MINUTE))
    assert (len(admitted), refused) == (7, {RateLimited: CROWD - 7})
    poor = await books.account(5 * COST)
    admitted, refused = await rush(books, poor, ask(COST, poor, books.clock.now(), MINUTE))
    assert (len(admitted), refused) == (5, {CreditsHeld: CROWD - 5})
    after = await books.read(poor)
    check(after)
    assert list(after.counters.values()) == [5]


async def test_case_02_no_more_holds_are_open_than_allowed(books: Books) -> None:
    """Of 200 at once, as many run as may be open; when one ends, one more may come."""
    account = await books.account(1000 * COST)
    wanted = ask(COST, account, books.clock.now(), open_max=3)
    admitted, refused = await rush(books, account, wanted)
    assert (len(admitted), refused) == (3, {TooManyOpen: CROWD - 3})
    hold = admitted[0].hold
    await settle(books.ledger, account, hold, paper(account, hold, 1))
    admitted, _ = await rush(books, account, wanted, 10)
    assert len(admitted) == 1
    check(await books.read(account))


async def test_holds_and_settles_that_overlap_leave_every_credit_accounted_for(books: Books) -> None:
    """100 requests that come and go at once, at half the balance each time, end with their costs and nothing else."""
    account = await books.account(COST * 7 + 3, paid=COST * 90)
    wanted = replace(ask(COST, account, books.clock.now()), least=10, floor=50, upper=COST)

    async def one(index: int) -> int:
        admission = await admit(books.ledger, account, wanted, fresh=False)
        if index % 5 == 0:
            await void(books.ledger, admission.account, admission.hold, admission.counts)
            return 0
        cost = min(admission.hold.amount, index)
        await settle(books.ledger, admission.account, admission.hold, paper(account, admission.hold, cost))
        return cost

    costs = await asyncio.gather(*(one(index) for index in range(100)))
    after = await books.read(account)
    check(after)
    assert not after.holds
    assert after.spent == sum(costs) == sum(receipt.cost for receipt in await books.receipts(account))


async def test_lots_are_spent_before_paid_and_the_soonest_first(books: Books) -> None:
    """What expires first goes first, and paid credits only when no lot is left."""
    account = await books.account(10, paid=100)
    later, gone = int(books.clock.now()) + 10**7, int(books.clock.now())
    gifts = {":later": lot(20, later), ":gone": lot(40, gone), ":a": {"N": "60"}}
    await books.change(account.account_id, "SET lots.gift = :later, lots.earlier = :gone ADD credited :a", gifts)
    account = await books.item(account)
    assert account.available(books.clock.now()) == 130
    assert (await books.take(account, 5)).hold.lots == {"trial": 5}
    admission = await books.take(account, 26)
    assert (admission.hold.lots, admission.hold.paid) == ({"trial": 5, "gift": 20}, 1)
    after = await books.read(account)
    check(after)
    assert (after.expired, after.paid) == (40, 99)


def lot(left: int, expires: int) -> dict[str, dict[str, dict[str, str]]]:
    return {"M": {"n": {"N": str(left)}, "x": {"N": str(expires)}}}


async def test_a_hold_takes_half_of_what_is_free_but_never_less_than_its_floor(books: Books) -> None:
    """Parallel requests of one user leave each other something, and none is starved below its floor."""
    account = await books.account(1000)
    wanted = replace(ask(0, account, books.clock.now()), least=10, floor=100, upper=800)
    amounts = []
    for _ in range(5):
        admission = await admit(books.ledger, account, wanted, fresh=False)
        amounts.append(admission.hold.amount)
        account = admission.account
    assert amounts == [500, 250, 125, 100, 25]
    rich = await books.account(10_000)
    assert (await admit(books.ledger, rich, wanted, fresh=False)).hold.amount == 800


async def test_refusals_name_what_is_missing_and_whether_waiting_helps(books: Books) -> None:
    """402 where credits are gone, 429 where requests that still run hold them; both with the amounts."""
    account = await books.account(5_000_000)
    with pytest.raises(CreditsExhausted, match=r"at least 7 credits; 5 are left, 2 are missing"):
        await books.take(account, 7_000_000)
    await books.take(account, 3_000_000)
    with pytest.raises(CreditsHeld, match=r"3 credits are held .* needs 4, 2 are free") as held:
        await books.take(account, 4_000_000)
    assert held.value.headers["retry-after"] == "1"
    with pytest.raises(CreditsExhausted):
        await books.take(account, 5_000_001)


async def test_a_blocked_account_and_one_in_debt_get_nothing_though_a_cache_says_yes(books: Books) -> None:
    """Block and debt bind in the very write that takes the hold, whatever this process last saw."""
    blocked, owing = await books.account(100), await books.account(100)
    await books.change(owing.account_id, "SET debt = :d", {":d": {"N": "1000000"}})
    with pytest.raises(CreditsExhausted, match="owes 1 credits"):
        await books.take(owing, 10)
    assert not (await books.item(owing)).holds
    await block(books, blocked)
    with pytest.raises(Forbidden, match="blocked"):
        await books.take(blocked, 10)
    assert not (await books.item(blocked)).holds


async def block(books: Books, account: Account) -> None:
    request = {"TableName": books.ledger.table("accounts"), "Key": {"account_id": {"S": account.account_id}}}
    names = {"ExpressionAttributeNames": {"#s": "state"}, "ExpressionAttributeValues": {":s": {"S": "blocked"}}}
    await books.ledger.store.call("UpdateItem", request | names | {"UpdateExpression": "SET #s = :s"})


async def test_a_cached_account_may_only_say_yes(books: Books) -> None:
    """Rule 5: an old view without credits is not a refusal; the account is read first."""
    account = await books.account(0)
    await books.pay(account.account_id, 500)
    admission = await books.take(account, 500)
    assert admission.hold.paid == 500


async def test_a_refusal_tidies_what_stood_in_the_way(books: Books) -> None:
    """Expired holds of a crashed process block neither credits nor open requests of the next one."""
    account = await books.account(COST)
    await books.take(account, COST)
    await books.expire()
    wanted = ask(COST, account, books.clock.now(), open_max=1)
    admission = await admit(books.ledger, account, wanted, fresh=False)
    assert admission.hold.amount == COST
    check(await books.read(account))


async def test_an_old_version_of_the_credentials_is_not_admitted(books: Books) -> None:
    """Rule 7: a write for keys that have changed since is refused, and the caller is told to authenticate again."""
    account = await books.account(COST)
    await books.change(account.account_id, "ADD credentials_version :one", {":one": {"N": "1"}})
    with pytest.raises(CredentialsChanged):
        await books.take(account, COST)
    assert not (await books.item(account)).holds
