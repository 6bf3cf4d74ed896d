"""Two projects never meet: every route of the console × everybody who might ask. A new route fails until listed."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import pytest

from functions import console
from functions.cors import METHODS
from functions.entry import ANY
from tests.entries.keys import as_admin
from tests.forward.stage import new_key
from tests.owners.owner import JWT, Projected, led, new_owner
from tests.stand import Answer, RunningGateway

P, U = "/console/projects/{project_id}", "/console/projects/{project_id}/users/{user_id}"

ANYBODY: dict[str, tuple[int, Any]] = {
    "POST /console/sign-in": (400, {"email": "none"}),
    "POST /console/sessions": (400, {"token": "none"}),
    **{f"{method} /console": (404, None) for method in METHODS if method not in ("HEAD", "OPTIONS")},
    **{f"{method} /console/{{proxy+}}": (404, None) for method in METHODS if method not in ("HEAD", "OPTIONS")},
}
"""What answers everybody alike, and how."""

PAGES = {"GET /console/enter"}
"""What leads everybody to the page."""

OWNERS: dict[str, tuple[int, Any]] = {
    "GET /console/projects": (200, None),
    "POST /console/projects": (200, {"name": "One more"}),
    "POST /console/projects/import": (400, {}),
    "DELETE /console/sessions": (200, None),
}
"""What each owner has of their own."""

PROJECTS: dict[str, Any] = {
    f"GET {P}": None,
    f"GET {P}/export": None,
    f"PUT {P}": {"version": 10**6, "document": {}},
    f"PUT {P}/owners": {"emails": ["{email}"]},
    f"DELETE {P}/owners/me": None,
    f"POST {P}/keys": {"kind": "publishable"},
    f"POST {P}/keys/{{key_id}}/rotate": None,
    f"DELETE {P}/keys/{{key_id}}": None,
    f"PUT {P}/providers/{{name}}/key": {"api_key": "sk-of-somebody-else"},
    f"DELETE {P}/providers/{{name}}/key": None,
    f"PUT {P}/issuers/{{number}}/secret": {"secret": "secret-of-somebody-else-of-32-bytes"},
    f"DELETE {P}/issuers/{{number}}/secret": None,
    f"PUT {P}/notices/secret": {"secret": "whsec_c2VjcmV0LW9mLXNvbWVib2R5LWVsc2Uh"},
    f"DELETE {P}/notices/secret": None,
    f"POST {P}/test-tokens": {},
    f"DELETE {P}/test-tokens/{{token_id}}": None,
    f"GET {P}/users": None,
    f"POST {P}/users": {"reference": "x"},
    f"GET {U}": None,
    f"POST {U}/keys": None,
    f"DELETE {U}/keys/{{key_id}}": None,
    f"POST {U}/block": {"seconds": None},
    f"POST {U}/unblock": None,
    f"POST {U}/credits": {"credits": 1, "reference": "x"},
    f"GET {P}/receipts?user={{user_id}}": None,
    f"GET {P}/payments": None,
    f"PUT {P}/payments/{{name}}/key": {"api_key": "sk_live_of-somebody-else"},
    f"DELETE {P}/payments/{{name}}/key": None,
    f"PUT {P}/payments/{{name}}/webhook-secret": {"secret": "whsec_of-somebody-else"},
    f"DELETE {P}/payments/{{name}}/webhook-secret": None,
    f"POST {P}/payments/{{name}}/looked-at": {"about": "ch_none"},
    f"GET {P}/orders": None,
    f"GET {P}/abuse": None,
    f"GET {P}/actions": None,
    f"GET {P}/notices": None,
    f"GET {P}/usage": None,
    f"POST {U}/grants": {"credits": 1, "days": 1, "reference": "x"},
    f"DELETE {U}": None,
    f"DELETE {P}": None,
}
"""What is done with a project: for its owner alone."""

OPERATORS: dict[str, Any] = {
    "GET /admin/projects/{project_id}": None,
    "PUT /admin/projects/{project_id}/grants": {"providers": []},
}
UNCHANGED = {f"PUT {P}": 400, f"DELETE {P}/owners/me": 400, f"POST {P}/payments/{{name}}/looked-at": 400}
"""Of what the owner is refused as well, for another reason."""


@dataclass
class Tenant:
    """A project with one of everything, and the ids of it all."""

    project: Projected
    ids: dict[str, str]
    key: str
    user_key: str

    def filled(self, route: str) -> tuple[str, str]:
        """Method and path of a route, with this tenant's own ids in it."""
        method, path = route.split(" ")
        ids = self.ids | ({"key_id": self.ids["user_key_id"]} if "/users/" in path else {})
        ids |= {"name": self.ids["payment"]} if "/payments/" in path else {}
        return method, re.sub(r"{(\w+)\+?}", lambda name: ids.get(name[1], "no/such"), path)

    def state(self) -> tuple[Any, Any, Any]:
        """All that somebody else could have changed."""
        shown, user = self.project.shown, self.project.told("GET", f"/users/{self.ids['user_id']}")
        return shown, user, self.project.told("GET", "/users")


def tenant(gateway: RunningGateway) -> Tenant:
    project = new_owner(gateway).managed()
    key, user = project.told("POST", "/keys", {"kind": "publishable"}), project.user()
    project.told("PUT", "/providers/mine/key", {"api_key": "sk-of-this-tenant"})
    project.told("PUT", "/issuers/0/secret", {"secret": "secret-of-this-tenant-of-32-bytes-and-more"})
    project.told("PUT", "/payments/stripe/key", {"api_key": "sk_live_of-this-tenant"})
    project.told("PUT", "/payments/stripe/webhook-secret", {"secret": "whsec_of-this-tenant"})
    project.told("PUT", "/notices/secret", {"secret": "whsec_c2VjcmV0LW9mLXRoaXMtdGVuYW50LWFsb25l"})
    token = project.told("POST", "/test-tokens", {})
    ids = {"project_id": project.project_id, "key_id": key["id"], "user_id": str(user["user_id"]), "name": "mine"}
    ids |= {"number": "0", "token_id": token["id"], "user_key_id": user["key_id"], "payment": "stripe"}
    return Tenant(project, ids, key["key"], user["key"])


def newest_action(tenant: Tenant) -> Any:
    return tenant.project.told("GET", "/actions?limit=1")["data"]


@pytest.fixture(scope="module")
def mine(front: RunningGateway) -> Tenant:
    return tenant(front)


@pytest.fixture(scope="module")
def theirs(front: RunningGateway) -> Tenant:
    return tenant(front)


def strangers(mine: Tenant, theirs: Tenant) -> dict[str, dict[str, str]]:
    """Everybody who is no owner at all, by what they send."""
    gateway = mine.project.owner.gateway
    bearers = {
        "a user of default": new_key(gateway),
        "a user of the project": mine.user_key,
        "a user of another project": theirs.user_key,
        "the project's key": mine.key,
        "another project's key": theirs.key,
        "a session that never was": "os-" + "A" * 43,
    }
    found = {who: {"Authorization": f"Bearer {key}"} for who, key in bearers.items()}
    return {"nobody": {}, "the operator": as_admin(), **found}


def asked(tenant: Tenant, route: str, body: Any, headers: dict[str, str], method: str = "") -> Answer:
    given, path = tenant.filled(route)
    if isinstance(body, dict) and "emails" in body:
        body = {"emails": [tenant.project.owner.email]}
    return tenant.project.owner.gateway.request(method or given, path, body, headers=headers)


def test_case_21_every_route_of_the_console_is_in_the_table() -> None:
    """Nothing is served that is not listed here with who may use it, and nothing is listed that is not served."""
    served = {f"{method} {path}" for path, methods in console.app.routes.items() for method in methods}
    served = {route for route in served if not route.startswith((ANY, "HEAD ", "OPTIONS "))}
    listed = {route.partition("?")[0] for route in (*ANYBODY, *PAGES, *OWNERS, *PROJECTS)}
    assert served == listed


@pytest.mark.parametrize("route", sorted(PROJECTS))
def test_case_21_a_project_is_its_owners_alone(mine: Tenant, theirs: Tenant, route: str) -> None:
    """401 in one body for all who are no owner; 404 in the body of a project that never was for another owner."""
    body, before = PROJECTS[route], mine.state()
    refused = {who: asked(mine, route, body, headers) for who, headers in strangers(mine, theirs).items()}
    assert {who: answer.status for who, answer in refused.items()} == dict.fromkeys(refused, 401)
    assert len({answer.body for answer in refused.values()}) == 1
    other = {"Authorization": f"Bearer {theirs.project.owner.session}"}
    never = dataclasses.replace(mine, ids=mine.ids | {"project_id": "0123456789ab"})
    hidden, unknown = asked(mine, route, body, other), asked(never, route, body, other)
    assert (hidden.status, hidden.body) == (404, unknown.body)
    assert sorted(hidden.headers) == sorted(unknown.headers)
    assert mine.state() == before


@pytest.mark.parametrize("route", [route for route in sorted(PROJECTS) if "{user_id}" in route or "_id}/" in route])
def test_case_21_an_owner_reaches_nothing_of_another_project_through_their_own(
    mine: Tenant, theirs: Tenant, route: str
) -> None:
    """The path names their own project, and a user, key or token of another: that is not there, and stays as it is."""
    crossed = dataclasses.replace(
        mine, ids=theirs.ids | {"project_id": mine.ids["project_id"], "name": "none", "payment": "none"}
    )
    if not any(name in route for name in ("{user_id}", "{key_id}", "{token_id}", "{name}")):
        return
    before = theirs.state()
    session = {"Authorization": f"Bearer {mine.project.owner.session}"}
    assert asked(crossed, route, PROJECTS[route], session).status == 404
    assert theirs.state() == before


@pytest.mark.parametrize("route", sorted(PROJECTS))
def test_case_21_an_owner_may_do_everything_with_their_own(front: RunningGateway, mine: Tenant, route: str) -> None:
    """Each route answers the owner, those that end something once; and all that change something are noted."""
    ends = route.startswith("DELETE ") or route.endswith("/rotate")
    own = tenant(front) if ends else mine
    session = {"Authorization": f"Bearer {own.project.owner.session}"}
    before = newest_action(own)
    answer = asked(own, route, PROJECTS[route], session)
    assert answer.status == UNCHANGED.get(route, 200), answer.body
    if route != f"DELETE {P}":  # of which nobody can look at anything any more
        assert (newest_action(own) != before) == (not route.startswith("GET "))
    if route.startswith("GET "):
        head = asked(own, route, None, session, method="HEAD")
        assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize("route", sorted(OWNERS))
def test_case_21_what_owners_have_of_their_own_is_for_owners(mine: Tenant, theirs: Tenant, route: str) -> None:
    """401 for all others, in one body."""
    status, body = OWNERS[route]
    refused = {who: asked(mine, route, body, headers) for who, headers in strangers(mine, theirs).items()}
    assert {who: answer.status for who, answer in refused.items()} == dict.fromkeys(refused, 401)
    session = {"Authorization": f"Bearer {new_owner(mine.project.owner.gateway).session}"}
    assert asked(mine, route, body, session).status == status


@pytest.mark.parametrize("route", sorted(ANYBODY))
def test_case_21_what_is_for_anybody_is_answered_alike(mine: Tenant, theirs: Tenant, route: str) -> None:
    """Whoever asks, with whatever key: the same status and body."""
    status, body = ANYBODY[route]
    who = strangers(mine, theirs) | {"an owner": {"Authorization": f"Bearer {mine.project.owner.session}"}}
    answers = [asked(mine, route, body, headers) for headers in who.values()]
    assert {(answer.status, answer.body) for answer in answers} == {(status, answers[0].body)}


def test_case_21_everybody_is_led_to_the_same_page(mine: Tenant, theirs: Tenant) -> None:
    """Whoever opens a mailed link, with whatever key: the answer says nothing of who asks."""
    gateway = mine.project.owner.gateway
    who = strangers(mine, theirs) | {"an owner": {"Authorization": f"Bearer {mine.project.owner.session}"}}
    for path in ("/console/enter", "/console"):
        found = [led(gateway, path, **headers) for headers in who.values()]
        assert {(status, told["location"]) for status, told in found} == {(303, f"{gateway.url}/console.html")}


@pytest.mark.parametrize("route", sorted(OPERATORS))
def test_case_21_grants_are_the_operators(mine: Tenant, theirs: Tenant, route: str) -> None:
    """No owner grants themself a provider of the operator's, and none looks a project up there."""
    session = {"Authorization": f"Bearer {mine.project.owner.session}"}
    who = strangers(mine, theirs) | {"an owner": session}
    statuses = {name: asked(mine, route, OPERATORS[route], headers).status for name, headers in who.items()}
    assert statuses == dict.fromkeys(who, 403) | {"the operator": 200}


def test_case_21_users_of_two_projects_never_meet(mine: Tenant, theirs: Tenant) -> None:
    """A user's key tells its own project's account and no other; one project's key never takes another's user."""
    gateway = mine.project.owner.gateway
    for own, other in ((mine, theirs), (theirs, mine)):
        account = gateway.account(own.user_key)
        assert (account["project"], str(account["user_id"])) == (own.ids["project_id"], own.ids["user_id"])
        sent = {"X-User-Token": other.user_key}
        assert gateway.request("GET", "/account", key=own.key, headers=sent).status == 401


def test_jwt_is_among_what_tenants_have() -> None:
    """The table's issuers are those of the document: else it would try nothing."""
    assert JWT["issuers"][0]["shared_secret"] is True
