"""Projects of owners: what was stored is read, versions are kept apart, keys and lists are true at every moment."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any

import pytest

from functions.errors import BadRequest, Forbidden, NotFound, VersionChanged
from functions.ledger import credentials, project_items, projects
from functions.ledger.projects import Stored
from functions.ledger.store import Item
from tests.ledger.arrange import Books

DOCUMENT: dict[str, Any] = {"format": 1, "name": "Reise \U0001f9f3", "deep": {"list": [1, 2.5, None, True, {"": ""}]}}


def owner() -> str:
    return f"{token_hex(6)}@farebox.test"


async def made(books: Books, email: str = "") -> Stored:
    return await projects.create(books.ledger, email or owner(), DOCUMENT)


async def again(books: Books, stored: Stored) -> Stored:
    found = await projects.read(books.ledger, stored.project_id)
    assert found
    return found


async def credential(books: Books, key_id: str) -> Item:
    request = {"TableName": books.ledger.table("credentials"), "Key": credentials.key_of(key_id)}
    item: Item = (await books.ledger.store.call("GetItem", request))["Item"]
    return item


async def test_a_new_project_is_its_owners_and_reads_back_as_it_was_made(books: Books) -> None:
    """Version 1 of the document, as it was given; nothing else is there yet."""
    email = owner()
    assert await projects.of_owner(books.ledger, email) == ()
    stored = await made(books, email)
    assert await again(books, stored) == stored
    assert (stored.document, stored.owners, stored.state) == (DOCUMENT, (email,), "open")
    assert (stored.version, stored.revision, stored.created) == (1, 1, int(books.clock.now()))
    other = await made(books, email)
    assert await projects.of_owner(books.ledger, email) == tuple(sorted((stored.project_id, other.project_id)))
    assert await projects.read(books.ledger, "nothing") is None


async def test_a_change_needs_the_version_that_was_read(books: Books) -> None:
    """Whoever changes what another changed meanwhile is told; a change sent again is the same change."""
    stored = await made(books)
    books.clock.time_s += 5
    first = await projects.change(books.ledger, stored.project_id, {"name": "first"}, 1)
    assert (first.version, first.revision, first.changed - first.created) == (2, 2, 5)
    assert first == await again(books, stored)
    with pytest.raises(VersionChanged):
        await projects.change(books.ledger, stored.project_id, {"name": "second"}, 1)
    assert await projects.change(books.ledger, stored.project_id, {"name": "first"}, 1) == first
    assert (await projects.change(books.ledger, stored.project_id, DOCUMENT, 2)).version == 3
    with pytest.raises(NotFound):
        await projects.change(books.ledger, "nothing", DOCUMENT, 1)


async def test_of_eight_who_change_one_version_one_succeeds(books: Books) -> None:
    """The others are told that the version is another; nobody's change is lost."""
    stored = await made(books)
    documents = [{"name": str(number)} for number in range(8)]
    asked = [
        projects.change(ledger, stored.project_id, document, 1)
        for ledger, document in zip(books.processes(8), documents, strict=True)
    ]
    results = await asyncio.gather(*asked, return_exceptions=True)
    (winner,) = [result for result in results if isinstance(result, Stored)]
    assert sum(isinstance(result, VersionChanged) for result in results) == 7
    assert (await again(books, stored)) == winner


async def test_changes_of_different_things_at_once_all_happen(books: Books) -> None:
    """A key, a secret, a test token, a grant and a document from five processes: each is there in the end."""
    stored = await made(books)
    one, two, three, four, five = books.processes(5)
    token = project_items.TestToken("t", 1, 2**40)
    await asyncio.gather(
        projects.add_key(one, stored.project_id, "publishable", "app"),
        projects.put_sealed(two, stored.project_id, "openai", "sealed", "…1234"),
        projects.add_test_token(three, stored.project_id, "token", token),
        projects.grant(four, stored.project_id, ["llama", "a", "llama"]),
        projects.change(five, stored.project_id, {"name": "new"}, 1),
    )
    after = await again(books, stored)
    assert [key.label for key in after.keys.values()] == ["app"]
    assert after.sealed["openai"].text == "sealed"
    assert after.test_tokens == {"token": token}
    assert (after.grants, after.document, after.version) == (("a", "llama"), {"name": "new"}, 2)
    assert after.revision == stored.revision + 5


async def test_a_project_key_tells_its_project_until_it_is_revoked(books: Books) -> None:
    """It is no user's key, and a user's or a hash is none of a project."""
    stored = await made(books)
    for kind, prefix in (("publishable", "pk-"), ("secret", "ps-")):
        key, key_id = await projects.add_key(books.ledger, stored.project_id, kind, "label")
        assert key.startswith(prefix)
        assert len(key) == 46
        assert key_id == credentials.credential_id(key)
        shown = (await again(books, stored)).keys[key_id]
        assert (shown.kind, shown.shown, shown.label) == (kind, key[:10], "label")
        assert await projects.project_of_key(books.ledger, key_id) == stored.project_id
        assert await credentials.find(books.ledger, key_id) is None
        for _ in range(2):
            after = await projects.revoke_key(books.ledger, stored.project_id, key_id)
            assert key_id not in after.keys
            assert await projects.project_of_key(books.ledger, key_id) is None
        assert key not in json.dumps(await credential(books, key_id))
    user, _ = await books.customer()
    for other in (credentials.credential_id(user), credentials.credential_id(key_id), "x"):
        assert await projects.project_of_key(books.ledger, other) is None
    with pytest.raises(BadRequest):
        await projects.add_key(books.ledger, stored.project_id, "user", "")


async def test_nobody_revokes_the_key_of_another_project(books: Books) -> None:
    """What a project does not have is not revoked, whoever has it."""
    stored, other = await made(books), await made(books)
    _, key_id = await projects.add_key(books.ledger, stored.project_id, "secret", "")
    assert (await projects.revoke_key(books.ledger, other.project_id, key_id)).revision == other.revision
    assert await projects.project_of_key(books.ledger, key_id) == stored.project_id


async def test_what_is_sealed_is_replaced_and_forgotten_by_name(books: Books) -> None:
    """Each name has one secret; dropping what is not there changes nothing."""
    stored = await made(books)
    for text in ("a", "b", "b"):
        after = await projects.put_sealed(books.ledger, stored.project_id, "openai", text, "…" + text)
        assert [(name, one.text, one.shown) for name, one in after.sealed.items()] == [("openai", text, "…" + text)]
    assert after.revision == 3
    for name, left in (("other", ["openai"]), ("openai", []), ("openai", [])):
        assert list((await projects.drop_sealed(books.ledger, stored.project_id, name)).sealed) == left
    with pytest.raises(BadRequest):
        await projects.put_sealed(books.ledger, stored.project_id, "openai", "x" * 4001, "")


async def test_counts_are_bounded(books: Books) -> None:
    """20 keys, 50 secrets, 50 test tokens of which those that are over make room, and a document of 100 KB."""
    stored = await made(books)
    for _ in range(20):
        _, key_id = await projects.add_key(books.ledger, stored.project_id, "secret", "x" * 500)
    for number in range(50):
        await projects.put_sealed(books.ledger, stored.project_id, f"p{number}", "x" * 4000, "…")
        token = project_items.TestToken("x" * 500, 1, int(books.clock.now()) + 60)
        await projects.add_test_token(books.ledger, stored.project_id, f"t{number}", token)
    full: dict[str, Callable[[], Awaitable[object]]] = {
        "too_many_keys": lambda: projects.add_key(books.ledger, stored.project_id, "secret", ""),
        "too_many_secrets": lambda: projects.put_sealed(books.ledger, stored.project_id, "more", "x", "…"),
        "too_many_test_tokens": lambda: projects.add_test_token(books.ledger, stored.project_id, "more", token),
    }
    for code, more in full.items():
        with pytest.raises(Forbidden) as error:
            await more()
        assert error.value.code == code
    await projects.put_sealed(books.ledger, stored.project_id, "p7", "again", "…")
    await projects.revoke_key(books.ledger, stored.project_id, key_id)
    await full["too_many_keys"]()
    books.clock.time_s += 60
    after = await projects.add_test_token(books.ledger, stored.project_id, "more", token)
    assert list(after.test_tokens) == ["more"]
    await projects.change(books.ledger, stored.project_id, {"": "x" * (100_000 - len('{"":""}'))}, 1)
    for document in ({"": "x" * (100_001 - len('{"":""}'))}, {"": "\ud800"}, {"": float("nan")}, {"": {1, 2}}):
        with pytest.raises(BadRequest):
            await projects.change(books.ledger, stored.project_id, document, 2)
        with pytest.raises(BadRequest):
            await projects.create(books.ledger, owner(), document)
    assert (await again(books, stored)).version == 2


async def test_owners_find_the_projects_that_are_theirs(books: Books) -> None:
    """Whoever comes has it in their list, whoever goes has not; somebody always owns it."""
    first, second, third = owner(), owner(), owner()
    stored = await made(books, first)
    after = await projects.set_owners(books.ledger, stored.project_id, (second, first, second))
    assert after.owners == (second, first)
    after = await projects.set_owners(books.ledger, stored.project_id, (third, second))
    lists = [await projects.of_owner(books.ledger, email) for email in (first, second, third)]
    assert lists == [(), (stored.project_id,), (stored.project_id,)]
    for wrong in ((), tuple(owner() for _ in range(21))):
        with pytest.raises(BadRequest):
            await projects.set_owners(books.ledger, stored.project_id, wrong)


async def test_a_closed_project_is_over(books: Books) -> None:
    """Its keys are dead, its secrets gone, it is in nobody's list and cannot be changed; its document stays."""
    email = owner()
    stored = await made(books, email)
    await projects.set_owners(books.ledger, stored.project_id, (email, owner()))
    keys = [await projects.add_key(books.ledger, stored.project_id, "secret", "") for _ in range(2)]
    await projects.put_sealed(books.ledger, stored.project_id, "openai", "sealed", "…")
    for _ in range(2):
        if (await again(books, stored)).state == "open":
            await projects.close(books.ledger, stored.project_id)
    after = await again(books, stored)
    assert (after.state, after.keys, after.sealed, after.document) == ("closed", {}, {}, DOCUMENT)
    assert await projects.of_owner(books.ledger, email) == ()
    assert [await projects.project_of_key(books.ledger, key_id) for _, key_id in keys] == [None, None]
    for asked in (
        projects.change(books.ledger, stored.project_id, DOCUMENT, after.version),
        projects.add_key(books.ledger, stored.project_id, "secret", ""),
        projects.close(books.ledger, stored.project_id),
    ):
        with pytest.raises(NotFound):
            await asked
