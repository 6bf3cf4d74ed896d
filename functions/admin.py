"""Entry of the admin function: the operator's endpoints.

On AWS an authorizer and a resource policy stand in front. The same is checked here once more, so that it holds on one
machine too, and should one of them be taken away. The key comes in the Authorization header, in the body of a script's
POST, or in the address of the page; from no cookie, so a page of another site has nothing to ride on. docs/admin.md
"""

import dataclasses
import functools
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

from chalice.app import Response

from functions import VERSION, places
from functions import settings as settings_module
from functions.accounts import use
from functions.authenticate.admin import PAGE, TOLD_IN_BODY, has_key, is_inside, is_operator, is_signed
from functions.cors import METHODS
from functions.entry import JSON, App, refusal
from functions.errors import FareboxError, Forbidden, LedgerUnavailable, NotFound
from functions.events import Event, body_of, headers, wants_page
from functions.ledger import tables
from functions.ledger.actions import OPERATOR
from functions.ledger.members import DEFAULT
from functions.ledger.store import Ledger
from functions.operators import changes, finding, said
from functions.owners import asked, bought, grants, noted, unmatched
from functions.owners.site import from_page
from functions.payments.provider import PROVIDERS
from functions.settings import Settings

HEADERS = {"referrer-policy": "no-referrer", "vary": "origin", "x-content-type-options": "nosniff"}
"""On every answer."""
SEE_OTHER = 303

T = TypeVar("T")
NO_KEY = {"S": {"S": "-"}, "N": {"N": "0"}}
"""Of each type, a part of a key that no item has."""

DENIED = "Access is denied."
"""To everybody who is not the operator, as API Gateway says it: nobody learns what was wrong."""

app = App("farebox-admin", readable_by_pages=False, service="admin")

settings_module.get()  # with an empty secret nothing starts


@app.middleware("http")
def operators_only(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """One answer for all who are not the operator, whatever they ask for. The address is judged before the key."""
    settings, event = settings_module.source().renew(), request.to_original_event()
    told: dict[str, str] = {}
    try:
        if not is_inside(settings, event):
            raise Forbidden(DENIED)
        told, is_preflight = from_page(settings, places.base_url(settings, event), event)
        if not is_preflight and not _has_keys(settings, event):
            raise Forbidden(DENIED)
        response = Response("") if is_preflight else get_response(request)
    except FareboxError as error:
        app.watch.failed(error)
        response = refusal(error)
    for name, value in (HEADERS | told).items():
        response.headers.setdefault(name, value)
    return response


def _has_keys(settings: Settings, event: Event) -> bool:
    """Whether each key that a request brings is right, and there is one; the page itself may be asked for without."""
    method, path = event["httpMethod"], event["requestContext"]["resourcePath"]
    is_page = path == PAGE and method in ("GET", "HEAD")
    elsewhere: list[object] = []
    if is_page:
        elsewhere += said.keys_in_address(event)
    elif path in TOLD_IN_BODY and method == "POST" and (key := said.key_in_body(event)) is not None:
        elsewhere.append(key)
    if len(elsewhere) > 1 or not all(has_key(settings, key) for key in elsewhere):
        return False
    if headers(event, "authorization") or is_signed(settings, event):
        return is_operator(settings, event) or is_signed(settings, event)
    return bool(elsewhere) or is_page


@app.answers(PAGE)
def enter() -> Response:
    """The page is static, and elsewhere: the key goes on behind a #, which no browser sends and no log has."""
    settings = settings_module.get()
    key = said.keys_in_address(app.event)
    return _to_page(settings, f"#key={quote(settings.admin_key, safe='')}" if key else "")


@app.answers("/admin/users")
def list_users() -> dict[str, Any]:
    query = _query("email", "after", "limit")
    return tables.drive(finding.users(_ledger(), query))


@app.answers("/admin/users/{user_id}")
def show_user(user_id: str) -> dict[str, Any]:
    _query()
    return tables.drive(finding.one(_ledger(), user_id))


@app.answers("/admin/overview")
def show_overview() -> dict[str, Any]:
    return tables.drive(finding.overview(_ledger(), _query("after")))


@app.answers("/admin/usage")
def show_usage() -> dict[str, Any]:
    return tables.drive(use.project_use(_ledger(), DEFAULT, _query("days")))


@app.answers("/admin/actions")
def list_actions() -> dict[str, Any]:
    return tables.drive(noted.listed(_ledger(), DEFAULT, _query("after", "limit")))


@app.answers("/admin/adjust", methods=["POST"], content_types=[JSON, said.FORM])
def adjust() -> Response:
    return _changed("adjust")


@app.answers("/admin/grant", methods=["POST"], content_types=[JSON, said.FORM])
def grant() -> Response:
    return _changed("grant")


@app.answers("/admin/delete", methods=["POST"], content_types=[JSON, said.FORM])
def delete() -> Response:
    return _changed("delete")


@app.answers("/admin/block", methods=["POST"], content_types=[JSON, said.FORM])
def block() -> Response:
    return _changed("block")


@app.answers("/admin/unblock", methods=["POST"], content_types=[JSON, said.FORM])
def unblock() -> Response:
    return _changed("unblock")


@app.answers("/admin/status")
def status() -> dict[str, Any]:
    """What runs here, whether it reaches its tables, and which settings it was given: names, never values."""
    settings = settings_module.get()
    return {
        "version": VERSION,
        "stage": settings.stage,
        "tables": _tables(ledger_of(settings)),
        "configured": _configured(settings),
    }


@app.answers("/admin/projects/{project_id}")
def show_project(project_id: str) -> dict[str, Any]:
    return tables.drive(grants.shown(_ledger(), project_id))


@app.answers("/admin/projects/{project_id}/grants", methods=["PUT"])
def grant_providers(project_id: str) -> dict[str, Any]:
    """Which of the operator's providers a project may use: docs/console.md."""
    names = asked.fields(body_of(app.event), required=("providers",))["providers"]
    return _noted("grant_providers", grants.grant(_ledger(), project_id, names), noted.about("project", project_id))


@app.answers("/admin/orders")
def list_orders() -> dict[str, Any]:
    """Of the built-in project; owners see those of theirs in the console."""
    return tables.drive(bought.listed(_ledger(), DEFAULT, _query("after", "limit")))


@app.answers("/admin/unmatched")
def list_unmatched() -> dict[str, Any]:
    data = tables.drive(unmatched.listed(_ledger(), DEFAULT))
    return {"object": "list", "data": data}


@app.answers("/admin/unmatched/{provider}/looked-at", methods=["POST"])
def look_at_unmatched(provider: str) -> dict[str, Any]:
    about = asked.fields(body_of(app.event), required=("about",))["about"]
    looked = unmatched.looked_at(_ledger(), DEFAULT, provider, about)
    return _noted("look_at_unmatched", looked, noted.about_named("provider", provider, dict.fromkeys(PROVIDERS)))


@app.answers(PAGE, methods=[method for method in METHODS if method not in ("GET", "HEAD")], content_types=["*/*"])
@app.answers("/admin/{proxy+}", methods=METHODS, content_types=["*/*"])
def unknown() -> Response:
    raise NotFound("There is nothing at this path.")


@functools.lru_cache(maxsize=1)
def ledger_of(settings: Settings) -> Ledger:
    """The ledger over PynamoDB; made anew when settings changed."""
    store, clock = tables.Synchronous(settings), tables.SystemClock()
    tables.bind(settings, store.connection)
    return Ledger(store, clock, os.urandom, settings.table_prefix, secret=settings.hash_secret)


def _ledger() -> Ledger:
    return ledger_of(settings_module.get())


def _query(*known: str) -> dict[str, str]:
    return asked.query(app.event.get("multiValueQueryStringParameters"), known)


def _changed(name: str) -> Response:
    """A change of a user, made. Where a browser asks, it goes on to the page; that there is one is known before."""
    event = app.event
    answer = _to_page(settings_module.get()) if wants_page(event) else Response({})
    given = said.fields(event, *changes.TAKES[name])
    told = tables.drive(changes.CHANGES[name](_ledger(), given))
    return answer if answer.status_code == SEE_OTHER else Response(told)


def _noted(what: str, change: Awaitable[T], about: str) -> T:
    """What a change gives that is about no user."""
    return tables.drive(noted.noted(_ledger(), DEFAULT, change, by=OPERATOR, what=what, about=about))


def _to_page(settings: Settings, fragment: str = "") -> Response:
    """Send a browser on to the static page. Raises NotConfigured."""
    url = f"{places.site_url(settings, app.event)}/admin.html{fragment}"
    return Response("", status_code=SEE_OTHER, headers={"location": url})


def _tables(ledger: Ledger) -> dict[str, str]:
    """Of each table, `reachable` or `unreachable`. After one that is not, no other is asked: it may be a long wait."""
    found: dict[str, str] = {}
    for model in tables.TABLES:
        name = model.__name__.lower()
        attributes = model.get_attributes().values()
        key = {a.attr_name: NO_KEY[a.attr_type] for a in attributes if a.is_hash_key or a.is_range_key}
        try:
            tables.drive(ledger.read("GetItem", {"TableName": ledger.table(name), "Key": key}))
        except LedgerUnavailable:
            return {**found, name: "unreachable"}
        found[name] = "reachable"
    return found


def _configured(settings: Settings) -> list[str]:
    """The names of the settings that are not as they are by default."""
    return [f.name.upper() for f in dataclasses.fields(settings) if getattr(settings, f.name) != f.default]
