"""The models of a project, in the shape of OpenAI's API: those that its document names."""

from typing import Any

from functions.errors import NotFound
from functions.projects.project import MANAGED, Project
from functions.projects.providers import is_pattern, route_of


def listed(project: Project) -> dict[str, Any]:
    """The answer to GET /v1/models. In managed mode only what its users can ask for; patterns are no names."""
    return {"object": "list", "data": [_model(name) for name in _names(project)]}


def one(project: Project, name: str) -> dict[str, Any]:
    """The answer to GET /v1/models/{name}; in forward mode also for what a pattern stands for. Raises NotFound."""
    served = name in _names(project)
    if project.mode != MANAGED and not is_pattern(name):
        served = route_of(project.routes, name) is not None
    if not served:
        raise NotFound("There is no such model here.", param="model", code="model_not_found")
    return _model(name)


def _names(project: Project) -> list[str]:
    named = [route.pattern for route in project.routes if not is_pattern(route.pattern)]
    if project.mode != MANAGED:
        return named
    endpoints = project.endpoints.values()
    names = dict.fromkeys(str(endpoint.template["model"]) for endpoint in endpoints)
    if any("model" in endpoint.client_sets for endpoint in endpoints):
        names |= dict.fromkeys(named)
    return list(names)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "farebox"}
