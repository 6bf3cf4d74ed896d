"""One charge a key, whatever happens to its writes and to the processes that make them (case 7, rule 11)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from functions.admit.gate import Ticket
from functions.errors import KeyInProgress, KeyReused, KeyUsed, LedgerUnavailable
from functions.ledger import idempotency
from functions.ledger.idempotency import KEPT_S
from functions.ledger.store import Item
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import HOLD_S, Books, check
from tests.ledger.claims import OTHER_BODY, OVER_S, TRIAL, Process, Shop, shop
from tests.ledger.faults import Call, Crash, FakeClock, Fault, FaultyStore, When, on_write

KEY = "order-4711"
FAULTS = [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT]
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
STEPS = ("hold", "total", "claim", "receipt", "settle")


def on(operation: str, table: str, fault: Fault) -> When:
    """The fault strikes the first call of an operation on a table."""
    struck = False

    def when(index: int, call: Call) -> Fault | None:
        nonlocal struck
        meets = not struck and call.operation == operation and call.request["TableName"].endswith(f"-{table}")
        struck = struck or meets
        return fault if meets else None

    return when


def dead_from(number: int, fault: Fault) -> When:
    """The process ends at the call of this number: later ones are not made."""
    return lambda index, call: None if index < number else fault if index == number else Fault.CRASH_BEFORE


async def admitted(process: Process, key: str = KEY) -> Ticket | KeyUsed:
    try:
        return await process.admit(key)
    except KeyUsed as used:
        return used


async def one_of(processes: list[Process]) -> tuple[Process, Ticket]:
    """The one process of many at once that is admitted; the others are told that the key is in use."""
    outcomes = await asyncio.gather(*map(admitted, processes))
    (winner,) = [(p, ticket) for p, ticket in zip(processes, outcomes, strict=True) if isinstance(ticket, Ticket)]
    assert {used.code for used in outcomes if isinstance(used, KeyUsed)} <= {KeyInProgress.code}
    return winner


@dataclass
class Slow:
    """A store whose queries take two seconds."""

    store: FaultyStore
    clock: FakeClock

    async def call(self, operation: str, request: Item) -> Item:
        if operation == "Query":
            self.clock.time_s += 2
        return await self.store.call(operation, request)


@pytest.fixture
async def till(books: Books) -> Shop:
    return await shop(books)


@EVERY_FAULT
@pytest.mark.parametrize("write", range(5), ids=STEPS)
async def test_case_07_whatever_happens_to_a_write_a_key_is_charged_once(till: Shop, write: int, fault: Fault) -> None:
    """Lost, late, doubled or conflicting: the second request is told the first one's receipt, now and 23 h later."""
    process = await till.process(on_write(write, fault))
    await process.serve(KEY)
    assert process.store.struck == 1
    (receipt,) = await till.receipts()
    for later_s in (0, OVER_S, 23 * HOUR_S - OVER_S):
        till.books.clock.time_s += later_s
        await process.store.deliver()
        used = await (await till.process()).refusal(KEY)
        assert (used.code, used.headers["x-farebox-receipt"]) == (KeyUsed.code, receipt.receipt_id)
        await process.again()
        assert (await (await till.process()).refusal(KEY, OTHER_BODY)).code == KeyReused.code
    await till.charged()


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
@pytest.mark.parametrize("number", range(5), ids=STEPS)
async def test_case_07_a_process_that_ends_at_any_call_leaves_a_key_that_is_charged_once(
    till: Shop, number: int, fault: Fault
) -> None:
    """Charged by the dead one's receipt, or taken over by exactly one of many once its hold is over, never both."""
    dead = await till.process(dead_from(number, fault))
    with pytest.raises(Crash):
        await dead.serve(KEY)
    claimed = await till.books.scan("claims", "account_id", till.account.account_id)
    put = await till.receipts()
    if claimed:
        assert (await (await till.process()).refusal(KEY)).code == (KeyUsed.code if put else KeyInProgress.code)
        assert (await (await till.process()).refusal(KEY, OTHER_BODY)).code == KeyReused.code
    till.books.clock.time_s += OVER_S
    if put:
        assert (await (await till.process()).refusal(KEY)).headers["x-farebox-receipt"] == put[0].receipt_id
    else:
        process, ticket = await one_of(await till.together(4))
        await dead.again()
        await process.charge(ticket)
    await dead.again()
    assert (await (await till.process()).refusal(KEY)).code == KeyUsed.code
    await till.charged()


async def test_case_07_a_key_is_in_progress_until_its_hold_has_expired(till: Shop) -> None:
    """Not a second before the request is over for certain is its key given to another, whatever else was charged."""
    dead = await till.process()
    await dead.serve("another key")
    await dead.admit(KEY)
    for _ in range(2):
        till.books.clock.time_s += HOLD_S
        assert (await (await till.process()).refusal(KEY)).code == KeyInProgress.code
    till.books.clock.time_s += 1
    await (await till.process()).serve(KEY)
    await till.charged(2)


@pytest.mark.parametrize("first", ["the new one", "the old one"])
async def test_case_07_a_process_that_wakes_up_after_its_key_was_taken_over_charges_nothing(
    till: Shop, first: str
) -> None:
    """Stopped with a hold, and running on when its key has another owner: its receipt comes too late."""
    old, new = await till.process(), await till.process()
    slept = await old.admit(KEY)
    till.books.clock.time_s += OVER_S
    ticket = await new.admit(KEY)
    for process, its in ((new, ticket), (old, slept)) if first == "the new one" else ((old, slept), (new, ticket)):
        await process.charge(its)
    assert [paper.receipt_id for paper in await till.receipts()] == [ticket.admission.hold.hold_id]
    await till.charged()


async def test_case_07_a_key_is_taken_over_only_when_every_expired_hold_is_healed(till: Shop) -> None:
    """Among very many holds that expired, the one of the claim is resolved too before somebody else may go on."""
    old, new = await till.process(), await till.process()
    others = await till.books.account(TRIAL)
    assert others.account_id != till.account.account_id
    for _ in range(45):  # more than one reading heals
        await till.books.take(await till.books.item(till.account), 1000)
    slept = await old.admit(KEY)
    till.books.clock.time_s += OVER_S
    ticket = await new.admit(KEY)
    await old.charge(slept)
    await new.charge(ticket)
    await till.charged()


async def test_case_07_time_that_passes_while_a_claim_is_judged_gives_no_key_away(till: Shop) -> None:
    """A claim whose time ends between two looks at the clock is not taken over with its hold still open."""
    old = await till.process()
    slept = await old.admit(KEY)
    till.books.clock.time_s += OVER_S - 1.5

    ledger, store = till.books.process()
    new = await till.over(replace(ledger, store=Slow(store, till.books.clock)), store)
    ticket = await admitted(new)
    await old.charge(slept)
    if isinstance(ticket, Ticket):
        await new.charge(ticket)
    await till.charged()


async def test_case_07_of_many_at_once_one_is_admitted_and_only_it_is_counted(till: Shop) -> None:
    """The others take no credits, and stay in no window of the account or of the project."""
    process, ticket = await one_of(await till.together(12))
    account = await till.books.item(till.account)
    assert account.holds == {ticket.admission.hold.hold_id: ticket.admission.hold}
    assert await till.counted() == (1, 1)
    await process.charge(ticket)
    assert (await (await till.process()).refusal(KEY)).code == KeyUsed.code
    assert await till.counted() == (1, 1)
    await till.charged()


async def test_case_07_a_key_that_lapsed_is_taken_over_by_one_of_many(till: Shop) -> None:
    """All find the same dead claim at once; one goes on, and the dead one's hold is healed."""
    await (await till.process()).admit(KEY)
    till.books.clock.time_s += OVER_S
    process, ticket = await one_of(await till.together(8))
    assert list((await till.books.item(till.account)).holds) == [ticket.admission.hold.hold_id]
    await process.charge(ticket)
    await till.charged()


@EVERY_FAULT
async def test_case_07_a_key_that_is_given_back_is_free_or_lapses(till: Shop, fault: Fault) -> None:
    """Whatever happens to the release: in the end one may use the key, and a late release takes it from nobody."""
    failed = await till.process(on("DeleteItem", "claims", fault))
    await failed.gate.give_back(await failed.admit(KEY))
    assert failed.store.struck == 1
    gone = fault in (Fault.LOST_ANSWER, Fault.TWICE, Fault.CONFLICT)
    assert bool(await till.books.scan("claims", "account_id", till.account.account_id)) != gone
    if not gone:
        assert (await (await till.process()).refusal(KEY)).code == KeyInProgress.code
        till.books.clock.time_s += OVER_S
    process, ticket = await one_of(await till.together(3))
    await failed.store.deliver()
    await failed.again()
    assert (await (await till.process()).refusal(KEY)).code == KeyInProgress.code
    await process.charge(ticket)
    await failed.again()
    assert (await (await till.process()).refusal(KEY)).code == KeyUsed.code
    await till.charged()


async def test_case_07_where_the_claim_cannot_be_made_all_is_given_back(till: Shop) -> None:
    """No answer to any claim: 503, no credits held, nothing counted, and the key lapses where it was claimed at all."""
    lost = await till.process(lambda index, call: Fault.LATE if call.operation == "PutItem" else None)
    with pytest.raises(LedgerUnavailable):
        await lost.admit(KEY)
    assert not (await till.books.item(till.account)).holds
    assert await till.counted() == (0, 0)
    await lost.store.deliver()
    assert (await (await till.process()).refusal(KEY)).code == KeyInProgress.code
    till.books.clock.time_s += OVER_S
    await (await till.process()).serve(KEY)
    await lost.again()
    await till.charged()


async def test_case_07_a_refused_repetition_never_releases_the_key(till: Shop) -> None:
    """The request that holds the key goes on; however many were refused, the next is refused as well."""
    first = await till.process()
    ticket = await first.admit(KEY)
    for body in (OTHER_BODY, None, OTHER_BODY, None):
        used = await (await till.process()).refusal(KEY, body) if body else await (await till.process()).refusal(KEY)
        assert used.code == (KeyReused.code if body else KeyInProgress.code)
        assert "x-farebox-receipt" not in used.headers
    await first.charge(ticket)
    await till.charged()


async def test_case_07_after_24_hours_a_key_is_free_again(till: Shop) -> None:
    """To the second: used until then, and then one more charge, with another body even."""
    await (await till.process()).serve(KEY)
    till.books.clock.time_s += KEPT_S - 1
    assert (await (await till.process()).refusal(KEY)).code == KeyUsed.code
    till.books.clock.time_s += 1
    process, ticket = await one_of(await till.together(4))
    await process.charge(ticket)
    assert (await (await till.process()).refusal(KEY)).code == KeyUsed.code
    await till.charged(2)


async def test_case_07_the_table_of_claims_holds_hashes_and_no_key(till: Shop) -> None:
    """Of key and body only SHA-256 is stored; the same key of another account hashes otherwise."""
    process = await till.process()
    ticket = await process.admit(KEY)
    (item,) = await till.books.scan("claims", "account_id", till.account.account_id)
    assert ticket.claim
    other = idempotency.wanted(till.books.ledger, "default/1", KEY, b"", HOLD_S)
    assert KEY not in str(item)
    assert "Hi" not in str(item)
    assert len(item["claim_id"]["S"]) == len(item["body"]["S"]) == 64
    assert other.claim_id != ticket.claim.claim_id
    await process.charge(ticket)
    check(await till.books.item(till.account))


async def test_case_07_a_store_without_answers_ends_a_claim_in_bounded_time(till: Shop) -> None:
    """A claim is tried a few times, and then refused; nothing waits for ever."""
    process = await till.process(lambda index, call: Fault.LOST_CALL)
    with suppress(LedgerUnavailable):
        await process.admit(KEY)
    assert len(process.store.calls) < 25
