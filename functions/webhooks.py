"""Entry of the webhooks function: what payment providers tell.

The signature comes first, on the raw body. 2xx is answered only when what an event brings is in the ledger; after any
other answer the provider sends it again. docs/payments.md
"""

import functools
import logging
import re
import time
from collections.abc import Callable

from functions import settings as settings_module
from functions.entry import App
from functions.errors import BadRequest, NotFound
from functions.events import body_of, headers
from functions.ledger import ids
from functions.ledger.tables import drive
from functions.payments import provider
from functions.payments.events import handle
from functions.payments.till import DEFAULT, Till
from functions.settings import Settings

ANY_TYPE = ["*/*"]
PROJECT_ID = re.compile(f"[{ids.ALPHABET}]{{{ids.PROJECT_DIGITS}}}")
LOGGED = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
"""Of an event's id and kind: anything else is somebody's text."""

log = logging.getLogger("farebox.webhooks")

app = App("farebox-webhooks", readable_by_pages=False, service="webhooks")

settings_module.get()  # with an empty secret nothing starts


def till() -> Till:
    """Made in the first request; again when secrets changed."""
    return _till(settings_module.source().renew())


@functools.lru_cache(maxsize=1)
def _till(settings: Settings) -> Till:
    return Till(settings, app.telemetry.healed)


def _receive(name: str, project_id: str = DEFAULT) -> dict[str, bool]:
    """Take an event of a connection. Raises BadRequest where it is not the provider's."""
    event, connection = app.event, till().connection(project_id, name)
    try:
        told = provider.adapter(name).receive(
            connection, lambda header: headers(event, header), body_of(event), time.time()
        )
    except BadRequest as error:
        log.warning("project %s: an event that is not %s's was refused: %s", project_id, name, error.param)
        raise
    handled = drive(handle(till().ledger, connection, told))
    shown = [text if LOGGED.fullmatch(text) else "?" for text in (told.event_id, told.kind)]
    log.info("project %s: %s event %s of type %s, handled: %s", project_id, name, *shown, handled)
    return {"received": True, "handled": handled}


def _routes(name: str) -> None:
    """The addresses of a provider's events: of the built-in project, and of any other."""

    def of_default() -> dict[str, bool]:
        return _receive(name)

    def of_project(project_id: str) -> dict[str, bool]:
        if not PROJECT_ID.fullmatch(project_id):
            raise NotFound("There is no such connection.")
        return _receive(name, project_id)

    views: dict[str, Callable[..., dict[str, bool]]] = {
        f"/{name}/webhook": of_default,
        f"/projects/{{project_id}}/{name}/webhook": of_project,
    }
    for path, view in views.items():
        app.answers(path, methods=["POST"], content_types=ANY_TYPE)(view)


for each in provider.PROVIDERS:
    _routes(each)
