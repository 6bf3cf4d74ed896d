"""Entry of the console function: what an owner does with projects. Each route is parse, one call, answer.

Who asks is said by a session in the Authorization header and by nothing else: no cookie, nothing in an address. So a
page of another site has nothing to ride on; and one that SITE_ORIGINS does not name is refused before anything is read.
docs/console.md
"""

from typing import Any

from chalice.app import Response

from functions import desk, selling  # noqa: F401  the other half of the routes
from functions.cors import METHODS
from functions.desk import PROJECT
from functions.errors import NotFound
from functions.events import body_of, header, headers
from functions.ledger.tables import drive
from functions.owners import asked, changes, enter_page, keys, receipts, sealed, sign_in, tokens, users
from functions.owners.shown import project_view, time_text

app = desk.app

USER = PROJECT + "/users/{user_id}"


@app.answers("/console/sign-in", methods=["POST"])
def ask_for_link() -> dict[str, str]:
    drive(sign_in.count_client(desk.rest().ledger, desk.rest().settings, desk.rest().address_scope(app.event)))
    email = desk.body(required=("email",))["email"]
    drive(sign_in.send_link(desk.rest().ledger, desk.rest().settings, email, desk.rest().base_url(app.event)))
    return {"message": "A mail is on its way to this address. If it may sign in here, the mail has a link."}


@app.answers("/console/enter", methods=["GET"])
def enter() -> Response:
    return Response(enter_page.PAGE, headers=dict(enter_page.HEADERS))


@app.answers("/console/sessions", methods=["POST"])
def begin_session() -> dict[str, str]:
    desk.count()
    token = desk.body(required=("token",))["token"]
    session, ends_s = drive(sign_in.enter(desk.rest().ledger, desk.rest().settings, token))
    return {"session": session, "expires": time_text(ends_s)}


@app.answers("/console/sessions", methods=["DELETE"])
def end_session() -> dict[str, bool]:
    desk.owner()
    desk.body()
    drive(sign_in.leave(desk.rest().ledger, headers(app.event, "authorization")))
    return {"deleted": True}


@app.answers("/console/projects", methods=["GET"])
def list_projects() -> dict[str, Any]:
    email = desk.owner()
    desk.query()
    return drive(changes.listed(desk.rest().ledger, email))


@app.answers("/console/projects", methods=["POST"])
def create_project() -> dict[str, Any]:
    email, given = desk.owner(), desk.body(optional=("name", "document"))
    return drive(changes.create(desk.rest().ledger, desk.rest().settings, email, given["name"], given["document"]))


@app.answers("/console/projects/import", methods=["POST"])
def import_project() -> dict[str, Any]:
    email = desk.owner()
    desk.query()
    return drive(
        changes.create(desk.rest().ledger, desk.rest().settings, email, value=asked.document(body_of(app.event)))
    )


@app.answers(PROJECT, methods=["GET"])
def show_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return project_view(mine.stored)


@app.answers(PROJECT, methods=["PUT"])
def change_project(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("version", "document"))
    return drive(changes.change(mine, given["version"], given["document"]))


@app.answers(PROJECT, methods=["DELETE"])
def close_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(changes.close(mine))


@app.answers(PROJECT + "/export", methods=["GET"])
def export_project(project_id: str) -> Response:
    mine = desk.mine(project_id)
    desk.query()
    filename = f"farebox-project-{mine.project_id}.json"
    return Response(mine.stored.document, headers={"content-disposition": f'attachment; filename="{filename}"'})


@app.answers(PROJECT + "/owners", methods=["PUT"])
def change_owners(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(changes.hand_on(mine, desk.body(required=("emails",))["emails"]))


@app.answers(PROJECT + "/owners/me", methods=["DELETE"])
def leave_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(changes.leave(mine))


@app.answers(PROJECT + "/keys", methods=["POST"])
def add_key(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("kind",), optional=("label",))
    return drive(keys.add(mine, given["kind"], given["label"]))


@app.answers(PROJECT + "/keys/{key_id}", methods=["DELETE"])
def revoke_key(project_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(keys.revoke(mine, key_id))


@app.answers(PROJECT + "/keys/{key_id}/rotate", methods=["POST"])
def rotate_key(project_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(keys.rotate(mine, key_id))


@app.answers(PROJECT + "/providers/{name}/key", methods=["PUT"])
def put_provider_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(sealed.put_key(mine, name, desk.body(required=("api_key",))["api_key"]))


@app.answers(PROJECT + "/providers/{name}/key", methods=["DELETE"])
def drop_provider_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(sealed.drop_key(mine, name))


@app.answers(PROJECT + "/issuers/{number}/secret", methods=["PUT"])
def put_issuer_secret(project_id: str, number: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(sealed.put_issuer(mine, number, desk.body(required=("secret",))["secret"]))


@app.answers(PROJECT + "/issuers/{number}/secret", methods=["DELETE"])
def drop_issuer_secret(project_id: str, number: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(sealed.drop_issuer(mine, number))


@app.answers(PROJECT + "/test-tokens", methods=["POST"])
def add_test_token(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(optional=("label", "days"))
    return drive(tokens.add(mine, given["label"], given["days"]))


@app.answers(PROJECT + "/test-tokens/{token_id}", methods=["DELETE"])
def drop_test_token(project_id: str, token_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(tokens.drop(mine, token_id))


@app.answers(PROJECT + "/users", methods=["GET"])
def list_users(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return users.listed(mine, desk.query("after", "limit", "blocked"))


@app.answers(PROJECT + "/users", methods=["POST"])
def add_user(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(users.add(mine, desk.body(required=("reference",))["reference"]))


@app.answers(USER, methods=["GET"])
def show_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return drive(users.shown(mine, user_id))


@app.answers(USER + "/keys", methods=["POST"])
def add_user_key(project_id: str, user_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(users.add_key(mine, user_id))


@app.answers(USER + "/keys/{key_id}", methods=["DELETE"])
def revoke_user_key(project_id: str, user_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(users.revoke_key(mine, user_id, key_id))


@app.answers(USER + "/block", methods=["POST"])
def block_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(users.block(mine, user_id, desk.body(required=("seconds",))["seconds"]))


@app.answers(USER + "/unblock", methods=["POST"])
def unblock_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(users.unblock(mine, user_id))


@app.answers(USER + "/credits", methods=["POST"])
def credit_user(project_id: str, user_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("credits", "reference"))
    return drive(users.credit(mine, user_id, given["credits"], given["reference"]))


@app.answers(PROJECT + "/receipts", methods=["GET"])
def list_receipts(project_id: str) -> Response:
    mine = desk.mine(project_id)
    given = app.event.get("multiValueQueryStringParameters")
    body, told = drive(receipts.answer(mine, given, header(app.event, "accept")))
    return Response(body, headers=dict(told))


@app.answers("/console", methods=METHODS, content_types=["*/*"])
@app.answers("/console/{proxy+}", methods=METHODS, content_types=["*/*"])
def unknown(**_: str) -> Response:
    raise NotFound("There is nothing at this path.")
