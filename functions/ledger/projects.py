"""Projects of owners: each one item, changed only on the condition that it is still the one that was read.

Every change writes the whole item with the next `revision`, together with what must be true with it: a key's
credential, a place in an owner's list. So a write that arrives late, or again, is refused by the revision.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from functions.errors import BadRequest, Forbidden, LedgerUnavailable, NotFound, VersionChanged
from functions.ledger import credentials, entries, ids, members
from functions.ledger.expression import Expression
from functions.ledger.project_items import (
    CLOSED,
    OPEN,
    ProjectKey,
    Sealed,
    Stored,
    TestToken,
    document_text,
    from_item,
    to_item,
)
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

__all__ = ["ProjectKey", "Sealed", "Stored", "TestToken"]

TRIES_MAX = 8
PAGE = 20
"""Projects read at once: a document may have 100 KB."""
KEYS_MAX, SEALED_MAX, TEST_TOKENS_MAX, OWNERS_MAX = 20, 50, 50, 20
SEALED_BYTES_MAX = 4000
LABEL_LENGTH_MAX = 100
PREFIXES = {"publishable": "pk-", "secret": "ps-"}
"""Of a project's keys, by kind."""

Changed = tuple[Stored, list[Item]]
"""A project as it is to be, and the parts of the transaction that must be true with it."""
T = TypeVar("T")


async def read(ledger: Ledger, project_id: str) -> Stored | None:
    """A project as it is now, closed ones too; None where there never was one. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("projects"), "Key": {"project_id": {"S": project_id}}, "ConsistentRead": True}
    item = (await ledger.read("GetItem", request)).get("Item")
    return from_item(item) if item else None


async def of_owner(ledger: Ledger, email: str) -> tuple[str, ...]:
    """The ids of an owner's open projects, sorted. Raises LedgerUnavailable."""
    return tuple(item["member"]["S"] for item in await members.listed(ledger, members.projects(email)))


async def page(ledger: Ledger, after: str = "") -> tuple[list[Stored], str]:
    """Some projects, closed ones too, from where an earlier page ended; and where this one did, "" at the end.

    Raises LedgerUnavailable.
    """
    request: Item = {"TableName": ledger.table("projects"), "Limit": PAGE, "ConsistentRead": True}
    if after:
        request["ExclusiveStartKey"] = {"project_id": {"S": after}}
    answer = await ledger.read("Scan", request)
    end = answer.get("LastEvaluatedKey", {}).get("project_id", {}).get("S", "")
    return [from_item(item) for item in answer["Items"]], end


async def project_of_key(ledger: Ledger, credential_id: str) -> str | None:
    """The project of a live project key (its id); None where there is no such key. Raises LedgerUnavailable."""
    request = {"TableName": ledger.table("credentials"), "Key": credentials.key_of(credential_id)}
    item = (await ledger.read("GetItem", request)).get("Item")
    if not item:  # it may be used in the moment it was made
        item = (await ledger.read("GetItem", request | {"ConsistentRead": True})).get("Item")
    if not item or "project_id" not in item or item["state"]["S"] != "live":
        return None
    return str(item["project_id"]["S"])


async def create(ledger: Ledger, owner: str, document: dict[str, Any], project_id: str = "") -> Stored:
    """A new project, at version 1, of an id that ids.project_id made, now or before.

    Raises BadRequest for a document that is too large; LedgerUnavailable.
    """
    now = int(ledger.clock.now())
    stored = Stored(project_id or ids.project_id(ledger), 1, document, (owner,), OPEN, (), {}, {}, {}, now, now)
    writes = [
        entries.put(ledger, "projects", to_item(stored), "project_id"),
        members.put(ledger, members.projects(owner), stored.project_id),
    ]
    for attempt in range(TRIES_MAX):
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": writes})
        except Ambiguous:
            await ledger.pause(attempt)
        except Refused:
            return stored  # an earlier attempt, whose answer was lost, was applied: nobody else makes this id
        else:
            return stored
    raise LedgerUnavailable("The ledger did not answer in time; look whether the project is there.")


async def change(ledger: Ledger, project_id: str, document: dict[str, Any], expected_version: int) -> Stored:
    """The next version of a project's document. Raises VersionChanged, NotFound, BadRequest, LedgerUnavailable."""
    document_text(document)

    def is_done(stored: Stored) -> bool:
        return (stored.version, stored.document) == (expected_version + 1, document)

    def change(stored: Stored) -> Changed:
        if stored.version != expected_version:
            raise VersionChanged(f"The project is at version {stored.version}, not {expected_version}.")
        return replace(stored, document=document, version=stored.version + 1), []

    return await _alter(ledger, project_id, is_done, change)


async def close(ledger: Ledger, project_id: str) -> Stored:
    """End a project: its keys, secrets and test tokens are gone, and it is in nobody's list. Accounts stay.

    Raises NotFound where it is closed already, LedgerUnavailable.
    """

    def change(stored: Stored) -> Changed:
        others = [credentials.ended(ledger, key_id) for key_id in stored.keys]
        others += [members.drop(ledger, members.projects(owner), project_id) for owner in stored.owners]
        return replace(stored, state=CLOSED, keys={}, sealed={}, test_tokens={}), others

    return await _alter(ledger, project_id, lambda stored: stored.state == CLOSED, change)


async def set_owners(ledger: Ledger, project_id: str, owners: Iterable[str]) -> Stored:
    """Whose a project is, the first of them first. Raises BadRequest, NotFound, LedgerUnavailable."""
    wanted = tuple(dict.fromkeys(owners))
    if not 0 < len(wanted) <= OWNERS_MAX:
        raise BadRequest(f"A project has 1 to {OWNERS_MAX} owners.", param="emails")

    def change(stored: Stored) -> Changed:
        added, gone = set(wanted) - set(stored.owners), set(stored.owners) - set(wanted)
        others = [members.put(ledger, members.projects(owner), project_id) for owner in sorted(added)]
        others += [members.drop(ledger, members.projects(owner), project_id) for owner in sorted(gone)]
        return replace(stored, owners=wanted), others

    return await _alter(ledger, project_id, lambda stored: stored.owners == wanted, change)


async def grant(ledger: Ledger, project_id: str, providers: Iterable[str]) -> Stored:
    """Which of the operator's providers a project may use, all others not. Raises NotFound, LedgerUnavailable."""
    wanted = tuple(sorted(set(providers)))

    def change(stored: Stored) -> Changed:
        return replace(stored, grants=wanted), []

    return await _alter(ledger, project_id, lambda stored: stored.grants == wanted, change)


async def add_key(ledger: Ledger, project_id: str, kind: str, label: str) -> tuple[str, str]:
    """A new key of a project: the key itself, which nobody is told again, and its id. `kind` is one of PREFIXES.

    Raises BadRequest, NotFound; Forbidden where there are KEYS_MAX; LedgerUnavailable.
    """
    if kind not in PREFIXES:
        raise BadRequest(f"kind must be one of: {', '.join(PREFIXES)}.", param="kind")
    key = credentials.new_key(ledger, PREFIXES[kind])
    key_id, shown, now = credentials.credential_id(key), key[: credentials.SHOWN_LENGTH], int(ledger.clock.now())
    made = ProjectKey(kind, shown, label[:LABEL_LENGTH_MAX], now)
    texts = {"project_id": project_id, "kind": kind, "shown": shown, "state": "live"}
    item = credentials.key_of(key_id) | {name: {"S": text} for name, text in texts.items()}
    put = entries.put(ledger, "credentials", item | {"created": {"N": str(now)}}, "credential_id")

    def change(stored: Stored) -> Changed:
        _check_room(stored.keys, KEYS_MAX, "keys")
        return replace(stored, keys={**stored.keys, key_id: made}), [put]

    await _alter(ledger, project_id, lambda stored: key_id in stored.keys, change)
    return key, key_id


async def revoke_key(ledger: Ledger, project_id: str, key_id: str) -> Stored:
    """End a key of a project, by its id; one that it does not have is none. Raises NotFound, LedgerUnavailable."""

    def change(stored: Stored) -> Changed:
        return replace(stored, keys=_without(stored.keys, key_id)), [credentials.ended(ledger, key_id)]

    return await _alter(ledger, project_id, lambda stored: key_id not in stored.keys, change)


async def put_sealed(ledger: Ledger, project_id: str, name: str, text: str, shown: str) -> Stored:
    """Keep something sealed under a name, in place of what was there. Raises BadRequest, Forbidden, NotFound."""
    if len(text.encode()) > SEALED_BYTES_MAX:
        raise BadRequest(f"A sealed secret has at most {SEALED_BYTES_MAX} bytes.", param="api_key")
    sealed = Sealed(text, shown, int(ledger.clock.now()))

    def change(stored: Stored) -> Changed:
        others = _without(stored.sealed, name)
        _check_room(others, SEALED_MAX, "secrets")
        return replace(stored, sealed={**others, name: sealed}), []

    def is_done(stored: Stored) -> bool:
        return name in stored.sealed and stored.sealed[name].text == text

    return await _alter(ledger, project_id, is_done, change)


async def drop_sealed(ledger: Ledger, project_id: str, name: str) -> Stored:
    """Forget what is sealed under a name. Raises NotFound, LedgerUnavailable."""

    def change(stored: Stored) -> Changed:
        return replace(stored, sealed=_without(stored.sealed, name)), []

    return await _alter(ledger, project_id, lambda stored: name not in stored.sealed, change)


async def add_test_token(ledger: Ledger, project_id: str, token_id: str, token: TestToken) -> Stored:
    """Let a test token count until it expires; those that are over make room.

    Raises NotFound; Forbidden where TEST_TOKENS_MAX count; LedgerUnavailable.
    """
    now, named = int(ledger.clock.now()), replace(token, label=token.label[:LABEL_LENGTH_MAX])

    def change(stored: Stored) -> Changed:
        valid = {name: one for name, one in stored.test_tokens.items() if one.expires > now}
        _check_room(valid, TEST_TOKENS_MAX, "test tokens")
        return replace(stored, test_tokens={**valid, token_id: named}), []

    return await _alter(ledger, project_id, lambda stored: token_id in stored.test_tokens, change)


async def drop_test_token(ledger: Ledger, project_id: str, token_id: str) -> Stored:
    """End a test token. Raises NotFound, LedgerUnavailable."""

    def change(stored: Stored) -> Changed:
        return replace(stored, test_tokens=_without(stored.test_tokens, token_id)), []

    return await _alter(ledger, project_id, lambda stored: token_id not in stored.test_tokens, change)


async def _alter(
    ledger: Ledger, project_id: str, is_done: Callable[[Stored], bool], change: Callable[[Stored], Changed]
) -> Stored:
    """Change a project as it is now, and say how it is after. What an earlier attempt did is found by `is_done`.

    Raises NotFound where there is no open one, and what `change` raises.
    """
    for attempt in range(TRIES_MAX):
        stored = await read(ledger, project_id)
        if stored and attempt and is_done(stored):
            return stored
        if stored is None or stored.state != OPEN:
            raise NotFound("There is no such project.")
        if is_done(stored):
            return stored
        wanted, others = change(stored)
        wanted = replace(wanted, revision=stored.revision + 1, changed=int(ledger.clock.now()))
        try:
            await ledger.write("TransactWriteItems", {"TransactItems": [_replace(ledger, wanted), *others]})
        except (Refused, Ambiguous):
            await ledger.pause(attempt)
        else:
            return wanted
    raise LedgerUnavailable("The ledger is busy; nothing was changed for certain. Try again.")


def _replace(ledger: Ledger, wanted: Stored) -> Item:
    """The part of a transaction that puts a project where the revision before is."""
    was = Expression()
    condition = {"ConditionExpression": f"revision = {was.number(':was', wanted.revision - 1)}"}
    item = {"TableName": ledger.table("projects"), "Item": to_item(wanted)}
    return {"Put": item | condition | {"ExpressionAttributeValues": was.values}}


def _check_room(there: Mapping[str, object], most: int, what: str) -> None:
    if len(there) >= most:
        raise Forbidden(f"A project has at most {most} {what}.", code=f"too_many_{what.replace(' ', '_')}")


def _without(there: Mapping[str, T], name: str) -> dict[str, T]:
    return {key: value for key, value in there.items() if key != name}
