"""Which of a Chalice app's routes a path means, matched as API Gateway does it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """`resource` is the route as written, such as `/users/{id}`; `parameters` are as sent, still percent-encoded."""

    resource: str
    parameters: dict[str, str]


class Routes:
    """Fixed parts of a route win over `{parameters}`; a trailing slash means nothing."""

    def __init__(self, resources: Iterable[str]) -> None:
        resources = list(resources)
        self._fixed = {resource: Match(resource, {}) for resource in resources if "{" not in resource}
        # A brace sorts after every character of a path, so fixed parts come first.
        self._variable = sorted((resource for resource in resources if "{" in resource), key=lambda r: r.split("/"))

    def match(self, path: str) -> Match | None:
        """The route of an undecoded path, None if there is none."""
        path = path.rstrip("/") or "/"
        return self._fixed.get(path) or self._match_variable(path.split("/"))

    def _match_variable(self, parts: list[str]) -> Match | None:
        for resource in self._variable:
            names = resource.split("/")
            if len(names) == len(parts) and all(_fits(name, part) for name, part in zip(names, parts, strict=True)):
                found = {name[1:-1]: part for name, part in zip(names, parts, strict=True) if name.startswith("{")}
                return Match(resource, found)
        return None


def _fits(name: str, part: str) -> bool:
    return bool(part) if name.startswith("{") else name == part
