"""What all routes of the api function share: its app, and who is asking."""

import functools

from chalice.app import Response

from functions import settings as settings_module
from functions.accounts import pages
from functions.entry import App
from functions.errors import FareboxError
from functions.rest import Rest

app = App("farebox", readable_by_pages=True)


def rest() -> Rest:
    """Made in the first request, since packaging imports this file without settings; again when secrets changed."""
    return _rest(settings_module.source().renew())


@functools.lru_cache(maxsize=1)
def _rest(settings: settings_module.Settings) -> Rest:
    return Rest(settings, app.telemetry.healed)


def problem(error: FareboxError) -> Response:
    """An error of ours for a browser."""
    told: dict[str, str | list[str]] = {**error.headers, **pages.HEADERS}
    return Response(pages.problem_page(error), status_code=error.status, headers=told)


def see_other(url: str) -> Response:
    """Send a browser on, without telling there where it came from."""
    return Response("", status_code=303, headers={"location": url, "referrer-policy": "no-referrer"})


if settings_module.get().on_lambda:
    rest()  # a deployment with malformed settings or rules never starts
