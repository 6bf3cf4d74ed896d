"""What the operator does about projects: look one up, and grant it providers of the operator's own."""

from typing import Any

from functions.errors import BadRequest, NotFound
from functions.ledger import projects
from functions.ledger.projects import Stored
from functions.ledger.store import Ledger
from functions.owners.shown import PROJECT_ID, project_line
from functions.projects.providers import NAME

GRANTS_MAX = 50


async def shown(ledger: Ledger, project_id: str) -> dict[str, Any]:
    """A project as the operator sees it, a closed one too. Raises NotFound."""
    return _view(await _read(ledger, project_id))


async def grant(ledger: Ledger, project_id: str, names: object) -> dict[str, Any]:
    """Let a project use these of the operator's providers, and no others. Raises BadRequest, NotFound.

    A name need not be in OPERATOR_PROVIDERS yet: the admin function does not know what is.
    """
    if not isinstance(names, list) or len(names) > GRANTS_MAX:
        raise BadRequest(f"providers must be a list of at most {GRANTS_MAX} names.", param="providers")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise BadRequest(
                "A provider's name has 1 to 40 small letters, digits, - and _.", param=f"providers[{index}]"
            )
    stored = await _read(ledger, project_id)
    if stored.state != "open":
        raise NotFound("There is no such project.")
    await projects.grant(ledger, project_id, tuple(dict.fromkeys(names)))
    return _view(await _read(ledger, project_id))


async def _read(ledger: Ledger, project_id: str) -> Stored:
    stored = await projects.read(ledger, project_id) if PROJECT_ID.fullmatch(project_id) else None
    if stored is None:
        raise NotFound("There is no such project.")
    return stored


def _view(stored: Stored) -> dict[str, Any]:
    return project_line(stored) | {
        "state": stored.state,
        "owners": list(stored.owners),
        "grants": list(stored.grants),
    }
