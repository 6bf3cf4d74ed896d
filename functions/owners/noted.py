"""What an owner changes, noted: before it is changed, and how it ended after.

Whoever is no owner of the project is refused before, so that nobody else writes into its notes.
"""

import re
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from functions.errors import BadRequest, FareboxError, NotFound
from functions.ledger import actions
from functions.ledger.account import AccountGone
from functions.ledger.actions import Action
from functions.ledger.store import Ledger
from functions.owners import asked
from functions.owners.shown import time_text

T = TypeVar("T")
LIMIT, LIMIT_MAX = 50, 100
ACTION_ID = re.compile("[0-9a-z]{18}", re.ASCII)
ID = re.compile("[0-9a-z]{1,18}|[0-9a-f]{64}", re.ASCII)
ID_SHOWN = 18
HIDDEN = "…"


async def noted(
    ledger: Ledger, project_id: str, change: Awaitable[T], *, by: str, what: str, about: str, why: object = None
) -> T:
    """What `change` gives, which is not begun before it is noted that somebody makes it.

    Raises BadRequest for a `why` that is none, LedgerUnavailable where it cannot be noted, and what it raises itself.
    """
    scope = actions.of_project(project_id)
    try:
        action_id = await actions.note(ledger, scope, by=by, what=what, about=about, why=asked.why(why))
    except BaseException:
        getattr(change, "close", lambda: None)()  # or it would be told as forgotten
        raise
    outcome = "failed"
    try:
        done = await change
        outcome = actions.DONE
    except AccountGone:  # in the moment between
        outcome = str(NotFound.code)
        raise NotFound("There is no such user.") from None
    except FareboxError as error:
        outcome = error.code or str(error.status)
        raise
    finally:
        await actions.ended(ledger, scope, action_id, outcome)
    return done


def about(kind: str, name: str) -> str:
    """What a change is about, for people: an id as it came in an address, unless it is anything but an id.

    Somebody may have put a key there.
    """
    return f"{kind} {name[:ID_SHOWN] if ID.fullmatch(name) else HIDDEN}"


def about_named(kind: str, name: str, known: Mapping[str, Any]) -> str:
    """The same of a name that people gave, where there is something of it."""
    return f"{kind} {name if name in known else HIDDEN}"


async def listed(ledger: Ledger, project_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of what was done about a project, the newest first. Raises BadRequest, LedgerUnavailable."""
    limit = asked.digits(query["limit"], "limit", 1, LIMIT_MAX) if "limit" in query else LIMIT
    after = query.get("after", "")
    if after and not ACTION_ID.fullmatch(after):
        raise BadRequest("after must be the next of the page before.", param="after")
    found, following = await actions.listed(ledger, actions.of_project(project_id), limit, after)
    data = [action_view(action) for action in found]
    return {"object": "list", "data": data, "has_more": bool(following), "next": following or None}


def action_view(action: Action) -> dict[str, Any]:
    """`outcome` is null where nobody knows whether it was done."""
    return {
        "id": action.id,
        "at": time_text(action.at),
        "by": action.by,
        "what": action.what,
        "about": action.about,
        "why": action.why,
        "outcome": action.outcome or None,
    }
