"""What all routes of the console share: its app, who asks, for which project, and what they say."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chalice.app import Response

from functions import settings as settings_module
from functions.entry import App, refusal
from functions.errors import FareboxError
from functions.events import body_of, headers
from functions.ledger.tables import drive
from functions.owners import asked, sign_in
from functions.owners import noted as owners_notes
from functions.owners.mine import Mine, find
from functions.owners.site import from_page
from functions.rest import Rest
from functions.settings import Settings

HEADERS = {"referrer-policy": "no-referrer", "vary": "origin", "x-content-type-options": "nosniff"}
"""On every answer."""
PROJECT = "/console/projects/{project_id}"

T = TypeVar("T")

app = App("farebox-console", readable_by_pages=False, service="console")

settings_module.get()  # with an empty secret nothing starts


def rest() -> Rest:
    """Made in the first request; again when secrets changed."""
    return _rest(settings_module.source().renew())


@functools.lru_cache(maxsize=1)
def _rest(settings: Settings) -> Rest:
    return Rest(settings, app.telemetry.healed)


@app.middleware("http")
def judge_origin(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """A page's request is answered only if it is of this site; preflights are answered here."""
    event = request.to_original_event()
    try:
        told, is_preflight = from_page(rest().settings, rest().base_url(event), event)
        response = Response("") if is_preflight else get_response(request)
    except FareboxError as error:
        app.watch.failed(error)
        told, response = {}, refusal(error)
    for name, value in (HEADERS | told).items():
        response.headers.setdefault(name, value)
    return response


def count() -> None:
    """Count a request from its client's address, before anything is looked up. Raises RateLimited."""
    drive(rest().addresses.count(rest().ledger, rest().address_scope(app.event)))


def owner() -> str:
    """Who is asking. Raises RateLimited, Unauthenticated."""
    count()
    return drive(sign_in.owner(rest().ledger, rest().settings, headers(app.event, "authorization")))


def mine(project_id: str) -> Mine:
    """The owner's project. Raises RateLimited, Unauthenticated, NotFound, in this order."""
    return drive(find(rest().ledger, rest().settings, owner(), project_id))


def noted(mine: Mine, what: str, change: Awaitable[T], about: str = "", why: object = None) -> T:
    """What a change of the owner's project gives; that they make it is noted first, and how it ended after.

    `what` is the route's name, `about` is what it is about, in names and ids. Raises BadRequest, LedgerUnavailable,
    and what the change raises.
    """
    return drive(
        owners_notes.noted(mine.ledger, mine.project_id, change, by=mine.email, what=what, about=about, why=why)
    )


def body(required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of the body, where the address has no parameters. Raises BadRequest."""
    query()
    return asked.fields(body_of(app.event), required, optional)


def query(*known: str) -> dict[str, str]:
    return asked.query(app.event.get("multiValueQueryStringParameters"), known)
