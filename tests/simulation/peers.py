"""What the table in memory is compared with: DynamoDB's interface over HTTP; and how."""

import http.client
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson

from functions.ledger.dynamodb import VERSION, keys_from
from functions.ledger.store import Item, StoreError, error_of
from functions.signature import Signer
from tests.simulation.cases import TABLES as CASES_TABLES
from tests.simulation.cases import Case
from tests.simulation.recorded import PREFIX
from tests.simulation.rows import Rows
from tests.simulation.table import FakeDynamoDB, schemas
from tests.simulation.values import Invalid, checked

TABLES = CASES_TABLES | schemas(PREFIX)
_code = re.compile(r"\w+Exception")
Apply = Callable[[str, Item], Item]


class Peer:
    """DynamoDB's interface at a URL, synchronous: the same `apply` as FakeDynamoDB's."""

    def __init__(self, url: str) -> None:
        host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._signer = Signer(host, "us-east-1", keys_from("local", "local", ""))

    def apply(self, operation: str, request: Item) -> Item:
        """Carry out one operation. Raises StoreError."""
        body = orjson.dumps(request)
        self._connection.request("POST", "/", body, self._signer.headers(VERSION + operation, body, time.time()))
        response = self._connection.getresponse()
        answer: Item = orjson.loads(response.read())
        if response.status == 200:
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2]
        raise error_of(code, str(answer.get("message") or answer.get("Message") or ""), response.status, answer)

    def create_tables(self) -> None:
        """Make the tables of the cases; they must not be there."""
        for table, keys in TABLES.items():
            parts = [key.partition(":") for key in keys]
            kinds = [{"AttributeName": name, "AttributeType": kind or "S"} for name, _, kind in parts]
            roles = [
                {"AttributeName": name, "KeyType": role}
                for (name, _, _), role in zip(parts, ("HASH", "RANGE"), strict=False)
            ]
            shape = {"KeySchema": roles, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST"}
            self.apply("CreateTable", {"TableName": table, **shape})


def outcome(apply: Apply, case: Case) -> Item:
    """What a case comes to: the kind and code of an error or the answer, and the items afterwards."""
    for table, item in case.there:
        apply("PutItem", {"TableName": table, "Item": item})
    try:
        result: Item = {"kind": "ok", "answer": _answer(apply(case.operation, case.request))}
    except StoreError as error:
        result = {"kind": type(error).__name__, "message": str(error)}
        result["code"] = next(
            (word.strip(":") for word in str(error).split() if word.strip(":").endswith("Exception")), ""
        )
        result["items"] = [item and _normal(item) for item in getattr(error, "items", [])]
    result["after"] = [
        _normal(apply("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item", {}))
        for table, key in _touched(case)
    ]
    return result


def compared(result: Item) -> Item:
    """What of an outcome must be the same everywhere: all but an error's words."""
    return {name: part for name, part in result.items() if name != "message"}


def fake() -> FakeDynamoDB:
    """The table in memory, with the tables of the cases."""
    return FakeDynamoDB(TABLES)


def _touched(case: Case) -> list[tuple[str, Item]]:
    """The keys of everything a case writes to, where they are keys at all."""
    parts = [part for single in case.request.get("TransactItems") or [] for part in single.values()] or [case.request]
    items = list(case.there)
    items += [(str(part.get("TableName")), part.get("Key") or part.get("Item") or {}) for part in parts]
    keys: list[tuple[str, Item]] = []
    for table, item in items:
        if table not in TABLES:
            continue
        try:
            _, key = Rows(table, TABLES[table]).key_in(item)
        except Invalid:
            continue
        if (table, key) not in keys:
            keys.append((table, key))
    return keys


def _answer(answer: Item) -> Item:
    """An answer without what is not compared, its items canonical, and in an order where there is none."""
    kept: Item = {}
    for name, part in answer.items():
        if name in ("Attributes", "Item", "LastEvaluatedKey") and part:
            kept[name] = _normal(part)
        elif name == "Items":
            kept[name] = [_normal(item) for item in part]
        elif name == "Responses":
            both = part if isinstance(part, list) else [{"Item": item} for items in part.values() for item in items]
            kept[name] = [{"Item": _normal(one["Item"])} if one.get("Item") else {} for one in both]
        elif name == "Count":
            kept[name] = part
    return kept


def _normal(item: Item) -> Item:
    """An item in its canonical form; what is none stays as it is."""
    try:
        return {name: checked(value) for name, value in sorted(item.items())}
    except Invalid:
        return item
