"""Money at a provider that fits no order of a project, until somebody has looked at it."""

from typing import Any

from functions.errors import BadRequest, NotFound
from functions.ledger import unmatched as kept
from functions.ledger.store import Ledger
from functions.ledger.unmatched import Unmatched
from functions.owners.shown import time_text
from functions.payments.provider import PROVIDERS
from functions.payments.synchronize import ABOUT_LENGTH_MAX


async def listed(ledger: Ledger, project_id: str) -> list[dict[str, Any]]:
    """What fits no order, and after it what is not of this gateway. Raises LedgerUnavailable."""
    found = await kept.listed(ledger, project_id) + await kept.foreign(ledger, project_id)
    return [_view(one) for one in found]


async def looked_at(ledger: Ledger, project_id: str, provider: str, about: object) -> dict[str, Any]:
    """Take something off the list of what fits no order. Raises BadRequest, NotFound."""
    if provider not in PROVIDERS:
        raise NotFound("There is no such payment provider.")
    is_text = isinstance(about, str) and 0 < len(about) <= ABOUT_LENGTH_MAX
    if not is_text or not await kept.drop(ledger, project_id, provider, str(about)):
        raise BadRequest("about must be that of an entry of `unmatched` that is not `not_ours`.", param="about")
    return {"about": about, "deleted": True}


def _view(found: Unmatched) -> dict[str, Any]:
    return {
        "provider": found.connection,
        "about": found.about,
        "kind": found.kind,
        "why": found.why,
        "seen": time_text(found.seen),
    }
