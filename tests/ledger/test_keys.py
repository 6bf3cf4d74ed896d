"""Keys: a revoked one is dead at once, and an address has one account and one live key (rules 7 and 8)."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from functions.authenticate.callers import Callers
from functions.errors import LedgerUnavailable, Unauthenticated
from functions.ledger import credentials, grants
from functions.ledger.admit import CredentialsChanged
from functions.ledger.store import Item, Ledger
from tests.ledger.addresses import TRIAL, keys_of, one_account_one_key, someone
from tests.ledger.arrange import Books, issue


async def test_a_revoked_key_is_dead_in_the_very_next_request_though_it_is_cached(books: Books) -> None:
    """The remembered caller is refused by the ledger's write, and the key by the look-up that follows."""
    address = someone()
    old = await issue(books.ledger, address, TRIAL, "immediate")
    callers = Callers()
    caller = await callers.look_up(books.ledger, old)
    account = callers.account(caller)
    assert account
    await books.take(account, 10)
    new = await issue(books.ledger, address, TRIAL, "immediate")
    assert callers.remembered(old, 0) == caller
    with pytest.raises(CredentialsChanged):
        await books.take(account, 10)
    with pytest.raises(Unauthenticated):
        await callers.look_up(books.ledger, old)
    assert callers.remembered(old, 0) is None
    again = callers.account(await callers.look_up(books.ledger, new))
    assert again
    assert (await books.take(again, 10)).account.credited == TRIAL.amount
    await one_account_one_key(books, address)


class Meanwhile:
    """A store in which something else happens before the call of a given number."""

    def __init__(self, books: Books, number: int, address: grants.Address) -> None:
        self.books, self.number, self.address, self.calls = books, number, address, 0

    async def call(self, operation: str, request: Item) -> Item:
        if self.calls == self.number:
            await issue(self.books.ledger, self.address, TRIAL, "immediate")
        self.calls += 1
        return await self.books.ledger.store.call(operation, request)


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_key_that_is_revoked_while_it_is_looked_up_never_gets_in(books: Books, number: int) -> None:
    """Before, between and after the two reads: the version that came with the key is the one it was valid under."""
    address = someone()
    key = await issue(books.ledger, address, TRIAL, "immediate")
    ledger: Ledger = replace(books.ledger, store=Meanwhile(books, number, address))
    callers = Callers()
    try:
        account = callers.account(await callers.look_up(ledger, key))
    except Unauthenticated:
        assert number < 2
        return
    assert account
    if number == 2:
        await issue(books.ledger, address, TRIAL, "immediate")
    with pytest.raises(CredentialsChanged):
        await books.take(account, 10)


async def test_using_a_key_from_the_middle_kills_those_before_it_and_keeps_those_after(books: Books) -> None:
    """KEY_REISSUE=on_first_use: live one and older ones that waited die; newer ones wait on; once."""
    address = someone()
    keys = [await issue(books.ledger, address, TRIAL, "on_first_use") for _ in range(5)]
    ids = [credentials.credential_id(key) for key in keys]
    states = await keys_of(books, address)
    assert [states[key] for key in ids] == ["live", "pending", "pending", "pending", "pending"]
    before = await books.account_of(keys[0])
    for _ in range(2):
        await Callers().look_up(books.ledger, keys[2])
        states = await keys_of(books, address)
        assert [states[key] for key in ids] == ["revoked", "revoked", "live", "pending", "pending"]
        assert (await books.account_of(keys[2])).credentials_version == before.credentials_version + 1
    with pytest.raises(CredentialsChanged):
        await books.take(before, 10)
    for dead in keys[:2]:
        with pytest.raises(Unauthenticated):
            await Callers().look_up(books.ledger, dead)
    await one_account_one_key(books, address)


async def test_a_pending_key_changes_nothing_until_it_is_used(books: Books) -> None:
    """A stranger who knows an address cannot kill its key."""
    address = someone()
    key = await issue(books.ledger, address, TRIAL, "on_first_use")
    account = await books.account_of(key)
    for _ in range(grants.PENDING_MAX + 3):
        await issue(books.ledger, address, TRIAL, "on_first_use")
    await books.take(account, 10)
    states = list((await keys_of(books, address)).values())
    assert (states.count("live"), states.count("pending")) == (1, grants.PENDING_MAX)
    await one_account_one_key(books, address)


async def test_several_pending_keys_used_at_once_leave_one_live(books: Books) -> None:
    """Whoever comes first wins; older ones die of it, newer ones replace it in their turn."""
    address = someone()
    keys = [await issue(books.ledger, address, TRIAL, "on_first_use") for _ in range(4)]
    looks = [Callers().look_up(books.ledger, key) for key in keys[1:]]
    answers = await asyncio.gather(*looks, return_exceptions=True)
    assert all(not isinstance(answer, BaseException) or isinstance(answer, Unauthenticated) for answer in answers)
    await one_account_one_key(books, address)
    assert (await keys_of(books, address))[credentials.credential_id(keys[3])] == "live"


@pytest.mark.parametrize("reissue", ["immediate", "on_first_use"])
async def test_twenty_registrations_of_one_address_at_once_make_one_account(books: Books, reissue: str) -> None:
    """The account is created once, with one trial; at the end one key is live, and the identity names it."""
    address = someone()
    tries = [issue(books.ledger, address, TRIAL, reissue) for _ in range(20)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(answer, LedgerUnavailable) for answer in failed)
    given = {credentials.credential_id(key) for key in answers if isinstance(key, str)}
    assert set(await keys_of(books, address)) == given, "exactly the keys that were given out are stored"
    await one_account_one_key(books, address)


async def test_addresses_of_one_mailbox_at_once_get_one_trial_between_them(books: Books) -> None:
    """Plus-tags lead to one mailbox: whoever is first has the trial, the others have accounts without credits."""
    mailbox = f"{secrets.token_hex(6)}@farebox.test"
    addresses = [someone(mailbox) for _ in range(8)]
    keys = await asyncio.gather(*(issue(books.ledger, who, TRIAL, "immediate") for who in addresses))
    credited = [(await books.account_of(key)).credited for key in keys]
    assert sorted(credited) == [0] * 7 + [TRIAL.amount]
    for who, amount in zip(addresses, credited, strict=True):
        await one_account_one_key(books, who, amount)


async def test_case_18_a_stored_hash_is_not_a_key(books: Books) -> None:
    """What the table holds opens nothing: neither the hash nor what is shown of a key is a credential."""
    key, account = await books.customer(10)
    (stored,) = await books.scan("credentials", "account_id", account.account_id)
    assert len(key) == 46
    assert key not in str(stored)
    for value in (stored["credential_id"]["S"], stored["shown"]["S"], key[:-1], key.lower(), key + "="):
        with pytest.raises(Unauthenticated):
            await Callers().look_up(books.ledger, value)


async def test_a_waiting_key_that_was_revoked_never_comes_alive(books: Books) -> None:
    """Though its first use began before: the key that the address has goes on."""
    address = someone()
    live = await issue(books.ledger, address, TRIAL, "immediate")
    waiting = await grants.register(books.ledger, address, TRIAL)
    found = await credentials.find(books.ledger, credentials.credential_id(waiting))
    assert found
    assert await credentials.revoke(books.ledger, found[1].account_id, credentials.credential_id(waiting))
    await grants.activate(books.ledger, address, credentials.credential_id(waiting))
    with pytest.raises(Unauthenticated):
        await Callers().look_up(books.ledger, waiting)
    assert await Callers().look_up(books.ledger, live)
