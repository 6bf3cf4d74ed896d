"""The providers of a document, and which of them serve which models.

{"openai": {"preset": "openai"}, "mine": {"kind": "openai", "base_url": "https://llm.example/v1"},
 "home": {"operator": "llama"}}
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from functions.forward import hosted
from functions.forward.providers import KINDS, LLAMA, Provider
from functions.projects import presets
from functions.projects.fields import choice, entries, fields, line, refused, seconds, whole
from functions.projects.project import Route, Target

if TYPE_CHECKING:
    from functions.projects.operators import OperatorProvider


class CheckUrl(Protocol):
    """Takes the field's path and a URL, gives the URL; raises BadRequest where it may not be called."""

    def __call__(self, path: str, url: str, *, query: bool = False) -> str: ...


NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
PROVIDERS_MAX = 20
ROUTES_MAX = 200
TARGETS_MAX = 10
MODEL_LENGTH_MAX = 100
URL_LENGTH_MAX = 2048
OUTPUT_TOKENS_MAX = 10_000_000
TIMES_S = {"connect_s": (0.1, 60), "first_byte_s": (1, 900), "idle_s": (1, 900), "cooldown_s": (0, 3600)}
"""Bounds of each, in seconds; the most that a function may run is 900."""
TUNED = ("limit_name", "output_tokens", *TIMES_S, "client_left")


def all_of(
    path: str, value: Any, operators: "Mapping[str, OperatorProvider]", check_url: CheckUrl
) -> Mapping[str, Provider]:
    """A document's providers by name. Raises BadRequest that names the field."""
    if not isinstance(value, dict):
        raise refused(path, "must be an object of providers by name")
    if len(value) > PROVIDERS_MAX:
        raise refused(path, f"may have {PROVIDERS_MAX} at most")
    found = {}
    for name, about in value.items():
        if not NAME.fullmatch(name):
            raise refused(f"{path}.{name[:60]}", "must be a name of 1 to 40 small letters, digits, - and _")
        where = f"{path}.{name}"
        if isinstance(about, dict) and "operator" in about:
            operator = fields(where, about, ("operator",))["operator"]
            named = operators.get(operator) if isinstance(operator, str) else None
            if named is None:
                raise refused(f"{where}.operator", "names no provider of the operator")
            found[name] = replace(named.provider, name=name, operator=operator, base_url="")
        else:
            found[name] = own(where, name, about, check_url)
    return found


def own(path: str, name: str, value: Any, check_url: CheckUrl) -> Provider:
    """One provider with an address: of a preset, or described. Raises BadRequest that names the field."""
    about: dict[str, Any]
    if isinstance(value, dict) and "preset" in value:
        preset = choice(f"{path}.preset", value["preset"], tuple(presets.PROVIDERS))
        given = fields(path, value, ("preset", *TUNED))
        about = dict(presets.PROVIDERS[preset])
    else:
        given = fields(path, value, ("kind", "base_url", *TUNED), ("kind", "base_url"))
        kind = choice(f"{path}.kind", given["kind"], KINDS)
        url = check_url(f"{path}.base_url", line(f"{path}.base_url", given["base_url"], URL_LENGTH_MAX)).rstrip("/")
        if "?" in url:
            raise refused(f"{path}.base_url", "must have no query")
        about = {"kind": kind, "base_url": url, "client_left": "stop" if kind == LLAMA else "drain"}
    about |= _tuned(path, given)
    return Provider(name=name, **about)


def _tuned(path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    tuned: dict[str, Any] = {}
    for name, (least, most) in TIMES_S.items():
        if name in given:
            tuned[name] = seconds(f"{path}.{name}", given[name], least, most)
    if "output_tokens" in given:
        tuned["output_tokens"] = whole(f"{path}.output_tokens", given["output_tokens"], 1, OUTPUT_TOKENS_MAX)
    for name, choices in (("limit_name", ("max_tokens", "max_completion_tokens")), ("client_left", ("stop", "drain"))):
        if name in given:
            tuned[name] = choice(f"{path}.{name}", given[name], choices)
    return tuned


def routes(path: str, value: Any, providers: Mapping[str, Provider]) -> tuple[Route, ...]:
    """Which providers serve the models, in the order written. Raises BadRequest that names the field."""
    found: list[Route] = []
    for where, entry in entries(path, value, ROUTES_MAX):
        about = fields(where, entry, ("model", "providers"), ("model", "providers"))
        pattern = line(f"{where}.model", about["model"], MODEL_LENGTH_MAX)
        if any(route.pattern == pattern for route in found):
            raise refused(f"{where}.model", "stands there already")
        listed = entries(f"{where}.providers", about["providers"], TARGETS_MAX, 1)
        targets = tuple(target(inside, each, providers) for inside, each in listed)
        found.append(Route(pattern, targets))
    return tuple(found)


def target(path: str, value: Any, providers: Mapping[str, Provider]) -> Target:
    """A provider that is there, and the model's name with it where that is another."""
    about = fields(path, value, ("provider", "model"), ("provider",))
    name = about["provider"]
    if not isinstance(name, str) or name not in providers:
        raise refused(f"{path}.provider", "names none of the document's providers")
    return Target(name, line(f"{path}.model", about["model"], MODEL_LENGTH_MAX) if "model" in about else "")


def route_of(routes: tuple[Route, ...], model: str) -> Route | None:
    """The first route whose pattern matches; `*` is any text, `?` one character, case matters."""
    return next((route for route in routes if fnmatchcase(model, route.pattern.replace("[", "[[]"))), None)


def is_pattern(name: str) -> bool:
    """Whether a route's name stands for many models."""
    return "*" in name or "?" in name


def serves(provider: Provider, endpoint: str) -> bool:
    """Whether a provider of this kind has the endpoint."""
    return hosted.serves(provider.kind, endpoint)
