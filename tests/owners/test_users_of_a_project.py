"""Users of a project, for its owner: listed a page at a time, made, blocked and freed, given credits; receipts."""

import json
from typing import Any

import pytest

from functions.ledger import ids, tables
from functions.ledger.receipts import Receipt, put
from tests.forward.stage import ledger_of
from tests.owners.owner import Owner, Projected, new_owner

NOBODY = 123456789012
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}


def balance(project: Projected, user_id: int) -> Any:
    return project.told("GET", f"/users/{user_id}")["balance"]


def account_status(project: Projected, key: str) -> int:
    return project.owner.gateway.request("GET", "/account", key=key).status


def test_a_user_with_a_reference_gets_a_key(owner: Owner) -> None:
    """The key is theirs at once; the owner sees the reference, and the key's beginning only."""
    project = owner.managed()
    made = project.user("customer 17")
    account = owner.gateway.account(made["key"])
    assert (account["project"], account["user_id"]) == (project.project_id, made["user_id"])
    shown = project.told("GET", f"/users/{made['user_id']}")
    assert (shown["shown"], shown["method"], shown["blocked"]) == ("customer 17", "user", False)
    assert [key["id"] for key in shown["keys"]] == [made["key_id"]]
    assert made["key"].startswith(shown["keys"][0]["shown"])
    assert made["key"] not in json.dumps(shown)
    assert "packs" not in shown


def test_the_same_reference_is_the_same_user(owner: Owner) -> None:
    """With another key each time; in another project it is somebody else."""
    project = owner.managed()
    first, again = project.user("customer 17"), project.user("customer 17")
    assert first["user_id"] == again["user_id"]
    assert first["key"] != again["key"]
    assert len(project.told("GET", "/users")["data"]) == 1
    assert owner.managed().user("customer 17")["user_id"] != first["user_id"]


@pytest.mark.parametrize("reference", [None, "", 5, "a" * 201, "a\nb", ["x"], "\ud800"], ids=repr)
def test_a_reference_is_one_line(owner: Owner, reference: Any) -> None:
    """400, and nobody is made."""
    project = owner.managed()
    assert project.ask("POST", "/users", {"reference": reference}).status == 400
    assert project.told("GET", "/users")["data"] == []


def test_without_keys_in_its_document_a_project_makes_none(owner: Owner) -> None:
    """Where auth.key is off nobody gets a key that nobody would take."""
    project = owner.project()
    answer = project.ask("POST", "/users", {"reference": "customer 17"})
    assert (answer.status, answer.error["param"]) == (400, "auth.key")
    assert project.told("GET", "/users")["data"] == []


def test_a_users_key_is_revoked_alone(owner: Owner) -> None:
    """From the next request on; the other key works, and a key of another user is not there."""
    project = owner.managed()
    user, other = project.user(), project.user()
    second = project.told("POST", f"/users/{user['user_id']}/keys")
    assert second["user_id"] == user["user_id"]
    path = f"/users/{user['user_id']}/keys"
    assert project.ask("DELETE", f"{path}/{other['key_id']}").status == 404
    assert project.told("DELETE", f"{path}/{user['key_id']}") == {"id": user["key_id"], "deleted": True}
    assert [account_status(project, key["key"]) for key in (user, second, other)] == [401, 200, 200]
    assert project.ask("DELETE", f"{path}/{user['key_id']}").status == 404
    assert project.ask("DELETE", f"{path}/{second['key']}").status == 404


def test_a_users_key_has_a_label(owner: Owner) -> None:
    """As it was written, markup and all: a page shows it as text. What is no line is refused, and no key is made."""
    project = owner.managed()
    path = f"/users/{project.user()['user_id']}"
    made = project.told("POST", f"{path}/keys", {"label": " <img src=x onerror=alert(1)> "})
    for label in (5, "a\nb", "x" * 101, "\u202egnp.exe", ["x"]):
        answer = project.ask("POST", f"{path}/keys", {"label": label})
        assert (answer.status, answer.error["param"]) == (400, "label")
    labels = {key["id"]: key["label"] for key in project.told("GET", path)["keys"]}
    assert labels.pop(made["key_id"]) == made["label"] == "<img src=x onerror=alert(1)>"
    assert list(labels.values()) == [""]


def test_users_are_listed_a_page_at_a_time(owner: Owner) -> None:
    """Every user once, in pages of the size asked for, and none of another project."""
    project = owner.managed()
    new_owner(owner.gateway).managed().user()
    made = {project.user()["user_id"] for _ in range(5)}
    seen: list[int] = []
    after = ""
    while after is not None:
        page = project.told("GET", f"/users?limit=2&after={after}")
        seen += [user["user_id"] for user in page["data"]]
        assert page["has_more"] == (page["next"] is not None)
        assert len(page["data"]) <= 2
        after = page["next"]
    assert seen == sorted(made)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=", "after=x", "after=%2e", "blocked=yes", "limit=1&limit=2",
     "page=2", "after=1&after=2", "limit=1e1"],
)  # fmt: skip
def test_a_wrong_page_is_refused(owner: Owner, query: str) -> None:
    """400 that names the parameter."""
    answer = owner.project().ask("GET", f"/users?{query}")
    assert (answer.status, answer.error["param"]) == (400, query.partition("=")[0])


def test_a_blocked_user_is_out_until_the_owner_lets_them_in(owner: Owner) -> None:
    """For good, until `unblock`; the list of the blocked has them meanwhile."""
    project = owner.managed()
    user, other = project.user(), project.user()
    path = f"/users/{user['user_id']}"
    told = project.told("POST", f"{path}/block", {"seconds": None})
    assert (told["blocked"], told["blocked_until"]) == (True, None)
    asked = [owner.gateway.request("POST", "/v1/chat/completions", CHAT, key=who["key"]) for who in (user, other)]
    assert (asked[0].status, asked[0].error["code"]) == (403, "user_blocked")
    assert asked[1].status != 403
    listed = {
        wanted: [one["user_id"] for one in project.told("GET", f"/users?blocked={wanted}")["data"]]
        for wanted in ("true", "false")
    }
    assert listed == {"true": [user["user_id"]], "false": [other["user_id"]]}
    assert project.told("POST", f"{path}/unblock")["blocked"] is False
    assert owner.gateway.request("POST", "/v1/chat/completions", CHAT, key=user["key"]).status != 403
    assert project.told("GET", "/users?blocked=true")["data"] == []


def test_a_block_may_be_for_a_time(owner: Owner) -> None:
    """Until then it is told when it ends."""
    project = owner.managed()
    told = project.told("POST", f"/users/{project.user()['user_id']}/block", {"seconds": 3600})
    assert told["blocked"]
    assert told["blocked_until"].endswith("Z")


@pytest.mark.parametrize("seconds", [0, -1, 1.5, "60", True, 10**12, []], ids=repr)
def test_a_block_is_for_whole_seconds(owner: Owner, seconds: Any) -> None:
    """400 that names the field; the user stays free."""
    project = owner.managed()
    path = f"/users/{project.user()['user_id']}"
    answer = project.ask("POST", f"{path}/block", {"seconds": seconds})
    assert (answer.status, answer.error["param"]) == (400, "seconds")
    assert project.told("GET", path)["blocked"] is False


def test_credits_are_given_and_taken_once_for_a_reference(owner: Owner) -> None:
    """Exact to the millionth; what is taken stops at zero, and the same reference again does nothing."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    path = f"/users/{user_id}/credits"
    told = project.told("POST", path, {"credits": "5.500001", "reference": "invoice 1"})
    assert (told["credits"], told["again"], told["available"]) == (5.500001, False, 5.500001)
    again = project.told("POST", path, {"credits": "5.500001", "reference": "invoice 1"})
    assert (again["credits"], again["again"], again["available"]) == (5.500001, True, 5.500001)
    assert project.told("POST", path, {"credits": -3, "reference": "invoice 2"})["available"] == 2.500001
    last = project.told("POST", path, {"credits": "-100", "reference": "invoice 3"})
    assert (last["credits"], last["available"]) == (-2.500001, 0)
    assert balance(project, user_id)["paid"] == 0


def test_a_reference_is_of_one_user_and_amount(owner: Owner) -> None:
    """Entered for another user or amount it is refused, and nothing changes; another project has its own."""
    project = owner.managed()
    ada, eve = project.user()["user_id"], project.user()["user_id"]
    project.told("POST", f"/users/{ada}/credits", {"credits": 5, "reference": "invoice 1"})
    for user_id, credits in ((eve, 5), (ada, 6), (ada, -5)):
        answer = project.ask("POST", f"/users/{user_id}/credits", {"credits": credits, "reference": "invoice 1"})
        assert (answer.status, answer.error["param"]) == (400, "reference")
    assert [balance(project, user_id)["available"] for user_id in (ada, eve)] == [5, 0]
    other = owner.managed()
    other.told("POST", f"/users/{other.user()['user_id']}/credits", {"credits": 7, "reference": "invoice 1"})


@pytest.mark.parametrize(
    "credits",
    [0, "0", "-0", True, False, None, 1.5, "1.2345678", "1e3", "", "-", "--3", "+3", " 3", "٣", "NaN", 10**39, [], {}],
    ids=repr,
)
def test_case_09_credits_that_are_no_amount_are_refused(owner: Owner, credits: Any) -> None:
    """400 that names the field; nothing is entered."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    answer = project.ask("POST", f"/users/{user_id}/credits", {"credits": credits, "reference": "x"})
    assert (answer.status, answer.error["param"]) == (400, "credits")
    assert balance(project, user_id)["available"] == 0


@pytest.mark.parametrize(
    "user_id", [str(NOBODY), "0", "x", "-1", "1" * 16, "%2e%2e", "1%2f..", "default%2f1", "%D9%A1"]
)
def test_a_user_that_is_not_there_is_404(owner: Owner, user_id: str) -> None:
    """Whatever the number looks like, on every route of a user, in one body."""
    project = owner.managed()
    answers = [
        project.ask("GET", f"/users/{user_id}"),
        project.ask("POST", f"/users/{user_id}/keys"),
        project.ask("POST", f"/users/{user_id}/block", {"seconds": None}),
        project.ask("POST", f"/users/{user_id}/unblock"),
        project.ask("POST", f"/users/{user_id}/credits", {"credits": 1, "reference": "x"}),
        project.ask("GET", f"/receipts?user={user_id}"),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}


def test_receipts_are_of_one_user_with_what_the_owner_may_know(owner: Owner) -> None:
    """A page as the user sees it, and beside it method, version, provider and attempts."""
    project = owner.managed()
    user = project.user()
    ledger = ledger_of(owner.gateway)
    about: dict[str, Any] = {
        "method": "key",
        "project_version": 2,
        "provider": "mine",
        "attempts": ("other: provider_failed",),
    }
    for cost in (3, 4):
        receipt_id = ids.time_ordered(ledger)
        receipt = Receipt(
            f"{project.project_id}/{user['user_id']}", receipt_id, ids.made_at(receipt_id), 0, "completed",
            cost=cost * 1_000_000, hold=9_000_000, model="=cmd()", **about,
        )  # fmt: skip
        tables.drive(put(ledger, receipt))
    page = project.told("GET", f"/receipts?user={user['user_id']}&limit=1")
    (receipt,) = page["data"]
    assert receipt["credits"] == 4
    told = {name: receipt[name] for name in ("method", "project_version", "provider", "attempts", "blocked")}
    assert told == about | {"attempts": list(about["attempts"]), "blocked": ""}
    following = project.told("GET", f"/receipts?user={user['user_id']}&after={page['next']}")
    assert [one["credits"] for one in following["data"]] == [3]
    csv = project.ask("GET", f"/receipts?user={user['user_id']}&format=csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert ",'=cmd()," in csv.body.decode()


@pytest.mark.parametrize("query", ["", "user=", "user=1&user=2", "limit=5", "user=1&role=x", "user=1&limit=x"])
def test_receipts_without_a_user_are_refused(owner: Owner, query: str) -> None:
    """400 or 404, never everybody's."""
    project = owner.managed()
    project.user()
    assert project.ask("GET", f"/receipts?{query}").status in (400, 404)
