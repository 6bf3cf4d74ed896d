"""Tables in memory that answer the ledger's requests at once, by DynamoDB's rules as far as the ledger uses them.

A write is first judged and then done, so it happens wholly or not at all. What is not known here is refused, which the
gateway takes for a fault of its own, and the run ends.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.instant_expressions import Item, Place, Unknown, changes, condition, plain
from functions.ledger.tables import TABLES

Key = tuple[str, ...]
Rows = dict[Key, Item]
UNMET: Item = {"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"}


class Unmet(Exception):
    """A condition was not met; the item as it is, where the request asked for it."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition not met")
        self.shown = {"Item": item} if item is not None else {}


class Write(NamedTuple):
    """A write that may be done: the item that is to be at `key` (None: nothing), and what changes within it."""

    rows: Rows
    key: Key
    item: Item | None
    changes: list[tuple[Place, Item | None]]

    def do(self) -> None:
        for (holder, name), value in self.changes:
            if value is None:
                holder.pop(name, None)
            else:
                holder[name] = value
        if self.item is None:
            self.rows.pop(self.key, None)
        else:
            self.rows[self.key] = self.item


class Tables:
    """The ledger's tables, and DynamoDB's operations on them."""

    def __init__(self, prefix: str) -> None:
        self.keys: dict[str, tuple[str, ...]] = {}
        for model in TABLES:
            attributes: Mapping[str, Any] = model.get_attributes()
            keys = [key for key in attributes.values() if key.is_hash_key or key.is_range_key]
            keys.sort(key=lambda key: bool(key.is_range_key))
            self.keys[prefix + model.__name__.lower()] = tuple([key.attr_name for key in keys])
        self.rows: dict[str, Rows] = {name: {} for name in self.keys}
        self.operations: dict[str, Callable[[Item], Item]] = {
            "PutItem": lambda request: self._write("Put", request),
            "UpdateItem": lambda request: self._write("Update", request),
            "DeleteItem": lambda request: self._write("Delete", request),
            "GetItem": self._get,
            "Query": self._query,
            "TransactGetItems": self._transact_get,
            "TransactWriteItems": self._transact_write,
        }

    def answer(self, operation: str, request: Item) -> tuple[int, Item]:
        """Status and body of the answer to one request. What the body shows of items is to be sent, not kept."""
        try:
            return 200, self.operations[operation](request)
        except Unmet as unmet:
            return 400, UNMET | unmet.shown
        except Cancelled as cancelled:
            return 400, {"__type": "TransactionCanceledException", "CancellationReasons": cancelled.reasons}
        except (Unknown, LookupError, TypeError, ValueError, SyntaxError) as error:
            return 400, {"__type": "ValidationException", "message": f"not done here: {operation}: {error!r}"}

    def _prepared(self, kind: str, request: Item) -> Write:
        """Judge a write. Raises Unmet."""
        table = request["TableName"]
        rows, given = self.rows[table], request["Item"] if kind == "Put" else request["Key"]
        key = tuple([_text(given[name]) for name in self.keys[table]])
        before = rows.get(key)
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        text = request.get("ConditionExpression")
        if text and not condition(text)(before or {}, names, values):
            raise Unmet(before if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else None)
        if kind == "Update":
            item = given.copy() if before is None else before
            return Write(rows, key, item, changes(request["UpdateExpression"], item, names, values))
        if kind == "ConditionCheck":
            return Write(rows, key, before, [])
        if kind not in ("Put", "Delete"):
            raise Unknown(kind)
        return Write(rows, key, given if kind == "Put" else None, [])

    def _write(self, kind: str, request: Item) -> Item:
        write, returned = self._prepared(kind, request), request.get("ReturnValues", "NONE")
        if returned not in ("NONE", "ALL_NEW"):
            raise Unknown(returned)
        write.do()
        return {"Attributes": write.item} if returned == "ALL_NEW" else {}

    def _transact_write(self, request: Item) -> Item:
        writes, reasons = list[Write](), list[Item]()
        for part in request["TransactItems"]:
            ((kind, inner),) = part.items()
            try:
                writes.append(self._prepared(kind, inner))
                reasons.append({"Code": "None"})
            except Unmet as unmet:
                reasons.append({"Code": "ConditionalCheckFailed", **unmet.shown})
        if len(writes) < len(reasons):
            raise Cancelled(reasons)
        for write in writes:
            write.do()
        return {}

    def _get(self, request: Item) -> Item:
        table = request["TableName"]
        item = self.rows[table].get(tuple([_text(request["Key"][name]) for name in self.keys[table]]))
        return {} if item is None else {"Item": item}

    def _transact_get(self, request: Item) -> Item:
        return {"Responses": [self._get(part["Get"]) for part in request["TransactItems"]]}

    def _query(self, request: Item) -> Item:
        """One page, which is all: of what is in the table already, so it is asked for seldom."""
        if "ExclusiveStartKey" in request:
            raise Unknown("a second page")
        table, most = request["TableName"], request.get("Limit")
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        asked, order = condition(request["KeyConditionExpression"]), self.keys[table][-1]
        found = [item for item in self.rows[table].values() if asked(item, names, values)]
        scanned = len(found)
        if "FilterExpression" in request:
            kept = condition(request["FilterExpression"])
            found = [item for item in found if kept(item, names, values)]
        found.sort(key=lambda item: plain(item[order]), reverse=not request.get("ScanIndexForward", True))
        return {"Items": found[:most], "Count": len(found[:most]), "ScannedCount": scanned}


class Cancelled(Exception):
    """A transaction of which a part was refused."""

    def __init__(self, reasons: list[Item]) -> None:
        super().__init__("transaction cancelled")
        self.reasons = reasons


def _text(value: Item) -> str:
    return str(next(iter(value.values())))
