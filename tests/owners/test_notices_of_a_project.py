"""Where an owner is told what happens, and the secret that it is signed with: given once, and never shown again."""

import pytest

from functions.ledger import projects, tables
from tests.forward.stage import ledger_of
from tests.owners.owner import Owner

SECRET = "whsec_c2VjcmV0LW9mLXRoaXMtb3duZXItYWxvbmU="
URL = "https://app.example/told?by=farebox"


def test_a_secret_is_given_shown_by_its_end_and_forgotten(owner: Owner) -> None:
    """What is kept is sealed; nobody is shown more than its last four characters."""
    project = owner.project(notices={"url": URL})
    told = project.told("PUT", "/notices/secret", {"secret": SECRET})
    assert (told["name"], told["shown"]) == ("notices/secret", "…" + SECRET[-4:])
    assert [secret["name"] for secret in project.shown["secrets"]] == ["notices/secret"]
    stored = tables.drive(projects.read(ledger_of(owner.gateway), project.project_id))
    assert stored
    assert SECRET not in str(stored.sealed)
    assert SECRET not in str(project.shown)
    assert project.told("DELETE", "/notices/secret")["deleted"]
    assert project.ask("DELETE", "/notices/secret").status == 404


def test_a_secret_without_a_url_is_for_nothing(owner: Owner) -> None:
    """It is sealed for the URL, so there has to be one."""
    assert owner.project().ask("PUT", "/notices/secret", {"secret": SECRET}).status == 404


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_" + "A" * 28, "A" * 44, 7, None, ["whsec_"]])
def test_only_a_secret_of_the_standard_is_taken(owner: Owner, secret: object) -> None:
    """Another one is refused by its field's name, and not repeated."""
    answer = owner.project(notices={"url": URL}).ask("PUT", "/notices/secret", {"secret": secret})
    assert (answer.status, answer.error["param"]) == (400, "secret")
    assert not secret or str(secret) not in answer.error["message"] or secret == "whsec_"


@pytest.mark.parametrize(
    ("notices", "param"),
    [
        ({}, "notices.url"),
        ({"url": 7}, "notices.url"),
        ({"url": "http://app.example/told"}, "notices.url"),
        ({"url": "https://169.254.169.254/"}, "notices.url"),
        ({"url": "https://user:pw@app.example/"}, "notices.url"),
        ({"url": URL, "secret": SECRET}, "notices.secret"),
        ([URL], "notices"),
    ],
)
def test_a_document_says_where_and_nothing_else(owner: Owner, notices: object, param: str) -> None:
    """https, public, without a user; a secret has no place in a document."""
    project = owner.project()
    shown = project.shown
    answer = project.ask("PUT", "", {"version": shown["version"], "document": shown["document"] | {"notices": notices}})
    assert (answer.status, answer.error["param"]) == (400, param)
