"""A request to a project, made ready for each provider that may answer it.

Managed mode builds it from the project's template; forward mode keeps it as it was sent, but for the model's name where
the document gives it another name with that provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.errors import BadRequest, Forbidden
from functions.forward import body as json_body
from functions.forward import hosted
from functions.forward.llama import Prepared
from functions.forward.providers import LLAMA, Provider
from functions.projects.managed import build
from functions.projects.project import MANAGED, Project, Route, Target
from functions.projects.providers import is_pattern, route_of, serves
from functions.projects.written import texts

MODEL_LENGTH_MAX = 200


@dataclass(frozen=True)
class Order:
    """A request that was checked, in the form that each provider takes, in the order in which they are asked."""

    model: str
    """The name by which its users know the model, and by which it is priced."""
    candidates: tuple[tuple[Target, Provider, Prepared], ...]
    """One at least."""
    texts: tuple[str, ...]
    """What the user wrote, for patterns and moderation."""


def prepare(project: Project, endpoint: str, raw: bytes, template_tokens: int, *, all_must: bool = False) -> Order:
    """Check a request and bound what it can cost, provider by provider.

    `template_tokens` is what a llama-server's chat template adds at most. A provider that does not take the request is
    left out, unless `all_must`. Raises BadRequest that names the field; Forbidden for an endpoint or a model that the
    project does not serve.
    """
    served = project.endpoints.get(endpoint)
    if served is None:
        raise Forbidden(f"This project does not serve {endpoint}.", code="endpoint_not_allowed")
    body = json_body.parse(raw)
    managed = project.mode == MANAGED
    if managed:
        sent, said = build(endpoint, served, body, images=project.images)
        size = len(json_body.encode(sent))
    else:
        sent, said, size = body, body.get(hosted.CONTENT[endpoint]), len(raw)
    model = _model(sent)
    route = _route(project, model, exact=managed and model != served.template["model"])
    candidates, wrong = [], None
    for target in route.targets:
        provider = project.providers[target.provider]
        if not serves(provider, endpoint):
            continue
        asked = _Asked(endpoint, sent | {"model": target.model or model}, size, template_tokens)
        try:
            prepared = _form(project, provider, asked)
        except BadRequest as error:
            if all_must:
                raise
            wrong = wrong or error
        else:
            renamed = model if target.model not in ("", model) else ""
            candidates.append((target, provider, replace(prepared, asked_model=renamed)))
    if wrong and not candidates:
        raise wrong
    if not candidates:
        raise _not_served(f"The model {model[:100]!r} is not served at {endpoint}.")
    return Order(model, tuple(candidates), texts(said))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request before a provider's own form: its body, and how many bytes of it the model may have to read."""

    endpoint: str
    body: dict[str, Any]
    size: int
    template_tokens: int


def _form(project: Project, provider: Provider, asked: _Asked) -> Prepared:
    """The request as one provider takes it."""
    return hosted.prepare(
        provider.kind,
        asked.endpoint,
        asked.body,
        asked.size,
        limit_name=provider.limit_name,
        output_limit=provider.output_tokens,
        fields=project.fields,
        trusted=project.mode == MANAGED,
        template_tokens=asked.template_tokens if provider.kind == LLAMA else hosted.TEMPLATE_TOKENS,
    )


def _model(sent: Mapping[str, Any]) -> str:
    model = sent.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MODEL_LENGTH_MAX:
        raise BadRequest(f"model must be a name of 1 to {MODEL_LENGTH_MAX} characters.", param="model")
    return model


def _route(project: Project, model: str, *, exact: bool) -> Route:
    """The route of a model; one that a client of managed mode asks for must be listed by its very name."""
    route = route_of(project.routes, model)
    if route is None or (exact and (route.pattern != model or is_pattern(model))):
        raise _not_served(f"This project does not serve the model {model[:100]!r}.")
    return route


def _not_served(message: str) -> Forbidden:
    return Forbidden(message, code="model_not_allowed", param="model")
