"""Keys, sealed secrets and test tokens: shown once, of the project's own mode, bounded, dead when they are revoked."""

import re
from typing import Any

import pytest

from functions.ledger import credentials, tables
from tests.forward.stage import ledger_of
from tests.owners.owner import JWT, Owner, new_owner

FORWARD = {"mode": "forward", "auth": {"key": {}, "no_auth": {}}}
HEX = "0" * 64


def test_a_key_is_shown_once(owner: Owner) -> None:
    """When it is made; afterwards its beginning, its label, and nothing that opens anything."""
    project = owner.project()
    made = project.told("POST", "/keys", {"kind": "publishable", "label": "the website"})
    assert re.fullmatch(r"pk-[A-Za-z0-9_-]{43}", made["key"])
    shown = project.shown
    (key,) = shown["keys"]
    assert (key["id"], key["kind"], key["label"]) == (made["id"], "publishable", "the website")
    assert made["key"].startswith(key["shown"])
    assert len(key["shown"]) <= credentials.SHOWN_LENGTH
    assert made["key"] not in str(shown)


def test_a_key_is_of_its_projects_mode(owner: Owner) -> None:
    """Publishable ones in managed mode, secret ones in forward mode, and no others anywhere."""
    managed, forward = owner.project(), owner.project(**FORWARD)
    assert re.fullmatch(r"ps-[A-Za-z0-9_-]{43}", forward.told("POST", "/keys", {"kind": "secret"})["key"])
    for project, kind in ((managed, "secret"), (forward, "publishable"), (managed, "owner"), (managed, None)):
        answer = project.ask("POST", "/keys", {"kind": kind})
        assert (answer.status, answer.error["param"]) == (400, "kind")
    assert managed.ask("POST", "/keys", {"kind": ["publishable"]}).status == 400


def test_a_revoked_key_is_dead(owner: Owner) -> None:
    """It is in no list any more, and the ledger says that it is nobody's: no process takes it that had not seen it."""
    project = owner.project()
    made = project.told("POST", "/keys", {"kind": "publishable"})
    other = project.told("POST", "/keys", {"kind": "publishable"})
    assert project.told("DELETE", f"/keys/{made['id']}") == {"id": made["id"], "deleted": True}
    assert [key["id"] for key in project.shown["keys"]] == [other["id"]]
    statuses = [owner.gateway.request("GET", "/v1/models", key=key["key"]).status for key in (made, other)]
    assert statuses == [401, 200]
    assert project.ask("DELETE", f"/keys/{made['id']}").status == 404


def test_a_rotated_key_is_another_of_the_same_kind(owner: Owner) -> None:
    """Same kind and label; the old one is dead, the new one works."""
    project = owner.project()
    old = project.told("POST", "/keys", {"kind": "publishable", "label": "app"})
    new = project.told("POST", f"/keys/{old['id']}/rotate")
    assert (new["kind"], new["label"], new["replaces"]) == ("publishable", "app", old["id"])
    assert [key["id"] for key in project.shown["keys"]] == [new["id"]]
    statuses = [owner.gateway.request("GET", "/v1/models", key=key["key"]).status for key in (old, new)]
    assert statuses == [401, 200]


@pytest.mark.parametrize("key_id", [HEX, "x", HEX[1:], HEX.replace("0", "A"), "%00", "..%2f.."])
def test_a_key_that_is_not_there_is_404(owner: Owner, key_id: str) -> None:
    """Whatever the id looks like, and for another project's key as well."""
    project, other = owner.project(), new_owner(owner.gateway).project()
    theirs = other.told("POST", "/keys", {"kind": "publishable"})["id"]
    answers = [project.ask("DELETE", f"/keys/{key}") for key in (key_id, theirs)]
    answers += [project.ask("POST", f"/keys/{key}/rotate") for key in (key_id, theirs)]
    assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert len(other.shown["keys"]) == 1


def test_there_are_so_many_keys_at_most(owner: Owner) -> None:
    """Twenty; then one has to go first."""
    project = owner.project()
    made = [project.ask("POST", "/keys", {"kind": "publishable"}) for _ in range(21)]
    assert [answer.status for answer in made[:20]] == [200] * 20
    assert made[20].status in (400, 403)
    assert len(project.shown["keys"]) == 20


@pytest.mark.parametrize("label", [5, "a" * 101, "a\nb", "a\x00", "a\u202eb", ["x"]], ids=repr)
def test_a_label_is_one_line(owner: Owner, label: Any) -> None:
    """400 that names the field."""
    project = owner.project()
    for path, body in (("/keys", {"kind": "publishable"}), ("/test-tokens", {})):
        answer = project.ask("POST", path, body | {"label": label})
        assert (answer.status, answer.error["param"]) == (400, "label")


def test_case_34_a_label_stays_text(owner: Owner) -> None:
    """Markup and formulas come back as they were sent, as JSON that no browser takes for a page."""
    project, label = owner.project(), '<script>alert(1)</script>=HYPERLINK("x")'
    project.told("POST", "/keys", {"kind": "publishable", "label": label})
    answer = project.ask("GET")
    assert answer.json()["keys"][0]["label"] == label
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_providers_key_is_never_shown_again(owner: Owner) -> None:
    """Its last four characters are, so that people know which; it can be replaced and forgotten."""
    project, api_key = owner.managed(), "sk-proj-very-secret-key-9876"
    assert project.told("PUT", "/providers/mine/key", {"api_key": api_key})["shown"] == "…9876"
    shown = project.shown
    assert [(secret["name"], secret["shown"]) for secret in shown["secrets"]] == [("mine", "…9876")]
    assert "very-secret" not in str(shown) + str(project.told("GET", "/export"))
    project.told("PUT", "/providers/mine/key", {"api_key": api_key + "0"})
    assert [secret["shown"] for secret in project.shown["secrets"]] == ["…8760"]
    assert project.told("DELETE", "/providers/mine/key") == {"name": "mine", "deleted": True}
    assert project.shown["secrets"] == []
    assert project.ask("DELETE", "/providers/mine/key").status == 404


def test_the_tables_hold_no_providers_key(owner: Owner) -> None:
    """Sealed, in the project's item; not even its beginning is there in the clear."""
    project = owner.managed()
    project.told("PUT", "/providers/mine/key", {"api_key": "sk-canary-of-a-provider-1234"})
    ledger = ledger_of(owner.gateway)
    request = {"TableName": ledger.table("projects"), "Key": {"project_id": {"S": project.project_id}}}
    item = str(tables.drive(ledger.read("GetItem", request | {"ConsistentRead": True})))
    assert "…1234" in item
    assert "canary" not in item


def test_only_a_provider_of_the_projects_own_has_a_key(owner: Owner) -> None:
    """None that the document does not name, and none of the operator's."""
    project = owner.managed()
    for name in ("openai", "theirs", "llama", "..", "%2e%2e", "mine%00", "x" * 200):
        assert project.ask("PUT", f"/providers/{name}/key", {"api_key": "sk-12345678"}).status == 404


@pytest.mark.parametrize(
    "api_key", [None, "", "short", 5, "a b c d e f", "ä" * 10, "a\r\nX: y12345", "x" * 1001], ids=repr
)
def test_a_providers_key_is_what_a_header_can_carry(owner: Owner, api_key: Any) -> None:
    """400 that names the field and repeats nothing."""
    project = owner.managed()
    answer = project.ask("PUT", "/providers/mine/key", {"api_key": api_key})
    assert (answer.status, answer.error["param"]) == (400, "api_key")
    assert not api_key or str(api_key) not in answer.error["message"]


def test_a_test_token_has_an_account_of_its_own(owner: Owner) -> None:
    """Two tokens, two users; both are shown to the owner as test tokens, by their label."""
    project = owner.managed()
    tokens = [project.told("POST", "/test-tokens", {"label": label, "days": 3}) for label in ("phone", "web")]
    users = {user["user_id"]: user for user in project.told("GET", "/users")["data"]}
    assert set(users) == {token["user_id"] for token in tokens}
    assert {user["method"] for user in users.values()} == {"test"}
    shown = project.shown["test_tokens"]
    assert {(token["label"], token["user_id"]) for token in shown} == {
        (token["label"], token["user_id"]) for token in tokens
    }
    assert not any(token["token"] in str(project.shown) for token in tokens)


def test_a_test_token_signs_a_user_in_until_it_is_dropped(owner: Owner) -> None:
    """Beside the project's key it is its user; dropped, it is nobody in the next request."""
    project = owner.managed()
    key = project.told("POST", "/keys", {"kind": "publishable"})["key"]
    made = project.told("POST", "/test-tokens", {})
    sent = {"X-User-Token": made["token"]}
    answer = owner.gateway.request("GET", "/account", key=key, headers=sent)
    assert (answer.status, answer.json()["user_id"]) == (200, made["user_id"])
    project.told("DELETE", f"/test-tokens/{made['id']}")
    assert project.shown["test_tokens"] == []
    assert project.ask("DELETE", f"/test-tokens/{made['id']}").status == 404


def test_a_test_token_is_not_for_forward_mode(owner: Owner) -> None:
    """Nor for a project that has the method off."""
    for project in (owner.project(**FORWARD), owner.project(auth={"jwt": JWT})):
        assert project.ask("POST", "/test-tokens", {}).status == 400
        assert project.told("GET", "/users")["data"] == []


@pytest.mark.parametrize("days", [0, -1, 366, 1.5, "3", True, [], 10**30], ids=repr)
def test_a_test_token_lasts_for_whole_days(owner: Owner, days: Any) -> None:
    """1 to 365; anything else is 400, and makes no user."""
    project = owner.managed()
    answer = project.ask("POST", "/test-tokens", {"days": days})
    assert (answer.status, answer.error["param"]) == (400, "days")
    assert project.told("GET", "/users")["data"] == []
