"""Projects are kept apart: nothing of one is reached with what another has (cases 20 and 21)."""

import pytest

from functions.ledger import grants, projects, tables
from tests.projects.shop import HELLO, SIGNUP, Project, Shop

ROUTES = {
    "GET /account": None,
    "GET /account/receipts": None,
    "GET /account/use": None,
    "GET /v1/models": None,
    "POST /v1/estimate": {"messages": HELLO},
    "POST /v1/chat/completions": {"messages": HELLO},
}


def apps(shop: Shop) -> tuple[Project, Project]:
    """Two projects alike, with the same issuer and the same users."""
    first, second = (shop.managed(auth={"jwt": shop.jwt(**SIGNUP), "test": {}, "key": {}}) for _ in range(2))
    return first, second


def test_the_same_user_of_two_projects_is_two_accounts(shop: Shop) -> None:
    """Credits, receipts and numbers of one are not the other's, though issuer and subject are the same."""
    first, second = apps(shop)
    token = first.token("ada")
    assert first.chat(token=token).status == 200
    assert (first.account(token)["project"], second.account(token)["project"]) == (first.project_id, second.project_id)
    assert len(first.account(token)["receipts"]) == 1
    assert (second.account(token)["receipts"], second.account(token)["balance"]["available"]) == ([], 1000)


@pytest.mark.parametrize("route", ROUTES)
def test_case_21_what_belongs_to_one_project_opens_no_other(shop: Shop, route: str) -> None:
    """Each route × a test token and a user's key of another project: 401, the same as for nothing at all."""
    first, second = apps(shop)
    method, path = route.split(" ")

    address = grants.Address(first.project_id, "user@farebox.test")
    user_key = tables.drive(grants.register(shop.ledger, address, grants.NO_TRIAL))
    ours = [first.test_token(), user_key]
    for token in ours:
        own = shop.gateway.request(method, path, ROUTES[route], key=first.key, headers={"X-User-Token": token})
        assert own.status in (200, 402), own.body
        other = shop.gateway.request(method, path, ROUTES[route], key=second.key, headers={"X-User-Token": token})
        none = shop.gateway.request(method, path, ROUTES[route])
        assert (other.status, other.body) == (none.status, none.body) == (401, none.body)


def test_case_20_a_projects_key_opens_nothing_of_the_operators_or_owners(shop: Shop) -> None:
    """Neither does a user's token: they are for users' routes alone."""
    app, _ = apps(shop)
    for key in (app.key, app.test_token()):
        for path in ("/admin/status", "/console/projects", f"/console/projects/{app.project_id}"):
            assert shop.gateway.request("GET", path, key=key).status in (401, 403)


def test_a_provider_of_the_operators_needs_the_operators_grant(shop: Shop) -> None:
    """403 until it is granted; then it is asked with the operator's key, and owners never see its address."""
    own = {"home": {"operator": "llama"}}
    models = [{"model": "small", "providers": [{"provider": "home"}]}]
    app = shop.managed(providers=own, models=models)
    assert app.chat().status == 403
    assert shop.first.calls == []
    tables.drive(projects.grant(shop.ledger, app.project_id, ["llama"]))
    statuses = {app.chat(other=True).status for _ in range(20)}
    assert 200 in statuses
    tables.drive(projects.grant(shop.ledger, app.project_id, []))


def test_each_project_asks_its_provider_with_its_own_key(shop: Shop) -> None:
    """Sealed for one project, a key goes nowhere else; a changed address asks for it again."""
    first, second = apps(shop)
    place = f"{shop.first.url}/v1"
    first.seal("first", place, "key-of-the-first-project")
    second.seal("first", place, "key-of-the-second-project")
    token = first.token("ada")
    for app in (first, second, first):
        assert app.chat(token=token).status == 200
    sent = [dict(call.headers)["authorization"] for call in shop.first.calls]
    assert sent == [f"Bearer key-of-the-{name}-project" for name in ("first", "second", "first")]
    moved = shop.providers() | {"first": {"kind": "openai", "base_url": f"{shop.second.url}/v1"}}
    only = [{"model": "small", "providers": [{"provider": "first"}]}]
    first.change(providers=moved, models=only)
    answers = [first.chat(token=token, other=True) for _ in range(2)]
    assert answers[-1].status == 502
    assert shop.second.calls == []


def test_case_23_nothing_of_the_client_goes_to_a_provider(shop: Shop) -> None:
    """Neither key nor token, nor any header it sent: those of a request upstream are our own."""
    app, _ = apps(shop)
    token = app.token("ada")
    answer = app.post({"messages": HELLO}, token=token, OpenAI_Organization="org", Cookie="a=b", X_Mine="1")
    assert answer.status == 200
    names = {name for name, _ in shop.first.call.headers}
    assert names <= {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent"}
    assert token not in str(shop.first.call.headers)


def test_case_22_an_owners_url_never_leads_inside(shop: Shop) -> None:
    """A name that resolves to a private address is refused when it is connected to, whatever it was before."""
    app = shop.managed(
        providers={"first": {"kind": "openai", "base_url": "https://localhost.localdomain/v1"}},
        models=[{"model": "small", "providers": [{"provider": "first"}]}],
    )
    assert app.chat().status == 502
