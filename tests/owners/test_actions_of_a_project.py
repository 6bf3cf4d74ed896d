"""What owners change is noted before it is changed: who, when, what, about what, why, and how it ended."""

import dataclasses
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from functions.errors import LedgerUnavailable, NotFound
from functions.ledger import actions, tables
from functions.ledger.account import AccountGone
from functions.owners import changes, mine, noted, users
from functions.owners.mine import Mine
from tests.forward.stage import ledger_of
from tests.ledger.faults import Fault, FaultyStore
from tests.owners.owner import Owner, Projected, new_owner

CANARY = "sk-canary-of-a-secret-that-nobody-may-read-1"
WHOLE = "whsec_c2VjcmV0LW9mLXRoaXMtdGVuYW50LWFsb25l"


def listed(project: Projected, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.told("GET", f"/actions{query}")["data"]
    return found


def read_mine(project: Projected) -> Mine:
    ledger, settings = ledger_of(project.owner.gateway), project.owner.gateway.settings
    return tables.drive(mine.find(ledger, settings, project.owner.email, project.project_id))


def test_a_change_is_noted_with_who_what_why_and_how_it_ended(owner: Owner) -> None:
    """From the making of the project on; what is refused is noted as refused, and looking is not noted."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    project.told("POST", f"/users/{user_id}/block", {"seconds": 60, "why": "  <b>spam</b> "})
    project.ask("POST", f"/users/{user_id}/credits", {"credits": 0, "reference": "x"})
    project.told("GET", f"/users/{user_id}")
    refused, blocked, *earlier = listed(project)
    assert {"by": owner.email, "what": "block_user", "about": f"user {user_id}"}.items() <= blocked.items()
    assert (blocked["why"], blocked["outcome"]) == ("<b>spam</b>", "done")
    assert blocked["at"].endswith("Z")
    assert (refused["what"], refused["outcome"], refused["why"]) == ("credit_user", "400", "")
    assert [one["what"] for one in earlier] == ["add_user", "change_project", "create_project"]
    assert {one["outcome"] for one in earlier} == {"done"}


def test_actions_are_listed_a_page_at_a_time(owner: Owner) -> None:
    """The newest first, none twice, none left out."""
    project = owner.managed()
    for number in range(4):
        project.user(str(number))
    seen: list[str] = []
    after = ""
    while after is not None:
        page = project.told("GET", f"/actions?limit=2&after={after}")
        assert page["has_more"] == (page["next"] is not None)
        seen += [one["id"] for one in page["data"]]
        after = page["next"]
    assert seen == [one["id"] for one in listed(project)]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 6


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "after=x", "after=%7e", "after=" + "A" * 18, "by=me", "limit=1&limit=2"],
)
def test_a_wrong_page_is_refused(owner: Owner, query: str) -> None:
    """400 that names the parameter."""
    answer = owner.project().ask("GET", f"/actions?{query}")
    assert (answer.status, answer.error["param"]) == (400, query.partition("=")[0])


def test_nobody_writes_into_the_actions_of_another_project(owner: Owner) -> None:
    """Who is no owner is refused before anything is noted; a cursor of another project shows nothing of it."""
    project, other = owner.managed(), new_owner(owner.gateway)
    before = listed(project)
    theirs = other.managed()
    for path, body in (("/users", {"reference": "x"}), ("/keys", {"kind": "publishable"}), ("/users/5/unblock", {})):
        assert other.ask("POST", f"/projects/{project.project_id}{path}", body).status == 404
    assert listed(project) == before
    assert {one["by"] for one in listed(theirs, f"?after={'z' * 18}")} == {other.email}


def test_what_is_secret_or_a_users_text_is_in_no_action(owner: Owner) -> None:
    """Case 33: a key that stands where an id or a name is asked for is not noted either; nor are bodies."""
    project = owner.managed()
    user_id = project.user(CANARY)["user_id"]
    project.told("PUT", "/providers/mine/key", {"api_key": CANARY})
    project.told("PUT", "/notices/secret", {"secret": WHOLE})
    project.told("POST", f"/users/{user_id}/credits", {"credits": 1, "reference": CANARY})
    project.told("POST", "/keys", {"kind": "publishable", "label": CANARY})
    key = project.told("POST", f"/users/{user_id}/keys", {"label": CANARY})["key"]
    for path in (f"/users/{user_id}/keys/{key}", f"/keys/{CANARY}", f"/providers/{CANARY}/key", f"/users/{CANARY}",
                 f"/issuers/{CANARY}/secret", f"/payments/{CANARY}/key", f"/test-tokens/{CANARY}"):  # fmt: skip
        assert project.ask("DELETE", path).status == 404
    assert project.ask("POST", "/keys", {"kind": CANARY}).status == 400
    text = json.dumps(listed(project))
    assert len(listed(project)) >= 14
    for secret in (CANARY, WHOLE, key):
        assert secret not in text
        assert secret[:12] not in text


@pytest.mark.parametrize("why", [5, "a\nb", "x" * 301, ["x"], "\u202egnp.exe", True], ids=repr)
def test_a_why_is_one_line(owner: Owner, why: Any) -> None:
    """400 that names it; nothing is done, and nothing noted."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    before = listed(project), project.told("GET", f"/users/{user_id}")
    bodies: dict[str, dict[str, Any]] = {
        "/block": {"seconds": 60},
        "/unblock": {},
        "/credits": {"credits": 1, "reference": "x"},
    }
    for path, body in (bodies | {"/grants": {"credits": 1, "days": 1, "reference": "x"}}).items():
        answer = project.ask("POST", f"/users/{user_id}{path}", body | {"why": why})
        assert (answer.status, answer.error["param"]) == (400, "why")
    answer = project.ask("DELETE", f"/users/{user_id}", {"why": why})
    assert (answer.status, answer.error["param"]) == (400, "why")
    assert (listed(project), project.told("GET", f"/users/{user_id}")) == before


def test_what_cannot_be_noted_is_not_done(owner: Owner) -> None:
    """The ledger takes no note: the change is not begun."""
    project = owner.managed()
    found = read_mine(project)
    user_id = str(project.user()["user_id"])
    failing = FaultyStore(found.ledger.store, lambda _, call: Fault.LOST_CALL if call.is_write else None)
    clock = dataclasses.replace(found.ledger, store=failing).clock
    ledger = dataclasses.replace(found.ledger, store=failing, clock=_Hasty(clock.now()))
    begun: list[str] = []

    async def change() -> None:
        begun.append("begun")
        await users.block(found, user_id, None)

    with pytest.raises(LedgerUnavailable):
        tables.drive(noted.noted(ledger, found.project_id, change(), by="a", what="block_user", about="x"))
    assert begun == []
    assert project.told("GET", f"/users/{user_id}")["blocked"] is False


class _Hasty:
    """A clock that nobody waits for."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        return None


def test_what_failed_is_noted_so_and_what_is_done_stays_done(owner: Owner) -> None:
    """An error that nobody thought of is "failed"; an end that cannot be noted is unknown, and the change's answer."""
    found = read_mine(owner.managed())

    async def breaks() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tables.drive(noted.noted(found.ledger, found.project_id, breaks(), by="a", what="x", about=""))
    only_the_note = FaultyStore(found.ledger.store, lambda number, _: Fault.LOST_CALL if number > 0 else None)
    ledger = dataclasses.replace(found.ledger, store=only_the_note, clock=_Hasty(found.ledger.clock.now() + 5))

    async def works() -> int:
        return 5

    told: Coroutine[Any, Any, int] = noted.noted(ledger, found.project_id, works(), by="a", what="y", about="")
    assert tables.drive(told) == 5
    page = tables.drive(noted.listed(found.ledger, found.project_id, {"limit": "2"}))
    assert [(one["what"], one["outcome"]) for one in page["data"]] == [("y", None), ("x", "failed")]


def test_whoever_is_made_an_owner_is_named(owner: Owner) -> None:
    """And a project that could not be made leaves no note where one could see it."""
    project = owner.project()
    project.told("PUT", "/owners", {"emails": [owner.email, "eve@farebox.test"]})
    assert project.ask("PUT", "/owners", {"emails": [owner.email, "nobody"]}).status == 400
    assert listed(project)[0]["about"] == f"owners {owner.email}, eve@farebox.test"
    assert [one["what"] for one in listed(project)] == ["change_owners", "create_project"]


def test_the_outcome_of_a_refusal_is_its_code(owner: Owner) -> None:
    """As the one who asked was told it."""
    project = owner.project()
    answer = project.ask("PUT", "", {"version": 77, "document": project.shown["document"]})
    assert listed(project)[0]["outcome"] == answer.error["code"] == "version_changed"
    assert changes.OWNERS_MAX * 254 > actions.TEXT_LENGTH_MAX  # a list of owners may be cut


def test_a_user_who_goes_meanwhile_is_not_there(owner: Owner) -> None:
    """Between the look at the account and the change: 404, and noted so."""
    found = read_mine(owner.managed())

    async def late() -> None:
        raise AccountGone

    with pytest.raises(NotFound):
        tables.drive(noted.noted(found.ledger, found.project_id, late(), by="a", what="x", about=""))
    (newest, *_) = tables.drive(noted.listed(found.ledger, found.project_id, {}))["data"]
    assert newest["outcome"] == "not_found"
