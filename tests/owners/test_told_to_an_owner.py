"""Webhooks delivered and failed, as their owner sees them: only theirs, never with what they said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.ledger import told as kept
from functions.ledger.tables import drive
from functions.notices.telling import GIVEN_UP_AFTER_S, RETRY_S
from functions.owners import told
from tests.ledger.faults import Fault
from tests.notices.desk import ORDER, Desk, settings_for
from tests.notices.receiver import Receiver
from tests.owners.owner import Owner


class Mine:
    """What the list needs of a project."""

    def __init__(self, desk: Desk, project_id: str) -> None:
        self.ledger, self.project_id = desk.ledger, project_id


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def desk(receiver: Receiver, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "outbox", settings_for(tmp_path / "outbox", receiver))


def listed(desk: Desk, project_id: str) -> dict[str, Any]:
    mine: Any = Mine(desk, project_id)
    return drive(told.listed(mine))


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: len(rows) for name, rows in found.items()}


def test_a_webhook_waits_and_then_is_told(desk: Desk, receiver: Receiver) -> None:
    """What it was for, whom it was about and when; nothing of what it said."""
    project = desk.project(receiver.url)
    user = desk.user(project)
    desk.put("purchase", user)
    (waiting,) = listed(desk, project)["waiting"]
    assert (waiting["kind"], waiting["user_id"], waiting["tries"]) == ("purchase.paid", int(user.split("/")[1]), 0)
    desk.run()
    found = listed(desk, project)
    assert counts(found) == {"waiting": 0, "told": 1, "failed": 0}
    (row,) = found["told"]
    assert (row["id"], row["kind"], row["tries"], row["reason"]) == (waiting["id"], "purchase.paid", 1, "")
    text = json.dumps(found)
    assert receiver.url not in text
    assert str(ORDER["order"]) not in text


def test_a_webhook_that_fails_waits_with_its_reason_until_it_is_given_up(desk: Desk, receiver: Receiver) -> None:
    """It stands in one list at a time; once it was given up it is a failed one, and stays so."""
    project = desk.project(receiver.url)
    desk.put("purchase", desk.user(project))
    receiver.status = 410
    for tries in (1, 2):
        desk.run()
        found = listed(desk, project)
        assert counts(found) == {"waiting": 1, "told": 0, "failed": 0}
        assert (found["waiting"][0]["tries"], found["waiting"][0]["reason"]) == (tries, "answered 410")
        desk.passes(RETRY_S[tries] + 1)
    desk.passes(GIVEN_UP_AFTER_S)
    assert desk.run()["given_up"] == 1
    found = listed(desk, project)
    assert counts(found) == {"waiting": 0, "told": 0, "failed": 1}
    assert (found["failed"][0]["tries"], found["failed"][0]["reason"]) == (3, "answered 410")


def test_one_that_succeeds_at_last_is_told_and_not_failed(desk: Desk, receiver: Receiver) -> None:
    """With how often it was tried."""
    project = desk.project(receiver.url)
    desk.put("purchase", desk.user(project))
    receiver.status = 500
    desk.run()
    receiver.status = 200
    desk.passes(RETRY_S[0] + 1)
    desk.run()
    found = listed(desk, project)
    assert counts(found) == {"waiting": 0, "told": 1, "failed": 0}
    assert found["told"][0]["tries"] == 2
    assert drive(kept.failed(desk.ledger, project, 5)) == []


def test_an_owner_sees_only_their_own(desk: Desk, receiver: Receiver) -> None:
    """What waits, was told and failed of another project, and of the built-in one, is in no other list."""
    ours, theirs, quiet = desk.project(receiver.url), desk.project(receiver.url), desk.project(receiver.url)
    desk.put("purchase", desk.user(theirs))
    desk.run()
    desk.put("unmatched", f"{theirs}/")
    desk.put("purchase", desk.account().account_id)
    assert counts(listed(desk, ours)) == {"waiting": 0, "told": 0, "failed": 0}
    assert counts(listed(desk, theirs)) == {"waiting": 1, "told": 1, "failed": 0}
    assert listed(desk, theirs)["waiting"][0]["user_id"] is None
    assert counts(listed(desk, quiet)) == {"waiting": 0, "told": 0, "failed": 0}


def test_where_nobody_wants_to_be_told_nothing_was(desk: Desk, receiver: Receiver) -> None:
    """A project without a secret for its URL, and a notice that only goes by mail."""
    project = desk.project(receiver.url)
    desk.move(project, receiver.url + "&moved")
    desk.put("purchase", desk.user(project))
    desk.put("top_up", desk.user(project))
    assert len(listed(desk, project)["waiting"]) == 1
    desk.run()
    reason = listed(desk, project)["waiting"][0]["reason"]
    assert reason == "the secret must be given again"


def test_the_newest_are_shown_and_rows_end(desk: Desk, receiver: Receiver) -> None:
    """Fifty at most; each says when TTL is to take it away, and what is to be told never does."""
    project = desk.project(receiver.url)
    for _ in range(told.SHOWN + 3):
        desk.put("purchase", desk.user(project))
        desk.passes(0.01)
    desk.put("unmatched", f"{project}/")
    while desk.run():
        desk.passes(60)
    found = listed(desk, project)["told"]
    assert len(found) == told.SHOWN
    assert found[0]["kind"] == "purchase.unmatched"
    assert [row["id"] for row in found] == sorted((row["id"] for row in found), reverse=True)
    desk.put("purchase", desk.user(project))
    rows = desk.table.items("notices").values()
    ends = {row["scope"]["S"]: int(row["ttl"]["N"]) for row in rows if "ttl" in row}
    assert ends == {f"told/{project}": pytest.approx(desk.clock.now() + kept.KEPT_S, abs=3600)}
    assert [row["scope"]["S"] for row in rows if "ttl" not in row] == ["due"]


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.CONFLICT])
def test_a_row_that_cannot_be_kept_keeps_nobody_from_being_told(desk: Desk, receiver: Receiver, fault: Fault) -> None:
    """The webhook is sent once, and is done."""
    project = desk.project(receiver.url)
    desk.put("purchase", desk.user(project))
    told = desk.run(when=lambda _, call: fault if call.operation == "PutItem" else None)
    assert told == {"told": 1}
    assert len(receiver.told) == 1
    assert desk.waiting() == []


def test_the_console_shows_them(owner: Owner) -> None:
    """Through the front door, from tables as they are on AWS."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    assert project.told("GET", "/notices") == {"waiting": [], "told": [], "failed": []}
    assert user_id
    answer = project.ask("GET", "/notices?after=x")
    assert (answer.status, answer.error["param"]) == (400, "after")
