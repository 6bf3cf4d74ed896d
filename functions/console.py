"""Entry of the console function: what an owner does with projects. Each route is parse, one call, answer.

Who asks is said by a session in the Authorization header and by nothing else: no cookie, nothing in an address. So a
page of another site has nothing to ride on; and one that SITE_ORIGINS does not name is refused before anything is read.
docs/console.md
"""

from typing import Any

from chalice.app import Response

from functions import desk, minding, selling  # noqa: F401  the other routes
from functions.cors import METHODS
from functions.desk import PROJECT
from functions.errors import NotFound
from functions.events import body_of, headers, wants_page
from functions.ledger.tables import drive
from functions.owners import asked, changes, keys, sealed, sign_in, tokens
from functions.owners.mine import Mine
from functions.owners.noted import about, about_named
from functions.owners.shown import project_view, time_text

app = desk.app

NOTHING = "There is nothing at this path."


@app.answers("/console/sign-in", methods=["POST"])
def ask_for_link() -> dict[str, str]:
    drive(sign_in.count_client(desk.rest().ledger, desk.rest().settings, desk.rest().address_scope(app.event)))
    email = desk.body(required=("email",))["email"]
    drive(sign_in.send_link(desk.rest().ledger, desk.rest().settings, email, desk.rest().base_url(app.event)))
    return {"message": "A mail is on its way to this address. If it may sign in here, the mail has a link."}


@app.answers("/console/enter", methods=["GET"])
def enter() -> Response:
    """A browser keeps what stands behind the link's # over this; only the page's button sends it."""
    return _to_page()


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
    ledger, settings = desk.rest().ledger, desk.rest().settings
    return drive(changes.create(ledger, settings, email, name=given["name"], value=given["document"]))


@app.answers("/console/projects/import", methods=["POST"])
def import_project() -> dict[str, Any]:
    email = desk.owner()
    desk.query()
    ledger, settings, value = desk.rest().ledger, desk.rest().settings, asked.document(body_of(app.event))
    return drive(changes.create(ledger, settings, email, what="import_project", value=value))


@app.answers(PROJECT, methods=["GET"])
def show_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return project_view(mine.stored)


@app.answers(PROJECT, methods=["PUT"])
def change_project(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("version", "document"))
    changed = changes.change(mine, given["version"], given["document"])
    return desk.noted(mine, "change_project", changed, f"version {mine.stored.version + 1}")


@app.answers(PROJECT, methods=["DELETE"])
def close_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "close_project", changes.close(mine))


@app.answers(PROJECT + "/export", methods=["GET"])
def export_project(project_id: str) -> Response:
    mine = desk.mine(project_id)
    desk.query()
    filename = f"farebox-project-{mine.project_id}.json"
    return Response(mine.stored.document, headers={"content-disposition": f'attachment; filename="{filename}"'})


@app.answers(PROJECT + "/owners", methods=["PUT"])
def change_owners(project_id: str) -> dict[str, Any]:
    mine, emails = desk.mine(project_id), desk.body(required=("emails",))["emails"]
    named = changes.addressed(mine, emails)
    return desk.noted(mine, "change_owners", changes.hand_on(mine, named), f"owners {', '.join(named)}")


@app.answers(PROJECT + "/owners/me", methods=["DELETE"])
def leave_project(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "leave_project", changes.leave(mine))


@app.answers(PROJECT + "/keys", methods=["POST"])
def add_key(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(required=("kind",), optional=("label",))
    kind = about_named("key", str(given["kind"]), keys.KINDS)
    return desk.noted(mine, "add_key", keys.add(mine, given["kind"], given["label"]), kind)


@app.answers(PROJECT + "/keys/{key_id}", methods=["DELETE"])
def revoke_key(project_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "revoke_key", keys.revoke(mine, key_id), about("key", key_id))


@app.answers(PROJECT + "/keys/{key_id}/rotate", methods=["POST"])
def rotate_key(project_id: str, key_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "rotate_key", keys.rotate(mine, key_id), about("key", key_id))


@app.answers(PROJECT + "/providers/{name}/key", methods=["PUT"])
def put_provider_key(project_id: str, name: str) -> dict[str, Any]:
    mine, api_key = desk.mine(project_id), desk.body(required=("api_key",))["api_key"]
    return desk.noted(mine, "put_provider_key", sealed.put_key(mine, name, api_key), _provider(mine, name))


@app.answers(PROJECT + "/providers/{name}/key", methods=["DELETE"])
def drop_provider_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_provider_key", sealed.drop_key(mine, name), _provider(mine, name))


@app.answers(PROJECT + "/issuers/{number}/secret", methods=["PUT"])
def put_issuer_secret(project_id: str, number: str) -> dict[str, Any]:
    mine, secret = desk.mine(project_id), desk.body(required=("secret",))["secret"]
    return desk.noted(mine, "put_issuer_secret", sealed.put_issuer(mine, number, secret), about("issuer", number))


@app.answers(PROJECT + "/issuers/{number}/secret", methods=["DELETE"])
def drop_issuer_secret(project_id: str, number: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_issuer_secret", sealed.drop_issuer(mine, number), about("issuer", number))


@app.answers(PROJECT + "/test-tokens", methods=["POST"])
def add_test_token(project_id: str) -> dict[str, Any]:
    mine, given = desk.mine(project_id), desk.body(optional=("label", "days"))
    return desk.noted(mine, "add_test_token", tokens.add(mine, given["label"], given["days"]))


@app.answers(PROJECT + "/test-tokens/{token_id}", methods=["DELETE"])
def drop_test_token(project_id: str, token_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_test_token", tokens.drop(mine, token_id), about("test token", token_id))


@app.answers("/console", methods=["GET"], content_types=["*/*"])
def page() -> Response:
    """Who types the address sees the page; a program is told that there is nothing."""
    if wants_page(app.event):
        return _to_page()
    raise NotFound(NOTHING)


@app.answers("/console", methods=[method for method in METHODS if method not in ("GET", "HEAD")], content_types=["*/*"])
@app.answers("/console/{proxy+}", methods=METHODS, content_types=["*/*"])
def unknown(**_: str) -> Response:
    raise NotFound(NOTHING)


def _to_page() -> Response:
    return Response("", status_code=303, headers={"location": f"{desk.rest().site_url(app.event)}/console.html"})


def _provider(mine: Mine, name: str) -> str:
    """A provider by its name, where the project has it."""
    return about_named("provider", name, mine.stored.sealed | mine.stored.document.get("providers", {}))
