"""An owner gives credits that expire: once for a reference, and they are over when they are over."""

import time
from typing import Any

import pytest

from functions.ledger import journal
from tests.owners.owner import Owner, Projected

GIFT = {"credits": "2.5", "days": 30, "reference": "welcome back"}


def given(project: Projected, user_id: int, **more: Any) -> Any:
    return project.told("POST", f"/users/{user_id}/grants", GIFT | more)


def test_credits_are_given_for_so_many_days(owner: Owner) -> None:
    """Beside what lasts; the answer says until when."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    project.told("POST", f"/users/{user_id}/credits", {"credits": 1, "reference": "welcome back"})
    told = given(project, user_id, why="we were down")
    assert (told["credits"], told["again"], told["available"]) == (2.5, False, 3.5)
    expires = time.mktime(time.strptime(told["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(expires - time.time() - 30 * 86400) < 60
    balance = project.told("GET", f"/users/{user_id}")["balance"]
    assert (balance["trial"], balance["paid"]) == (2.5, 1)


def test_a_gift_counts_once_for_its_reference(owner: Owner) -> None:
    """Sent again it does nothing, with other days too; for another user or amount the reference is refused."""
    project = owner.managed()
    ada, eve = project.user()["user_id"], project.user()["user_id"]
    first = given(project, ada)
    for days in (30, 5):
        again = given(project, ada, days=days)
        assert (again["again"], again["available"], again["expires"]) == (True, 2.5, first["expires"])
    for user_id, credits in ((eve, "2.5"), (ada, 3)):
        answer = project.ask("POST", f"/users/{user_id}/grants", GIFT | {"credits": credits})
        assert (answer.status, answer.error["param"]) == (400, "reference")
    given(project, eve, reference="hers")


@pytest.mark.parametrize(
    ("field", "value"),
    [("credits", 0), ("credits", -1), ("credits", "-1"), ("credits", 1.5), ("credits", None), ("credits", "1e3"),
     ("days", 0), ("days", 3661), ("days", "30"), ("days", 1.5), ("days", True), ("days", None),
     ("reference", ""), ("reference", 5), ("reference", "a\nb"), ("reference", "x" * 201)],
)  # fmt: skip
def test_case_09_a_wrong_gift_is_refused(owner: Owner, field: str, value: Any) -> None:
    """400 that names the field; nothing is given."""
    project = owner.managed()
    user_id = project.user()["user_id"]
    answer = project.ask("POST", f"/users/{user_id}/grants", GIFT | {field: value})
    assert (answer.status, answer.error["param"]) == (400, field)
    assert project.told("GET", f"/users/{user_id}")["available"] == 0


def test_a_user_has_so_many_gifts_at_a_time(owner: Owner) -> None:
    """Then 403 that says why; nobody else is kept from theirs."""
    project = owner.managed()
    ada, eve = project.user()["user_id"], project.user()["user_id"]
    for number in range(journal.LOTS_MAX):
        given(project, ada, reference=str(number))
    answer = project.ask("POST", f"/users/{ada}/grants", GIFT)
    assert (answer.status, answer.error["code"]) == (403, "too_many_grants")
    assert given(project, eve)["available"] == 2.5
    assert given(project, ada, reference="0")["again"] is True
