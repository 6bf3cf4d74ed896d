"""Keys of a project: publishable ones, which may stand in a page, and secret ones, for a back-end alone.

A key is shown when it is made and never again: only its SHA-256 is kept.
"""

import re
from typing import Any

from functions.errors import BadRequest, NotFound
from functions.ledger import projects
from functions.owners import asked
from functions.owners.mine import Mine
from functions.projects.project import FORWARD, MANAGED

KINDS = {"publishable": MANAGED, "secret": FORWARD}
"""Of each kind, the mode that it is for: in forward mode whoever has a key decides what is asked for."""
KEY_ID = re.compile("[0-9a-f]{64}")


async def add(mine: Mine, kind: object, label: object) -> dict[str, Any]:
    """A new key. Raises BadRequest; Forbidden where there are too many."""
    mode = mine.stored.document["mode"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadRequest(f"kind must be one of: {', '.join(KINDS)}.", param="kind")
    if KINDS[kind] != mode:
        raise BadRequest(f"A {kind} key is for {KINDS[kind]} mode; this project is in {mode} mode.", param="kind")
    return await _add(mine, kind, asked.label(label))


async def rotate(mine: Mine, key_id: str) -> dict[str, Any]:
    """A new key of the same kind and label, and the end of the old one, in this order."""
    key = mine.stored.keys.get(_known(mine, key_id))
    if key is None:
        raise NotFound("There is no such key.")
    made = await _add(mine, key.kind, key.label)
    await projects.revoke_key(mine.ledger, mine.project_id, key_id)
    return made | {"replaces": key_id}


async def revoke(mine: Mine, key_id: str) -> dict[str, Any]:
    """The end of a key: within seconds, for processes remember the project (docs/decisions/0017). Raises NotFound."""
    await projects.revoke_key(mine.ledger, mine.project_id, _known(mine, key_id))
    return {"id": key_id, "deleted": True}


async def _add(mine: Mine, kind: str, label: str) -> dict[str, Any]:
    key, key_id = await projects.add_key(mine.ledger, mine.project_id, kind, label)
    return {"id": key_id, "kind": kind, "label": label, "key": key}


def _known(mine: Mine, key_id: str) -> str:
    if not KEY_ID.fullmatch(key_id) or key_id not in mine.stored.keys:
        raise NotFound("There is no such key.")
    return key_id
