"""The list of the built-in project's users: put there with the account, or by the night, once, whatever is lost."""

import pytest

from functions.ledger import credentials, grants, joined, members
from functions.ledger.account import Account
from functions.ledger.store import Ambiguous, Item, NotApplied
from tests.stand import TestLedger


class Loses:
    """A store whose answers to writes are lost: the first so many, applied or not."""

    def __init__(self, inner: object, answers: list[Exception | None]) -> None:
        self.inner, self.answers = inner, answers

    async def call(self, operation: str, request: Item) -> Item:
        lost = self.answers.pop(0) if operation == "PutItem" and self.answers else None
        if isinstance(lost, NotApplied):
            raise lost
        answer: Item = await self.inner.call(operation, request)  # type: ignore[attr-defined]
        if lost:
            raise lost
        return answer


async def place(made: TestLedger, account: Account) -> list[Item]:
    """What the list has of an account."""
    number = account.account_id.rpartition("/")[2]
    scope, name = members.joined(account.created, number)
    key = {"scope": {"S": scope}, "member": {"S": name}}
    found = await made.ledger.read("GetItem", {"TableName": made.ledger.table("members"), "Key": key})
    return [found["Item"]] if "Item" in found else []


async def unlisted(made: TestLedger) -> Account:
    """An account as it was before there was a list, a day old."""
    account = await made.account(5)
    account = Account(account.item | {"created": {"N": str(account.created - 86400)}})
    scope, name = members.joined(account.created, account.account_id.rpartition("/")[2])
    await made.ledger.write("TransactWriteItems", {"TransactItems": [members.drop(made.ledger, scope, name)]})
    assert await place(made, account) == []
    return account


async def test_an_account_is_listed_from_its_opening(ledger: TestLedger) -> None:
    """In the same transaction, under when it was opened and its number."""
    account = await ledger.account(5)
    (listed,) = await place(ledger, account)
    assert int(listed["created"]["N"]) == account.created
    found, _ = await joined.newest(ledger.ledger, 50, joined.place_of(account) + "~")  # other tests open some later
    assert account.account_id in found
    assert not await joined.enlist(ledger.ledger, account)


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [Ambiguous("lost")],
        [Ambiguous("lost"), Ambiguous("lost"), NotApplied("busy")],
        [NotApplied("busy"), Ambiguous("lost")],
    ],
    ids=str,
)
async def test_the_night_lists_once_what_was_missing(ledger: TestLedger, answers: list[Exception | None]) -> None:
    """At the time when it was opened, though an answer be lost; again, nothing is left to do."""
    account = await unlisted(ledger)
    made = TestLedger(ledger.ledger, ledger.settings)
    losing = type(ledger.ledger)(
        Loses(ledger.ledger.store, list(answers)), ledger.ledger.clock, ledger.ledger.random, ledger.ledger.prefix
    )
    assert await joined.enlist(losing, account)
    (listed,) = await place(made, account)
    assert int(listed["created"]["N"]) == account.created
    assert not await joined.enlist(losing, account)


async def test_nobody_else_is_listed(ledger: TestLedger) -> None:
    """No user of another project, and nobody who was deleted."""
    account = await unlisted(ledger)
    for item in (account.item | {"state": {"S": "deleted"}}, account.item | {"account_id": {"S": "0123456789ab/5"}}):
        assert not await joined.enlist(ledger.ledger, Account(item))
    assert await place(ledger, account) == []


async def test_keys_are_told_by_their_beginning(ledger: TestLedger) -> None:
    """The live one, not one that waits for its first use; those of nobody are nobody's."""
    store, address = ledger.ledger, grants.Address("default", "keys-of@joined.test")
    first = await grants.register(store, address, grants.NO_TRIAL)
    account_id = str(await joined.by_address(store, address.email))
    second = await grants.register(store, address, grants.NO_TRIAL)
    nobody = Account({"account_id": {"S": "default/7"}, "email": {"S": "nobody@joined.test"}})
    somebody = Account({"account_id": {"S": account_id}, "email": {"S": address.email}})
    assert await joined.keys_shown(store, [nobody, somebody]) == {account_id: first[:10]}
    await grants.activate(store, address, credentials.credential_id(second))
    assert await joined.keys_shown(store, [nobody, somebody]) == {account_id: second[:10]}
    assert await joined.by_address(store, "nobody@joined.test") is None
