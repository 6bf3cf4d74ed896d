"""A project's document: what its owner writes, in JSON, and the project that comes of it. Fields: docs/projects.md.

It is checked as a whole: unknown fields, names that lead nowhere, URLs that may not be called, templates that a
provider would not take. An error names the field by its path, such as `auth.jwt.issuers[0].domain`.
"""

import re
from collections.abc import Mapping
from typing import Any

from functions.admit import rules
from functions.errors import BadRequest
from functions.forward import body as json_body
from functions.forward import llama
from functions.outbound import Networks, check_url
from functions.projects.abuse import abuse
from functions.projects.endpoints import endpoints, try_templates
from functions.projects.fields import choice, entries, fields, line, refused, truth, whole
from functions.projects.methods import methods
from functions.projects.notices import notices
from functions.projects.operators import OperatorProvider
from functions.projects.operators import llama as llama_of
from functions.projects.packs import check_built_in, check_purchases, packs
from functions.projects.payments import payments
from functions.projects.project import DEFAULT, FORWARD, KEY, MANAGED, Endpoint, Method, Project, Route, Target
from functions.projects.providers import all_of, routes
from functions.settings import Settings

FORMAT = 1
BYTES_MAX = 100_000
ORIGINS_MAX = 100
FIELDS_MAX = 100
OPTIONAL = (
    *("format", "providers", "models", "endpoints", "fields", "images", "origins", "abuse"),
    *("packs", "payments", "notices"),
)
REQUIRED = ("name", "mode", "auth")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.\[\]:_-]+|null")


def parse(
    project_id: str,
    version: int,
    value: Mapping[str, Any],
    *,
    allowed: Networks,
    operators: Mapping[str, OperatorProvider],
) -> Project:
    """The project of a document. Raises BadRequest whose `param` is the path of the field that is wrong.

    `allowed` are networks that its URLs may reach besides public ones; `operators` are the operator's providers.
    """

    def check(path: str, url: str, *, query: bool = False) -> str:
        return check_url(path, url, allowed, query=query)

    about = fields("", value, (*REQUIRED, *OPTIONAL), REQUIRED)
    _check_size(about)
    whole("format", about.get("format", FORMAT), FORMAT, FORMAT)
    mode = choice("mode", about["mode"], (MANAGED, FORWARD))
    providers = all_of("providers", about.get("providers", {}), operators, check)
    project = Project(
        project_id=project_id,
        version=version,
        name=line("name", about["name"], 100),
        mode=mode,
        methods=methods("auth", about["auth"], mode, check),
        providers=providers,
        routes=routes("models", about.get("models", []), providers),
        endpoints=endpoints("endpoints", about.get("endpoints"), mode),
        fields=_fields(about.get("fields", []), mode),
        images=_images(about.get("images", False), mode),
        origins=frozenset(_origin(*entry) for entry in entries("origins", about.get("origins", []), ORIGINS_MAX)),
        abuse=abuse("abuse", about["abuse"], providers) if about.get("abuse") is not None else None,
        packs=packs("packs", about.get("packs", []), for_sale=bool(about.get("payments"))),
        payments=payments("payments", about.get("payments", {}), check),
        notices_url=notices("notices", about["notices"], check) if about.get("notices") is not None else "",
    )
    own = [method for name, method in project.methods.items() if "rules" in about["auth"][name]]
    check_purchases("auth", own, project.packs)
    try_templates("endpoints", project)
    return project


def new(name: str) -> dict[str, Any]:
    """The document of a project that was just made: anybody may come in, a little; nothing is served yet."""
    few = {"user": {"minute": 5, "hour": 30, "day": 100}, "method": {"day": 1000}}
    auth = {"no_auth": {"rules": {"limits": few}}, "test": {"rules": {"limits": few}}}
    return {"format": FORMAT, "name": name, "mode": MANAGED, "auth": auth}


def of_settings(settings: Settings) -> Project:
    """The built-in project: everybody comes with a key, and the llama-server answers. Raises SettingsError."""
    return Project(
        project_id=DEFAULT,
        version=0,
        name=DEFAULT,
        mode=DEFAULT,
        methods={KEY: Method(KEY, check_built_in(rules.of(settings, KEY)))},
        providers={"llama": llama_of(settings)},
        routes=(Route("*", (Target("llama"),)),),
        endpoints={path: Endpoint({}) for path in llama.ENDPOINTS},
    )


def _check_size(value: Mapping[str, Any]) -> None:
    try:
        size = len(json_body.encode(dict(value)))
    except (ValueError, TypeError, RecursionError):
        raise BadRequest("The document must be JSON.") from None
    if size > BYTES_MAX:
        raise BadRequest(f"The document is {size} bytes long; at most {BYTES_MAX} are allowed.")


def _fields(value: Any, mode: str) -> frozenset[str]:
    listed = entries("fields", value, FIELDS_MAX)
    if listed and mode != FORWARD:
        raise refused("fields", "is for forward mode: in managed mode a template may hold any field")
    return frozenset(line(path, entry, 100) for path, entry in listed)


def _images(value: Any, mode: str) -> bool:
    images = truth("images", value)
    if images and mode != MANAGED:
        raise refused("images", "is for managed mode: in forward mode images go on as they are")
    return images


def _origin(path: str, value: Any) -> str:
    """As browsers send it: scheme, host, and the port where it is not the usual one."""
    origin = line(path, value, 300).lower()
    if not _ORIGIN.fullmatch(origin):
        raise refused(path, "must be an origin such as https://app.example, or null")
    scheme, _, host = origin.partition("://")
    usual = {"https": ":443", "http": ":80"}.get(scheme, "")
    return origin.removesuffix(usual) if usual and host.count(":") == 1 else origin
