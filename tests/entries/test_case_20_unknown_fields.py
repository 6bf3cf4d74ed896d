"""No key gives itself more: what is not asked for is refused by its name, on every route that takes a body."""

from typing import Any

import pytest

from functions.console import app as console
from tests.entries.keys import as_admin
from tests.entries.operating import CHANGES, form, user
from tests.owners.owner import Owner, Projected, new_owner
from tests.stand import StartGateway

MORE = {
    "role": "operator",
    "balance": 10**9,
    "owner": "eve@farebox.test",
    "credits_version": 1,
    "project_id": "default",
}
MORE |= {"grants": ["llama"], "state": "open", "account_id": "default/1", "__proto__": {}, "": 1}
PROJECT, USER = "/console/projects/{project}", "/console/projects/{project}/users/{user}"

TAKES: dict[str, dict[str, Any]] = {
    "POST /console/sign-in": {"email": "ada@farebox.test"},
    "POST /console/sessions": {"token": "x"},
    "DELETE /console/sessions": {},
    "POST /console/projects": {"name": "x"},
    "POST /console/projects/import": {"name": "x", "mode": "managed", "auth": {"key": {}}},
    f"PUT {PROJECT}": {"version": 1, "document": {}},
    f"DELETE {PROJECT}": {},
    f"PUT {PROJECT}/owners": {"emails": []},
    f"DELETE {PROJECT}/owners/me": {},
    f"POST {PROJECT}/keys": {"kind": "publishable", "label": "x"},
    f"DELETE {PROJECT}/keys/{{key}}": {},
    f"POST {PROJECT}/keys/{{key}}/rotate": {},
    f"PUT {PROJECT}/providers/mine/key": {"api_key": "sk-12345678"},
    f"DELETE {PROJECT}/providers/mine/key": {},
    f"PUT {PROJECT}/issuers/0/secret": {"secret": "12345678"},
    f"DELETE {PROJECT}/issuers/0/secret": {},
    f"PUT {PROJECT}/notices/secret": {"secret": "whsec_c2VjcmV0LW9mLXRoaXMtdGVuYW50LWFsb25l"},
    f"DELETE {PROJECT}/notices/secret": {},
    f"PUT {PROJECT}/payments/stripe/key": {"api_key": "sk_test_12345678"},
    f"DELETE {PROJECT}/payments/stripe/key": {},
    f"PUT {PROJECT}/payments/stripe/webhook-secret": {"secret": "whsec_12345678"},
    f"DELETE {PROJECT}/payments/stripe/webhook-secret": {},
    f"POST {PROJECT}/payments/stripe/looked-at": {"about": "x"},
    f"POST {PROJECT}/test-tokens": {"label": "x", "days": 1},
    f"DELETE {PROJECT}/test-tokens/x": {},
    f"POST {PROJECT}/users": {"reference": "x"},
    f"POST {USER}/keys": {"label": "x"},
    f"DELETE {USER}/keys/{{key}}": {},
    f"POST {USER}/block": {"seconds": None},
    f"POST {USER}/unblock": {},
    f"POST {USER}/credits": {"credits": 1, "reference": "x"},
    f"POST {USER}/grants": {"credits": 1, "days": 1, "reference": "x"},
    f"DELETE {USER}": {"why": "x"},
}
"""Every route of the console that changes something, with a body that it takes."""


@pytest.fixture(scope="module")
def owner(starts: StartGateway) -> Owner:
    settings = {"PROJECTS_SECRET": "a secret for projects, which is quite long enough"}
    return new_owner(starts(OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8", **settings))


@pytest.fixture(scope="module")
def project(owner: Owner) -> Projected:
    return owner.managed()


def test_case_20_every_route_that_changes_something_is_tried() -> None:
    """A new one fails here until it is listed."""
    served = {
        f"{method} {path}"
        for path, methods in console.routes.items()
        for method in methods
        if method in ("DELETE", "PATCH", "POST", "PUT") and path not in ("/console", "/console/{proxy+}")
    }
    assert {_shape(route) for route in TAKES} == {_shape(route) for route in served}


def _shape(route: str) -> int | str:
    """A route without the names of its parameters."""
    fixed = {"console", "projects", "import", "owners", "keys", "rotate", "providers", "key", "issuers", "secret"}
    fixed |= {
        "payments",
        "webhook-secret",
        "looked-at",
        "me",
        "notices",
        "test-tokens",
        "users",
        "block",
        "unblock",
        "credits",
        "grants",
        "sign-in",
        "sessions",
    }
    method, path = route.split(" ")
    return method + "/".join(part if part in fixed else "*" for part in path.split("/")[1:])


@pytest.mark.parametrize("route", sorted(TAKES))
def test_case_20_an_unknown_field_is_refused_by_name(owner: Owner, project: Projected, route: str) -> None:
    """400 that names it, in the body and in the query; beside all that is right, and nothing is done."""
    user = project.user()
    key = project.shown["keys"] or [project.told("POST", "/keys", {"kind": "publishable"})]
    method, path = route.split(" ")
    path = path.format(
        project=project.project_id, user=user["user_id"], key=user["key_id"] if "{user}" in path else key[0]["id"]
    )
    before = project.shown
    for name, value in MORE.items():
        answer = owner.gateway.request(method, path, TAKES[route] | {name: value}, key=owner.session)
        assert (answer.status, answer.error["param"]) == (400, name), (name, answer.body)
    if "sign-in" not in path:
        answer = owner.gateway.request(method, f"{path}?role=operator", TAKES[route], key=owner.session)
        assert (answer.status, answer.error["param"]) == (400, "role")
    assert project.shown == before
    assert project.told("GET", f"/users/{user['user_id']}")["balance"]["available"] == 0


def test_case_20_the_operators_own_routes_refuse_them_as_well(owner: Owner, project: Projected) -> None:
    """A grant takes its one field."""
    path = f"/admin/projects/{project.project_id}/grants"
    for name, value in MORE.items():
        if name != "grants":
            answer = owner.gateway.request("PUT", path, {"providers": [], name: value}, headers=as_admin())
            assert (answer.status, answer.error["param"]) == (400, name)


@pytest.mark.parametrize("change", CHANGES)
def test_case_20_a_change_by_the_operator_takes_its_own_fields(owner: Owner, change: str) -> None:
    """As JSON and as a form: a role or a balance is refused by its name, and nothing is changed."""
    somebody = user(owner.gateway)
    fields = {"email": somebody.email} | CHANGES[change]
    for name, value in MORE.items():
        answer = owner.gateway.request("POST", f"/admin/{change}", fields | {name: value}, headers=as_admin())
        assert (answer.status, answer.error["param"]) == (400, name)
        written = form(owner.gateway, change, fields | {name: value})
        assert (written.status, written.error["param"]) == (400, name)
    for field in ("paid", "available", "trial", "delta" if change != "adjust" else "tokens"):
        answer = owner.gateway.request("POST", f"/admin/{change}", fields | {field: 1}, headers=as_admin())
        assert (answer.status, answer.error["param"]) == (400, field)
    assert (somebody.balance["paid"], somebody.balance["trial"]) == (0, 100_000)


@pytest.mark.parametrize("name", sorted(MORE))
def test_case_20_a_document_has_only_the_fields_of_a_document(owner: Owner, project: Projected, name: str) -> None:
    """At its top and inside it: no owner writes himself credits, a role or a grant."""
    shown = project.shown
    document = shown["document"]
    inside = {"auth": document["auth"] | {"key": {"rules": {name: MORE[name]}}}}
    for change in ({name: MORE[name]}, inside):
        answer = project.ask("PUT", "", {"version": shown["version"], "document": document | change})
        assert answer.status == 400
        assert name in (answer.error["param"] or "") or not name
    assert project.shown == shown


def test_case_20_a_users_key_reaches_no_more(owner: Owner, project: Projected) -> None:
    """With fields of an owner's routes a user's key is still a user's key."""
    key = project.user()["key"]
    for method, path in ((route.split(" ")[0], route.split(" ")[1]) for route in TAKES if "{project}" in route):
        path = path.format(project=project.project_id, user=1, key="x")
        assert owner.gateway.request(method, path, {"role": "owner"}, key=key).status == 401
