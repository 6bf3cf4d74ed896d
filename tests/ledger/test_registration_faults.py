"""Registration and first use under crashes, lost, late and doubled answers (cases 3 and 4)."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import pytest

from functions.authenticate.callers import Callers
from functions.errors import Unauthenticated
from functions.ledger import grants
from functions.ledger.store import Ledger
from functions.ledger.windows import HOUR_S
from tests.ledger.addresses import TRIAL, keys_of, one_account_one_key, someone
from tests.ledger.arrange import Books, issue
from tests.ledger.faults import Crash, Fault, at, on_write

Step = Callable[[Ledger], Awaitable[object]]


async def a_new_account(books: Books, address: grants.Address) -> Step:
    """Nobody has the address; the mailbox gets its trial."""
    return lambda ledger: issue(ledger, address, TRIAL, "immediate")


async def a_new_key(books: Books, address: grants.Address) -> Step:
    """The old key dies now."""
    await issue(books.ledger, address, TRIAL, "immediate")
    return lambda ledger: issue(ledger, address, TRIAL, "immediate")


async def a_key_that_waits(books: Books, address: grants.Address) -> Step:
    """So many wait already that the oldest makes room."""
    for _ in range(grants.PENDING_MAX + 1):
        await issue(books.ledger, address, TRIAL, "on_first_use")
    return lambda ledger: issue(ledger, address, TRIAL, "on_first_use")


async def a_first_use(books: Books, address: grants.Address) -> Step:
    """A key from the middle of those that wait."""
    keys = [await issue(books.ledger, address, TRIAL, "on_first_use") for _ in range(4)]
    return lambda ledger: Callers().look_up(ledger, keys[2])


STEPS = [a_new_account, a_new_key, a_key_that_waits, a_first_use]
EVERY_STEP = pytest.mark.parametrize("arrange", STEPS, ids=lambda step: step.__name__)


@EVERY_STEP
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
async def test_case_03_a_crash_anywhere_in_a_registration_leaves_one_account_and_one_key(
    books: Books, arrange: Callable[[Books, grants.Address], Awaitable[Step]], fault: Fault
) -> None:
    """All of it happened or nothing did; whoever registers again gets a key that works, and no second trial."""
    for number in count():
        address = someone(someone().email)
        step = await arrange(books, address)
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await step(ledger)
        if await books.scan("accounts", "email", address.email):
            await one_account_one_key(books, address)
        key = await issue(books.ledger, address, TRIAL, "immediate")
        await Callers().look_up(books.ledger, key)
        await one_account_one_key(books, address)
        assert list((await keys_of(books, address)).values()).count("pending") == 0
        if not store.struck:
            break
    assert number >= 2


@EVERY_STEP
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
async def test_case_04_a_registration_whose_answer_went_astray_is_applied_once(
    books: Books, arrange: Callable[[Books, grants.Address], Awaitable[Step]], fault: Fault
) -> None:
    """Its own writes are recognised; late ones and those sent again, even an hour later, change nothing."""
    address = someone(someone().email)
    step = await arrange(books, address)
    ledger, store = books.process(on_write(0, fault))
    answer = await step(ledger)
    assert store.struck == 1
    await one_account_one_key(books, address)
    states = await keys_of(books, address)
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        await store.deliver()
        await store.replay()
        assert await keys_of(books, address) == states
        await one_account_one_key(books, address)
    if isinstance(answer, str):
        await Callers().look_up(books.ledger, answer)


async def test_case_04_a_late_revocation_does_not_kill_the_key_after_it(books: Books) -> None:
    """A registration that comes late, when another has been made since, is refused by what it finds."""
    address = someone()
    await issue(books.ledger, address, TRIAL, "immediate")
    ledger, store = books.process(on_write(0, Fault.LATE))
    key = await issue(ledger, address, TRIAL, "immediate")
    newer = await issue(books.ledger, address, TRIAL, "immediate")
    await store.deliver()
    await Callers().look_up(books.ledger, newer)
    with pytest.raises(Unauthenticated):
        await Callers().look_up(books.ledger, key)
    await one_account_one_key(books, address)
