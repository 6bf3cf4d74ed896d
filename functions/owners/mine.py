"""One project of one owner: found for those it belongs to, and for nobody else."""

from dataclasses import dataclass
from typing import Any

from functions.errors import BadRequest, NotConfigured, NotFound
from functions.ledger import projects
from functions.ledger.projects import Stored
from functions.ledger.store import Ledger
from functions.owners.shown import PROJECT_ID
from functions.projects import document
from functions.projects.operators import operators
from functions.projects.project import Project
from functions.settings import Settings


@dataclass(frozen=True, slots=True)
class Mine:
    """A project, as it was read for the owner who is asking."""

    ledger: Ledger
    settings: Settings
    email: str
    """The owner's."""
    stored: Stored

    @property
    def project_id(self) -> str:
        return self.stored.project_id

    def project(self) -> Project:
        """The project as its document says. Raises BadRequest where settings have changed what may stand there."""
        return parse(self.settings, self.stored.project_id, self.stored.version, self.stored.document)

    def parsed(self, value: Any) -> Project:
        """A document that is to be the next version of this project. Raises BadRequest that names the field."""
        return parse(self.settings, self.stored.project_id, self.stored.version + 1, value)

    def secret(self) -> str:
        """What keys are sealed and test tokens are signed with. Raises NotConfigured."""
        if not self.settings.projects_secret:
            raise NotConfigured("PROJECTS_SECRET")
        return self.settings.projects_secret


async def find(ledger: Ledger, settings: Settings, email: str, project_id: str) -> Mine:
    """A project of an owner's. Raises NotFound: the same for one of somebody else's, and for one that never was."""
    stored = await projects.read(ledger, project_id) if PROJECT_ID.fullmatch(project_id) else None
    if stored is None or stored.state != "open" or email not in stored.owners:
        raise NotFound("There is no such project.")
    return Mine(ledger, settings, email, stored)


def parse(settings: Settings, project_id: str, version: int, value: Any) -> Project:
    """A document, checked as a whole. Raises BadRequest that names the field.

    It may name any of the operator's providers: one that is not granted is not asked, so it can be named before.
    """
    if not isinstance(value, dict):
        raise BadRequest("document must be an object.", param="document")
    return document.parse(
        project_id, version, value, allowed=settings.outbound_allowed_cidrs, operators=operators(settings)
    )
