"""Keys that owners make for their users, and the pages on which owners look at them."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from functions.authenticate.callers import Callers, Visitor
from functions.errors import Forbidden, LedgerUnavailable, Unauthenticated
from functions.ledger import credentials, grants, pages, tables
from functions.ledger.account import AccountGone
from functions.ledger.admit import CredentialsChanged
from functions.ledger.windows import HOUR_S
from tests.ledger.addresses import TRIAL, someone
from tests.ledger.arrange import Books, issue
from tests.ledger.faults import Crash, Fault, at, on_write
from tests.ledger.subjects import GAIN, stranger

CRASHES = pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER], ids=["before", "after"])
ASTRAY = pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.LATE, Fault.TWICE, Fault.CONFLICT])


async def a_user(books: Books) -> str:
    """The account of a user whom an owner made."""
    return await grants.first_sight(books.ledger, stranger("user"), GAIN)


async def states(books: Books, account_id: str) -> dict[str, str]:
    """Every stored key of an account and its state; those that are listed are those that live."""
    found = await books.scan("credentials", "account_id", account_id)
    stored = {item["credential_id"]["S"]: item["state"]["S"] for item in found}
    listed = {key.key_id for key in await credentials.keys_of(books.ledger, account_id)}
    assert listed == {key_id for key_id, state in stored.items() if state == "live"}
    return stored


async def test_a_user_may_have_several_keys_and_each_works_until_it_is_revoked(books: Books) -> None:
    """The first stays alive when the second is made; a revoked one is dead in the very next request."""
    account_id = await a_user(books)
    first, second = [await credentials.add_key(books.ledger, account_id) for _ in range(2)]
    callers = Callers()
    for key in (first, second):
        assert (await callers.look_up(books.ledger, key)).account_id == account_id
    view = await books.read(account_id)
    shown = {(key.key_id, key.shown) for key in await credentials.keys_of(books.ledger, account_id)}
    assert shown == {(credentials.credential_id(key), key[:10]) for key in (first, second)}
    assert await credentials.revoke(books.ledger, account_id, credentials.credential_id(first))
    with pytest.raises(CredentialsChanged):
        await books.take(view, 10)
    with pytest.raises(Unauthenticated):
        await callers.look_up(books.ledger, first)
    await callers.look_up(books.ledger, second)
    assert not await credentials.revoke(books.ledger, account_id, credentials.credential_id(first))
    assert sorted((await states(books, account_id)).values()) == ["live", "revoked"]


async def test_a_key_of_somebody_else_is_not_revoked(books: Books) -> None:
    """Nor one that never was; and nobody who is not there gets a key."""
    account_id, other = await a_user(books), await a_user(books)
    key_id = credentials.credential_id(await credentials.add_key(books.ledger, account_id))
    for owner, identifier in ((other, key_id), (account_id, "f" * 64), ("default/1", key_id)):
        before = await states(books, account_id)
        assert not await credentials.revoke(books.ledger, owner, identifier)
        assert await states(books, account_id) == before
    with pytest.raises(AccountGone):
        await credentials.add_key(books.ledger, "default/1")
    assert await states(books, "default/1") == {}


async def test_a_registered_key_can_be_revoked_and_its_address_gets_another(books: Books) -> None:
    """The live one and one that waits; whoever registers again is let in."""
    address = replace(someone(), project=stranger().project)
    live = await issue(books.ledger, address, TRIAL, "immediate")
    waiting = await issue(books.ledger, address, TRIAL, "on_first_use")
    account = await books.account_of(live)
    for key in (live, waiting):
        assert await credentials.revoke(books.ledger, account.account_id, credentials.credential_id(key))
        with pytest.raises(Unauthenticated):
            await Callers().look_up(books.ledger, key)
    new = await issue(books.ledger, address, TRIAL, "on_first_use")
    assert (await Callers().look_up(books.ledger, new)).account_id == account.account_id


async def test_a_user_has_20_keys_at_most(books: Books) -> None:
    """Revoking one makes room for one."""
    account_id = await a_user(books)
    keys = [await credentials.add_key(books.ledger, account_id) for _ in range(credentials.KEYS_MAX)]
    with pytest.raises(Forbidden) as error:
        await credentials.add_key(books.ledger, account_id)
    assert error.value.code == "too_many_keys"
    await credentials.revoke(books.ledger, account_id, credentials.credential_id(keys[3]))
    await credentials.add_key(books.ledger, account_id)


@CRASHES
async def test_case_03_a_crash_while_a_key_is_made_or_revoked_leaves_all_of_it_or_nothing(
    books: Books, fault: Fault
) -> None:
    """Key, list and version change together."""
    for number in count():
        account_id = await a_user(books)
        key = await credentials.add_key(books.ledger, account_id)
        ledger, store = books.process(at(number, fault))
        with suppress(Crash):
            await credentials.add_key(ledger, account_id)
            await credentials.revoke(ledger, account_id, credentials.credential_id(key))
        found = list((await states(books, account_id)).values())
        assert (await books.read(account_id)).credentials_version == 1 + len(found) + found.count("revoked")
        if not store.struck:
            break
    assert number == 3


@ASTRAY
async def test_case_04_a_key_whose_making_or_end_went_astray_is_made_and_ended_once(books: Books, fault: Fault) -> None:
    """Late ones and those sent again, even an hour later, bring no key back and kill none."""
    account_id = await a_user(books)
    making, made = books.process(on_write(0, fault))
    key = await credentials.add_key(making, account_id)
    other = credentials.credential_id(await credentials.add_key(books.ledger, account_id))
    ending, ended = books.process(on_write(0, fault))
    await credentials.revoke(ending, account_id, credentials.credential_id(key))
    for pause_s in (0, HOUR_S):
        books.clock.time_s += pause_s
        for store in (made, ended):
            await store.deliver()
            await store.replay()
        assert await states(books, account_id) == {credentials.credential_id(key): "revoked", other: "live"}
        assert (await books.read(account_id)).credentials_version == 4


async def test_an_unanswered_key_is_told_as_unknown(books: Books) -> None:
    """Nobody is given a key that may not be there."""
    account_id = await a_user(books)
    never, _ = books.process(lambda number, call: Fault.LOST_CALL if call.is_write else None)
    for asked in (credentials.add_key(never, account_id), credentials.revoke(never, account_id, "f" * 64)):
        with pytest.raises(LedgerUnavailable):
            await asked


async def test_a_visitor_who_gets_a_key_is_let_in_both_ways(books: Books) -> None:
    """What was remembered of them is not believed any more, and read again."""
    visitor, callers = Visitor(stranger(), GAIN), Callers()
    before = await callers.look_up(books.ledger, visitor)
    key = await credentials.add_key(books.ledger, before.account_id)
    view = callers.account(before)
    assert view
    with pytest.raises(CredentialsChanged):
        await books.take(view, 10)
    after = await callers.look_up(books.ledger, visitor)
    assert (after.account_id, after.credentials_version) == (before.account_id, before.credentials_version + 1)
    assert (await callers.look_up(books.ledger, key)).account_id == before.account_id


async def test_the_users_of_a_project_are_read_in_pages(books: Books) -> None:
    """Sorted by number, none twice, none left out, none of another project; with their accounts, in that order."""
    subject = stranger()
    made = [replace(stranger(), project=subject.project) for _ in range(7)]
    await asyncio.gather(*(grants.first_sight(books.ledger, one, GAIN) for one in (*made, stranger())))
    tables.bind(books.test.settings)
    found: list[str] = []
    for size in (3, 3, 1, 0):
        page = pages.members(subject.project, found[-1] if found else "", 3)
        assert len(page) == size
        found += page
    assert found == sorted(set(found))
    ids = [f"{subject.project}/{number}" for number in found]
    accounts = pages.accounts_of([*reversed(ids), f"{subject.project}/1", ids[0]])
    assert [account.account_id for account in accounts] == [*reversed(ids), ids[0]]
    assert {account.credited for account in accounts} == {GAIN.amount}
    assert pages.members("nothing", "", 3) == []
    assert pages.accounts_of([]) == []


async def test_more_accounts_than_one_batch_takes_are_read(books: Books) -> None:
    """DynamoDB takes 100 keys at once; whoever asks for more gets all of them."""
    project = stranger().project
    made = [replace(stranger(), project=project) for _ in range(3)]
    ids = [await grants.first_sight(books.ledger, one, GAIN) for one in made]
    tables.bind(books.test.settings)
    asked = [*ids[:2], *(f"{project}/{number}" for number in range(150)), ids[2]]
    assert [account.account_id for account in pages.accounts_of(asked)] == ids
