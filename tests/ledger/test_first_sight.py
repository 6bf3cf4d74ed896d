"""First sight: somebody without a key of ours gets one account, whoever else comes at the same time, whatever fails."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from functions.authenticate.callers import Callers, Visitor
from functions.errors import LedgerUnavailable
from functions.ledger import grants
from functions.ledger.audit import audit_account
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import Books
from tests.ledger.faults import Crash, Fault, at, on_write
from tests.ledger.subjects import GAIN, members_of, one_account, stranger
from tests.ledger.threads import THREADS, Thread, in_threads

CRASHES = pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
SUBJECTS = 20


async def test_whoever_is_seen_first_gets_an_account_with_its_gift(books: Books) -> None:
    """It is found again, says how its user is known and what the owner sees, and the audit finds it in order."""
    subject = stranger(shown="x" * 500)
    assert await grants.find_subject(books.ledger, subject) is None
    account_id = await grants.first_sight(books.ledger, subject, GAIN)
    account = await one_account(books, subject)
    assert account.account_id == account_id
    assert (account.shown, account.email) == ("x" * grants.SHOWN_LENGTH_MAX, "")
    assert account.lots["trial"].expires == books.clock.now() + GAIN.lasts_s
    assert await grants.first_sight(books.ledger, subject, GAIN) == account_id
    await one_account(books, subject)
    assert (await audit_account(books.ledger, account_id)).drift == 0


async def test_an_account_without_a_gift_or_a_name_says_neither(books: Books) -> None:
    """An address alone is a user of whom the owner sees nothing; the item is small."""
    subject = replace(stranger("ip"), shown="")
    await grants.first_sight(books.ledger, subject, grants.NO_TRIAL)
    account = await one_account(books, subject, grants.NO_TRIAL)
    assert not {"shown", "email"} & account.item.keys()
    assert (account.paid, account.lots) == (0, {})


async def test_the_same_subject_of_another_project_or_kind_is_somebody_else(books: Books) -> None:
    """Projects never meet, and neither do a token's subject and an address that have one digest."""
    subject = stranger()
    others = [subject, replace(subject, kind="ip"), replace(subject, project=subject.project + "x")]
    accounts = {await grants.first_sight(books.ledger, other, GAIN) for other in others}
    assert len(accounts) == 3
    assert len(await members_of(books, subject.project)) == 2


@pytest.mark.parametrize("kind", ["email", "mailbox", "purchase", "", "jwt/x"])
def test_a_subject_is_never_taken_for_what_else_stands_among_identities(kind: str) -> None:
    """Its kind is one of a few, and none of those that addresses and entered references have."""
    with pytest.raises(ValueError, match="no kind of subject"):
        grants.Subject("p", kind, "x")


async def test_who_registers_at_a_project_of_an_owner_is_in_its_list(books: Books) -> None:
    """And at the built-in project nobody is listed: it has no owner who would look."""
    project = stranger().project
    for name, listed in ((project, 1), ("default", 0)):
        before = len(await members_of(books, name))
        key = await grants.register(books.ledger, grants.Address(name, f"{project}@farebox.test"), GAIN)
        account = await books.account_of(key)
        assert len(await members_of(books, name)) - before == listed
        assert account.account_id.rpartition("/")[0] == name


async def test_eight_processes_that_find_nobody_make_one_account(books: Books) -> None:
    """All of them write at one moment what each believes to be first; the losers are told the winner's."""
    subject = stranger()
    seen = await asyncio.gather(*(grants.first_sight(ledger, subject, GAIN) for ledger in books.processes(8)))
    assert len(set(seen)) == 1
    await one_account(books, subject)


async def rush(thread: Thread, subjects: list[grants.Subject], seen: dict[str, set[str]], lock: threading.Lock) -> None:
    """Each thread comes as everybody, in an order of its own."""
    for subject in thread.random.sample(subjects, len(subjects)):
        caller = await Callers().look_up(thread.ledger, Visitor(subject, GAIN))
        with lock:
            seen.setdefault(subject.digest, set()).add(caller.account_id)


@pytest.mark.timeout(300)
async def test_64_threads_that_come_as_the_same_users_make_one_account_of_each(books: Books) -> None:
    """1,280 first sights of 20 users: 20 accounts, 20 gifts, 20 places in the list."""
    project = stranger().project
    subjects = [replace(stranger(), project=project) for _ in range(SUBJECTS)]
    seen: dict[str, set[str]] = {}
    lock = threading.Lock()
    work = (books.test.settings, books.clock, lambda thread: rush(thread, subjects, seen, lock), 3)
    await asyncio.to_thread(in_threads, *work)
    assert THREADS == 64
    assert {digest: len(found) for digest, found in seen.items()} == {subject.digest: 1 for subject in subjects}
    assert sorted(await members_of(books, project)) == sorted(min(one).rpartition("/")[2] for one in seen.values())
    for (account_id,) in seen.values():
        (entry,) = await books.scan("journal", "account_id", account_id)
        assert entry["amount"]["N"] == str(GAIN.amount)


@CRASHES
async def test_case_03_a_crash_anywhere_in_a_first_sight_leaves_one_account(books: Books, fault: Fault) -> None:
    """All of it happened or nothing did; whoever comes again has one account, and no second gift."""
    for number in count():
        subject = stranger()
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await Callers().look_up(ledger, Visitor(subject, GAIN))
        if await grants.find_subject(books.ledger, subject):
            await one_account(books, subject)
        await Callers().look_up(books.ledger, Visitor(subject, GAIN))
        await one_account(books, subject)
        if not store.struck:
            break
    assert number == 4


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
async def test_case_04_a_first_sight_whose_answer_went_astray_is_applied_once(books: Books, fault: Fault) -> None:
    """Its own write is recognised; late ones and those sent again, even an hour later, change nothing."""
    subject = stranger()
    ledger, store = books.process(on_write(0, fault))
    account_id = await grants.first_sight(ledger, subject, GAIN)
    assert store.struck == 1
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        await store.deliver()
        await store.replay()
        assert (await one_account(books, subject)).account_id == account_id


async def test_case_08_a_first_sight_that_cannot_be_written_makes_nobody(books: Books) -> None:
    """With no answer at all the caller is told so, and nothing is left behind."""
    subject = stranger()
    ledger, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    with pytest.raises(LedgerUnavailable):
        await grants.first_sight(ledger, subject, GAIN)
    assert await grants.find_subject(books.ledger, subject) is None
    assert await members_of(books, subject.project) == []
