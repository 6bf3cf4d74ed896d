"""Routes of the api function: what a user sees of an account, and may do about it."""

from typing import Any

from chalice.app import Response

from functions.accounts import receipts_page
from functions.accounts.view import account_view
from functions.events import header
from functions.front import app, rest
from functions.ledger import orders
from functions.ledger.tables import drive
from functions.payments import connections, purchases
from functions.payments.packs import offers


@app.answers("/account", methods=["GET"])
def account() -> dict[str, Any]:
    asking = rest().asking(app.event)
    found, ledger = rest().account(asking), rest().ledger
    bought, _ = drive(orders.newest(ledger, orders.of_account(found.account_id), purchases.SHOWN))
    methods = connections.available(rest().settings, asking.lane.live)
    return account_view(found, ledger.clock.now(), offers=offers(asking.lane), bought=bought, methods=methods)


@app.answers("/account/receipts", methods=["GET"])
def account_receipts() -> Response:
    request = app.event
    account_id = rest().account(rest().asking(request)).account_id
    asked = receipts_page.parse(request.get("multiValueQueryStringParameters") or {}, header(request, "accept"))
    body, headers = receipts_page.answer(account_id, asked, rest().ledger.clock.now())
    return Response(body, headers=dict(headers))
