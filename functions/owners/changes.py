"""Projects made, changed, closed and handed on. A document is checked as a whole, and only then stored."""

from typing import Any

from functions.accounts import email as addresses
from functions.errors import BadRequest, Forbidden
from functions.ledger import ids, projects
from functions.ledger.projects import Stored
from functions.ledger.store import Ledger
from functions.owners import asked
from functions.owners.mine import Mine, parse
from functions.owners.noted import noted
from functions.owners.shown import project_line, project_view
from functions.projects import document
from functions.settings import Settings

OWNERS_MAX = 20
OWNED_MAX = 100
"""Of one owner's projects, so many are read."""
VERSION_MAX = 10**9
NAME = "New project"
UNBORN = "new"
"""Stands for the id of a project that is checked before there is one."""


async def owned(ledger: Ledger, email: str) -> tuple[list[Stored], bool]:
    """The open projects of an owner, in the order of their ids, and whether there are more than OWNED_MAX."""
    named = await projects.of_owner(ledger, email)
    found = [await projects.read(ledger, project_id) for project_id in named[:OWNED_MAX]]
    kept = [stored for stored in found if stored and stored.state == "open" and email in stored.owners]
    return kept, len(named) > OWNED_MAX


async def listed(ledger: Ledger, email: str) -> dict[str, Any]:
    found, has_more = await owned(ledger, email)
    return {"object": "list", "data": [project_line(stored) for stored in found], "has_more": has_more}


async def create(
    ledger: Ledger,
    settings: Settings,
    email: str,
    *,
    name: object = None,
    value: Any = None,
    what: str = "create_project",
) -> dict[str, Any]:
    """A new project, of a document or as new ones are; it is noted as `what`.

    Raises BadRequest, Forbidden, LedgerUnavailable.
    """
    if value is not None and name is not None:
        raise BadRequest("Give a name or a document, which has its own.", param="name")
    if value is None:
        value = document.new(NAME) | ({} if name is None else {"name": name})
    parse(settings, UNBORN, 1, value)
    await check_room(ledger, settings, email)
    project_id = ids.project_id(ledger)
    making = projects.create(ledger, email, value, project_id)
    return project_view(await noted(ledger, project_id, making, by=email, what=what, about=f"project {project_id}"))


async def change(mine: Mine, version: object, value: Any) -> dict[str, Any]:
    """The next version of a project. Raises BadRequest that names the field, VersionChanged where it has changed."""
    expected = asked.whole(version, "version", 1, VERSION_MAX)
    mine.parsed(value)
    return project_view(await projects.change(mine.ledger, mine.project_id, value, expected))


async def close(mine: Mine) -> dict[str, Any]:
    """End a project: its keys stop working. What its users used and paid stays for the books."""
    await projects.close(mine.ledger, mine.project_id)
    return {"id": mine.project_id, "deleted": True}


def addressed(mine: Mine, emails: object) -> tuple[str, ...]:
    """Whose the project is to be, whoever says so first. Raises BadRequest."""
    if not isinstance(emails, list) or not 0 < len(emails) <= OWNERS_MAX:
        raise BadRequest(f"emails must be a list of 1 to {OWNERS_MAX} addresses.", param="emails")
    named = []
    for index, email in enumerate(emails):
        try:
            named.append(addresses.normal(email))
        except BadRequest as error:
            raise BadRequest(error.message, param=f"emails[{index}]") from None
    if mine.email not in named:
        raise BadRequest("You must stay an owner; another owner can take you out.", param="emails")
    return tuple(dict.fromkeys((mine.email, *named)))


async def hand_on(mine: Mine, owners: tuple[str, ...]) -> dict[str, Any]:
    """Say whose the project is. Whoever says so stays, and stands first: it counts for them alone. Raises Forbidden."""
    if mine.stored.owners[0] != mine.email:
        await check_room(mine.ledger, mine.settings, mine.email)
    return project_view(await projects.set_owners(mine.ledger, mine.project_id, owners))


async def leave(mine: Mine) -> dict[str, Any]:
    """Be an owner no more. Raises BadRequest for the one who stands first: it would count for another, unasked."""
    first, *others = mine.stored.owners
    if first == mine.email:
        why = "another owner must take it over first" if others else "you are its only owner; it can be closed"
        raise BadRequest(f"You cannot leave this project: {why}.")
    owners = (email for email in mine.stored.owners if email != mine.email)
    await projects.set_owners(mine.ledger, mine.project_id, owners)
    return {"id": mine.project_id, "left": True}


async def check_room(ledger: Ledger, settings: Settings, email: str) -> None:
    """Raise Forbidden where an owner has as many projects as one may. Those count in which they stand first."""
    found, has_more = await owned(ledger, email)
    first = [stored for stored in found if stored.owners[0] == email]
    if len(first) >= settings.projects_per_owner:
        raise Forbidden(f"You have {len(first)} projects, the most that one owner may have.", code="too_many_projects")
    if has_more:
        raise Forbidden(f"You are an owner of more than {OWNED_MAX} projects; leave some.", code="too_many_projects")
