"""An owner finds users: by a part of what they are known by, by a block, by offences; however many there are."""

import dataclasses
from typing import Any

import pytest

from functions.ledger import abuse, grants, tables
from functions.ledger.abuse import Policy
from functions.ledger.account import Account
from functions.ledger.pages import accounts_of
from functions.ledger.windows import DAY_S
from functions.owners import finding
from tests.forward.stage import ledger_of
from tests.ledger.faults import FakeClock
from tests.owners.owner import Owner, Projected, new_owner

OFTEN = Policy(3, "d", 3600)


def found(project: Projected, query: str, path: str = "/users") -> list[str]:
    """What the users of all pages are known by, in the order of their numbers."""
    names: list[str] = []
    after = ""
    while after is not None:
        page = project.told("GET", f"{path}?{query}&after={after}")
        names += [user["shown"] for user in page["data"]]
        after = page["next"]
    return names


def offend(project: Projected, user_id: int, times: int) -> None:
    ledger = ledger_of(project.owner.gateway)
    tables.bind(project.owner.gateway.settings)
    (account,) = accounts_of([f"{project.project_id}/{user_id}"])
    for _ in range(times):
        account = tables.drive(abuse.offend(ledger, account, OFTEN))


def test_users_are_found_by_a_part_of_what_they_are_known_by(owner: Owner) -> None:
    """Whatever the case; by a part of their number, too; in their own project only."""
    project = owner.managed()
    made = {name: project.user(name)["user_id"] for name in ("Ada Lovelace", "ada@x.example", "Grace", "50% <b>")}
    new_owner(owner.gateway).managed().user("Ada of another project")
    assert sorted(found(project, "q=aDA")) == ["Ada Lovelace", "ada@x.example"]
    assert found(project, "q=%3Cb%3E") == ["50% <b>"]
    assert found(project, "q=%25") == ["50% <b>"]
    assert found(project, "q=nobody") == []
    assert len(found(project, "q=")) == 4
    assert found(project, f"q={made['Grace']}") == ["Grace"]
    assert "Grace" in found(project, f"q={str(made['Grace'])[3:9]}")
    assert found(project, "q=ada&blocked=true") == []
    assert len(found(project, "q=ada&limit=1")) == 2


def test_a_number_of_another_project_is_nobody(owner: Owner) -> None:
    """Looked up directly, it is still a user of this project or none."""
    theirs = new_owner(owner.gateway).managed().user()["user_id"]
    page = owner.managed().told("GET", f"/users?q={theirs}")
    assert page == {"object": "list", "data": [], "has_more": False, "next": None}


@pytest.mark.parametrize("query", ["q=" + "x" * 101, "q=a%0Ab", "q=a&q=b", "q=a&limit=0", "q=123456789012&after=x"])
def test_a_wrong_search_is_refused(owner: Owner, query: str) -> None:
    """400 that names the parameter."""
    answer = owner.project().ask("GET", f"/users?{query}")
    assert (answer.status, answer.error["param"] in query) == (400, True)


def test_one_page_looks_at_so_many_users_and_no_more(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be empty and have a `next`; following it finds everybody once, whatever the sizes are."""
    project = owner.managed()
    ledger = ledger_of(owner.gateway)
    names = [f"user {number}" for number in range(23)] + ["the one"]
    for name in names:
        tables.drive(
            grants.first_sight(ledger, grants.Subject(project.project_id, "user", name, name), grants.NO_TRIAL)
        )
    mine: Any = _Mine(project.project_id, ledger)
    tables.bind(owner.gateway.settings)
    for step, most in ((4, 8), (5, 5), (100, 1000), (3, 7)):
        monkeypatch.setattr(finding, "STEP", step)
        monkeypatch.setattr(finding, "WALKED_MAX", most)
        for query in ({}, {"q": "the one"}, {"q": "user", "limit": "3"}, {"limit": "1"}, {"blocked": "false"}):
            seen, pages, after = list[str](), 0, ""
            while after is not None:
                page = finding.listed(mine, query | {"after": after})
                assert page["has_more"] == (page["next"] is not None)
                assert len(page["data"]) <= int(query.get("limit", 50))
                seen += [user["shown"] for user in page["data"]]
                pages, after = pages + 1, page["next"]
            assert sorted(seen) == sorted(name for name in names if query.get("q", "") in name)
            assert pages >= 24 / (most + step)


@dataclasses.dataclass
class _Mine:
    project_id: str
    ledger: Any


def test_the_abuse_queue_has_the_blocked_and_those_with_offences(owner: Owner) -> None:
    """Each with how many; unblocking takes them off it."""
    project = owner.managed()
    blocked, offender, caught, innocent = (project.user(name)["user_id"] for name in ("b", "o", "c", "i"))
    project.told("POST", f"/users/{blocked}/block", {"seconds": 60})
    offend(project, offender, 2)
    offend(project, caught, 3)
    queue = {user["shown"]: user for user in project.told("GET", "/abuse")["data"]}
    assert {name: (user["blocked"], user["offences"]) for name, user in queue.items()} == {
        "b": (True, 0), "o": (False, 2), "c": (True, 3),
    }  # fmt: skip
    assert project.told("GET", f"/users/{offender}")["offences"] == 2
    assert sorted(found(project, "limit=1", "/abuse")) == ["b", "c", "o"]
    project.told("POST", f"/users/{caught}/unblock")
    assert sorted(found(project, "", "/abuse")) == ["b", "o"]
    assert project.told("GET", f"/users/{innocent}")["offences"] == 0


@pytest.mark.parametrize("query", ["limit=0", "after=x", "q=a", "blocked=true"])
def test_a_wrong_page_of_the_queue_is_refused(owner: Owner, query: str) -> None:
    """400 that names the parameter."""
    answer = owner.project().ask("GET", f"/abuse?{query}")
    assert (answer.status, answer.error["param"]) == (400, query.partition("=")[0])


def test_offences_of_days_that_are_over_do_not_count() -> None:
    """Those of every period that still runs do."""
    clock = FakeClock()
    day = int(clock.now()) // DAY_S
    item = {"account_id": {"S": "p/1"}, f"abuse/d:{day}": {"N": "2"}, f"abuse/d:{day - 1}": {"N": "7"}}
    item |= {f"abuse/h:{int(clock.now()) // 3600}": {"N": "1"}, "abuse/?:5": {"N": "9"}}
    assert abuse.offences(Account(item), clock.now()) == 3
    assert abuse.offences(Account(item), clock.now() + DAY_S) == 0
