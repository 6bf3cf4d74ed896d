"""The endpoints of a document: in forward mode a list, in managed mode what is made of a request to each.

{"/v1/chat/completions": {"template": {"model": "gpt-4.1-nano", "messages": [{"role": "system", "content": "…"}]},
                          "client_sets": ["temperature"]}}
"""

from collections.abc import Mapping
from typing import Any

from functions.errors import BadRequest, Forbidden
from functions.forward import body as json_body
from functions.forward.endpoints import CHAT, ENDPOINTS, MESSAGES, RESPONSES
from functions.projects import requests
from functions.projects.client_sets import SETTABLE
from functions.projects.fields import entries, fields, line, names, refused
from functions.projects.project import FORWARD, MANAGED, Endpoint, Project
from functions.projects.providers import MODEL_LENGTH_MAX

TRIED = {"messages": [{"role": "user", "content": "?"}], "prompt": "?", "input": "?"}
"""A small request to each endpoint, by which a template is tried."""
MESSAGES_MAX = 100


def endpoints(path: str, value: Any, mode: str) -> Mapping[str, Endpoint]:
    """By path, those that are served. Raises BadRequest that names the field."""
    if mode == FORWARD:
        listed = ENDPOINTS if value is None else names(path, value, ENDPOINTS)
        return {endpoint: Endpoint({}) for endpoint in listed}
    return {
        endpoint: _endpoint(f"{path}.{endpoint}", endpoint, about)
        for endpoint, about in fields(path, {} if value in (None, []) else value, ENDPOINTS).items()
    }


def _endpoint(path: str, endpoint: str, value: Any) -> Endpoint:
    about = fields(path, value, ("template", "client_sets"), ("template",))
    template, where = about["template"], f"{path}.template"
    if not isinstance(template, dict):
        raise refused(where, "must be an object")
    if "model" not in template:
        raise refused(f"{where}.model", "is required")
    line(f"{where}.model", template["model"], MODEL_LENGTH_MAX)
    if "messages" in template and endpoint in (CHAT, MESSAGES):
        for inside, message in entries(f"{where}.messages", template["messages"], MESSAGES_MAX):
            if not isinstance(message, dict) or not isinstance(message.get("role"), str):
                raise refused(f"{inside}.role", "is required")
    if endpoint == RESPONSES and not isinstance(template.get("input", []), list | str):
        raise refused(f"{where}.input", "must be a text or a list of messages")
    if not isinstance(template.get("prompt", ""), str):
        raise refused(f"{where}.prompt", "must be a text")
    sets = names(f"{path}.client_sets", about.get("client_sets", []), tuple(SETTABLE[endpoint]))
    return Endpoint(template, sets)


def try_templates(path: str, project: Project) -> None:
    """Make a small request of each template, so that what no provider takes is refused now. Raises BadRequest."""
    if project.mode != MANAGED:
        return
    raw = json_body.encode(TRIED)
    for endpoint in project.endpoints:
        where = f"{path}.{endpoint}.template"
        try:
            requests.prepare(project, endpoint, raw, template_tokens=0, all_must=True)
        except Forbidden as error:
            raise BadRequest(f"{where}.model: {error.message}", param=f"{where}.model") from None
        except BadRequest as error:
            inside = f"{where}.{error.param}" if error.param else where
            raise BadRequest(f"{inside}: {error.message}", param=inside) from None
