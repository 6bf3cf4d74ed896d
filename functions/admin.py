"""Entry of the admin function: the operator's endpoints.

On AWS an authorizer and a resource policy stand in front. The same is checked here once more, so that it holds on one
machine too, and should one of them be taken away.
"""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

from chalice.app import Response

from functions import VERSION
from functions import settings as settings_module
from functions.authenticate.admin import is_operator, is_signed
from functions.cors import METHODS
from functions.entry import App, refusal
from functions.errors import Forbidden, LedgerUnavailable, NotFound
from functions.events import body_of
from functions.ledger import tables
from functions.ledger.members import DEFAULT
from functions.ledger.store import Ledger
from functions.owners import asked, bought, grants, unmatched
from functions.settings import Settings

NO_KEY = {"S": {"S": "-"}, "N": {"N": "0"}}
"""Of each type, a part of a key that no item has."""

app = App("farebox-admin", readable_by_pages=False, service="admin")

settings_module.get()  # with an empty secret nothing starts


@app.middleware("http")
def operators_only(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """One answer for all who are not the operator, whatever they ask for."""
    settings, event = settings_module.source().renew(), request.to_original_event()
    if not (is_operator(settings, event) or is_signed(settings, event)):
        error = Forbidden("This is for the operator, from the operator's network.")
        app.watch.failed(error)
        return refusal(error)
    return get_response(request)


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
    return tables.drive(grants.shown(ledger_of(settings_module.get()), project_id))


@app.answers("/admin/projects/{project_id}/grants", methods=["PUT"])
def grant_providers(project_id: str) -> dict[str, Any]:
    """Which of the operator's providers a project may use: docs/console.md."""
    names = asked.fields(body_of(app.event), required=("providers",))["providers"]
    return tables.drive(grants.grant(ledger_of(settings_module.get()), project_id, names))


@app.answers("/admin/orders")
def list_orders() -> dict[str, Any]:
    """Of the built-in project; owners see those of theirs in the console."""
    query = asked.query(app.event.get("multiValueQueryStringParameters"), ("after", "limit"))
    return tables.drive(bought.listed(ledger_of(settings_module.get()), DEFAULT, query))


@app.answers("/admin/unmatched")
def list_unmatched() -> dict[str, Any]:
    data = tables.drive(unmatched.listed(ledger_of(settings_module.get()), DEFAULT))
    return {"object": "list", "data": data}


@app.answers("/admin/unmatched/{provider}/looked-at", methods=["POST"])
def look_at_unmatched(provider: str) -> dict[str, Any]:
    about = asked.fields(body_of(app.event), required=("about",))["about"]
    return tables.drive(unmatched.looked_at(ledger_of(settings_module.get()), DEFAULT, provider, about))


@app.answers("/admin", methods=METHODS, content_types=["*/*"])
@app.answers("/admin/{proxy+}", methods=METHODS, content_types=["*/*"])
def unknown() -> Response:
    raise NotFound("There is nothing at this path.")


@functools.lru_cache(maxsize=1)
def ledger_of(settings: Settings) -> Ledger:
    """The ledger over PynamoDB; made anew when settings changed."""
    return Ledger(tables.Synchronous(settings), tables.SystemClock(), os.urandom, settings.table_prefix)


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
