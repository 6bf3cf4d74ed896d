"""A DynamoDB in memory, exact in its rules: what the ledger is simulated on. Nothing waits, nothing fails by chance.

How exact: `make conformance` sends the same requests to it and to others. What it does not know, such as
indexes, it refuses with NotImplementedError rather than guess.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from functions.ledger.store import Item, StoreError, error_of
from functions.ledger.tables import TABLES
from tests.simulation import reading
from tests.simulation.expressions import Expressions
from tests.simulation.operands import Resolved, found
from tests.simulation.rows import Key, Rows, check_size
from tests.simulation.values import Invalid, InvalidKey, checked, item_copied

Observer = Callable[[str, Key, Item | None, Item | None], None]
"""Called with a table's name, a key, and the item before and after every write that was committed. Items are not
copies: look, do not touch."""

TRANSACTION_MAX = 100
UNMET = "The conditional request failed"

_COMMON = {
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
}
_FIELDS = {
    "Put": frozenset({*_COMMON, "Item"}),
    "Update": frozenset({*_COMMON, "Key", "UpdateExpression"}),
    "Delete": frozenset({*_COMMON, "Key"}),
    "ConditionCheck": frozenset({*_COMMON, "Key"}),
}
_RETURNS = {"Update": ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")}


def schemas(prefix: str) -> dict[str, tuple[str, ...]]:
    """The ledger's tables: the name of each to its key attributes; `:N` is added to a number's."""
    made = {}
    for model in TABLES:
        attributes: Mapping[str, Any] = model.get_attributes()
        keys = [attribute for attribute in attributes.values() if attribute.is_hash_key or attribute.is_range_key]
        keys.sort(key=lambda attribute: bool(attribute.is_range_key))
        names = [key.attr_name + ("" if key.attr_type == "S" else f":{key.attr_type}") for key in keys]
        made[prefix + model.__name__.lower()] = tuple(names)
    return made


class Unmet(Exception):
    """A condition was not met; the item as it is, where the request asked for it."""

    def __init__(self, item: Item | None) -> None:
        super().__init__(UNMET)
        self.item = item


class Change(NamedTuple):
    """What a write would do, before it is done."""

    rows: Rows
    key: Key
    before: Item | None
    after: Item | None


@dataclass(slots=True)
class Write:
    """One write, read and judged as far as it can be without the item."""

    kind: str
    rows: Rows
    key: Key
    item: Item
    """The item to put, or the key as attributes."""
    expressions: Expressions
    paths: list[Resolved]
    """What is updated."""
    shows_item: bool
    returns: str

    def change(self) -> Change:
        """What is to be written. Raises Unmet, Invalid."""
        before = self.rows.items.get(self.key)
        if not self.expressions.meets(before or {}):
            raise Unmet(item_copied(before) if before is not None and self.shows_item else None)
        if self.kind == "ConditionCheck":
            return Change(self.rows, self.key, before, before)
        if self.kind == "Delete":
            return Change(self.rows, self.key, before, None)
        if self.kind == "Put":
            return Change(self.rows, self.key, before, self.item)
        after = self.item if before is None else before
        if self.expressions.update:
            after = self.expressions.update.after(after, self.paths, self.expressions.names, self.expressions.values)
            check_size(after)
        return Change(self.rows, self.key, before, after)

    def answer(self, change: Change) -> Item:
        """What the write is answered with."""
        if self.returns == "NONE":
            return {}
        item = change.after if self.returns.endswith("NEW") else change.before
        if item is None:
            return {}
        if self.returns.startswith("UPDATED"):
            item = {str(path[0]): item[str(path[0])] for path in self.paths if found(item, path) is not None}
        return {"Attributes": item_copied(item)} if item else {}


class FakeDynamoDB:
    """Tables in memory, and DynamoDB's operations on them. A Store, too: its coroutine never waits."""

    def __init__(self, tables: Mapping[str, tuple[str, ...]], observer: Observer | None = None) -> None:
        """`tables`: each table's name to its key attributes, `name` for a text, `name:N` for a number."""
        self.observer = observer
        self._tables = {name: Rows(name, keys) for name, keys in tables.items()}
        self._operations: dict[str, Callable[[Item], Item]] = {
            "PutItem": lambda request: self._write("Put", request),
            "UpdateItem": lambda request: self._write("Update", request),
            "DeleteItem": lambda request: self._write("Delete", request),
            "TransactWriteItems": self._transact_write,
            "GetItem": lambda request: reading.get(self._rows(request), request),
            "TransactGetItems": self._transact_get,
            "BatchGetItem": lambda request: reading.batch_get(self._rows, request),
            "Query": lambda request: reading.query(self._rows(request), request),
            "Scan": lambda request: reading.scan(self._rows(request), request),
        }

    def items(self, table: str) -> dict[Key, Item]:
        """A table's items by key, as they are kept: look, do not touch."""
        return self._tables[table].items

    async def call(self, operation: str, request: Item) -> Item:
        """Carry out one operation at once. Raises StoreError."""
        return self.apply(operation, request)

    def apply(self, operation: str, request: Item) -> Item:
        """Carry out one operation, wholly or not at all. Raises StoreError."""
        if operation not in self._operations:
            raise NotImplementedError(operation)
        try:
            return self._operations[operation](request)
        except Invalid as error:
            raise error_of(error.code, error.message, 400, {}) from None
        except Unmet as unmet:
            body = {} if unmet.item is None else {"Item": unmet.item}
            raise error_of("ConditionalCheckFailedException", UNMET, 400, body) from None

    def _rows(self, request: Item) -> Rows:
        rows = self._tables.get(request.get("TableName", ""))
        if rows is None:
            raise Invalid("Requested resource not found", "ResourceNotFoundException")
        return rows

    def _prepared(self, kind: str, request: Item) -> Write:
        if not request.keys() <= _FIELDS[kind]:
            raise NotImplementedError(sorted(request.keys() - _FIELDS[kind]))
        rows = self._rows(request)
        expressions = Expressions(request)
        paths: list[Resolved] = []
        returns = request.get("ReturnValues", "NONE")
        if returns not in _RETURNS.get(kind, ("NONE", "ALL_OLD")):
            raise Invalid("Return values set to invalid value")
        if kind == "Put":
            if type(request.get("Item")) is not dict:
                raise Invalid("The parameter 'Item' is required but was not present in the request")
            item = checked({"M": request["Item"]})["M"]
            check_size(item)
            key, _ = rows.key_in(item)
        else:
            key, item = rows.key_of(request.get("Key"))
        if expressions.update:
            paths = expressions.update.paths(expressions.names)
            updated = {path[0] for path in paths}
            for attribute, _ in rows.attributes:
                if attribute in updated:
                    raise InvalidKey(f"Cannot update attribute {attribute}. This attribute is part of the key")
        shows_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return Write(kind, rows, key, item, expressions, paths, shows_item, returns)

    def _write(self, kind: str, request: Item) -> Item:
        write = self._prepared(kind, request)
        change = write.change()
        self._commit([change])
        return write.answer(change)

    def _commit(self, changes: list[Change]) -> None:
        """All at once: whoever observes the first change finds the last one made."""
        for change in changes:
            change.rows.put(change.key, change.after)
        if self.observer:
            for change in changes:
                self.observer(change.rows.name, change.key, change.before, change.after)

    def _transact_write(self, request: Item) -> Item:
        if not request.keys() <= {"TransactItems", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}:
            raise NotImplementedError("a transaction's token")
        writes = [self._in_transaction(kind, part) for kind, part in _single(request, frozenset(_FIELDS))]
        _check_once([(write.rows.name, write.key) for write in writes if isinstance(write, Write)])
        changes: list[Change] = []
        reasons: list[Item] = []
        for write in writes:
            try:
                if isinstance(write, InvalidKey):
                    raise write
                change = write.change()
            except Unmet as unmet:
                shown = {} if unmet.item is None else {"Item": unmet.item}
                reasons.append({"Code": "ConditionalCheckFailed", "Message": UNMET, **shown})
            except Invalid as error:
                reasons.append({"Code": "ValidationError", "Message": error.message})
            else:
                reasons.append({"Code": "None"})
                if write.kind != "ConditionCheck":
                    changes.append(change)
        if any(reason["Code"] != "None" for reason in reasons):
            raise _cancelled(reasons)
        self._commit(changes)
        return {}

    def _in_transaction(self, kind: str, request: Item) -> Write | InvalidKey:
        try:
            return self._prepared(kind, request)
        except InvalidKey as error:
            return error

    def _transact_get(self, request: Item) -> Item:
        gets = [part for _, part in _single(request, frozenset({"Get"}))]
        _check_once([(part["TableName"], self._rows(part).key_of(part.get("Key"))[0]) for part in gets])
        return {"Responses": [reading.get(self._rows(part), part) for part in gets]}


def _single(request: Item, kinds: frozenset[str]) -> list[tuple[str, Item]]:
    """The parts of a transaction, each of one kind. Raises Invalid."""
    parts = request.get("TransactItems")
    if type(parts) is not list or not 1 <= len(parts) <= TRANSACTION_MAX:
        raise Invalid(f"Member must have length between 1 and {TRANSACTION_MAX}")
    singles = []
    for part in parts:
        if len(part) != 1 or not part.keys() <= kinds:
            raise Invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        singles += list(part.items())
    return singles


def _check_once(keys: list[tuple[str, Key]]) -> None:
    if len(set(keys)) < len(keys):
        raise Invalid("Transaction request cannot include multiple operations on one item")


def _cancelled(reasons: list[Item]) -> StoreError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return error_of("TransactionCanceledException", message, 400, {"CancellationReasons": reasons})
