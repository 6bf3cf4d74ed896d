"""A user's own keys, as they see them. docs/keys.md"""

import re
from datetime import UTC, datetime
from typing import Any

from functions.errors import Forbidden, NotFound
from functions.ledger import credentials, own_keys
from functions.ledger.account import Account
from functions.ledger.store import Ledger
from functions.projects.asking import Asking

GRACE_S, GRACE_S_MAX = 86_400, 604_800
KEY_ID = re.compile("[0-9a-f]{64}")


def only_users_own(asking: Asking) -> None:
    """Raises Forbidden for users of projects: their keys are the owner's to give."""
    if asking.lane.live.stored is not None:
        raise Forbidden("Keys of this project's users are made by its owner.", code="keys_not_here")


async def listed(ledger: Ledger, account: Account, asking_id: str) -> dict[str, Any]:
    """All that are live, the oldest first; the one that asks is marked. Raises LedgerUnavailable."""
    data = [
        {
            "id": key.key_id,
            "label": key.label,
            "shown": key.shown,
            "created": _time(key.created),
            "ends": _time(key.ends) if key.ends else None,
            "waiting": state == own_keys.PENDING,
            "asking": key.key_id == asking_id,
        }
        for key, state in await own_keys.listed(ledger, account)
    ]
    return {"object": "list", "data": data}


async def add(ledger: Ledger, account: Account, label: str) -> dict[str, Any]:
    """Another key, live at once. Raises Forbidden where there are too many."""
    key = await credentials.add_key(ledger, account.account_id, label)
    return _made(ledger, key, label)


async def rotate(ledger: Ledger, account: Account, key_id: str, grace_s: int) -> dict[str, Any]:
    """A key of the same label; the old one works on for `grace_s` seconds. Raises BadRequest, NotFound, Forbidden."""
    made = await own_keys.rotate(ledger, account, _known(key_id), grace_s)
    return _made(ledger, made.key, made.label) | {"replaces": key_id, "ends": _time(made.ends)}


async def revoke(ledger: Ledger, account: Account, key_id: str) -> dict[str, Any]:
    """The end of a key, in the very next request. Raises NotFound."""
    if not await credentials.revoke(ledger, account.account_id, _known(key_id)):
        raise NotFound("There is no such key.")
    return {"id": key_id, "deleted": True}


def _made(ledger: Ledger, key: str, label: str) -> dict[str, Any]:
    created = _time(int(ledger.clock.now()))
    return {"id": credentials.credential_id(key), "key": key, "label": label, "created": created}


def _known(key_id: str) -> str:
    if not KEY_ID.fullmatch(key_id):
        raise NotFound("There is no such key.")
    return key_id


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
