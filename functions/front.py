"""What all routes of the api function share: its app, and who is asking."""

import functools

from functions import settings as settings_module
from functions.entry import App
from functions.rest import Rest

app = App("farebox", readable_by_pages=True)


def rest() -> Rest:
    """Made in the first request, since packaging imports this file without settings; again when secrets changed."""
    return _rest(settings_module.source().renew())


@functools.lru_cache(maxsize=1)
def _rest(settings: settings_module.Settings) -> Rest:
    return Rest(settings, app.telemetry.healed)


if settings_module.get().on_lambda:
    rest()  # a deployment with malformed settings or rules never starts
