"""Routes of the console function: what an owner sells, by whom, and what of it is told."""

from typing import Any

from functions import desk
from functions.desk import PROJECT, app
from functions.ledger.tables import drive
from functions.owners import bought, connections, notices, unmatched

PAYMENTS = PROJECT + "/payments"


@app.answers(PROJECT + "/notices/secret", methods=["PUT"])
def put_notices_secret(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(notices.put_secret(mine, desk.body(required=("secret",))["secret"]))


@app.answers(PROJECT + "/notices/secret", methods=["DELETE"])
def drop_notices_secret(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(notices.drop_secret(mine))


@app.answers(PAYMENTS, methods=["GET"])
def show_payments(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return drive(connections.shown(mine, desk.rest().base_url(app.event)))


@app.answers(PAYMENTS + "/{name}/key", methods=["PUT"])
def put_payment_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(connections.put_key(mine, name, desk.body(required=("api_key",))["api_key"]))


@app.answers(PAYMENTS + "/{name}/key", methods=["DELETE"])
def drop_payment_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(connections.drop_key(mine, name))


@app.answers(PAYMENTS + "/{name}/webhook-secret", methods=["PUT"])
def put_webhook_secret(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(connections.put_webhook(mine, name, desk.body(required=("secret",))["secret"]))


@app.answers(PAYMENTS + "/{name}/webhook-secret", methods=["DELETE"])
def drop_webhook_secret(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return drive(connections.drop_webhook(mine, name))


@app.answers(PAYMENTS + "/{name}/looked-at", methods=["POST"])
def look_at_unmatched(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(unmatched.looked_at(mine.ledger, mine.project_id, name, desk.body(required=("about",))["about"]))


@app.answers(PROJECT + "/orders", methods=["GET"])
def list_orders(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(bought.listed(mine.ledger, mine.project_id, desk.query("after", "limit")))
