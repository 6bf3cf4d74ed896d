"""An owner deletes a user: gone from every list, their key dead; what the owner did stays, without the user's name."""

import json

from tests.owners.owner import Owner, new_owner

NAME = "ada.lovelace"


def test_a_deleted_user_is_nowhere(owner: Owner) -> None:
    """In no list or search, for no key, on no route; another user of the project stays as they were."""
    project = owner.managed()
    ada, grace = project.user(NAME), project.user("grace")
    path = f"/users/{ada['user_id']}"
    project.told("POST", f"{path}/credits", {"credits": 3, "reference": "gift"})
    project.told("POST", f"{path}/block", {"seconds": None})
    before = project.told("GET", f"/users/{grace['user_id']}")
    told = project.told("DELETE", path, {"why": "asked for it"})
    assert told == {"user_id": ada["user_id"], "deleted": True, "finished": True, "forfeited": 3}
    for query in ("", f"?q={NAME}", f"?q={ada['user_id']}", "?blocked=true"):
        assert ada["user_id"] not in [user["user_id"] for user in project.told("GET", f"/users{query}")["data"]]
    assert project.told("GET", "/abuse")["data"] == []
    for method, where in (("GET", path), ("DELETE", path), ("GET", f"/receipts?user={ada['user_id']}")):
        assert project.ask(method, where).status == 404
    assert project.ask("POST", f"{path}/keys").status == 404
    assert project.ask("POST", f"{path}/grants", {"credits": 1, "days": 1, "reference": "x"}).status == 404
    assert owner.gateway.request("GET", "/account", key=ada["key"]).status == 401
    assert project.told("GET", f"/users/{grace['user_id']}") == before


def test_what_is_noted_of_a_deletion_does_not_name_the_user(owner: Owner) -> None:
    """Their number and who did it; what somebody wrote as `why` loses the name, in whatever case it was written."""
    project = owner.managed()
    user_id = project.user(NAME)["user_id"]
    project.told("DELETE", f"/users/{user_id}", {"why": f"mail of Monday: {NAME.upper()} leaves, bye {NAME}"})
    (deleted, *_) = project.told("GET", "/actions")["data"]
    assert (deleted["what"], deleted["about"], deleted["by"]) == ("delete_user", f"user {user_id}", owner.email)
    assert (deleted["why"], deleted["outcome"]) == ("mail of Monday: … leaves, bye …", "done")
    assert NAME not in json.dumps(project.told("GET", "/actions")).casefold()


def test_nobody_deletes_a_user_of_another_project(owner: Owner) -> None:
    """Neither through their project nor through one's own: 404, and the user is there."""
    project, other = owner.managed(), new_owner(owner.gateway).managed()
    user = project.user(NAME)
    assert other.ask("DELETE", f"/users/{user['user_id']}").status == 404
    assert other.owner.ask("DELETE", f"/projects/{project.project_id}/users/{user['user_id']}").status == 404
    assert owner.gateway.request("GET", "/account", key=user["key"]).status == 200
