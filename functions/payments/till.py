"""What the functions that take money share: the ledger over PynamoDB, and the connections of whoever sells."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from functions.errors import NotFound, Unauthenticated
from functions.ledger import tables
from functions.ledger.receipts import Receipt
from functions.ledger.store import Ledger, nobody
from functions.payments import connections
from functions.payments.provider import PROVIDERS, Connection
from functions.settings import Settings

if TYPE_CHECKING:
    from functions.projects.live import Live, Projects

DEFAULT = "default"
"""The built-in project, whose connections are settings."""


class Till:
    """Made once per process."""

    def __init__(self, settings: Settings, healed: Callable[[Receipt], None] = nobody) -> None:
        """`healed` is told of holds that were resolved because an account was read."""
        self.settings = settings
        store, clock = tables.Synchronous(settings), tables.SystemClock()
        tables.bind(settings, store.connection)
        self.ledger = Ledger(store, clock, os.urandom, settings.table_prefix, healed)

    @cached_property
    def projects(self) -> "Projects":
        """All but the built-in one. Loaded when an event of one comes: that takes as long again as a start."""
        from functions.authenticate.callers import Callers  # noqa: PLC0415
        from functions.projects.live import Projects  # noqa: PLC0415

        return Projects(self.settings, self.ledger, Callers())

    def live(self, project_id: str) -> "Live":
        """A project as it is now. Raises NotFound where there is none, LedgerUnavailable."""
        try:
            return tables.drive(self.projects.get(project_id))
        except Unauthenticated:
            raise NotFound("There is no such connection.") from None

    def connection(self, project_id: str, name: str) -> Connection:
        """A project's account at a provider. Raises NotFound, NotConfigured, LedgerUnavailable, Unavailable."""
        if name not in PROVIDERS:
            raise NotFound("There is no such connection.")
        if project_id == DEFAULT:
            return connections.of_settings(self.settings, name)
        return connections.of_project(self.settings, self.live(project_id), name)
