"""What the operator does about a user: credits, gifts that expire, blocks, the end of an account; who, when and why."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.ledger import audit, tables, tidy
from tests.entries.keys import as_admin, refused
from tests.entries.operating import CHANGES, User, actions, change, done, form, send, told, user
from tests.stand import RunningGateway

TRIAL = 100_000
WRONG_AMOUNTS: list[Any] = [
    0,
    "0",
    "-0",
    "",
    " ",
    "x",
    "1e5",
    "1,000",
    "0x10",
    "٣",
    "+5",
    "--5",
    1.5,
    True,
    None,
    [5],
    "5 5",
]
WRONG_AMOUNTS += [10**18 + 1, str(10**30), "0.0000001", "5.", "NaN", "∞"]


@pytest.fixture
def somebody(front: RunningGateway) -> User:
    return user(front)


def journal(of: User) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = told(of.gateway, f"/users/{of.number}")["journal"]
    return entries


def test_credits_are_given_and_taken_down_to_zero(front: RunningGateway, somebody: User) -> None:
    """Of the paid balance: the trial is not touched. Each is a journal entry and an action, with who, when and why."""
    given = done(front, "adjust", email=somebody.email, delta="2500.5", why="sorry for the outage", reference="mail-1")
    assert (given["credits"], given["paid"], given["again"]) == (2500.5, 2500.5, False)
    taken = done(front, "adjust", user_id=somebody.number, delta=-9_000_000, why="a mistake")
    assert (taken["credits"], taken["paid"], taken["trial"]) == (-2500.5, 0, TRIAL)
    out, came, _ = journal(somebody)
    assert (came["amount"], came["reason"], came["by"], came["why"]) == (
        2500.5,
        "adjustment",
        "operator",
        "sorry for the outage",
    )
    assert (out["amount"], out["debt"], out["why"], came["reference"]) == (-2500.5, 0, "a mistake", "mail-1")
    second, first = actions(front)[:2]
    assert [first[name] for name in ("by", "what", "why", "outcome")] == ["operator", "adjust", came["why"], "done"]
    assert first["about"] == second["about"] == f"user {somebody.number}"
    made = datetime.fromisoformat(first["at"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=2)


def test_a_form_is_as_json(front: RunningGateway, somebody: User) -> None:
    """Numbers are text there, with blanks around them, as a `+` becomes one."""
    assert form(front, "adjust", {"email": somebody.email.upper(), "delta": " 70 "}).json()["paid"] == 70
    assert (
        form(front, "grant", {"user_id": f" {somebody.number} ", "tokens": "30", "days": " 2 "}).json()["credits"] == 30
    )
    assert form(front, "block", {"user_id": somebody.number, "seconds": "60"}).json()["blocked"] is True
    assert form(front, "unblock", {"user_id": somebody.number}).json()["blocked"] is False
    assert form(front, "delete", {"user_id": somebody.number}).json()["deleted"] is True


@pytest.mark.parametrize("delta", WRONG_AMOUNTS, ids=repr)
def test_an_amount_that_is_none_changes_nothing(front: RunningGateway, somebody: User, delta: Any) -> None:
    """400 that names it: nothing, text that is no number, more decimals than there are, more than the ledger holds."""
    before = actions(front)
    for name, field, more in (("adjust", "delta", {}), ("grant", "tokens", {"days": 1})):
        answer = change(front, name, {"email": somebody.email, field: delta} | more)
        assert (answer.status, answer.error["param"]) == (400, field)
    assert actions(front) == before
    assert (somebody.balance["paid"], somebody.balance["trial"]) == (0, TRIAL)


@pytest.mark.parametrize(
    ("name", "fields", "param"),
    [
        ("adjust", {}, "delta"),
        ("grant", {"tokens": 5}, "days"),
        ("grant", {"days": 5}, "tokens"),
        ("grant", {"tokens": -5, "days": 1}, "tokens"),
        ("grant", {"tokens": 5, "days": 0}, "days"),
        ("grant", {"tokens": 5, "days": 3661}, "days"),
        ("grant", {"tokens": 5, "days": "1.5"}, "days"),
        ("grant", {"tokens": 5, "days": True}, "days"),
        ("block", {"seconds": 0}, "seconds"),
        ("block", {"seconds": -5}, "seconds"),
        ("block", {"seconds": 10**10}, "seconds"),
        ("block", {"seconds": "soon"}, "seconds"),
        ("adjust", {"delta": 5, "reference": ""}, "reference"),
        ("adjust", {"delta": 5, "reference": "x" * 201}, "reference"),
        ("adjust", {"delta": 5, "reference": 7}, "reference"),
        ("adjust", {"delta": 5, "reference": "a\nb"}, "reference"),
        ("adjust", {"delta": 5, "why": ["x"]}, "why"),
        ("delete", {"why": 5}, "why"),
        ("block", {"why": "x" * 301}, "why"),
    ],
)
def test_what_is_wrong_is_named(front: RunningGateway, somebody: User, name: str, fields: Any, param: str) -> None:
    """Before anything is changed, or noted."""
    before = actions(front)
    answer = change(front, name, {"email": somebody.email} | fields)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert actions(front) == before
    assert (somebody.balance["available"], somebody.chat()) == (TRIAL, 200)


@pytest.mark.parametrize("name", CHANGES)
def test_it_must_be_said_about_whom(front: RunningGateway, somebody: User, name: str) -> None:
    """By address or number; where both are there they must be the same user's; nobody's is 404."""
    other = user(front)
    nobody, more = "nobody@farebox.test", CHANGES[name]
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({}, 400, "user_id"),
        ({"email": somebody.email, "user_id": other.number}, 400, "user_id"),
        ({"email": "none"}, 400, "email"),
        ({"email": 5}, 400, "email"),
        ({"email": nobody}, 404, "email"),
        ({"email": nobody, "user_id": somebody.number}, 404, "email"),
        ({"user_id": 1}, 404, "user_id"),
        ({"user_id": "x"}, 400, "user_id"),
        ({"user_id": -5}, 400, "user_id"),
        ({"user_id": 10**20}, 400, "user_id"),
        ({"user_id": True}, 400, "user_id"),
        ({"user_id": f"../{somebody.number}"}, 400, "user_id"),
    ]
    before = actions(front)
    for who, status, param in cases:
        answer = change(front, name, who | more)
        assert (answer.status, answer.error["param"]) == (status, param), who
    assert actions(front) == before
    assert change(front, name, {"email": somebody.email, "user_id": somebody.number} | more).status == 200


@pytest.mark.parametrize("name", ["adjust", "grant"])
def test_a_reference_counts_once(front: RunningGateway, somebody: User, name: str) -> None:
    """Sent again it changes nothing and says so; for another amount or user it is refused. Without one, each counts."""
    field = {"adjust": "delta", "grant": "tokens"}[name]
    fields = {"email": somebody.email, "reference": f"r-{somebody.number}", field: 5} | (
        {"days": 3} if name == "grant" else {}
    )
    answers = [change(front, name, fields).json() for _ in range(3)]
    assert [answer["again"] for answer in answers] == [False, True, True]
    assert {answer["credits"] for answer in answers} == {5}
    for other in ({field: 6}, {"email": user(front).email}):
        answer = change(front, name, fields | other)
        assert (answer.status, answer.error["param"]) == (400, "reference")
    assert somebody.balance["available"] == TRIAL + 5
    del fields["reference"]
    references = {change(front, name, fields).json()["reference"] for _ in range(2)}
    assert (len(references), somebody.balance["available"]) == (2, TRIAL + 15)
    outcomes = [action["outcome"] for action in actions(front)[:4]]
    assert outcomes == ["done", "done", "bad_request", "bad_request"] or outcomes == ["done", "done", "400", "400"]


def test_two_operators_at_once(front: RunningGateway, somebody: User) -> None:
    """Each of their changes counts; of one reference that both send, one does. The books are right after."""
    asked = [{"delta": 10}] * 4 + [{"delta": -3}] * 2 + [{"delta": 100, "reference": f"t-{somebody.number}"}] * 4
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda fields: change(front, "adjust", {"email": somebody.email} | fields), asked))
    assert {answer.status for answer in answers} == {200}
    assert [answer.json()["again"] for answer in answers[-4:]].count(False) == 1
    taken = -sum(answer.json()["credits"] for answer in answers[4:6])
    assert somebody.balance["paid"] == 140 - taken
    assert 0 <= taken <= 6
    finding = tables.drive(audit.audit_account(front.ledger(), f"default/{somebody.number}"))
    assert finding.mismatches == ()


def test_a_grant_is_another_trial(front: RunningGateway, somebody: User) -> None:
    """Credits that expire, spent before paid ones, beside what there is of the first; at most eight in use."""
    granted = done(front, "grant", email=somebody.email, tokens="100.5", days=3, why="a workshop")
    ends = datetime.fromisoformat(granted["expires"]) - datetime.now(UTC)
    assert timedelta(days=2, hours=23) < ends <= timedelta(days=3)
    assert (granted["trial"], granted["paid"], granted["trial_expires"]) == (TRIAL + 100.5, 0, granted["expires"])
    entry = journal(somebody)[0]
    assert (entry["reason"], entry["amount"], entry["why"], entry["by"]) == ("grant", 100.5, "a workshop", "operator")
    for _ in range(6):
        done(front, "grant", email=somebody.email, tokens=1, days=1)
    full = change(front, "grant", {"email": somebody.email, "tokens": 1, "days": 1})
    assert refused(full) == (403, "too_many_grants")
    assert actions(front)[0]["outcome"] == "too_many_grants"
    assert somebody.balance["trial"] == TRIAL + 106.5


def test_a_block_refuses_and_its_end_lets_in(front: RunningGateway, somebody: User) -> None:
    """For some seconds or, without any, for good; meanwhile credits can be given, and the list says that it is so."""
    assert somebody.chat() == 200
    blocked = done(front, "block", email=somebody.email, seconds=3600, why="spam")
    assert blocked["blocked"] is True
    assert somebody.chat() == 403
    assert done(front, "adjust", email=somebody.email, delta=5)["paid"] == 5
    (row,) = told(front, f"/users?email={somebody.email}")["data"]
    assert (row["blocked"], row["blocked_until"]) == (True, blocked["blocked_until"])
    for seconds in ({}, {"seconds": None}):
        assert done(front, "block", user_id=somebody.number, **seconds)["blocked_until"] is None
    assert done(front, "unblock", user_id=somebody.number)["blocked"] is False
    assert somebody.chat() == 200
    assert [action["about"] for action in actions(front)[:5]][-1] == f"user {somebody.number}, 3600 s"


def test_a_deleted_user_is_nobody(front: RunningGateway, somebody: User) -> None:
    """The key is dead, no list and no address has them, nothing can be done about them; the note names no address."""
    number = somebody.number
    done(front, "adjust", email=somebody.email, delta=50)
    gone = done(front, "delete", email=somebody.email, why=f"asked by {somebody.email.upper()} on the phone")
    assert gone == {"user_id": number, "deleted": True, "finished": True, "forfeited": TRIAL + 50}
    assert front.request("GET", "/account", key=somebody.key).status == 401
    assert told(front, f"/users?email={somebody.email}")["data"] == []
    assert number not in [row["user_id"] for row in told(front, "/users?limit=20")["data"]]
    assert send(front, "GET", f"/admin/users/{number}", headers={"Authorization": ""}).status == 403
    for name, more in CHANGES.items():
        assert change(front, name, {"email": somebody.email} | more).status == 404
        by_number = change(front, name, {"user_id": number} | more)
        assert by_number.status == (200 if name == "delete" else 404), name
    note = next(action for action in actions(front) if action["what"] == "delete")
    assert somebody.email not in str(actions(front)).lower()
    assert note["about"] == f"user {number}"
    again = front.register(somebody.email)
    assert front.account(again)["balance"]["available"] == 0
    assert front.account(again)["user_id"] != number


def test_a_user_who_is_deleted_meanwhile(front: RunningGateway, somebody: User) -> None:
    """Whoever comes second, with whatever, meets nobody: nothing is given to a deleted account."""
    number = somebody.number
    asked = [
        ("delete", {}),
        ("adjust", {"delta": 5}),
        ("grant", {"tokens": 5, "days": 1}),
        ("block", {}),
        ("delete", {}),
    ]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda one: change(front, one[0], {"user_id": number} | one[1]), asked))
    assert {answer.status for answer in answers} <= {200, 404}
    assert {answers[0].status, answers[-1].status} == {200}
    finding = tables.drive(audit.audit_account(front.ledger(), f"default/{number}"))
    assert finding.mismatches == ()
    account = tables.drive(tidy.kept(front.ledger(), f"default/{number}"))
    assert account.paid + account.held() + sum(lot.left for lot in account.lots.values()) == 0


def test_what_is_done_about_projects_is_noted_too(front: RunningGateway) -> None:
    """A grant of providers, and money that was looked at; how it ended, also where it was refused."""
    headers = as_admin()
    front.request("PUT", "/admin/projects/0123456789ab/grants", {"providers": ["llama"]}, headers=headers)
    front.request("POST", "/admin/unmatched/stripe/looked-at", {"about": "x"}, headers=headers)
    second, first = actions(front)[:2]
    assert [first[name] for name in ("what", "about", "outcome")] == [
        "grant_providers",
        "project 0123456789ab",
        "not_found",
    ]
    assert (second["what"], second["about"]) == ("look_at_unmatched", "provider stripe")
