"""Keys of a project's users are its owner's to give: none of the routes of own keys is for them (case 21)."""

import pytest

from functions.ledger import credentials, tables
from tests.projects.shop import Shop

KEY = "0" * 64
ROUTES = {
    "GET /account/keys": None,
    "POST /account/keys": {"label": "mine"},
    f"POST /account/keys/{KEY}/rotate": {"grace_s": 0},
    f"DELETE /account/keys/{KEY}": None,
}


@pytest.mark.parametrize("route", ROUTES)
def test_case_21_users_of_projects_make_no_keys(shop: Shop, route: str) -> None:
    """A token's holder, somebody without one, and who has a key of the owner's, alone or beside the project's: 403."""
    app = shop.managed(auth={"jwt": shop.jwt(), "no_auth": {}, "key": {}})
    token, method, path = app.token("ada"), *route.split(" ")
    number = app.account(token)["user_id"]
    account_id = f"{app.project_id}/{number}"
    key = tables.drive(credentials.add_key(shop.ledger, account_id, "of the owner"))
    path = path.replace(KEY, credentials.credential_id(key))
    before = tables.drive(credentials.keys_of(shop.ledger, account_id))
    asked = [(app.key, {"X-User-Token": token}), (app.key, {}), (key, {}), (app.key, {"X-User-Token": key})]
    for asker, headers in asked:
        answer = shop.gateway.request(method, path, ROUTES[route], key=asker, headers=headers)
        assert (answer.status, answer.error["code"]) == (403, "keys_not_here"), answer.body
    assert tables.drive(credentials.keys_of(shop.ledger, account_id)) == before
