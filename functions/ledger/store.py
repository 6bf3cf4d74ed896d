"""What the ledger asks of a store, and how a store says no.

A store carries out one DynamoDB operation, given and answered in DynamoDB's own JSON. There are two:
`dynamodb` (asynchronous, for the streaming function) and `tables` (PynamoDB's connection, for the
functions that do not stream); tests put others in between. A store never retries by itself (rule 1).

    StoreError
    ├── Refused        a condition was not met: definitely not applied; carries the item as it is
    ├── NotApplied     conflict, throttling, never sent: definitely not applied; may be sent again
    ├── Ambiguous      no answer, or a failure inside DynamoDB: applied, not applied, or still to come
    └── Rejected       malformed, no such table, no permission: sending again cannot help
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from functions.errors import LedgerUnavailable

if TYPE_CHECKING:
    from functions.ledger.receipts import Receipt

Item = dict[str, Any]
"""An item or an expression's values in DynamoDB's JSON, such as `{"paid": {"N": "5"}}`."""

SENDS_MAX = 6
BACKOFF_FIRST_S = 0.02

NOT_APPLIED_CODES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
NOT_APPLIED_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class StoreError(Exception):
    """Base of what a store raises."""


class Refused(StoreError):
    """A condition was not met. `items` are the items as they are, in the order written; None where absent."""

    def __init__(self, items: list[Item | None]) -> None:
        super().__init__("condition not met")
        self.items = items

    @property
    def item(self) -> Item | None:
        return self.items[0]


class NotApplied(StoreError):
    """Certainly not applied: the same write may be sent again."""


class Ambiguous(StoreError):
    """Applied, not applied, or still on its way: nobody knows yet."""


class Rejected(StoreError):
    """DynamoDB will not take this request, however often it is sent."""


class Store(Protocol):
    async def call(self, operation: str, request: Item) -> Item:
        """Carry out one operation (such as `UpdateItem`), once. Raises StoreError."""
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock, for use under an event loop."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def nobody(receipt: "Receipt") -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the ledger's operations find what they need from outside: store, time, randomness, names."""

    store: Store
    clock: Clock
    random: Callable[[int], bytes]
    prefix: str
    healed: "Callable[[Receipt], None]" = nobody
    """Told of every hold that was resolved though its request had left it open, by its receipt; it never raises."""
    secret: str = ""
    """HASH_SECRET: keys the hash of what must be known again and must stand in no table."""

    def table(self, name: str) -> str:
        return self.prefix + name

    async def write(self, operation: str, request: Item) -> Item:
        """Send one write; again, with jitter, only while it is known not to be applied (rule 9).

        Raises Refused, Ambiguous; LedgerUnavailable where it cannot be applied.
        """
        for attempt in range(SENDS_MAX):
            try:
                return await self.store.call(operation, request)
            except NotApplied:
                if attempt < SENDS_MAX - 1:
                    await self.pause(attempt)
            except Rejected as error:
                raise LedgerUnavailable("The ledger refused a request; this is a fault of the gateway.") from error
        raise LedgerUnavailable("The ledger is busy; nothing was charged.")

    async def read(self, operation: str, request: Item) -> Item:
        """Send one read; reading again is always safe. Raises LedgerUnavailable."""
        for attempt in range(SENDS_MAX):
            try:
                return await self.store.call(operation, request)
            except (NotApplied, Ambiguous):
                if attempt < SENDS_MAX - 1:
                    await self.pause(attempt)
            except Rejected as error:
                raise LedgerUnavailable("The ledger refused a request; this is a fault of the gateway.") from error
        raise LedgerUnavailable("The ledger cannot be reached; nothing was charged.")

    async def pause(self, attempt: int) -> None:
        """Wait before attempt + 1: exponential, with full jitter."""
        longest = BACKOFF_FIRST_S * 2**attempt
        await self.clock.sleep(longest * (1 + self.random(1)[0]) / 256)


def error_of(code: str, message: str, status: int, body: Item) -> StoreError:
    """The StoreError for DynamoDB's error `code` (without namespace), HTTP status and decoded body."""
    if code == "ConditionalCheckFailedException":
        return Refused([body.get("Item")])
    if code == "TransactionCanceledException":
        reasons = body.get("CancellationReasons") or []
        codes = {reason.get("Code") for reason in reasons}
        if "ConditionalCheckFailed" in codes:
            return Refused([reason.get("Item") for reason in reasons])
        return NotApplied(code) if codes & NOT_APPLIED_REASONS else Rejected(f"{code}: {message}")
    if code in NOT_APPLIED_CODES:
        return NotApplied(code)
    if status >= 500:
        return Ambiguous(f"{status} {code}")
    return Rejected(f"{status} {code}: {message}")
