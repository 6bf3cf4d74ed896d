"""Projects under crashes, lost, late and doubled answers: each change is made once, wholly or not at all."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from secrets import token_hex

import pytest

from functions.errors import LedgerUnavailable, NotFound, VersionChanged
from functions.ledger import credentials, project_items, projects
from functions.ledger.projects import Stored
from functions.ledger.store import Ledger
from functions.ledger.windows import HOUR_S
from tests.ledger.arrange import Books
from tests.ledger.faults import Crash, Fault, at, on_write

OWNER, OTHER = f"{token_hex(6)}@farebox.test", f"{token_hex(6)}@farebox.test"
NEW = {"name": "new"}
Act = Callable[[Ledger, Stored], Awaitable[object]]
ACTS: dict[str, Act] = {
    "change": lambda ledger, stored: projects.change(ledger, stored.project_id, NEW, stored.version),
    "add_key": lambda ledger, stored: projects.add_key(ledger, stored.project_id, "secret", "new"),
    "revoke_key": lambda ledger, stored: projects.revoke_key(ledger, stored.project_id, min(stored.keys)),
    "put_sealed": lambda ledger, stored: projects.put_sealed(ledger, stored.project_id, "new", "text", "…"),
    "drop_sealed": lambda ledger, stored: projects.drop_sealed(ledger, stored.project_id, "old"),
    "add_test_token": lambda ledger, stored: projects.add_test_token(
        ledger, stored.project_id, "new", project_items.TestToken("", 1, 2**40)
    ),
    "drop_test_token": lambda ledger, stored: projects.drop_test_token(ledger, stored.project_id, "old"),
    "grant": lambda ledger, stored: projects.grant(ledger, stored.project_id, ["llama"]),
    "set_owners": lambda ledger, stored: projects.set_owners(ledger, stored.project_id, (OTHER,)),
    "close": lambda ledger, stored: projects.close(ledger, stored.project_id),
}
EVERY_ACT = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


async def a_project(books: Books) -> Stored:
    """One with a key, a secret and a test token."""
    project_id = (await projects.create(books.ledger, OWNER, {"name": "old"})).project_id
    await projects.add_key(books.ledger, project_id, "secret", "old")
    await projects.put_sealed(books.ledger, project_id, "old", "text", "…")
    return await projects.add_test_token(books.ledger, project_id, "old", project_items.TestToken("", 1, 2**40))


async def whole(books: Books, before: Stored) -> Stored:
    """What must be true of a project, whatever happened to it: its keys and its owners' lists say the same as it."""
    after = await projects.read(books.ledger, before.project_id)
    assert after
    found = await books.scan("credentials", "project_id", after.project_id)
    live = {item["credential_id"]["S"] for item in found if item["state"]["S"] == "live"}
    assert live == set(after.keys)
    for key_id in (*before.keys, *after.keys):
        project_id = await projects.project_of_key(books.ledger, key_id)
        assert project_id == (after.project_id if key_id in after.keys else None)
        assert await credentials.find(books.ledger, key_id) is None
    owners = set(after.owners) if after.state == "open" else set()
    for email in (OWNER, OTHER):
        assert (after.project_id in await projects.of_owner(books.ledger, email)) == (email in owners)
    return after


@EVERY_ACT
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
async def test_case_03_a_crash_anywhere_in_a_change_of_a_project_makes_all_of_it_or_nothing(
    books: Books, act: Act, fault: Fault
) -> None:
    """Document, keys and lists agree at every moment; asking again comes to the same."""
    for number in count():
        before = await a_project(books)
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await act(ledger, before)
        after = await whole(books, before)
        assert after.revision - before.revision in (0, 1)
        with suppress(VersionChanged, NotFound):
            await act(books.ledger, before)
        await whole(books, before)
        if not store.struck:
            break
    assert number == 2


@EVERY_ACT
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
async def test_case_04_a_change_of_a_project_whose_answer_went_astray_is_made_once(
    books: Books, act: Act, fault: Fault
) -> None:
    """It is found to be done; late ones and those sent again, even an hour later, change nothing."""
    before = await a_project(books)
    ledger, store = books.process(on_write(0, fault))
    await act(ledger, before)
    assert store.struck == 1
    after = await whole(books, before)
    assert after.revision == before.revision + 1
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        await store.deliver()
        await store.replay()
        assert await whole(books, before) == after


@EVERY_ACT
async def test_case_08_a_change_of_a_project_that_cannot_be_written_changes_nothing(books: Books, act: Act) -> None:
    """Whoever asks is told that nobody knows, and everything is as it was."""
    before = await a_project(books)
    never, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    with pytest.raises(LedgerUnavailable):
        await act(never, before)
    assert await whole(books, before) == before


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])
async def test_case_04_a_project_whose_making_went_astray_is_made_once(books: Books, fault: Fault) -> None:
    """One project, in its owner's list once, and it does not come back when it was closed."""
    email = f"{token_hex(6)}@farebox.test"
    ledger, store = books.process(on_write(0, fault))
    stored = await projects.create(ledger, email, NEW)
    await store.deliver()
    assert await projects.of_owner(books.ledger, email) == (stored.project_id,)
    assert await projects.read(books.ledger, stored.project_id) == stored
    closed = await projects.close(books.ledger, stored.project_id)
    await store.replay()
    assert await projects.read(books.ledger, stored.project_id) == closed
    assert await projects.of_owner(books.ledger, email) == ()
