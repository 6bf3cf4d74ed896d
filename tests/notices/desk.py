"""The errands of a deployment on tables in memory, with a clock that tests move, and real receivers and mails."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from functions.authenticate.callers import Callers
from functions.errors import NotFound, Unauthenticated
from functions.ledger import credentials, grants, notices, projects
from functions.ledger.account import Account
from functions.ledger.notices import About, Notice
from functions.ledger.store import Ledger
from functions.ledger.tables import drive
from functions.notices.telling import Kinds, Run
from functions.payments.till import Till
from functions.projects import vault
from functions.projects.live import Live, Projects
from functions.projects.notices import SECRET_NAME
from functions.settings import Settings
from functions.values import networks
from tests.ledger.faults import FakeClock, FaultyStore, When, never
from tests.notices.receiver import SECRET, Receiver
from tests.simulation.table import FakeDynamoDB, schemas

PROJECTS_SECRET = "a secret of projects, for tests, and long enough"
EMAIL = "ada@farebox.test"
ORDER: About = {
    "order": "ord_0123456789abcdef0123456789abcdef",
    "pack": "starter",
    "connection": "stripe",
    "amount": 50,
    "currency": "usd",
    "refunded": 0,
    "mode": "live",
    "credits": 5_000_000_000_000,
    "method": "key",
}


@dataclass
class ShortTill:
    """What errands need of a Till, on a ledger in memory."""

    settings: Settings
    ledger: Ledger
    projects: Projects

    def live(self, project_id: str) -> Live:
        try:
            return drive(self.projects.get(project_id))
        except Unauthenticated:
            raise NotFound("There is no such connection.") from None


@dataclass
class Desk:
    """One deployment: accounts, projects, notices and those who are told."""

    outbox: Path
    settings: Settings
    clock: FakeClock = field(default_factory=lambda: FakeClock(time.time()))
    """Begins now: receivers judge when a webhook was signed."""
    table: FakeDynamoDB = field(default_factory=lambda: FakeDynamoDB(schemas("")))

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.table, self.clock, random.Random(6).randbytes, "")

    def account(self, email: str = EMAIL) -> Account:
        """A new account of the built-in project."""
        key = drive(grants.register(self.ledger, grants.Address("default", email), grants.Trial(10**12, 86400)))
        found = drive(credentials.find(self.ledger, credentials.credential_id(key)))
        assert found
        return found[1]

    def user(self, project_id: str) -> str:
        """A new user of a project, known by a token."""
        number = self.ledger.random(4).hex()
        subject = grants.Subject(project_id, "jwt", number, f"user {number}")
        return drive(grants.first_sight(self.ledger, subject, grants.Trial(10**12, 0)))

    def project(self, url: str, secret: str = SECRET) -> str:
        """A project whose owner is told at a URL."""
        document = {"name": "App", "mode": "managed", "auth": {"no_auth": {}}, "notices": {"url": url}}
        stored = drive(projects.create(self.ledger, "owner@farebox.test", document))
        sealed = vault.seal(PROJECTS_SECRET, stored.project_id, SECRET_NAME, url, secret)
        drive(projects.put_sealed(self.ledger, stored.project_id, SECRET_NAME, sealed, "…"))
        return stored.project_id

    def move(self, project_id: str, url: str) -> None:
        """The owner writes another URL; the secret was given for the one before."""
        stored = drive(projects.read(self.ledger, project_id))
        assert stored
        document = stored.document | {"notices": {"url": url}}
        drive(projects.change(self.ledger, project_id, document, stored.version))

    def put(self, kind: str, account_id: str, about: About = ORDER) -> None:
        """Something is to be told."""
        part = notices.part(self.ledger, kind, account_id, about)
        drive(self.ledger.write("TransactWriteItems", {"TransactItems": [part]}))

    def run(self, kinds: Kinds | None = None, when: When = never, most: int = 10_000) -> Counter[str]:
        """One run of errands by a new process, which asks `most` times whether there is time left."""
        left = iter(range(most))
        store = FaultyStore(self.table, when)
        ledger = replace(self.ledger, store=store)
        till = ShortTill(self.settings, ledger, Projects(self.settings, ledger, Callers()))
        return Run(cast(Till, till), kinds or {}).all_due(lambda: next(left, None) is not None)

    def waiting(self) -> list[Notice]:
        """What stands there, due or not."""
        found = self.table.items("notices").values()
        return [notices.from_item(item) for item in found if item["scope"]["S"] == notices.DUE]

    def passes(self, seconds: float) -> None:
        self.clock.time_s += seconds

    def mails(self) -> list[EmailMessage]:
        """What was mailed, in the order in which it was written."""
        paths = sorted(self.outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=default) for path in paths]


def settings_for(outbox: Path, receiver: Receiver | None = None, **more: Any) -> Settings:
    """Of a deployment whose operator is told at a receiver."""
    told = {"notices_url": receiver.url, "notices_secret": SECRET} if receiver else {}
    return Settings(
        hash_secret="a secret for tests, long enough",
        projects_secret=PROJECTS_SECRET,
        outbound_allowed_cidrs=networks("127.0.0.0/8", ""),
        mail_outbox=str(outbox),
        **told | more,
    )
