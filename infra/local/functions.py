"""The functions behind the local API Gateway, and which paths and methods it passes on to each."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from functions.entry import ANY
from functions.routing import Match, Routes
from infra.local.authorizing import Authorizer

OPERATOR = ("/admin", "/admin/{proxy+}")
"""What API Gateway passes on to the admin function, whose own routes are told apart by it."""
CONSOLE = ("/console", "/console/{proxy+}")
"""The same, of the console function."""


@dataclass(frozen=True)
class Function:
    """One Lambda function: a Chalice app, in one environment, which serves one request at a time."""

    app: Any
    resources: Mapping[str, frozenset[str]]
    """Of each path, the methods; ANY is all of them."""
    readable_by_pages: bool = True
    authorizer: Authorizer | None = None
    """Asked before every request but a preflight, which carries no key."""
    one_at_a_time: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))


def routed(app: Any) -> Function:
    """A function behind exactly the routes that its Chalice app declares, as Chalice packages it."""
    resources = {path: frozenset(methods) for path, methods in app.routes.items()}
    return Function(app, resources, getattr(app, "readable_by_pages", True))


def operators(app: Any, authorizer: Authorizer) -> Function:
    """The admin function, behind its authorizer."""
    return Function(app, {path: frozenset({ANY}) for path in OPERATOR}, app.readable_by_pages, authorizer)


def owners(app: Any) -> Function:
    """The console function. It says itself which pages may read it."""
    return Function(app, {path: frozenset({ANY}) for path in CONSOLE}, app.readable_by_pages)


class Resources:
    """What an API's paths and methods mean."""

    def __init__(self, functions: list[Function]) -> None:
        self._functions = {resource: function for function in functions for resource in function.resources}
        self._routes = Routes(self._functions)

    def find(self, path: str, method: str) -> tuple[Function, Match] | None:
        """The function that takes a method of an undecoded path.

        A resource that does not take the method leaves it to a greedy one, as API Gateway does.
        """
        for number, match in enumerate(self._routes.matches(path)):
            function = self._functions[match.resource]
            taken = function.resources[match.resource]
            if (number == 0 or match.is_greedy) and (method in taken or ANY in taken):
                return function, match
        return None
