"""A request to a project, made ready for each provider that may answer it.

Managed mode builds it from the project's template; forward mode keeps it as it was sent, but for the model's name where
the document gives it another name with that provider.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.errors import BadRequest, Forbidden, TooLarge
from functions.forward import body as json_body
from functions.forward import hosted
from functions.forward.endpoints import MODERATIONS
from functions.forward.llama import LIMIT_NAMES, Prepared
from functions.forward.providers import LLAMA, Provider
from functions.projects.managed import build
from functions.projects.project import MANAGED, Project, Route, Target
from functions.projects.providers import is_pattern, route_of, serves
from functions.projects.written import by_user

MODEL_LENGTH_MAX = 200
MANAGED_BODY_BYTES_MAX = 1_000_000
"""Of a request without images in managed mode, whose key may be public: nobody writes more, and no model reads more."""


@dataclass(frozen=True)
class Order:
    """A request that was checked, in the form that each provider takes, in the order in which they are asked."""

    model: str
    """The name by which its users know the model, and by which it is priced."""
    candidates: tuple[tuple[Target, Provider, Prepared], ...]
    """One at least."""
    texts: tuple[str, ...]
    """What the user wrote, for patterns and moderation; in managed mode all that the client did."""


def prepare(project: Project, endpoint: str, raw: bytes, template_tokens: int, *, all_must: bool = False) -> Order:
    """Check a request and bound what it can cost, provider by provider.

    `template_tokens` is what a llama-server's chat template adds at most. A provider that does not take the request is
    left out, unless `all_must`. Raises BadRequest that names the field; TooLarge; Forbidden for an endpoint or a model
    that the project does not serve.
    """
    served = project.endpoints.get(endpoint)
    if served is None:
        raise Forbidden(f"This project does not serve {endpoint}.", code="endpoint_not_allowed")
    managed = project.mode == MANAGED
    if managed and not project.images and len(raw) > MANAGED_BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {MANAGED_BODY_BYTES_MAX} bytes.")
    body = json_body.parse(raw)
    if managed:
        sent, texts = build(endpoint, served, body, images=project.images)
        size = len(json_body.encode(sent))
    else:
        sent, texts, size = body, (), len(raw)
    model = _model(endpoint, sent)
    route = _route(project, model, exact=managed and model != served.template["model"])
    candidates, wrong = [], None
    for target, provider, form in _forms(project, route, _Asked(endpoint, sent, model, size, template_tokens)):
        if isinstance(form, Prepared):
            renamed = model if target.model not in ("", model) else ""
            candidates.append((target, provider, replace(form, asked_model=renamed)))
        elif all_must:
            raise form
        else:
            wrong = wrong or form
    if wrong and not candidates:
        raise wrong
    if not candidates:
        raise _not_served(f"The model {model[:100]!r} is not served at {endpoint}.")
    return Order(model, tuple(candidates), texts if managed else by_user(body.get(hosted.CONTENT[endpoint])))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request before a provider's own form: its body, and how many bytes of it the model may have to read."""

    endpoint: str
    body: dict[str, Any]
    model: str
    size: int
    template_tokens: int

    def named(self, model: str) -> dict[str, Any]:
        """The body, with a model's name in its first place: there `_renamed` finds it."""
        return {"model": model} | self.body | {"model": model} if model else self.body

    @property
    def names_limit(self) -> bool:
        return any(self.body.get(name) is not None for name in LIMIT_NAMES)


def _forms(project: Project, route: Route, asked: _Asked) -> Iterator[tuple[Target, Provider, Prepared | BadRequest]]:
    """A request as each provider of a route takes it, or why one does not.

    It may be megabytes long, and a route has up to ten providers: of those that take it alike, it is checked and
    written for the first, and the others' differ in the model's name and the output limit.
    """
    first: dict[tuple[str | int, ...], Prepared | BadRequest] = {}
    for target in route.targets:
        provider, model = project.providers[target.provider], target.model or asked.model
        if not serves(provider, asked.endpoint):
            continue
        way = _way(project, provider, model)
        form = first.get(way)
        if form is None:
            form = first[way] = _form(project, provider, asked, model)
        elif isinstance(form, Prepared):
            if form.limit_name and not asked.names_limit:
                form = replace(form, output_limit=provider.output_tokens * form.choices)
            form = _renamed(form, model) or _form(project, provider, asked, model)
        yield target, provider, form


def _way(project: Project, provider: Provider, model: str) -> tuple[str | int, ...]:
    """Providers of the same way take a request alike. What is built for a llama-server hangs on more than its kind."""
    if provider.kind == LLAMA and project.mode == MANAGED:
        return provider.kind, provider.output_tokens, model
    return provider.kind, provider.limit_name


def _renamed(form: Prepared, model: str) -> Prepared | None:
    """The same request for another model; None where its name is not found at the beginning of the body."""
    if form.model == model:
        return form
    was, name = (json_body.encode({"model": each})[:-1] for each in (form.model, model))
    if not form.head.startswith(was) or not form.whole.startswith(was if form.whole else b""):
        return None
    return replace(
        form,
        model=model,
        head=name + form.head[len(was) :],
        whole=form.whole and name + form.whole[len(was) :],
        input_bound=form.input_bound + max(0, len(name) - len(was)),
    )


def _form(project: Project, provider: Provider, asked: _Asked, model: str) -> Prepared | BadRequest:
    """The request as one provider takes it, or why it does not."""
    try:
        return hosted.prepare(
            provider.kind,
            asked.endpoint,
            asked.named(model),
            asked.size,
            limit_name=provider.limit_name,
            output_limit=provider.output_tokens,
            fields=project.fields,
            trusted=project.mode == MANAGED,
            template_tokens=asked.template_tokens if provider.kind == LLAMA else hosted.TEMPLATE_TOKENS,
        )
    except BadRequest as error:
        return error


def _model(endpoint: str, sent: Mapping[str, Any]) -> str:
    """The model that is asked for; "" where a moderation names none: its provider has one that it takes then."""
    model = sent.get("model")
    if model is None and endpoint == MODERATIONS:
        return ""
    if not isinstance(model, str) or not 0 < len(model) <= MODEL_LENGTH_MAX:
        raise BadRequest(f"model must be a name of 1 to {MODEL_LENGTH_MAX} characters.", param="model")
    return model


def _route(project: Project, model: str, *, exact: bool) -> Route:
    """The route of a model; one that a client of managed mode asks for must be listed by its very name.

    Without a name it is the first that serves any model.
    """
    route = route_of(project.routes, model)
    if route is None and not model:
        raise BadRequest("model is required: this project serves models by their names.", param="model")
    if route is None or (exact and (route.pattern != model or is_pattern(model))):
        raise _not_served(f"This project does not serve the model {model[:100]!r}.")
    return route


def _not_served(message: str) -> Forbidden:
    return Forbidden(message, code="model_not_allowed", param="model")
