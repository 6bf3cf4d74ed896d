"""What owners and the operator did is noted before it is done, and how it ended after."""

from contextlib import suppress

import pytest

from functions.errors import LedgerUnavailable
from functions.ledger import actions
from functions.ledger.actions import Action
from tests.ledger.arrange import Books
from tests.ledger.faults import Crash, Fault, at, on_write
from tests.ledger.subjects import stranger

ASTRAY = pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])


def a_scope() -> str:
    return actions.of_project(stranger().project)


async def the_only(books: Books, scope: str) -> Action:
    (found,), following = await actions.listed(books.ledger, scope, 5)
    assert following == ""
    return found


async def test_an_action_is_listed_with_who_when_what_and_why_and_how_it_ended(books: Books) -> None:
    """Before it ended, its outcome is not known."""
    scope, now = a_scope(), int(books.clock.now())
    noted = await actions.note(books.ledger, scope, by="a@b.example", what="block_user", about="user 5", why="spam")
    assert await the_only(books, scope) == Action(noted, now, "a@b.example", "block_user", "user 5", "spam", "")
    books.clock.time_s += 5
    await actions.ended(books.ledger, scope, noted, actions.DONE)
    assert await the_only(books, scope) == Action(noted, now, "a@b.example", "block_user", "user 5", "spam", "done")


async def test_actions_are_listed_the_newest_first_in_pages(books: Books) -> None:
    """None twice, none left out, none of another scope."""
    scope, other = a_scope(), a_scope()
    made = []
    for number in range(7):
        books.clock.time_s += 1
        made.append(await actions.note(books.ledger, scope, by="a", what="x", about=str(number)))
        await actions.note(books.ledger, other, by="b", what="x", about="")
    found: list[str] = []
    before = ""
    for size in (3, 3, 1):
        page, before = await actions.listed(books.ledger, scope, 3, before)
        assert len(page) == size
        found += [action.id for action in page]
    assert (found, before) == (made[::-1], "")
    assert await actions.listed(books.ledger, a_scope(), 3) == ([], "")


@ASTRAY
async def test_case_04_a_note_that_went_astray_is_there_once_and_keeps_its_end(books: Books, fault: Fault) -> None:
    """A note that comes late or again does not take the outcome away, and none is there twice."""
    scope = a_scope()
    noting, noted = books.process(on_write(0, fault))
    ending, ended = books.process(on_write(0, fault))
    action_id = await actions.note(noting, scope, by="a", what="x", about="y")
    await actions.ended(ending, scope, action_id, "done")
    for store in (ended, noted):
        assert store.struck == 1
        await store.deliver()
        await store.replay()
    assert (await the_only(books, scope)).outcome == "done"


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
async def test_case_03_a_crash_leaves_a_note_without_an_end_or_none(books: Books, fault: Fault) -> None:
    """Nothing is ever noted as done that is not."""
    scope = a_scope()
    ledger, store = books.process(at(0, fault))
    with suppress(Crash):
        await actions.note(ledger, scope, by="a", what="x", about="y")
    found, _ = await actions.listed(books.ledger, scope, 5)
    assert store.struck == 1
    assert [action.outcome for action in found] == ([""] if fault is Fault.CRASH_AFTER else [])


async def test_what_cannot_be_noted_is_told_and_an_end_that_cannot_is_not(books: Books) -> None:
    """The first must keep its change from being made; the second comes when it is made."""
    scope = a_scope()
    never, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    with pytest.raises(LedgerUnavailable):
        await actions.note(never, scope, by="a", what="x", about="y")
    noted = await actions.note(books.ledger, scope, by="a", what="x", about="y")
    await actions.ended(never, scope, noted, "done")
    await actions.ended(books.ledger, scope, "0" * 18, "done")  # one that never was
    assert (await the_only(books, scope)).outcome == ""


async def test_long_texts_are_cut_and_empty_ones_stay_away(books: Books) -> None:
    """An action is small, whoever writes it."""
    scope = a_scope()
    await actions.note(books.ledger, scope, by="a", what="x", about="ü" * 5000)
    assert (await the_only(books, scope)).about == "ü" * actions.TEXT_LENGTH_MAX
