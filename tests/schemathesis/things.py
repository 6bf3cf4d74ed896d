"""What requests are about: projects, users, keys, secrets and payments, made for one request or for all."""

from collections.abc import Callable, Iterator
from typing import Any

from functions.ledger import tables, unmatched
from tests.owners.owner import JWT, Owner, new_owner
from tests.payments.shop import PACKS
from tests.payments.standins.base import Delivery
from tests.schemathesis.stage import Stage, bearer

PROJECT = "/console/projects/{project_id}"
SECRET = "a-secret-of-an-issuer-which-is-long-enough"
NOTICES = "whsec_" + "c2VjcmV0IG9mIG5vdGljZXMsIGxvbmcgZW5vdWdo"

Values = dict[str, Any]
"""By the names of a path's parameters; `owner` is whose it is, where they are there for one request; `body` is sent."""
Maker = Callable[[Stage], Values]


def project_user(stage: Stage) -> Values:
    """A user of the managed project, whom its owner made."""
    return {"user_id": stage.told("POST", "/users", {"reference": f"user-{next(stage.numbers)}"})["user_id"]}


def deliveries(stage: Stage, provider: str, *, of_project: bool) -> Iterator[Delivery]:
    """Events about a payment of somebody."""
    pack, shown = (PACKS[0]["id"], stage.signed_in()) if of_project else ("starter", bearer(stage.user))
    before = set(stage.standins[provider].references())
    asked = {"pack": pack, "method": provider}
    answer = stage.gateway.request("POST", "/checkout", asked, headers=shown)
    if answer.status != 200:
        raise AssertionError(f"nothing is sold by {provider}: {answer.body!r}")
    for reference in set(stage.standins[provider].references()) - before:
        yield from stage.standins[provider].pay(reference)
        yield from stage.standins[provider].refund(reference, 10)


def _project(stage: Stage) -> Values:
    """With an owner of its own: nobody has more than a hundred."""
    owner = new_owner(stage.gateway)
    return _values(owner, owner.told("POST", "/projects", {"name": "For one request"})["id"])


def _values(owner: Owner, project_id: str) -> Values:
    return {"project_id": project_id, "owner": owner}


def _told(values: Values, method: str, path: str, body: Any = None) -> Any:
    owner: Owner = values["owner"]
    return owner.told(method, f"/projects/{values['project_id']}{path}", body)


def _project_key(stage: Stage) -> Values:
    made = _project(stage)
    return made | {"key_id": _told(made, "POST", "/keys", {"kind": "publishable"})["id"]}


def _project_of_two(stage: Stage) -> Values:
    made = _project(stage)
    _told(made, "PUT", "/owners", {"emails": [made["owner"].email, stage.another.email]})
    return made | {"owner": stage.another}  # whoever stands first cannot leave


def _test_token(stage: Stage) -> Values:
    made = _project(stage)
    return made | {"token_id": _told(made, "POST", "/test-tokens", {})["id"]}


def _users_key(stage: Stage) -> Values:
    user = project_user(stage)
    return user | {"key_id": stage.told("POST", f"/users/{user['user_id']}/keys", {})["key_id"]}


def _unmatched(project_id: str) -> Maker:
    """Money that fits no order, of a project; "" stands for the managed one."""

    def make(stage: Stage) -> Values:
        about, project = f"cs_{next(stage.numbers)}", project_id or stage.managed.project_id
        found = unmatched.Unmatched("stripe", about, "charge.refunded", "no_order", 1)
        tables.drive(unmatched.keep(stage.shop.ledger, project, found))
        return {"name": "stripe", "provider": "stripe", "body": {"about": about}}

    return make


def _document(stage: Stage) -> Values:
    return {"body": {**stage.managed.document, "name": f"One that was sent {next(stage.numbers)}"}}


def _sealing(path: str, body: Callable[[Stage], Values], given: Values, *, is_given: bool = False) -> Maker:
    """A project that takes a secret at this path; where `is_given`, it has it."""

    def make(stage: Stage) -> Values:
        owner = new_owner(stage.gateway)
        document = {name: stage.managed.document[name] for name in ("providers", "payments", "notices")}
        made = _values(owner, owner.project(auth={"jwt": JWT}, **document).project_id)
        if is_given:
            _told(made, "PUT", path.format(**given), body(stage))
        return made | given | ({} if is_given else {"body": body(stage)})

    return make


SEALED: dict[str, tuple[Callable[[Stage], Values], Values]] = {
    "/providers/{name}/key": (lambda stage: {"api_key": "sk-of-a-provider"}, {"name": "first"}),
    "/issuers/{number}/secret": (lambda stage: {"secret": SECRET}, {"number": "0"}),
    "/payments/{name}/key": (lambda stage: {"api_key": stage.standins["stripe"].key}, {"name": "stripe"}),
    "/payments/{name}/webhook-secret": (lambda stage: {"secret": stage.standins["stripe"].secret}, {"name": "stripe"}),
    "/notices/secret": (lambda stage: {"secret": NOTICES}, {}),
}
"""By the path below a project, a secret that it takes there, and for what."""

ONCE: dict[tuple[str, str], Maker] = {
    ("DELETE", PROJECT): _project,
    ("PUT", PROJECT): _project,
    ("PUT", f"{PROJECT}/owners"): _project,
    ("POST", "/console/projects/import"): _document,
    ("POST", f"{PROJECT}/payments/{{name}}/looked-at"): _unmatched(""),
    ("POST", "/admin/unmatched/{provider}/looked-at"): _unmatched("default"),
    ("DELETE", f"{PROJECT}/owners/me"): _project_of_two,
    ("POST", f"{PROJECT}/keys"): _project,
    ("DELETE", f"{PROJECT}/keys/{{key_id}}"): _project_key,
    ("POST", f"{PROJECT}/keys/{{key_id}}/rotate"): _project_key,
    ("POST", f"{PROJECT}/test-tokens"): _project,
    ("DELETE", f"{PROJECT}/test-tokens/{{token_id}}"): _test_token,
    ("DELETE", f"{PROJECT}/users/{{user_id}}"): project_user,
    ("POST", f"{PROJECT}/users/{{user_id}}/keys"): project_user,
    ("DELETE", f"{PROJECT}/users/{{user_id}}/keys/{{key_id}}"): _users_key,
    **{("PUT", PROJECT + path): _sealing(path, *sealed) for path, sealed in SEALED.items()},
    **{("DELETE", PROJECT + path): _sealing(path, *sealed, is_given=True) for path, sealed in SEALED.items()},
}
"""Routes after which what they were about is another, or no more: each request has one of its own."""
