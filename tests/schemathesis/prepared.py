"""What a request that Schemathesis made is given before it is sent: a caller, and ids of things that are there.

Schemathesis knows the forms of things, not which of them exist. Without this nearly every answer would be 401 or 404.
"""

import json
import random
from collections import defaultdict, deque
from collections.abc import Callable

from schemathesis.core.parameters import ParameterLocation

from functions.ledger import sessions, tables
from infra.local.llama import MODEL_FILE
from tests.entries.keys import as_admin
from tests.owners.owner import new_owner
from tests.payments.shop import PACKS, PROVIDERS
from tests.payments.standins.base import Delivery
from tests.schemathesis.cases import POSITIVE, Made
from tests.schemathesis.stage import EMBEDDINGS, HOSTED, MESSAGES, MODERATIONS, Headers, Stage, bearer
from tests.schemathesis.things import ONCE, PROJECT, Values, deliveries, project_user

USERS = "user"
CALLERS = {USERS: "user", "owner": "owner", "operator": "operator"}
KEYS = ("Authorization", "X-Api-Key", "X-User-Token", "X-PromptProxy-Key", "Origin")
RIGHT_SHARE = 0.85
"""Of the requests, those whose caller may do what they ask."""


def callers(stage: Stage) -> dict[str, Callable[[], Headers]]:
    """Everybody who asks, and what they show."""
    return {
        "nobody": dict,
        "user": lambda: bearer(stage.user),
        "user without credits": lambda: bearer(stage.poor),
        "user of a project": stage.signed_in,
        "address of a project": lambda: bearer(stage.managed.key),
        "back-end": lambda: bearer(stage.projects["forward"].key),
        "owner": lambda: bearer(stage.owner.session),
        "another owner": lambda: bearer(stage.another.session),
        "operator": as_admin,
        "somebody with a wrong key": lambda: bearer("sk-" + "x" * 43),
    }


RIGHT = {
    "user": ("user", "user of a project", "user", "back-end", "address of a project"),
    "owner": ("owner",),
    "operator": ("operator",),
    "anybody": ("nobody",),
    "payment provider": ("nobody",),
}
"""Who may ask what, by the document's word for it, in the order in which they take turns."""
OF_PROJECTS = ("user of a project", "back-end", "address of a project")
"""Who may ask for what the built-in project does not serve."""
OWN_KEYS = ("user",)
ENDING = ("/account", "/account/keys/{key_id}", "/account/keys/{key_id}/rotate")
"""Where a user comes who is there for one request alone."""
LINK_S = 600


def caller_of(case: Made, number: int, draw: random.Random, names: list[str]) -> str:
    """Who asks this time."""
    who, path = _who(case), case.operation.path
    if draw.random() > RIGHT_SHARE:
        return draw.choice(names)
    right = OF_PROJECTS if path in (MESSAGES, EMBEDDINGS, MODERATIONS) else RIGHT[who]
    if path.startswith("/account"):
        right = OWN_KEYS if "keys" in path or case.method == "DELETE" else ("user", "user of a project")
    return right[number % len(right)]


def _who(case: Made) -> str:
    who: str = case.operation.definition.raw["x-farebox-who"]
    return who


class Prepared:
    """Gives requests what they need of a stage; `draw` says whether they get it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.callers = callers(stage)
        self.names = list(self.callers)
        self.values = {"project_id": stage.managed.project_id, **project_user(stage)}
        self.somebody = stage.new_user_id()
        self.events: dict[str, deque[Delivery]] = defaultdict(deque)

    def prepare(self, case: Made, number: int, draw: random.Random) -> str:
        """Change a request; gives the caller's name."""
        caller = caller_of(case, number, draw, self.names)
        right = caller in RIGHT[_who(case)]
        if _is_as_told(case, ParameterLocation.HEADER):
            for name in KEYS:
                case.headers.pop(name, None)
            if draw.random() < 0.7:
                case.headers.pop("Idempotency-Key", None)
        ending = right and caller in OWN_KEYS and case.operation.path in ENDING and case.method != "GET"
        case.headers.update(bearer(self.stage.new_user()) if ending else self.callers[caller]())
        if (case.method, case.operation.path) == ("DELETE", "/console/sessions") and right:
            case.headers.update(bearer(new_owner(self.stage.gateway).session))
        values: Values = {}
        if right and draw.random() < 0.9:
            values = self._values(case)
        if "owner" in values:
            case.headers["Authorization"] = f"Bearer {values['owner'].session}"
        if _is_as_told(case, ParameterLocation.PATH):
            case.path_parameters |= {name: str(values[name]) for name in case.path_parameters if name in values}
        if "pack" in case.query and right:
            case.query = {"pack": "starter", "method": draw.choice(PROVIDERS)}
        if "user" in case.query and _is_as_told(case, ParameterLocation.QUERY):
            case.query["user"] = self.values["user_id"]
        if _is_as_told(case, ParameterLocation.BODY):
            self._fill(case, values, draw, right=right)
        return caller

    def _values(self, case: Made) -> Values:
        """What is there, for the path and the body."""
        path, values = case.operation.path, dict(self.values)
        if path.startswith("/admin/users"):
            values["user_id"] = self.somebody
        if path.startswith("/v1/models"):
            values["name"] = MODEL_FILE if str(case.headers["Authorization"])[7:9] == "sk" else HOSTED
        if path.startswith("/account/keys/"):
            made = self.stage.gateway.request("POST", "/account/keys", {}, headers=dict(case.headers))
            values["key_id"] = made.json().get("id", "0" * 64)
        maker = ONCE.get((case.method, path))
        return values | maker(self.stage) if maker else values

    def _fill(self, case: Made, values: Values, draw: random.Random, *, right: bool) -> None:
        """What a body must say to be about something that is there."""
        path, body = case.operation.path, case.body
        if path.endswith("/webhook"):
            self._sign(case, draw)
        elif not right or not isinstance(body, dict):
            return
        elif "body" in values and draw.random() < 0.7:
            case.body = values["body"]
        elif path.startswith("/admin/") and "user_id" in body:
            body.pop("email", None)
            body.pop("key", None)
            body["user_id"] = self.stage.new_user_id() if path.endswith("/delete") else self.somebody
        elif (case.method, path) == ("PUT", PROJECT) and "owner" in values:
            shown = values["owner"].told("GET", f"/projects/{values['project_id']}")
            body["version"] = shown["version"]
            if draw.random() < 0.5:
                body["document"] = shown["document"] | {"name": "Another name"}
        elif "emails" in body and "owner" in values:
            body["emails"] = [values["owner"].email, "another@farebox.test"]
        elif path == "/account":
            account = self.stage.gateway.request("GET", path, headers=dict(case.headers))
            body["user_id"] = account.json().get("user_id", 1)
        elif path in ("/console/sign-in", "/register"):
            body["email"] = f"{next(self.stage.numbers)}@farebox.test"
        elif path == "/console/sessions":
            link = sessions.new_link(self.stage.shop.ledger, self.stage.another.email, LINK_S)
            body["token"] = tables.drive(link)
        elif "pack" in body and draw.random() < 0.8:
            of_user = str(case.headers["Authorization"]).startswith("Bearer sk-")
            body["pack"] = "starter" if of_user else str(PACKS[0]["id"])
            body.pop("return_url", None)

    def _sign(self, case: Made, draw: random.Random) -> None:
        """An event about a payment of ours, or the one that was made, signed."""
        path = case.operation.path
        provider, of_project = path.split("/")[-2], "{project_id}" in path
        if of_project:
            case.path_parameters["project_id"] = self.values["project_id"]
        if draw.random() < 0.5:
            waiting = self.events[path]
            if not waiting:
                waiting.extend(deliveries(self.stage, provider, of_project=of_project))
            sent = waiting.popleft()
            case.headers.update(sent.headers)
            case.body = sent.body
        elif provider != "mollie" and isinstance(case.body, dict):
            raw = json.dumps(case.body).encode()
            case.headers.update(self.stage.standins[provider].sign(raw))
            case.body = raw


def _is_as_told(case: Made, location: ParameterLocation) -> bool:
    """Whether this part of a request is as the document says."""
    if case.meta is None or case.meta.generation.mode == POSITIVE:
        return True
    told = case.meta.components.get(location)
    return told is None or told.mode == POSITIVE
