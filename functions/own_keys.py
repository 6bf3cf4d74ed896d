"""Routes of the api function: a user's own keys. docs/keys.md"""

from typing import Any

from functions.accounts import keys
from functions.events import body_of
from functions.front import app, rest
from functions.ledger.tables import drive
from functions.owners import asked
from functions.projects.asking import Asking

KEY = "/account/keys/{key_id}"


@app.answers("/account/keys", methods=["GET"])
def list_keys() -> dict[str, Any]:
    asking = _asking()
    return drive(keys.listed(rest().ledger, rest().account(asking), asking.caller.credential_id))


@app.answers("/account/keys", methods=["POST"])
def add_key() -> dict[str, Any]:
    asking = _asking()
    given = asked.fields(body_of(app.event), (), ("label",))
    return drive(keys.add(rest().ledger, asking, asked.label(given["label"])))


@app.answers(KEY + "/rotate", methods=["POST"])
def rotate_key(key_id: str) -> dict[str, Any]:
    asking = _asking()
    given = asked.fields(body_of(app.event), (), ("grace_s",))["grace_s"]
    grace_s = keys.GRACE_S if given is None else asked.whole(given, "grace_s", 0, keys.GRACE_S_MAX)
    return drive(keys.rotate(rest().ledger, asking, key_id, grace_s))


@app.answers(KEY, methods=["DELETE"])
def revoke_key(key_id: str) -> dict[str, Any]:
    asking = _asking()
    asked.fields(body_of(app.event))
    return drive(keys.revoke(rest().ledger, asking, key_id))


def _asking() -> Asking:
    """Who asks, by a key of their own. Raises Forbidden, and what `Rest.asking` raises."""
    asking = rest().asking(app.event)
    keys.only_users_own(asking)
    asked.query(app.event.get("multiValueQueryStringParameters"), ())
    return asking
