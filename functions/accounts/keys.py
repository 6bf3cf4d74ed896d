"""A user's own keys, as they see them. docs/keys.md"""

import re
from typing import Any

from functions.accounts.view import time_view
from functions.errors import Forbidden, NotFound, Unauthenticated
from functions.ledger import own_keys
from functions.ledger.account import Account, AccountGone
from functions.ledger.own_keys import Made
from functions.ledger.store import Ledger
from functions.projects.asking import Asking

GRACE_S, GRACE_S_MAX = 86_400, 604_800
KEY_ID = re.compile("[0-9a-f]{64}")


def only_users_own(asking: Asking) -> None:
    """Raises Forbidden for users of projects: their keys are the owner's to give."""
    if asking.lane.live.stored is not None:
        raise Forbidden("Keys of this project's users are made by its owner.", code="keys_not_here")


async def listed(ledger: Ledger, account: Account, asking_id: str) -> dict[str, Any]:
    """All that are live, those that were mailed first; the one that asks is marked. Raises LedgerUnavailable."""
    data = [
        {
            "id": key.key_id,
            "label": key.label,
            "shown": key.shown,
            "created": time_view(key.created),
            "ends": time_view(key.ends) if key.ends else None,
            "mailed": key.mailed,
            "waiting": state == own_keys.PENDING,
            "asking": key.key_id == asking_id,
        }
        for key, state in await own_keys.listed(ledger, account)
    ]
    return {"object": "list", "data": data}


async def add(ledger: Ledger, asking: Asking, label: str) -> dict[str, Any]:
    """Another key, live at once. Raises Forbidden where there are too many, Unauthenticated, LedgerUnavailable."""
    try:
        return _made(await own_keys.add(ledger, asking.caller.account_id, label))
    except AccountGone:
        raise Unauthenticated from None


async def rotate(ledger: Ledger, asking: Asking, key_id: str, grace_s: int) -> dict[str, Any]:
    """A key of the same label; the old one works on for `grace_s` seconds.

    Raises BadRequest, NotFound, Forbidden, Unauthenticated, LedgerUnavailable.
    """
    by = asking.caller
    try:
        made = await own_keys.rotate(ledger, by.account_id, _known(key_id), grace_s, by.credential_id)
    except AccountGone:
        raise Unauthenticated from None
    return _made(made) | {"replaces": key_id, "ends": time_view(made.ends)}


async def revoke(ledger: Ledger, asking: Asking, key_id: str) -> dict[str, Any]:
    """The end of a key, in the very next request. Raises NotFound, Forbidden, Unauthenticated, LedgerUnavailable."""
    by = asking.caller
    try:
        await own_keys.revoke(ledger, by.account_id, _known(key_id), by.credential_id)
    except AccountGone:
        raise Unauthenticated from None
    return {"id": key_id, "deleted": True}


def _made(made: Made) -> dict[str, Any]:
    return {"id": made.key_id, "key": made.key, "label": made.label, "created": time_view(made.created)}


def _known(key_id: str) -> str:
    if not KEY_ID.fullmatch(key_id):
        raise NotFound("There is no such key.")
    return key_id
