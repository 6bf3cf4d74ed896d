"""A user's own keys under any history: rotated, revoked, registered again, expired, by processes that fail."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import FareboxError, Forbidden, LedgerUnavailable
from functions.ledger import credentials, grants, own_keys
from functions.ledger.account import AccountGone
from functions.ledger.tables import drive
from tests.ledger.arrange import Books
from tests.ledger.faults import Crash, Fault, at, never, on_write
from tests.ledger.holder import ADDRESS, TRIAL, Holder, Step, act, changed, rotate

ASTRAY = (None, Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT)
CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
STEPS = st.tuples(
    st.sampled_from(("register", "use", "add", "rotate", "rotate", "revoke", "wait")),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from(ASTRAY), st.integers(0, 3)), max_size=14))
def test_any_history_of_a_users_keys(history: list[tuple[Step, Fault | None, int]]) -> None:
    """Whatever is asked, lost, late or doubled: exactly the keys work that a plain program says, in every process."""
    holder = Holder()
    holder.judge()
    for step, fault, number in history:
        ledger, store = holder.process(on_write(number, fault) if fault else never)
        act(holder, ledger, step)
        holder.judge()
        for pause_s in (0, 2):
            holder.clock.time_s += pause_s
            drive(store.deliver())
            drive(store.replay())
            holder.judge()


SITUATIONS: dict[str, tuple[list[Step], Step]] = {
    "add": ([], ("add", 0, 0, 1)),
    "rotate the mailed one": ([("register", 0, 0, 1)], ("rotate", 0, 0, 2)),
    "rotate the mailed one at once": ([], ("rotate", 0, 0, 0)),
    "rotate it again": ([("rotate", 0, 0, 2)], ("rotate", 1, 1, 2)),
    "rotate an added one": ([("add", 0, 0, 1)], ("rotate", 1, 0, 2)),
    "rotate an added one at once": ([("add", 0, 0, 1)], ("rotate", 1, 1, 0)),
    "rotate where one has ended": ([("add", 0, 0, 1), ("rotate", 1, 0, 1), ("wait", 0, 0, 2)], ("rotate", 2, 0, 2)),
    "revoke": ([("add", 0, 0, 1)], ("revoke", 1, 0, 0)),
    "revoke one that leaves": ([("rotate", 0, 0, 2)], ("revoke", 0, 0, 0)),
    "use one that was mailed": ([("rotate", 0, 0, 2), ("register", 0, 0, 1)], ("use", 0, 0, 0)),
    "register at once": ([("rotate", 0, 0, 2), ("add", 0, 0, 1)], ("register", 0, 0, 0)),
}


@pytest.mark.parametrize("fault", CRASHES, ids=["before", "after"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_case_03_a_crash_anywhere_leaves_the_keys_before_or_those_after(name: str, fault: Fault) -> None:
    """At every call of each change; never both dead, and never an old one that lives on beside what replaced it."""
    before, step = SITUATIONS[name]
    for number in count():
        holder = Holder()
        for earlier in before:
            act(holder, holder.ledger, earlier)
        holder.judge()
        version, keys = holder.account.credentials_version, len(holder.made)
        ledger, store = holder.process(at(number, fault))
        with suppress(Crash):
            act(holder, ledger, step)
        if store.struck and holder.account.credentials_version != version:
            changed(holder, step, holder.made[keys:])
        elif store.struck and step[0] == "register":
            holder.waiting = [key for key in holder.made[keys:] if holder.is_stored(key)]
        holder.made = [key for key in holder.made if holder.is_stored(key)]
        holder.judge()
        if not store.struck:
            break
    assert number >= 2


def test_an_unanswered_change_is_told_as_unknown() -> None:
    """Nobody is given a key that may not be there."""
    holder = Holder()
    never_applied, _ = holder.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    mine = credentials.credential_id(holder.live)
    for asked in (
        own_keys.add(never_applied, holder.account_id, ""),
        own_keys.rotate(never_applied, holder.account_id, mine, 0, mine),
        own_keys.revoke(never_applied, holder.account_id, mine, mine),
    ):
        with pytest.raises(LedgerUnavailable):
            drive(asked)
    holder.made = [holder.live]
    holder.judge()


def test_the_mailed_key_is_out_of_reach_of_the_others() -> None:
    """Who found an added key can neither replace nor end what its owner's mail brings, and never what still waits."""
    holder = Holder()
    found = drive(own_keys.add(holder.ledger, holder.account_id, "the one that was found")).key
    for key in (holder.live, drive(grants.register(holder.ledger, ADDRESS, TRIAL))):
        for by in {found, holder.live} - ({key} if key == holder.live else set()):
            asked = credentials.credential_id(key), credentials.credential_id(by)
            with pytest.raises(Forbidden) as refused:
                drive(own_keys.revoke(holder.ledger, holder.account_id, *asked))
            assert refused.value.code == "mailed_key"
            with pytest.raises(Forbidden):
                drive(own_keys.rotate(holder.ledger, holder.account_id, asked[0], 0, asked[1]))


def test_ended_keys_do_not_pile_up() -> None:
    """However often a key is rotated, the list and the address keep those that work and the last that ended."""
    holder = Holder()
    added = drive(own_keys.add(holder.ledger, holder.account_id, "x")).key
    for _ in range(60):
        rotate(holder, holder.ledger, holder.live, holder.live, 1)
        old = credentials.credential_id(added)
        added = drive(own_keys.rotate(holder.ledger, holder.account_id, old, 1, old)).key
        holder.clock.time_s += 2
    identity = drive(grants.identity_of(holder.ledger, holder.account))
    assert identity
    assert len(identity.leaving) == 1
    assert len(drive(credentials.all_added(holder.ledger, holder.account_id))) == 2


def test_a_deleted_account_gets_no_key() -> None:
    """Neither a new one nor one in the place of another."""
    holder = Holder()
    with pytest.raises(AccountGone):
        drive(own_keys.add(holder.ledger, "default/1", ""))
    with pytest.raises(AccountGone):
        drive(own_keys.rotate(holder.ledger, "default/1", credentials.credential_id(holder.live), 0, ""))


async def test_a_rotation_needs_room_for_two_where_the_old_key_works_on(books: Books) -> None:
    """With twenty it is refused; without a grace one takes the other's place."""
    key, account = await books.customer(10)
    mine = credentials.credential_id(key)
    for _ in range(credentials.KEYS_MAX - 1):
        await own_keys.add(books.ledger, account.account_id, "")
    with pytest.raises(Forbidden) as refused:
        await own_keys.rotate(books.ledger, account.account_id, mine, 1, mine)
    assert refused.value.code == "too_many_keys"
    made = await own_keys.rotate(books.ledger, account.account_id, mine, 0, mine)
    listed = [one.key_id for one, _ in await own_keys.listed(books.ledger, account)]
    assert (listed[0], len(listed)) == (made.key_id, credentials.KEYS_MAX)


async def test_twenty_keys_are_the_most_however_many_ask_at_once(books: Books) -> None:
    """Processes that all counted before one of them wrote: those that are too many are refused, and none is lost."""
    _, account = await books.customer(10)
    for _ in range(credentials.KEYS_MAX - 3):
        await own_keys.add(books.ledger, account.account_id, "")
    asked = [own_keys.add(ledger, account.account_id, "") for ledger in books.processes(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    made = [answer for answer in answers if isinstance(answer, own_keys.Made)]
    refused = [answer for answer in answers if isinstance(answer, Forbidden | LedgerUnavailable)]
    assert len(made) <= 2
    assert len(made) + len(refused) == 8
    listed = await own_keys.listed(books.ledger, account)
    assert len(listed) == credentials.KEYS_MAX - 2 + len(made)


async def test_of_two_who_rotate_a_key_at_once_one_does(books: Books) -> None:
    """Nobody holds a key that is not there, and the old one has one end."""
    key, account = await books.customer(10)
    mine = credentials.credential_id(key)
    asked = [own_keys.rotate(ledger, account.account_id, mine, 60, mine) for ledger in books.processes(4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (made,) = [answer for answer in answers if isinstance(answer, own_keys.Made)]
    assert all(isinstance(answer, own_keys.Made | FareboxError) for answer in answers)
    listed = {one.key_id: one.ends for one, _ in await own_keys.listed(books.ledger, account)}
    assert listed == {made.key_id: 0, mine: made.ends}
