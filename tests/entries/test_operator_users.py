"""Who the users are, for the operator: listed, found, one of them with all there is, totals and the newest requests."""

import time
from typing import Any

import pytest

from functions.ledger import grants, joined, members, tables, tidy
from functions.ledger.account import Account
from functions.ledger.audit import audit_account
from functions.ledger.receipts import Receipt
from functions.operators import finding
from tests.entries.keys import ADMIN_KEY
from tests.entries.operating import User, change, done, form, send, told, user
from tests.stand import RunningGateway, StartGateway

TRIAL = 100_000
ROW = {"user_id", "email", "created", "blocked", "blocked_until", "available", "trial", "trial_expires", "paid", "held"}
ROW |= {"spent", "debt", "key_shown", "use"}
SUMS = ("users", "active_trials", "trial", "paid", "held", "debt", "spent")


@pytest.fixture(scope="module")
def somebody(front: RunningGateway) -> User:
    """One who has asked twice."""
    made = user(front)
    assert (made.chat(), made.chat()) == (200, 200)
    return made


@pytest.fixture(scope="module")
def crowd(starts: StartGateway) -> RunningGateway:
    """A gateway with more users than one page of a walk looks at."""
    gateway = starts(TABLE_PREFIX="crowd-of-the-operator-")
    ledger = gateway.ledger()
    for number in range(finding.STEP + 15):
        address = grants.Address("default", f"user-{number:03}@crowd.test")
        tables.drive(grants.register(ledger, address, grants.Trial(10**6, 600 if number % 2 else 1)))
    return gateway


def walked(gateway: RunningGateway, path: str, **query: Any) -> list[Any]:
    """Every page of a list."""
    pages, after = [], ""
    while after is not None:
        asked = "&".join(f"{name}={value}" for name, value in (query | ({"after": after} if after else {})).items())
        pages.append(told(gateway, f"{path}?{asked}"))
        after = pages[-1]["next"]
    return pages


def test_a_row_has_who_they_are_what_they_have_and_what_they_used(front: RunningGateway, somebody: User) -> None:
    """With the beginning of the key that works, and sums of 30 days; never more of the key, and no prompt."""
    (row,) = told(front, f"/users?email={somebody.email}")["data"]
    account = front.account(somebody.key)
    assert set(row) == ROW
    assert (row["user_id"], row["email"]) == (account["user_id"], somebody.email)
    assert row["key_shown"] == somebody.key[:10]
    assert {name: row[name] for name in account["balance"]} == account["balance"]
    use = {name: sum(day[name] for day in account["use"]) for name in row["use"]}
    assert row["use"] == use
    assert (use["requests"], use["credits"]) == (2, row["spent"])
    answer = send(front, "GET", f"/admin/users/{row['user_id']}", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    assert somebody.key not in answer.body.decode()


def test_one_user_with_all_there_is(front: RunningGateway, somebody: User) -> None:
    """What the user sees, how they are known, keys, the journal; another's number is 404."""
    done(front, "adjust", user_id=somebody.number, delta=7, why="seven", reference=f"seven-{somebody.number}")
    shown = told(front, f"/users/{somebody.number}")
    assert shown["balance"] == somebody.balance
    assert len(shown["receipts"]) == 2
    assert [(key["shown"], key["state"]) for key in shown["keys"]] == [(somebody.key[:10], "live")]
    newest, first = shown["journal"]
    assert (newest["version"], newest["amount"], newest["why"]) == (2, 7, "seven")
    assert (first["version"], first["reason"], first["amount"], first["by"]) == (1, "trial", TRIAL, "")
    for number in ("1", "x", "0" * 16, "%2e%2e", f"{somebody.number}0"):
        answer = front.request("GET", f"/admin/users/{number}", key=ADMIN_KEY)
        assert (answer.status, answer.error["code"]) == (404, "not_found")


def test_users_are_found_by_their_address(front: RunningGateway) -> None:
    """The whole address, whatever its case: that user alone. A part: all who have it. Nobody's: none."""
    name = user(front).email.partition("@")[0]
    for local in ("a", "b", "ab"):
        front.register(f"{local}.{name}@find.test")
    assert [row["email"] for row in told(front, f"/users?email=A.{name.upper()}@Find.Test")["data"]] == [
        f"a.{name}@find.test"
    ]
    assert [row["email"] for row in told(front, f"/users?email=b.{name}@find.test")["data"]] == [f"b.{name}@find.test"]
    parts = told(front, f"/users?email={name}%40find")
    assert sorted(row["email"].partition(".")[0] for row in parts["data"]) == ["a", "ab", "b"]
    assert parts["next"] is None
    assert told(front, "/users?email=nobody-has-this")["data"] == []
    exact_part = told(front, f"/users?email={name[1:]}@farebox.test")["data"]
    assert [row["email"] for row in exact_part] == [f"{name}@farebox.test"]
    assert told(front, "/users?email=")["data"] == told(front, "/users")["data"]


@pytest.mark.parametrize("limit", [7, 100])
def test_everybody_is_listed_once_the_newest_first(crowd: RunningGateway, limit: int) -> None:
    """In pages of any size; and of those who are looked for, too."""
    pages = walked(crowd, "/users", limit=limit)
    rows = [row for page in pages for row in page["data"]]
    assert max(len(page["data"]) for page in pages) == limit
    assert len({row["user_id"] for row in rows}) == len(rows)
    times = [row["created"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert {row["email"] for row in rows} == {f"user-{number:03}@crowd.test" for number in range(finding.STEP + 15)}
    found = [row["email"] for page in walked(crowd, "/users", email="user-00", limit=limit) for row in page["data"]]
    assert sorted(found) == [f"user-00{number}@crowd.test" for number in range(10)]
    few = [page["data"] for page in walked(crowd, "/users", email="-01", limit=3)]
    assert sorted(row["email"] for data in few for row in data) == [
        f"user-01{number}@crowd.test" for number in range(10)
    ]
    assert max(map(len, few)) == 3


def test_totals_are_the_sums_of_all(crowd: RunningGateway) -> None:
    """Page by page, each account once; trials that are over count no more, and nobody has asked for anything."""
    done(crowd, "adjust", email="user-003@crowd.test", delta=40)
    done(crowd, "adjust", email="user-111@crowd.test", delta="2.5")
    pages = walked(crowd, "/overview")
    sums = {name: sum(page[name] for page in pages) for name in SUMS}
    rows = [row for page in walked(crowd, "/users", limit=100) for row in page["data"]]
    assert len(pages) == 2
    assert sums["users"] == len(rows) == finding.STEP + 15
    assert sums["paid"] == 42.5
    assert (
        sums["active_trials"] == sums["trial"] == len([row for row in rows if row["trial"]]) == (finding.STEP + 15) // 2
    )
    assert (sums["held"], sums["debt"], sums["spent"]) == (0, 0, 0)
    assert [page["events"] for page in pages] == [[], []]


def test_the_newest_requests_of_all_users(front: RunningGateway, somebody: User) -> None:
    """Newest first, each with its user's number and address; no prompt, and nothing that only the provider knows."""
    other = user(front)
    for each in (other, somebody, other):
        assert each.chat() == 200
    events = sorted(
        (one for page in walked(front, "/overview") for one in page["events"]), key=lambda one: str(one["id"])
    )
    assert [one["email"] for one in events[-3:]] == [other.email, somebody.email, other.email]
    assert events[-1]["user_id"] == other.number
    assert {"model", "outcome", "input_tokens", "output_tokens", "credits", "created"} <= set(events[-1])
    assert "Hi" not in str(events[-1].values())


def test_the_newest_requests_are_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any accounts, the 50 newest of all; who has nothing that new is not asked."""
    made = {
        f"default/{user}": [f"{user * 7 + place * 13 % 101:04}{user:02}" for place in range(user % 9 * 3)]
        for user in range(30)
    }
    asked = []

    def newest(account_id: str, count: int) -> list[Receipt]:
        asked.append(account_id)
        ids = sorted(made[account_id], reverse=True)[:count]
        return [Receipt(account_id, receipt_id, 0, 0, "completed", 0, 0) for receipt_id in ids]

    monkeypatch.setattr(finding, "recent_receipts", newest)
    accounts = [
        Account({"account_id": {"S": name}} | ({"settled": {"S": max(ids)}} if ids else {}))
        for name, ids in made.items()
    ]
    found = [receipt.receipt_id for receipt in finding._newest_receipts(accounts)]
    assert found == sorted((one for ids in made.values() for one in ids), reverse=True)[: finding.EVENTS]
    assert not [name for name in asked if not made[name]]
    assert len(asked) < len([name for name in made if made[name]])


def test_who_came_before_there_was_a_list_is_listed_by_the_night(front: RunningGateway) -> None:
    """The walk over all accounts puts them where they would be; once, and nobody who was deleted."""
    early, ledger = user(front), front.ledger()
    time.sleep(1)  # the list tells seconds apart
    late = user(front)
    account_id = f"default/{early.number}"

    def listed() -> list[str]:
        ids, _ = tables.drive(joined.newest(ledger, 1000))  # more than other tests leave here
        return ids

    account = tables.drive(tidy.read(ledger, account_id))
    scope, name = members.joined(account.created, str(early.number))
    tables.drive(ledger.write("TransactWriteItems", {"TransactItems": [members.drop(ledger, scope, name)]}))
    before = listed()
    assert account_id not in before
    assert told(front, f"/users?email={early.email[:8]}")["data"] == []
    assert told(front, f"/users?email={early.email}")["data"] != []
    for _ in range(2):
        tables.drive(audit_account(ledger, account_id))
        assert sorted(listed()) == sorted([account_id, *before])
    assert listed().index(account_id) > listed().index(f"default/{late.number}")
    number = early.number
    assert form(front, "delete", {"user_id": number}).status == 200
    tables.drive(audit_account(ledger, account_id))
    assert account_id not in listed()
    late_write = [members.put(ledger, scope, name)]  # of a walk that read the account before it was deleted
    tables.drive(ledger.write("TransactWriteItems", {"TransactItems": late_write}))
    rows = [row for page in walked(front, "/users", limit=100) for row in page["data"]]
    assert number not in [row["user_id"] for row in rows]
    assert sum(page["users"] for page in walked(front, "/overview")) == len(rows)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/users?limit=0", "limit"),
        ("/users?limit=101", "limit"),
        ("/users?limit=x", "limit"),
        ("/users?after=x", "after"),
        ("/users?after=123", "after"),
        ("/users?email=a%0ab", "email"),
        (f"/users?email={'x' * 255}", "email"),
        ("/users?email=a&email=b", "email"),
        ("/users?role=x", "role"),
        ("/users/1?role=x", "role"),
        ("/overview?after=x", "after"),
        ("/overview?limit=5", "limit"),
        ("/usage?days=0", "days"),
        ("/usage?days=x", "days"),
        ("/actions?after=x", "after"),
        ("/actions?limit=0", "limit"),
    ],
)
def test_case_20_a_parameter_that_is_wrong_is_named(front: RunningGateway, path: str, param: str) -> None:
    """400, before anything is read."""
    answer = front.request("GET", f"/admin{path}", key=ADMIN_KEY)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_actions_go_on_where_a_page_ended(front: RunningGateway) -> None:
    """The newest first, each once."""
    somebody = user(front)
    for number in range(4):
        assert (
            change(front, "adjust", {"email": somebody.email, "delta": number + 1, "why": f"page {number}"}).status
            == 200
        )
    first = told(front, "/actions?limit=3")
    more = told(front, f"/actions?limit=3&after={first['next']}")
    why = [action["why"] for action in first["data"] + more["data"]]
    assert why[:4] == [f"page {number}" for number in (3, 2, 1, 0)]


def test_what_the_project_used_is_told_by_day(front: RunningGateway) -> None:
    """As many days as are asked for, the last hours, requests and refusals; as owners see it of theirs."""
    use = told(front, "/usage?days=7")
    assert (len(use["days"]), len(use["hours"])) == (7, 24)
    assert {"day", "requests", "input_tokens", "output_tokens", "credits", "refused", "outcomes"} <= set(use["days"][0])
    assert len(told(front, "/usage")["days"]) == 30
