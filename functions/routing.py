"""Which of an API's resources a path means, matched as API Gateway does it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """`resource` is the route as written, such as `/users/{id}`; `parameters` are as sent, still percent-encoded."""

    resource: str
    parameters: dict[str, str]

    @property
    def is_greedy(self) -> bool:
        """Whether the resource takes all that begins as it does, as `/users/{proxy+}` does."""
        return self.resource.endswith("+}")


class Routes:
    """Fixed parts of a route win over `{parameters}`, these over `{greedy+}` ones; a trailing slash means nothing."""

    def __init__(self, resources: Iterable[str]) -> None:
        self._resources = sorted(resources, key=_precedence)

    def match(self, path: str) -> Match | None:
        """The route of an undecoded path, None if there is none."""
        return next(self.matches(path), None)

    def matches(self, path: str) -> Iterator[Match]:
        """Every route that fits an undecoded path, the most specific first."""
        parts = (path.rstrip("/") or "/").split("/")
        for resource in self._resources:
            parameters = _fit(resource.split("/"), parts)
            if parameters is not None:
                yield Match(resource, parameters)


def _precedence(resource: str) -> list[tuple[int, str]]:
    return [(2 if part.endswith("+}") else 1 if part.startswith("{") else 0, part) for part in resource.split("/")]


def _fit(names: list[str], parts: list[str]) -> dict[str, str] | None:
    """The parameters of a path whose parts fit a resource's; None where they do not."""
    if names[-1].endswith("+}"):
        parts = [*parts[: len(names) - 1], "/".join(parts[len(names) - 1 :])]
    if len(names) != len(parts):
        return None
    found = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{") and part:
            found[name.strip("{+}")] = part
        elif name != part:
            return None
    return found
