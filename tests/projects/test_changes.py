"""Changes of a project: live within seconds, and each receipt says by which version it was."""

from dataclasses import replace

from functions.authenticate.callers import Callers
from functions.ledger import projects, tables
from functions.ledger.credentials import credential_id
from functions.ledger.project_items import to_item
from functions.ledger.store import Item
from functions.projects.live import Projects
from tests.projects.shop import CHAT, HELLO, SYSTEM, Shop
from tests.stand import wait_until


def test_a_change_is_live_within_seconds_and_receipts_tell_the_version(shop: Shop) -> None:
    """At a process that knows the project as it was, too."""
    app = shop.managed()
    assert app.chat().status == app.chat(other=True).status == 200
    louder = {CHAT: {"template": {"model": "small", "messages": [SYSTEM | {"content": "Be loud."}]}}}
    assert app.change(endpoints=louder) == 2

    def is_loud(other: bool) -> bool:
        shop.first.calls.clear()
        app.chat(other=other)
        return bool(shop.first.calls[0].json["messages"][0]["content"] == "Be loud.")

    wait_until(lambda: is_loud(False), "the change at one process")
    wait_until(lambda: is_loud(True), "the change at the other")
    versions = [receipt["project_version"] for receipt in app.account()["receipts"]]
    assert {versions[0], versions[-1]} == {1, 2}


def test_a_revoked_key_is_dead_within_seconds(shop: Shop) -> None:
    """And one that was just made works at once, though the process knew the project without it."""

    app = shop.managed()
    assert app.chat(other=True).status == 200
    old = app.key
    app.key, _ = tables.drive(projects.add_key(shop.ledger, app.project_id, "publishable", "new"))
    assert app.chat(other=True).status == 200
    tables.drive(projects.revoke_key(shop.ledger, app.project_id, credential_id(old)))
    app.key = old
    wait_until(lambda: app.chat(other=True).status == 401, "the key is dead")


def test_a_closed_project_serves_nobody(shop: Shop) -> None:
    """Its users hear what everybody hears who has no valid key."""

    app = shop.managed()
    assert app.chat(other=True).status == 200
    tables.drive(projects.close(shop.ledger, app.project_id))
    wait_until(lambda: app.chat(other=True).status == 401, "the project is closed")
    assert app.chat().status == 401


def test_a_project_that_cannot_be_used_says_so(shop: Shop) -> None:
    """A document that was valid once, and is not after settings changed, is 503 that names the field."""

    app = shop.managed()
    broken = app.document | {"providers": {"first": {"kind": "openai", "base_url": "http://10.0.0.1/v1"}}}
    tables.drive(projects.change(shop.ledger, app.project_id, broken, 1))
    answer = app.post({"messages": HELLO})
    assert (answer.status, "providers.first.base_url" in answer.error["message"]) == (503, True)


async def test_an_older_reading_that_ends_last_changes_nothing(shop: Shop) -> None:
    """Two readings of a project may end in the other order: what was revoked between them stays revoked."""
    app = shop.managed()
    older = app.stored
    tables.drive(projects.revoke_key(shop.ledger, app.project_id, credential_id(app.key)))
    settings = replace(shop.gateway.settings, project_max_age_s=0)
    readings = iter([app.stored, older])

    class Late(tables.Synchronous):
        async def call(self, operation: str, request: Item) -> Item:
            if request.get("TableName", "").endswith("projects"):
                return {"Item": to_item(next(readings))}
            return await super().call(operation, request)

    ledger = replace(shop.ledger, store=Late(settings))
    known = Projects(settings, ledger, Callers())
    first, second = await known.get(app.project_id), await known.get(app.project_id)
    assert first is second
    assert second.stored == app.stored
