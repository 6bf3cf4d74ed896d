"""Routes of the console function: a project's users, what an owner does about them, and what is going on."""

from typing import Any

from chalice.app import Response

from functions import desk
from functions.accounts.use import project_use
from functions.desk import PROJECT, app
from functions.events import header
from functions.ledger.tables import drive
from functions.owners import finding, noted, receipts, told, users
from functions.owners.noted import about

USER = PROJECT + "/users/{user_id}"


@app.answers(PROJECT + "/users", methods=["GET"])
def list_users(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return finding.listed(mine, desk.query("after", "limit", "blocked", "q"))


@app.answers(PROJECT + "/abuse", methods=["GET"])
def list_abuse(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return finding.abusing(mine, desk.query("after", "limit"))


@app.answers(PROJECT + "/users", methods=["POST"])
def add_user(project_id: str) -> dict[str, Any]:
    mine, reference = desk.mine(project_id), desk.body(required=("reference",))["reference"]
    return desk.noted(mine, "add_user", users.add(mine, reference))


@app.answers(USER, methods=["GET"])
def show_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return drive(users.shown(mine, user_id))


@app.answers(USER, methods=["DELETE"])
def delete_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, why = desk.mine(project_id), desk.body(optional=("why",))["why"]
    said = drive(users.without_name(mine, user_id, why))
    return desk.noted(mine, "delete_user", users.delete(mine, user_id, said), about("user", user_id), said)


@app.answers(USER + "/keys", methods=["POST"])
def add_user_key(project_id: str, user_id: str) -> dict[str, Any]:
    mine, label = desk.mine(project_id), desk.body(optional=("label",))["label"]
    return desk.noted(mine, "add_user_key", users.add_key(mine, user_id, label), about("user", user_id))


@app.answers(USER + "/keys/{key_id}", methods=["DELETE"])
def revoke_user_key(project_id: str, user_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    named = f"{about('user', user_id)}, {about('key', key_id)}"
    return desk.noted(mine, "revoke_user_key", users.revoke_key(mine, user_id, key_id), named)


@app.answers(USER + "/block", methods=["POST"])
def block_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("seconds",), optional=("why",))
    blocked = users.block(mine, user_id, given["seconds"])
    return desk.noted(mine, "block_user", blocked, about("user", user_id), given["why"])


@app.answers(USER + "/unblock", methods=["POST"])
def unblock_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, why = desk.mine(project_id), desk.body(optional=("why",))["why"]
    return desk.noted(mine, "unblock_user", users.unblock(mine, user_id), about("user", user_id), why)


@app.answers(USER + "/credits", methods=["POST"])
def credit_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("credits", "reference"), optional=("why",))
    credited = users.credit(mine, user_id, **given)
    return desk.noted(mine, "credit_user", credited, about("user", user_id), given["why"])


@app.answers(USER + "/grants", methods=["POST"])
def grant_to_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("credits", "days", "reference"), optional=("why",))
    granted = users.grant(mine, user_id, **given)
    return desk.noted(mine, "grant_to_user", granted, about("user", user_id), given["why"])


@app.answers(PROJECT + "/receipts", methods=["GET"])
def list_receipts(project_id: str) -> Response:
    mine = desk.mine(project_id)
    given = app.event.get("multiValueQueryStringParameters")
    body, said = drive(receipts.answer(mine, given, header(app.event, "accept")))
    return Response(body, headers=dict(said))


@app.answers(PROJECT + "/actions", methods=["GET"])
def list_actions(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(noted.listed(mine.ledger, mine.project_id, desk.query("after", "limit")))


@app.answers(PROJECT + "/usage", methods=["GET"])
def show_usage(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(project_use(mine.ledger, mine.project_id, desk.query("days")))


@app.answers(PROJECT + "/notices", methods=["GET"])
def list_notices(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return drive(told.listed(mine))
