"""Every route and who may use it. A new route fails here, or in tests/owners for the console, until it is listed."""

from typing import Any

import pytest

import app
from functions import admin, webhooks
from functions.cors import METHODS
from functions.entry import ANY
from functions.forward.endpoints import ENDPOINTS
from functions.payments.provider import PROVIDERS
from tests.entries.keys import as_admin
from tests.forward.stage import new_key
from tests.stand import RunningGateway

ANYBODY, USERS, OPERATOR = (200, 200, 200), (401, 200, 401), (403, 403, 200)
LED = (303, 303, 303)
"""To the site's page."""
ANYBODY_WRONG, UNSIGNED, NOWHERE, NOT_THERE = (400, 400, 400), (400, 400, 400), (404, 404, 404), (403, 403, 404)
THE_PAGE, NOBODYS = (303, 403, 303), (403, 403, 403)
"""The operator's page asks for the key itself; a preflight is of a page of ours, and these are of none."""
NOT_SERVED, USERS_WRONG = (401, 404, 401), (401, 400, 401)
"""By the built-in project: users of others are in tests/projects."""
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}

ROUTES: dict[str, tuple[tuple[int, int, int], Any]] = {
    "GET /health": (ANYBODY, None),
    **{f"GET {path}": (ANYBODY, None) for path in ("/openapi.json", "/AGENTS.md", "/llms.txt")},
    "GET /register": (LED, None),
    "POST /register": (ANYBODY_WRONG, {"email": "none"}),
    "GET /dashboard": (LED, None),
    "GET /account": (USERS, None),
    "DELETE /account": (USERS_WRONG, {"user_id": 1}),
    "GET /account/keys": (USERS, None),
    "POST /account/keys": (USERS, {}),
    "DELETE /account/keys/{key_id}": ((401, 404, 401), None),
    "POST /account/keys/{key_id}/rotate": ((401, 404, 401), {}),
    "GET /account/export": (USERS, None),
    "GET /account/receipts": (USERS, None),
    "GET /account/top-up": (USERS, None),
    "GET /account/use": (USERS, None),
    "PUT /account/top-up": (USERS_WRONG, {"pack": "none", "below": 1, "per_day": 1}),
    "DELETE /account/top-up": (USERS, None),
    "POST /v1/estimate": (USERS, CHAT),
    "GET /v1/models": (USERS, None),
    "GET /v1/models/{name}": ((401, 404, 401), None),
    "POST /v1/chat/completions": (USERS, CHAT),
    "POST /v1/completions": (USERS, {"prompt": "Hi", "max_tokens": 5}),
    "POST /v1/responses": (USERS, {"input": "Hi"}),
    "POST /v1/messages": (NOT_SERVED, CHAT),
    "POST /v1/embeddings": (NOT_SERVED, {"input": "Hi"}),
    "POST /v1/moderations": (NOT_SERVED, {"input": "Hi"}),
    **{f"{method} /v1/{{proxy+}}": (NOWHERE, None) for method in ("DELETE", "GET", "PATCH", "POST", "PUT")},
    "POST /checkout": (USERS_WRONG, {"pack": "none"}),
    "GET /checkout": (USERS_WRONG, None),
    "GET /checkout/done": (LED, None),
    **{f"POST /{provider}/webhook": (UNSIGNED, {}) for provider in PROVIDERS},
    **{f"POST /projects/{{project_id}}/{provider}/webhook": (NOWHERE, {}) for provider in PROVIDERS},
    "GET /admin": (THE_PAGE, None),
    "GET /admin/status": (OPERATOR, None),
    "GET /admin/users": (OPERATOR, None),
    "GET /admin/users/{user_id}": (NOT_THERE, None),
    "GET /admin/overview": (OPERATOR, None),
    "GET /admin/usage": (OPERATOR, None),
    "GET /admin/actions": (OPERATOR, None),
    "POST /admin/adjust": (NOT_THERE, {"user_id": 1, "delta": 1}),
    "POST /admin/grant": (NOT_THERE, {"user_id": 1, "tokens": 1, "days": 1}),
    "POST /admin/delete": (NOT_THERE, {"user_id": 1}),
    "POST /admin/block": (NOT_THERE, {"user_id": 1}),
    "POST /admin/unblock": (NOT_THERE, {"user_id": 1}),
    "GET /admin/orders": (OPERATOR, None),
    "GET /admin/unmatched": (OPERATOR, None),
    "POST /admin/unmatched/{provider}/looked-at": (NOT_THERE, {"about": "x"}),
    "GET /admin/projects/{project_id}": (NOT_THERE, None),
    "PUT /admin/projects/{project_id}/grants": (NOT_THERE, {"providers": []}),
    **{f"{method} /admin": (NOT_THERE, None) for method in ("DELETE", "PATCH", "POST", "PUT")},
    **{f"{method} /admin/{{proxy+}}": (NOT_THERE, None) for method in METHODS if method not in ("HEAD", "OPTIONS")},
    **{f"OPTIONS {path}": (NOBODYS, None) for path in ("/admin", "/admin/{proxy+}")},
}
"""Of each route, the status for nobody, a user and the operator; and a body. HEAD is as GET."""

READABLE_BY_PAGES = {"/health", "/register", "/account", "/account/receipts", "/checkout", "/checkout/done"}
READABLE_BY_PAGES |= {"/dashboard", "/openapi.json", "/AGENTS.md", "/llms.txt"}
READABLE_BY_PAGES |= {"/account/keys", "/account/keys/{key_id}", "/account/keys/{key_id}/rotate"}
READABLE_BY_PAGES |= {"/account/export", "/account/top-up", "/account/use", "/v1/estimate"}
READABLE_BY_PAGES |= {"/v1/models", "/v1/models/{name}", "/v1/{proxy+}", *ENDPOINTS}
"""What answers preflights."""


def declared() -> set[str]:
    """`METHOD /path` of everything that any function serves."""
    routes = {f"POST {path}" for path in ENDPOINTS}
    for entry in (app.app, webhooks.app, admin.app):
        routes |= {f"{method} {path}" for path, methods in entry.routes.items() for method in methods}
    return {route for route in routes if not route.startswith(ANY)}


def test_case_21_every_route_is_in_the_table() -> None:
    """Nothing is served that is not listed here with who may use it, and nothing is listed that is not served."""
    preflights = {f"OPTIONS {path}" for path in READABLE_BY_PAGES}
    heads = {route.replace("GET", "HEAD", 1) for route in ROUTES if route.startswith("GET ")}
    assert declared() == set(ROUTES) | preflights | heads


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_case_21_a_route_is_for_those_it_is_for(front: RunningGateway, route: str) -> None:
    """Each route × nobody, a user, the operator; HEAD as GET."""
    expected, body = ROUTES[route]
    method, path = route.split(" ")
    path = (
        path.replace("{name}", "none")
        .replace("{proxy+}", "no/such")
        .replace("{project_id}", "none")
        .replace("{user_id}", "1")
        .replace("{key_id}", "none")
        .replace("{provider}", "none")
    )
    callers: tuple[dict[str, str], ...] = ({}, {"Authorization": f"Bearer {new_key(front)}"}, as_admin())
    for asked in (method, "HEAD") if method == "GET" else (method,):
        answers = [front.request(asked, path, body, headers=headers) for headers in callers]
        assert tuple(answer.status for answer in answers) == expected
        assert not any(answer.body for answer in answers) or asked != "HEAD"


@pytest.mark.parametrize("path", sorted(READABLE_BY_PAGES))
def test_case_21_a_preflight_is_for_anybody(front: RunningGateway, path: str) -> None:
    """With whatever key: a browser sends none."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, as_admin()):
        assert (
            front.request("OPTIONS", path.replace("{name}", "x").replace("{proxy+}", "x/y"), headers=headers).status
            == 200
        )
