"""Routes of the console function: what an owner sells, by whom, and what of it is told."""

from typing import Any

from functions import desk
from functions.desk import PROJECT, app
from functions.ledger.tables import drive
from functions.owners import bought, connections, notices, unmatched
from functions.owners.noted import about_named
from functions.payments.provider import PROVIDERS

PAYMENTS = PROJECT + "/payments"


@app.answers(PROJECT + "/notices/secret", methods=["PUT"])
def put_notices_secret(project_id: str) -> dict[str, Any]:
    mine, secret = desk.mine(project_id), desk.body(required=("secret",))["secret"]
    return desk.noted(mine, "put_notices_secret", notices.put_secret(mine, secret))


@app.answers(PROJECT + "/notices/secret", methods=["DELETE"])
def drop_notices_secret(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_notices_secret", notices.drop_secret(mine))


@app.answers(PAYMENTS, methods=["GET"])
def show_payments(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.query()
    return drive(connections.shown(mine, desk.rest().base_url(app.event)))


@app.answers(PAYMENTS + "/{name}/key", methods=["PUT"])
def put_payment_key(project_id: str, name: str) -> dict[str, Any]:
    mine, api_key = desk.mine(project_id), desk.body(required=("api_key",))["api_key"]
    return desk.noted(mine, "put_payment_key", connections.put_key(mine, name, api_key), _connection(name))


@app.answers(PAYMENTS + "/{name}/key", methods=["DELETE"])
def drop_payment_key(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_payment_key", connections.drop_key(mine, name), _connection(name))


@app.answers(PAYMENTS + "/{name}/webhook-secret", methods=["PUT"])
def put_webhook_secret(project_id: str, name: str) -> dict[str, Any]:
    mine, secret = desk.mine(project_id), desk.body(required=("secret",))["secret"]
    return desk.noted(mine, "put_webhook_secret", connections.put_webhook(mine, name, secret), _connection(name))


@app.answers(PAYMENTS + "/{name}/webhook-secret", methods=["DELETE"])
def drop_webhook_secret(project_id: str, name: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    desk.body()
    return desk.noted(mine, "drop_webhook_secret", connections.drop_webhook(mine, name), _connection(name))


@app.answers(PAYMENTS + "/{name}/looked-at", methods=["POST"])
def look_at_unmatched(project_id: str, name: str) -> dict[str, Any]:
    mine, about = desk.mine(project_id), desk.body(required=("about",))["about"]
    looked = unmatched.looked_at(mine.ledger, mine.project_id, name, about)
    return desk.noted(mine, "look_at_unmatched", looked, _connection(name))


@app.answers(PROJECT + "/orders", methods=["GET"])
def list_orders(project_id: str) -> dict[str, Any]:
    mine = desk.mine(project_id)
    return drive(bought.listed(mine.ledger, mine.project_id, desk.query("after", "limit")))


def _connection(name: str) -> str:
    """A connection to a payment provider, by its name."""
    return about_named("payments by", name, dict.fromkeys(PROVIDERS))
