"""Routes of the api function: a user's own data, to keep, and to delete. docs/your_data.md"""

from typing import Any

from chalice.app import Response

from functions.accounts.export import export
from functions.errors import BadRequest, Forbidden
from functions.events import body_of
from functions.front import app, rest
from functions.ledger import deletion
from functions.ledger.account import Account
from functions.ledger.tables import drive
from functions.owners.asked import fields, query

SHARED = frozenset({"backend", "ip"})
"""How nobody in particular is known: whoever asks next from there has the same account."""


@app.answers("/account/export", methods=["GET"])
def export_account() -> Response:
    found = rest().account(rest().asking(app.event))
    query(app.event.get("multiValueQueryStringParameters"), ())
    body, headers = export(rest().ledger, found)
    return Response(body, headers=dict(headers))


@app.answers("/account", methods=["DELETE"])
def delete_account() -> dict[str, Any]:
    """The end of one's account. The number is asked for so that nothing is deleted by accident."""
    found = rest().account(rest().asking(app.event))
    given = fields(body_of(app.event), ("user_id",))["user_id"]
    query(app.event.get("multiValueQueryStringParameters"), ())
    number = _number(found)
    if isinstance(given, bool) or given not in (number, str(number)):
        raise BadRequest("user_id must be the number of your own account; GET /account tells it.", param="user_id")
    if found.identity in SHARED:
        raise Forbidden("This account is of nobody in particular; its owner can delete it.", code="shared_account")
    done = drive(deletion.delete(rest().ledger, found.account_id, deletion.SELF))
    return {"user_id": number, "deleted": True, "finished": done.finished}


def _number(account: Account) -> int:
    return int(account.account_id.rpartition("/")[2])
