"""How a document lets users be known: auth methods, their rules, and whose tokens are believed.

{"no_auth": {"rules": {…}}, "test": {}, "key": {},
 "jwt": {"rules": {…}, "issuers": [{"preset": "firebase", "project": "my-app"}]}}
"""

import re
from collections.abc import Mapping
from typing import Any

from functions.admit import rules
from functions.admit.prices import RulesError
from functions.admit.rules import Rules
from functions.authenticate import issuers
from functions.authenticate.issuers import ASYMMETRIC, Issuer
from functions.errors import BadRequest
from functions.projects.fields import choice, entries, fields, line, names, refused, truth
from functions.projects.project import FORWARD, JWT, METHODS, TEST, Method
from functions.projects.providers import CheckUrl

ISSUERS_MAX = 10
AUDIENCES_MAX = 20
FIREBASE_PROJECT = re.compile(r"[a-z][a-z0-9-]{3,39}")
SUPABASE_PROJECT = re.compile(r"[a-z0-9]{1,40}")
DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?")
PRESETS = ("firebase", "supabase", "auth0")


def methods(path: str, value: Any, mode: str, check_url: CheckUrl) -> Mapping[str, Method]:
    """The methods that are on. Raises BadRequest that names the field."""
    document = fields(path, value, METHODS)
    if not document:
        raise refused(path, "must have a method at least: nobody could come in")
    if mode == FORWARD and TEST in document:
        raise refused(f"{path}.{TEST}", "is not for forward mode")
    found = {}
    for name, about in document.items():
        where = f"{path}.{name}"
        known = ("rules", "issuers") if name == JWT else ("rules",)
        about = fields(where, about, known, known[1:])  # noqa: PLW2901  checked
        signers = tuple(
            _issuer(inside, entry, check_url)
            for inside, entry in entries(f"{where}.issuers", about.get("issuers", []), ISSUERS_MAX, int(name == JWT))
        )
        found[name] = Method(name, _rules(where, about, name, document), signers)
    _check_shards(path, found)
    return found


def _rules(path: str, about: Mapping[str, Any], name: str, document: Mapping[str, Any]) -> Rules:
    """The rules of a method. A test token's are those of the tokens that it stands for, where it has none."""
    if name == TEST and "rules" not in about and isinstance(document.get(JWT), dict):
        path, about = path.removesuffix(TEST) + JWT, document[JWT]
    try:
        return rules.of_project(f"{path}.rules", about.get("rules", {}), name)
    except RulesError as error:
        raise BadRequest(f"{error}.", param=error.path[:200]) from None


def _check_shards(path: str, found: Mapping[str, Method]) -> None:
    """All methods count the project in the same items; in different numbers of them, they would share it out apart."""
    counting = [method for method in found.values() if any(not limit.group for limit in method.rules.total_limits)]
    for method in found.values():
        if counting and method.rules.shards != counting[0].rules.shards:
            raise refused(
                f"{path}.{method.name}.rules.limits.shards",
                f"must be as in {counting[0].name}, for they count the project together",
            )


def _issuer(path: str, value: Any, check_url: CheckUrl) -> Issuer:
    if isinstance(value, dict) and "preset" in value:
        return _preset(path, value, check_url)
    about = fields(path, value, ("issuer", "audience", "jwks_url", "algorithms"), ("issuer", "audience"))
    url = check_url(f"{path}.issuer", line(f"{path}.issuer", about["issuer"], 2048))
    listed = about["audience"] if isinstance(about["audience"], list) else [about["audience"]]
    audiences = entries(f"{path}.audience", listed, AUDIENCES_MAX, 1)
    algorithms: tuple[str, ...] = ASYMMETRIC
    if "algorithms" in about:
        algorithms = names(f"{path}.algorithms", about["algorithms"], ASYMMETRIC)
        if not algorithms:
            raise refused(f"{path}.algorithms", f"must name one at least of {', '.join(ASYMMETRIC)}")
    keys = ""
    if "jwks_url" in about:
        keys = check_url(f"{path}.jwks_url", line(f"{path}.jwks_url", about["jwks_url"], 2048), query=True)
    return Issuer(url, tuple(line(where, each, 255) for where, each in audiences), algorithms, keys)


def _preset(path: str, value: Mapping[str, Any], check_url: CheckUrl) -> Issuer:
    preset = choice(f"{path}.preset", value["preset"], PRESETS)
    if preset == "auth0":
        about = fields(path, value, ("preset", "domain", "audience"), ("domain", "audience"))
        domain = _matching(f"{path}.domain", about["domain"], DOMAIN, "a domain such as app.eu.auth0.com")
        made = issuers.auth0(domain, line(f"{path}.audience", about["audience"], 255))
        check_url(f"{path}.domain", made.issuer)
        return made
    known = ("preset", "project") if preset == "firebase" else ("preset", "project", "shared_secret")
    about = fields(path, value, known, ("project",))
    if preset == "firebase":
        project = _matching(f"{path}.project", about["project"], FIREBASE_PROJECT, "the id of a Firebase project")
        return issuers.firebase(project)
    project = _matching(f"{path}.project", about["project"], SUPABASE_PROJECT, "the reference of a Supabase project")
    shared = truth(f"{path}.shared_secret", about.get("shared_secret", False))
    return issuers.supabase(project, f"issuer/{project}" if shared else "")


def _matching(path: str, value: Any, form: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise refused(path, f"must be {what}")
    return value
