"""What is served: the routes that the functions' own tables have."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import app as api
from functions import admin, console, webhooks
from functions.entry import ANY, App
from functions.forward.endpoints import ENDPOINTS
from functions.routing import Match

APPS: Sequence[App] = (api.app, console.app, admin.app, webhooks.app)
METHODS_UNTOLD = ("HEAD", "OPTIONS", ANY)
"""HEAD is as GET, OPTIONS is every browser's, and the last is API Gateway's own word."""


@dataclass(frozen=True, order=True)
class Route:
    """One method of one path. `content_types` are those of a body that it takes; `*/*` takes any."""

    path: str
    method: str
    content_types: tuple[str, ...] = ()


def served() -> tuple[Route, ...]:
    """Every route of every function, but those that catch what is none."""
    found = [Route(path, "POST", ("*/*",)) for path in ENDPOINTS]  # the streaming function's
    for each in APPS:
        catching = {
            _view(entry) for path, methods in each.routes.items() for entry in methods.values() if _greedy(path)
        }
        found += [
            Route(path, method, tuple(entry.content_types))
            for path, methods in each.routes.items()
            for method, entry in methods.items()
            if method not in METHODS_UNTOLD and _view(entry) not in catching
        ]
    return tuple(sorted(found))


def _greedy(path: str) -> bool:
    return Match(path, {}).is_greedy


def _view(entry: Any) -> Any:
    """The function that answers, without what was put around it."""
    return inspect.unwrap(entry.view_function)
