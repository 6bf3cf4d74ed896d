"""What an owner sees of purchases: every order and what came of it, and money that fits none."""

import secrets
from typing import Any

import pytest

from functions.ledger import orders, unmatched
from functions.ledger.orders import Order
from functions.ledger.tables import drive
from functions.ledger.unmatched import Unmatched
from functions.money import MICROCREDITS_PER_CREDIT
from tests.forward.stage import ledger_of
from tests.owners.owner import Owner, Projected

SEEN = 1_800_000_000


def order(project: Projected, number: int, **more: Any) -> Order:
    """One that is in the ledger; `number` says when it was made."""
    fields: dict[str, Any] = {
        "project_id": project.project_id,
        "connection": "stripe",
        "reference": f"cs_test_{secrets.token_hex(8)}",
        "number": f"ord_{secrets.token_hex(16)}",
        "account_id": f"{project.project_id}/100",
        "kind": "pack",
        "pack": "small",
        "credits": 1000 * MICROCREDITS_PER_CREDIT,
        "amount": 100,
        "currency": "eur",
        "mode": "test",
        "created": SEEN + number,
        "changed": SEEN + number,
        "expires": SEEN + 3600,
        "method": "jwt",
    }
    made = Order(**(fields | more))
    drive(orders.put(ledger_of(project.owner.gateway), made))
    return made


def keep(project: Projected, about: str, connection: str = "stripe") -> None:
    found = Unmatched(connection, about, "charge.refunded", "no_order", SEEN)
    assert drive(unmatched.keep(ledger_of(project.owner.gateway), project.project_id, found))


def test_orders_are_listed_with_what_became_of_them(owner: Owner) -> None:
    """Whose, what for, what was paid and what went back, the provider's own id, and what happened when."""
    project = owner.managed()
    paid = order(
        project,
        0,
        state="paid",
        refunded=40,
        reversed=400 * MICROCREDITS_PER_CREDIT,
        disputes={"dp_1": (10, "won")},
        history=((SEEN, "paid"), (SEEN + 60, "refund")),
    )
    (shown,) = project.told("GET", "/orders")["data"]
    expected = {
        "id": paid.number,
        "reference": paid.reference,
        "user_id": 100,
        "user_method": "jwt",
        "method": "stripe",
        "mode": "test",
        "pack": "small",
        "credits": 1000,
        "amount": 100,
        "currency": "eur",
        "refunded": 40,
        "credits_taken_back": 400,
        "disputes": [{"id": "dp_1", "amount": 10, "state": "won"}],
        "history": [
            {"at": "2027-01-15T08:00:00Z", "what": "paid"},
            {"at": "2027-01-15T08:01:00Z", "what": "refund"},
        ],
    }
    assert {name: shown[name] for name in expected} == expected


def test_orders_come_in_pages_the_newest_first(owner: Owner) -> None:
    """Each once, whatever the size of a page; and only those of this project."""
    project, other = owner.managed(), owner.managed()
    whose = [{"account_id": f"{project.project_id}/{100 + number % 2}"} for number in range(5)]
    made = [order(project, number, **more).number for number, more in enumerate(whose)]
    order(other, 2)
    seen: list[str] = []
    after = ""
    while True:
        page = project.told("GET", f"/orders?limit=2{after}")
        seen += [shown["id"] for shown in page["data"]]
        assert page["has_more"] is (page["next"] is not None)
        if not page["next"]:
            break
        after = f"&after={page['next']}"
    assert seen == made[::-1]
    assert len(other.told("GET", "/orders")["data"]) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=", "after=x", "after=1-%2F", "state=paid"])
def test_a_question_that_cannot_be_answered_is_refused(owner: Owner, query: str) -> None:
    """By the parameter's name; an empty `after` is the first page."""
    answer = owner.project().ask("GET", f"/orders?{query}")
    name = query.partition("=")[0]
    assert (answer.status, query == "after=" or answer.error["param"] == name) == (
        200 if query == "after=" else 400,
        True,
    )


def test_money_that_fits_no_order_is_listed_until_somebody_looked_at_it(owner: Owner) -> None:
    """What it is about, in the provider's own words, and why it does not fit; taken off, it is gone."""
    project, other = owner.managed(), owner.managed()
    for of in (project, other):
        keep(of, "ch_1")
    keep(project, "ch_2", "mollie")
    expected = {"kind": "charge.refunded", "why": "no_order", "seen": "2027-01-15T08:00:00Z"}
    assert project.told("GET", "/payments")["unmatched"] == [
        {"provider": "mollie", "about": "ch_2"} | expected,
        {"provider": "stripe", "about": "ch_1"} | expected,
    ]
    project.told("POST", "/payments/stripe/looked-at", {"about": "ch_1"})
    assert [one["about"] for one in project.told("GET", "/payments")["unmatched"]] == ["ch_2"]
    assert [one["about"] for one in other.told("GET", "/payments")["unmatched"]] == ["ch_1"]


@pytest.mark.parametrize("about", ["ch_2", "", None, ["ch_1"], "../ch_1"])
def test_what_is_not_listed_is_not_taken_off(owner: Owner, about: Any) -> None:
    """400 names `about`, and the list stays; an unknown provider is 404."""
    project = owner.managed()
    keep(project, "ch_1")
    answer = project.ask("POST", "/payments/stripe/looked-at", {"about": about})
    assert (answer.status, answer.error["param"]) == (400, "about")
    assert project.ask("POST", "/payments/mollie/looked-at", {"about": "ch_1"}).status == 400
    assert project.ask("POST", "/payments/paypal/looked-at", {"about": "ch_1"}).status == 404
    assert [one["about"] for one in project.told("GET", "/payments")["unmatched"]] == ["ch_1"]
