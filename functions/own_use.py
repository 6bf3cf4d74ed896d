"""A route of the api function: what a user's requests came to, by day and model."""

from typing import Any

from functions.accounts.use import account_use
from functions.front import app, rest
from functions.owners import asked


@app.answers("/account/use", methods=["GET"])
def use() -> dict[str, Any]:
    account_id = rest().account(rest().asking(app.event)).account_id
    query = asked.query(app.event.get("multiValueQueryStringParameters"), ("days",))
    return account_use(account_id, query, rest().ledger.clock.now())
