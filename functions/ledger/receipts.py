"""Receipts: what one request was. Never the prompt or the answer."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from functions.errors import LedgerUnavailable
from functions.ledger.store import Ambiguous, Item, Ledger, Refused

PUTS_MAX = 5
SELDOM = frozenset({"method", "project_version", "provider", "attempts", "reasoning", "blocked", "offence"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request, as it was charged. Amounts in microcredits, times in seconds since 1970."""

    account_id: str
    receipt_id: str
    created: int
    ended: int
    outcome: str
    """completed, cut, client_left, provider_failed, timed_out, gateway_failed or expired."""
    cost: int
    hold: int
    endpoint: str = ""
    model: str = ""
    price: str = ""
    estimate: int = 0
    """The input tokens that were expected at most."""
    input: int = 0
    output: int = 0
    cached: int = 0
    shortfall: int = 0
    """What the usage came to beyond the hold; never charged, never silent."""
    anomalies: tuple[str, ...] = ()
    """What was odd about the provider's usage, by the names in functions/forward/meter.py."""
    abort: str = ""
    """By which rule a request was charged whose client left: `stop` or `drain`."""
    claim: str = ""
    """Of its Idempotency-Key, where it came with one: functions/ledger/idempotency.py."""
    method: str = ""
    """How its user was known, such as `jwt`."""
    project_version: int = 0
    """Of the project's document it was served by; 0: the built-in one."""
    provider: str = ""
    """Who answered, by the project's name for it."""
    attempts: tuple[str, ...] = ()
    """The providers that were asked before and failed, each with the error's code: `openai: provider_failed`."""
    reasoning: int = 0
    """The part of `output` that the model thought and did not say, in tokens."""
    blocked: str = ""
    """Why its input or its answer was blocked; "" where it was not."""
    offence: str = ""
    """That it counts against its user, and by which policy: functions/ledger/abuse.py."""

    def to_item(self) -> Item:
        """What is empty of SELDOM is not stored: a receipt should be small."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: _to_wire(value) for name, value in values.items() if value or name not in SELDOM}

    @classmethod
    def from_item(cls, item: Item) -> "Receipt":
        return cls(**{f.name: _from_wire(item[f.name]) for f in dataclasses.fields(cls) if f.name in item})


def _to_wire(value: Any) -> Item:
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, tuple):
        return {"L": [{"S": text} for text in value]}
    return {"S": value}


def _from_wire(value: Item) -> Any:
    if "N" in value:
        return int(value["N"])
    if "L" in value:
        return tuple(part["S"] for part in value["L"])
    return value["S"]


async def put(ledger: Ledger, receipt: Receipt) -> Receipt:
    """Put a receipt where none is yet, and return the one that counts: the first that was put (rule 2).

    The answer to a put may be lost: putting the same again is refused by the one that was applied.
    Raises LedgerUnavailable.
    """
    request = {
        "TableName": ledger.table("receipts"),
        "Item": receipt.to_item(),
        "ConditionExpression": "attribute_not_exists(receipt_id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    for attempt in range(PUTS_MAX):
        try:
            await ledger.write("PutItem", request)
        except Refused as refused:
            if refused.item is None:
                raise LedgerUnavailable("The ledger refused a receipt without showing the one it has.") from None
            return Receipt.from_item(refused.item)
        except Ambiguous:
            await ledger.pause(attempt)
        else:
            return receipt
    raise LedgerUnavailable("The ledger did not answer in time.")
