"""The tables, as PynamoDB models: their keys, their creation, the typed pages that people read.

Also the synchronous store, PynamoDB's connection, for the functions that do not stream. Attributes that
the ledger's writes depend on are named in the modules that write them; these models read what is shown.
"""

import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model

from functions.ledger.store import Ambiguous, Item, NotApplied, error_of
from functions.settings import Settings

T = TypeVar("T")


class _Table:
    billing_mode = "PAY_PER_REQUEST"


class Accounts(Model):
    """One user of one project: functions/ledger/account.py."""

    class Meta(_Table):
        table_name = "accounts"

    account_id = UnicodeAttribute(hash_key=True)


class Credentials(Model):
    """Keys, by their SHA-256: functions/ledger/credentials.py."""

    class Meta(_Table):
        table_name = "credentials"

    credential_id = UnicodeAttribute(hash_key=True)


class Identities(Model):
    """Who somebody is to a project, such as `default/email/a@b.c`: functions/ledger/grants.py.

    Beside them a mark for each reference that was entered, such as `default/purchase/…`: functions/ledger/journal.py.
    """

    class Meta(_Table):
        table_name = "identities"

    identity_id = UnicodeAttribute(hash_key=True)


class Receipts(Model):
    """What one request was: functions/ledger/receipts.py."""

    class Meta(_Table):
        table_name = "receipts"

    account_id = UnicodeAttribute(hash_key=True)
    receipt_id = UnicodeAttribute(range_key=True)
    created = NumberAttribute()
    ended = NumberAttribute()
    outcome = UnicodeAttribute()
    cost = NumberAttribute()
    hold = NumberAttribute()
    endpoint = UnicodeAttribute(default="")
    model = UnicodeAttribute(default="")
    price = UnicodeAttribute(default="")
    estimate = NumberAttribute(default=0)
    input = NumberAttribute(default=0)
    output = NumberAttribute(default=0)
    cached = NumberAttribute(default=0)
    shortfall = NumberAttribute(default=0)
    anomalies: ListAttribute[Any] = ListAttribute(default=list)
    abort = UnicodeAttribute(default="")
    claim = UnicodeAttribute(default="")
    method = UnicodeAttribute(default="")
    project_version = NumberAttribute(default=0)
    provider = UnicodeAttribute(default="")
    attempts: ListAttribute[Any] = ListAttribute(default=list)
    reasoning = NumberAttribute(default=0)
    blocked = UnicodeAttribute(default="")
    offence = UnicodeAttribute(default="")


class Journal(Model):
    """Credits that came or went other than by a request; entries chain: functions/ledger/entries.py."""

    class Meta(_Table):
        table_name = "journal"

    account_id = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(range_key=True)
    reason = UnicodeAttribute()
    reference = UnicodeAttribute()
    amount = NumberAttribute()
    debt = NumberAttribute(default=0)
    credited_before = NumberAttribute()
    credited_after = NumberAttribute()
    created = NumberAttribute()


class Windows(Model):
    """Counters beside accounts: functions/ledger/counters.py."""

    class Meta(_Table):
        table_name = "windows"

    scope = UnicodeAttribute(hash_key=True)


class Claims(Model):
    """Idempotency keys that were used: functions/ledger/idempotency.py.

    Beside them the links and sessions of owners: functions/ledger/sessions.py.
    """

    class Meta(_Table):
        table_name = "claims"

    claim_id = UnicodeAttribute(hash_key=True)


class Days(Model):
    """Totals of closed days, for charts: functions/ledger/tidy.py."""

    class Meta(_Table):
        table_name = "days"

    account_id = UnicodeAttribute(hash_key=True)
    day = NumberAttribute(range_key=True)
    requests = NumberAttribute(default=0)
    input = NumberAttribute(default=0)
    output = NumberAttribute(default=0)
    cost = NumberAttribute(default=0)


class Checkpoints(Model):
    """How far each account was audited, and what it came to: functions/ledger/audit.py."""

    class Meta(_Table):
        table_name = "checkpoints"

    account_id = UnicodeAttribute(hash_key=True)


class Projects(Model):
    """What owners decide about their apps: functions/ledger/projects.py."""

    class Meta(_Table):
        table_name = "projects"

    project_id = UnicodeAttribute(hash_key=True)


class Members(Model):
    """What belongs to what, to be listed: functions/ledger/members.py."""

    class Meta(_Table):
        table_name = "members"

    scope = UnicodeAttribute(hash_key=True)
    member = UnicodeAttribute(range_key=True)


class Orders(Model):
    """Purchases at payment providers: functions/ledger/orders.py."""

    class Meta(_Table):
        table_name = "orders"

    order_id = UnicodeAttribute(hash_key=True)


class Notices(Model):
    """What people are still to be told: functions/ledger/notices.py; what became of it: functions/ledger/told.py."""

    class Meta(_Table):
        table_name = "notices"

    scope = UnicodeAttribute(hash_key=True)
    notice_id = UnicodeAttribute(range_key=True)


TABLES: tuple[type[Model], ...] = (
    Accounts,
    Credentials,
    Identities,
    Receipts,
    Journal,
    Windows,
    Days,
    Claims,
    Checkpoints,
    Projects,
    Members,
    Orders,
    Notices,
)
TTL_TABLES = {"windows": "ttl", "claims": "ttl", "notices": "ttl"}


def bind(settings: Settings, connection: Connection | None = None) -> None:
    """Point every model at this deployment's tables. PynamoDB's own retries are off: rule 1.

    They share one connection, the given or a new one: to make a client of AWS takes 50 ms.
    """
    shared = connection or Synchronous(settings).connection
    for model in TABLES:
        meta: Any = model.Meta
        meta.table_name = settings.table_prefix + model.__name__.lower()
        meta.region = settings.aws_region
        meta.host = settings.dynamodb_endpoint_url or None
        meta.max_retry_attempts = 0
        meta.read_timeout_seconds = settings.ledger_timeout_s
        if settings.aws_access_key_id:
            meta.aws_access_key_id = settings.aws_access_key_id
            meta.aws_secret_access_key = settings.aws_secret_access_key
            meta.aws_session_token = settings.aws_session_token or None
        model._connection = None  # PynamoDB keeps the first connection otherwise
        table = model._get_connection()
        shared.add_meta_table(table.get_meta_table())
        table.connection = shared


def create_tables(settings: Settings) -> None:
    """Create what is missing; what is there stays as it is. Raises PynamoDB's TableError."""
    bind(settings)
    for model in TABLES:
        if not model.exists():
            model.create_table(wait=True)
            name = model.Meta.table_name.removeprefix(settings.table_prefix)
            if name in TTL_TABLES:
                connection: Connection = model._get_connection().connection
                connection.update_time_to_live(model.Meta.table_name, TTL_TABLES[name])


class Synchronous:
    """A Store over PynamoDB's connection: its coroutines never wait, so `drive` can run them without a loop."""

    def __init__(self, settings: Settings) -> None:
        self.connection = Connection(
            region=settings.aws_region,
            host=settings.dynamodb_endpoint_url or None,
            connect_timeout_seconds=settings.ledger_timeout_s,
            read_timeout_seconds=settings.ledger_timeout_s,
            max_retry_attempts=0,
            aws_access_key_id=settings.aws_access_key_id or None,
            aws_secret_access_key=settings.aws_secret_access_key or None,
            aws_session_token=settings.aws_session_token or None,
        )

    async def call(self, operation: str, request: Item) -> Item:
        try:
            answer: Item = getattr(self.connection.client, xform_name(operation))(**request)
        except ClientError as error:
            response: Item = dict(error.response)
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            raise error_of(response["Error"]["Code"], response["Error"]["Message"], status, response) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise NotApplied("could not connect") from error
        except BotoCoreError as error:
            raise Ambiguous(type(error).__name__) from error
        return answer


class SystemClock:
    """The machine's clock, for use without an event loop."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  there is no loop to hold up: see `drive`


def drive(operation: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the ledger over the synchronous store; it never waits, so one step is all it takes."""
    try:
        operation.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    operation.close()
    raise RuntimeError("a coroutine over the synchronous store must not wait")
