"""Projects by API: made, changed as a whole, exported, imported, handed on, closed."""

import dataclasses
import json
from typing import Any

import pytest

from functions.errors import Forbidden
from functions.ledger import tables
from functions.owners import changes
from tests.entries.keys import as_admin, refused
from tests.forward.stage import ledger_of
from tests.owners.owner import JWT, Owner, address, new_owner

NEAR = {"issuer": "https://10.0.0.1", "audience": "a"}
ORIGINS = ["https://app.example"]


def test_a_new_project_lets_anybody_in_a_little(owner: Owner) -> None:
    """Without a document: managed mode, no sign-in needed, low limits, a test token possible, nobody else's."""
    made = owner.told("POST", "/projects", {"name": "Travel helper"})
    document = made["document"]
    assert (made["name"], made["mode"], made["version"]) == ("Travel helper", "managed", 1)
    assert set(document["auth"]) == {"no_auth", "test"}
    assert document["auth"]["no_auth"]["rules"]["limits"]["user"]["minute"] == 5
    assert (made["owners"], made["keys"], made["secrets"], made["grants"]) == ([owner.email], [], [], [])
    assert owner.told("GET", f"/projects/{made['id']}") == made
    assert owner.told("POST", "/projects", {})["name"]


def test_a_list_has_the_owners_projects_and_no_others(owner: Owner) -> None:
    """Two owners, three projects: each sees their own."""
    other = new_owner(owner.gateway)
    mine = {owner.project().project_id for _ in range(2)}
    theirs = other.project().project_id
    assert {line["id"] for line in owner.told("GET", "/projects")["data"]} == mine
    assert [line["id"] for line in other.told("GET", "/projects")["data"]] == [theirs]


def test_a_change_is_a_new_version(owner: Owner) -> None:
    """The whole document, and the version that it is a change of; it is stored as it was sent."""
    project = owner.project()
    document = project.shown["document"] | {"origins": ORIGINS, "name": "Ünïcode ☂"}
    changed = project.told("PUT", "", {"version": 1, "document": document})
    assert (changed["version"], changed["document"]) == (2, document)
    assert project.shown == changed


def test_a_change_of_an_old_version_is_refused(owner: Owner) -> None:
    """Two owners who read the same version: the second is told, and nothing of theirs is stored."""
    project = owner.project()
    document = project.shown["document"]
    project.told("PUT", "", {"version": 1, "document": document | {"name": "first"}})
    for version in (1, 3, 10**8):
        answer = project.ask("PUT", "", {"version": version, "document": document | {"name": "second"}})
        assert refused(answer) == (409, "version_changed")
    assert project.shown["name"] == "first"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mode": "open"}, "mode"),
        ({"role": "operator"}, "role"),
        ({"providers": {"x": {"kind": "openai", "base_url": "http://169.254.169.254/v1"}}}, "providers.x.base_url"),
        ({"providers": {"x": {"operator": "nobodys"}}}, "providers.x.operator"),
        (
            {"auth": {"jwt": {"issuers": [NEAR]}}},
            "auth.jwt.issuers[0].issuer",
        ),
        ({"auth": {"key": {"rules": {"credits": {"balance": 5}}}}}, "auth.key.rules.credits.balance"),
        ({"name": 5}, "name"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_document_is_refused_by_field_and_changes_nothing(owner: Owner, change: Any, field: str) -> None:
    """On a change, on an import and for a new project alike: 400 with the field's path."""
    project = owner.project()
    wrong = project.shown["document"] | change
    answers = [
        project.ask("PUT", "", {"version": 1, "document": wrong}),
        owner.ask("POST", "/projects/import", wrong),
        owner.ask("POST", "/projects", {"document": wrong}),
    ]
    assert [(answer.status, answer.error["param"]) for answer in answers] == [(400, field)] * 3
    assert project.shown["version"] == 1
    assert len(owner.told("GET", "/projects")["data"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": 1},
        {"document": {}},
        {"version": "1", "document": {}},
        {"version": True, "document": {}},
        {"version": 1, "document": []},
        {"version": 1, "document": None},
        b'{"version": 1, "document": {"name": "a", "name": "b"}}',
        b"{",
        b"[]",
        b"",
        b'{"version": 1, "document": ' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body)[:40],
)
def test_bodies_that_say_something_else_are_refused(owner: Owner, body: Any) -> None:
    """400 in our shape, and the project stays as it is."""
    project = owner.project()
    answer = owner.ask("PUT", f"/projects/{project.project_id}", body, **{"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert project.shown["version"] == 1


def test_a_document_is_of_a_bounded_size(owner: Owner) -> None:
    """100 KB at most, whichever way it comes."""
    project = owner.project()
    huge = project.shown["document"] | {"origins": ["https://" + "a" * 150_000]}
    assert project.ask("PUT", "", {"version": 1, "document": huge}).status == 400
    huge["origins"] = ["https://" + "a" * 250_000]
    assert refused(project.ask("PUT", "", {"version": 1, "document": huge})) == (413, "request_too_large")
    assert refused(owner.ask("POST", "/projects/import", huge)) == (413, "request_too_large")


def test_what_is_exported_can_be_imported(owner: Owner) -> None:
    """The file is the document, byte for byte usable: another owner makes the same project of it, with its own id."""
    project = owner.managed()
    project.told("PUT", "/providers/mine/key", {"api_key": "sk-never-to-be-exported"})
    project.told("POST", "/keys", {"kind": "publishable"})
    answer = project.ask("GET", "/export")
    assert answer.headers["content-disposition"] == f'attachment; filename="farebox-project-{project.project_id}.json"'
    for secret in ("exported", "pk-", owner.email, project.project_id):
        assert secret not in answer.body.decode()
    other = new_owner(owner.gateway)
    sent = other.ask("POST", "/projects/import", answer.body, **{"Content-Type": "application/json"})
    made = sent.json()
    assert (sent.status, made["document"]) == (200, json.loads(answer.body))
    assert made["id"] != project.project_id
    assert (made["owners"], made["keys"], made["secrets"], made["version"]) == ([other.email], [], [], 1)


def test_a_closed_project_is_gone(owner: Owner) -> None:
    """For its owner as if it had never been; its keys are nobody's."""
    project = owner.project()
    key = project.told("POST", "/keys", {"kind": "publishable"})["key"]
    assert project.told("DELETE") == {"id": project.project_id, "deleted": True}
    gone, never = project.ask("GET"), owner.ask("GET", "/projects/never-was")
    assert (gone.status, gone.body) == (404, never.body)
    assert owner.told("GET", "/projects")["data"] == []
    assert owner.gateway.request("GET", "/v1/models", key=key).status == 401


def test_an_owner_has_so_many_projects_at_most(owner: Owner) -> None:
    """PROJECTS_PER_OWNER; a closed one makes room, and one that others hand on takes none until it is taken over."""
    other = new_owner(owner.gateway)
    shared = other.project()
    shared.told("PUT", "/owners", {"emails": [owner.email, other.email]})
    first, *_ = [owner.project() for _ in range(4)]
    document = first.shown["document"]
    for path, body in (("/projects", {}), ("/projects", {"document": document}), ("/projects/import", document)):
        assert refused(owner.ask("POST", path, body)) == (403, "too_many_projects")
    taken = owner.ask("PUT", f"/projects/{shared.project_id}/owners", {"emails": [owner.email]})
    assert refused(taken) == (403, "too_many_projects")
    first.told("DELETE")
    owner.project()


def test_owners_share_a_project_and_can_be_taken_out(owner: Owner) -> None:
    """A second owner may do everything, until the first takes them out: from the next request on there is nothing."""
    project, other = owner.project(), new_owner(owner.gateway)
    emails = [other.email.upper(), owner.email, owner.email]
    assert project.told("PUT", "/owners", {"emails": emails})["owners"] == [owner.email, other.email]
    assert [line["id"] for line in other.told("GET", "/projects")["data"]] == [project.project_id]
    other.told("POST", f"/projects/{project.project_id}/keys", {"kind": "publishable"})
    project.told("PUT", "/owners", {"emails": [owner.email]})
    assert other.ask("GET", f"/projects/{project.project_id}").status == 404
    assert other.told("GET", "/projects")["data"] == []


@pytest.mark.parametrize(
    "emails", [[], None, "a@b.test", {}, ["nobody"], [5], [f"a{n}@b.test" for n in range(21)], ["a@b.test"]], ids=str
)
def test_owners_are_addresses_and_one_of_them_is_who_asks(owner: Owner, emails: Any) -> None:
    """400 that names the field; nobody locks themselves out."""
    project = owner.project()
    listed = [*emails, owner.email] if isinstance(emails, list) and emails and "a@b.test" not in emails else emails
    answer = project.ask("PUT", "/owners", {"emails": listed})
    assert answer.status == 400
    assert answer.error["param"].partition("[")[0] == "emails"
    assert project.shown["owners"] == [owner.email]


def test_an_owner_leaves_a_project_unless_it_counts_for_them(owner: Owner) -> None:
    """From the next request on it is not theirs; who stands first stays, also alone, until another takes it over."""
    project, other = owner.project(), new_owner(owner.gateway)
    alone = project.ask("DELETE", "/owners/me")
    assert (alone.status, project.shown["owners"]) == (400, [owner.email])
    project.told("PUT", "/owners", {"emails": [owner.email, other.email]})
    assert project.ask("DELETE", "/owners/me").status == 400
    path = f"/projects/{project.project_id}"
    assert other.told("DELETE", f"{path}/owners/me") == {"id": project.project_id, "left": True}
    assert (other.ask("GET", path).status, other.ask("DELETE", f"{path}/owners/me").status) == (404, 404)
    assert (project.shown["owners"], other.told("GET", "/projects")["data"]) == ([owner.email], [])
    project.told("PUT", "/owners", {"emails": [owner.email, other.email]})
    other.told("PUT", f"{path}/owners", {"emails": [owner.email, other.email]})
    project.told("DELETE", "/owners/me")
    assert other.told("GET", path)["owners"] == [other.email]


def test_a_list_of_projects_is_bounded(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more are read than the bound, and the answer says that there are more; who is in more makes none."""
    monkeypatch.setattr(changes, "OWNED_MAX", 2)
    ledger, settings = ledger_of(owner.gateway), dataclasses.replace(owner.gateway.settings, projects_per_owner=50)

    def listed() -> tuple[list[str], bool]:
        found = tables.drive(changes.listed(ledger, owner.email))
        return [line["id"] for line in found["data"]], found["has_more"]

    mine = sorted(owner.project().project_id for _ in range(2))
    assert listed() == (mine, False)
    mine = sorted([*mine, tables.drive(changes.create(ledger, settings, owner.email))["id"]])
    assert listed() == (mine[:2], True)
    with pytest.raises(Forbidden, match="more than 2"):
        tables.drive(changes.create(ledger, settings, owner.email))
    assert owner.told("GET", "/projects")["has_more"] is False


def test_only_the_operator_grants_the_operators_providers(owner: Owner) -> None:
    """A document may name one before; the project tells that it still needs the grant, until the operator gives it."""
    project = owner.project()
    path = f"/admin/projects/{project.project_id}"
    document = project.shown["document"] | {"providers": {"home": {"operator": "theirs"}}}
    changed = project.told("PUT", "", {"version": 1, "document": document})
    assert (changed["version"], changed["grants"], changed["needs_grant"]) == (2, [], ["theirs"])
    nobodys = {"version": 2, "document": document | {"providers": {"home": {"operator": "nobodys"}}}}
    refusal = project.ask("PUT", "", nobodys)
    assert (refusal.status, refusal.error["param"]) == (400, "providers.home.operator")
    granted = owner.gateway.request("PUT", f"{path}/grants", {"providers": ["theirs"]}, headers=as_admin())
    assert (granted.status, granted.json()["grants"]) == (200, ["theirs"])
    assert (project.shown["grants"], project.shown["needs_grant"]) == (["theirs"], [])
    shown = owner.gateway.request("GET", path, headers=as_admin()).json()
    assert (shown["id"], shown["owners"], shown["grants"]) == (project.project_id, [owner.email], ["theirs"])
    assert "sk-operators-own" not in str(shown)
    owner.gateway.request("PUT", f"{path}/grants", {"providers": []}, headers=as_admin())
    assert (project.shown["grants"], project.shown["needs_grant"]) == ([], ["theirs"])
    assert project.ask("PUT", "/providers/home/key", {"api_key": "sk-of-the-owners"}).status == 404


def test_a_project_with_the_operators_providers_moves_to_another_owner(owner: Owner) -> None:
    """What was exported with a grant is imported without one: taken, and the answer says what is missing."""
    providers = {"home": {"operator": "theirs"}, "again": {"operator": "theirs"}, "model": {"operator": "llama"}}
    project = owner.project(providers=providers)
    file = project.ask("GET", "/export").body
    other = new_owner(owner.gateway)
    imported = other.ask("POST", "/projects/import", file, **{"Content-Type": "application/json"}).json()
    assert (imported["document"], imported["grants"]) == (json.loads(file), [])
    assert imported["needs_grant"] == ["llama", "theirs"]
    made = other.told("POST", "/projects", {"document": json.loads(file)})
    assert made["needs_grant"] == ["llama", "theirs"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "providers"),
        ({"providers": "llama"}, "providers"),
        ({"providers": [5]}, "providers[0]"),
        ({"providers": ["llama", "no such name!"]}, "providers[1]"),
        ({"providers": ["x"] * 51}, "providers"),
        ({"providers": [], "owner": "eve@x.test"}, "owner"),
    ],
    ids=str,
)
def test_a_wrong_grant_is_refused(owner: Owner, body: Any, param: str) -> None:
    """Also of the operator's own: 400 that names the field, and nothing changes."""
    project = owner.project()
    path = f"/admin/projects/{project.project_id}/grants"
    answer = owner.gateway.request("PUT", path, body, headers=as_admin())
    assert (answer.status, answer.error["param"]) == (400, param)
    assert project.shown["grants"] == []


def test_the_operator_is_told_of_projects_that_are_not_there(owner: Owner) -> None:
    """404, whatever the id looks like."""
    for name in ("never-was", "default", "%2e%2e", "A" * 200):
        assert owner.gateway.request("GET", f"/admin/projects/{name}", headers=as_admin()).status == 404
        body = {"providers": ["llama"]}
        assert owner.gateway.request("PUT", f"/admin/projects/{name}/grants", body, headers=as_admin()).status == 404


def test_an_issuer_shared_secret_is_named_by_its_place(owner: Owner) -> None:
    """Only an issuer that shares a secret takes one."""
    project = owner.project(auth={"jwt": {"issuers": [*JWT["issuers"], {"preset": "firebase", "project": "my-app"}]}})
    told = project.told("PUT", "/issuers/0/secret", {"secret": "a-shared-secret-of-supabase-of-32-bytes-1234"})
    assert told["shown"] == "…1234"
    assert project.shown["secrets"][0]["name"] == told["name"]
    for number in ("1", "2", "-1", "x", "0x0"):
        assert project.ask("PUT", f"/issuers/{number}/secret", {"secret": "s" * 32}).status == 404
    short = project.ask("PUT", "/issuers/0/secret", {"secret": "s" * 31})
    assert (short.status, short.error["param"]) == (400, "secret")
    assert project.told("DELETE", "/issuers/0/secret")["deleted"]
    assert project.shown["secrets"] == []


def test_what_is_told_of_an_address_is_not_whether_it_has_projects(owner: Owner) -> None:
    """Handing a project to somebody unknown is answered as handing it to somebody known."""
    known = new_owner(owner.gateway)
    known.project()
    shapes = []
    for email in (known.email, address()):
        project = owner.project()
        told = project.told("PUT", "/owners", {"emails": [owner.email, email]})
        shapes.append((sorted(told), len(told["owners"])))
    assert shapes[0] == shapes[1]
