"""Requests written by hand, continued: puts, keys, pages, transactions, sizes."""

from collections.abc import Iterator
from typing import Any

from functions.ledger.store import Item
from tests.simulation import cases
from tests.simulation.cases import MAPPED, RANGED, SINGLE, TEXTS, Case, key, n, ranged, s


def puts() -> Iterator[Case]:
    there = ((SINGLE, key() | {"a": n(1)}),)
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    operations: tuple[tuple[str, Item], ...] = (
        ("PutItem", {"Item": key() | {"b": n("2.50")}}),
        ("DeleteItem", {"Key": key()}),
    )
    for operation, what in operations:
        for more in (
            *({}, {"ReturnValues": "ALL_OLD"}, {"ReturnValues": "NONE"}, {"ReturnValues": "ALL_NEW"}),
            *({"ConditionExpression": "attribute_not_exists(k)"}, {"ConditionExpression": "attribute_exists(k)"}),
            {"ConditionExpression": "attribute_not_exists(k)", **old},
            {"ConditionExpression": "attribute_exists(k)", **old},
            {"ConditionExpression": "b = :x", "ExpressionAttributeValues": {}},
            {"ExpressionAttributeValues": {":x": n(1)}},
            {"ExpressionAttributeNames": {"#x": "a"}},
            {"ConditionExpression": "a = :x", "ExpressionAttributeValues": {":x": n("1.0")}, **old},
            {"ConditionExpression": "#a = :x", "ExpressionAttributeValues": {":x": n(1)}},
        ):
            for items in (there, ()):
                yield Case(f"{operation} {more} on {items}", operation, {"TableName": SINGLE, **what, **more}, items)
    for item in ({"q": s("a")}, {"k": n(1)}, {"k": s("")}, {}, {"k": s("@" + "é" * 1020)}, {"k": s("@" + "a" * 2048)}):
        yield Case(f"put {str(item)[:40]}", "PutItem", {"TableName": SINGLE, "Item": item})
    for text, table in (("1" * 1024, TEXTS), ("1" * 1025, TEXTS), ("x", RANGED), ("", TEXTS)):
        yield Case(f"range of {len(text)} in {table}", "PutItem", {"TableName": table, "Item": key() | {"r": s(text)}})
    for number in ("1.0", "1E2", "-5", "x", "1" * 39):
        yield Case(f"range {number}", "PutItem", {"TableName": RANGED, "Item": ranged(number)}, ((RANGED, ranged(1)),))
        yield Case(f"get {number}", "GetItem", {"TableName": RANGED, "Key": ranged(number)}, ((RANGED, ranged(1)),))


def gets() -> Iterator[Case]:
    there = ((SINGLE, key() | MAPPED | cases.LISTED | {"a": n(1)}),)
    for more in (
        *(
            {},
            {"ConsistentRead": True},
            {"ProjectionExpression": "a"},
            {"ProjectionExpression": "a, m.a, b[1], m.l[0]"},
        ),
        *(
            {"ProjectionExpression": "b[2], b[0], b[9]"},
            {"ProjectionExpression": "m, m.a"},
            {"ProjectionExpression": "gone"},
        ),
        *({"ProjectionExpression": "a, a"}, {"ProjectionExpression": ""}, {"ProjectionExpression": "state"}),
        {"ProjectionExpression": "#a", "ExpressionAttributeNames": {"#a": "a"}},
        {"ProjectionExpression": "a", "ExpressionAttributeNames": {"#a": "a"}},
        {"ProjectionExpression": "#a"},
        {"ExpressionAttributeNames": {"#a": "a"}},
    ):
        for items in (there, ()):
            yield Case(f"get {more}", "GetItem", {"TableName": SINGLE, "Key": key(), **more}, items)
    for wrong in ({"k": n(1)}, {"q": s("a")}, {}, {"k": s("")}, {"k": s("@a"), "q": s("a")}):
        yield Case(f"get {wrong}", "GetItem", {"TableName": SINGLE, "Key": wrong})
    yield Case("get nowhere", "GetItem", {"TableName": "conform-nothing", "Key": key()})
    one, other = {"TableName": SINGLE, "Key": key()}, {"TableName": SINGLE, "Key": key("b")}
    for parts in ([one, other], [other], [one, one], [], [one | {"ProjectionExpression": "a"}]):
        request = {"TransactItems": [{"Get": part} for part in parts]}
        yield Case(f"transact get {len(parts)}", "TransactGetItems", request, there)
    batch = {SINGLE: {"Keys": [key(), key("b")]}}
    yield Case("batch get", "BatchGetItem", {"RequestItems": batch}, there)
    yield Case("batch get twice", "BatchGetItem", {"RequestItems": {SINGLE: {"Keys": [key(), key()]}}}, there)


KEY_CONDITIONS = (
    *("k = :a", "k = :a AND r = :n", "k = :a AND r < :n", "k = :a AND r <= :n", "k = :a AND r > :n"),
    *("r >= :n AND k = :a", "k = :a AND r BETWEEN :n AND :m", "(k = :a) AND (r > :n)", ":a = k AND :n < r"),
    *(
        "k = :a AND r <> :n",
        "k < :a",
        "r = :n",
        "k = :a OR r = :n",
        "k = :a AND r > :n AND r < :m",
        "k = :a AND v = :n",
    ),
    *(
        "NOT k = :a",
        "k = :a AND k = :a",
        "k = :a AND r IN (:n)",
        "k = :n",
        "k = :a AND r > :a",
        "k = k",
        "k = :a AND",
    ),
    *("k = :a AND begins_with(r, :n)", "k = :a AND attribute_exists(r)", "k = :a AND r BETWEEN :m AND :n", ""),
    *("k = :a AND size(r) = :n", "k = :a AND NOT r = :n", "k = :b", "k.a = :a"),
)
"""Conditions on the keys of a Query."""


def pages() -> Iterator[Case]:
    there = tuple((RANGED, ranged(number) | {"v": n(number % 2), "p": s("x")}) for number in (-3, 0, 2, 5, 10, 100))
    texts = tuple((TEXTS, key() | {"r": s(text)}) for text in ("a", "ab", "abc", "b", "é", "Z"))
    for expression in KEY_CONDITIONS:
        values = {":a": s("@a"), ":b": s("@b"), ":n": n("2.0"), ":m": n(10)}
        request: Item = {"TableName": RANGED, "KeyConditionExpression": expression, "ConsistentRead": True}
        request["ExpressionAttributeValues"] = {name: value for name, value in values.items() if name in expression}
        if not expression:
            del request["ExpressionAttributeValues"]
        yield Case(f"query {expression}", "Query", request, there)
        yield Case(f"query {expression} backwards", "Query", request | {"ScanIndexForward": False, "Limit": 2}, there)
    values = {":a": s("@a"), ":v": n(1)}
    every: Item = {
        "TableName": RANGED,
        "KeyConditionExpression": "k = :a",
        "ExpressionAttributeValues": {":a": s("@a")},
    }
    pages: tuple[Item, ...] = (
        *({"Limit": limit} for limit in (1, 5, 6, 7, 0, -1)),
        *({"Limit": 2, "ExclusiveStartKey": ranged(start)} for start in (0, 2, 1, "2.0", 100, 1000)),
        *({"ScanIndexForward": False, "ExclusiveStartKey": ranged(start)} for start in (0, 2, -3, 100)),
        *(
            {"FilterExpression": text, "ExpressionAttributeValues": values}
            for text in ("v = :v", "r = :v", "NOT v = :v", "v =")
        ),
        {"FilterExpression": "v = :v", "ExpressionAttributeValues": values, "Limit": 3},
        {"FilterExpression": "v = :v", "ExpressionAttributeValues": values, "Select": "COUNT"},
        {"ProjectionExpression": "r"},
        {"ProjectionExpression": "v, r", "Limit": 1},
        {"ExclusiveStartKey": {"k": s("@a")}},
    )
    for more in pages:
        yield Case(f"query {more}", "Query", every | more, there)
    for expression in ("k = :a AND begins_with(r, :r)", "k = :a AND r > :r", "k = :a AND r BETWEEN :r AND :s"):
        given = {":a": s("@a"), ":r": s("ab"), ":s": s("z")}
        request = {"TableName": TEXTS, "KeyConditionExpression": expression}
        request["ExpressionAttributeValues"] = {name: value for name, value in given.items() if name in expression}
        yield Case(f"query {expression} of texts", "Query", request, texts)
    scan: Item = {"TableName": TEXTS, "FilterExpression": "k = :a", "ExpressionAttributeValues": {":a": s("@a")}}
    yield Case("scan", "Scan", scan, texts)
    yield Case("scan, projected", "Scan", scan | {"ProjectionExpression": "r"}, texts)
    yield Case("scan, of none", "Scan", scan | {"Limit": 0}, texts)


def _put(name: str, **more: Any) -> Item:
    return {"Put": {"TableName": SINGLE, "Item": key(name) | {"n": n(9)}, **more}}


def _add(name: str, expression: str = "SET n = n + :x", x: Item | None = None, **more: Any) -> Item:
    values = {":x": x or n(1)}
    update = {"TableName": SINGLE, "Key": key(name), "UpdateExpression": expression}
    return {"Update": {**update, "ExpressionAttributeValues": values, **more}}


def _drop(name: str, **more: Any) -> Item:
    return {"Delete": {"TableName": SINGLE, "Key": key(name), **more}}


def _check(name: str, expression: str, **more: Any) -> Item:
    return {"ConditionCheck": {"TableName": SINGLE, "Key": key(name), "ConditionExpression": expression, **more}}


ABSENT: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(k)"}
PRESENT: dict[str, Any] = {"ConditionExpression": "attribute_exists(k)"}
SHOWN: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def transactions() -> Iterator[Case]:
    there = ((SINGLE, key("a") | {"n": n(1)}), (SINGLE, key("b") | {"n": s("x")}))
    for parts in [
        [_put("a"), _put("c")],
        [_put("a"), _put("a")],
        [_put("a"), _add("a")],
        [_put("a"), _check("a", "attribute_exists(k)")],
        [_put("c", **ABSENT), _add("a")],
        [_put("a", **ABSENT), _add("a")],
        [_put("a", **ABSENT, **SHOWN), _put("c")],
        [_add("a"), _put("c", **PRESENT, **SHOWN)],
        [_put("a", **ABSENT, **SHOWN), _put("b", **ABSENT, **SHOWN)],
        [_add("a"), _drop("b")],
        [_add("a"), _drop("b", **ABSENT)],
        [_drop("c", **ABSENT)],
        [_drop("c", **PRESENT, **SHOWN)],
        [_check("a", "attribute_exists(k)")],
        [_add("b", "SET n = :x"), _check("a", "attribute_not_exists(k)", **SHOWN)],
        [_add("a"), _check("c", "attribute_exists(k)", **SHOWN), _put("d")],
        [],
        [_put("c"), {}],
        [_put("c") | _drop("a")],
        [_add("a"), _add("b")],
        [_add("a"), _add("c")],
        [_add("a"), _add("b", "SET n.q = :x")],
        [_add("a"), _add("c", "ADD n :x")],
        [_add("a"), _add("c", "SET k = :x")],
        [_add("a"), _add("c", "bad")],
        [_add("a"), _add("c", "ADD n :x", s("x"))],
        [_add("a"), _put("c", Item={"k": n(1)})],
        [_add("a"), _put("c", Item=key("c") | {"n": n("x")})],
        [_add("a"), _put("c", TableName="conform-nothing")],
        [_add("a"), _drop("c", Key={})],
        [_check("a", "")],
        [_put("a", **ABSENT), _add("b")],
        [_add("a", "SET n = :x", **PRESENT), _put("c", **ABSENT), _drop("b", **PRESENT)],
        [_put("c", Item=key("c") | {"n": s("x" * 410_000)}), _add("a")],
        [_put("c" + str(number)) for number in range(100)],
        [_put("c" + str(number)) for number in range(101)],
        [_add("a"), _drop("c", Key={"k": n(1)})],
        [_add("a"), _drop("c", Key={"q": s("a")})],
        [_add("a"), _put("c", Item={"q": n(1)})],
        [_add("a"), _check("c", "attribute_exists(k)", Key={"k": n(1)})],
        [_add("a"), _put("c", Item={"k": s("")})],
        [_add("a"), _add("c", "REMOVE k SET n = :x")],
        [_add("a"), _add("c", Key={"k": n(1)})],
        [_add("a", ExpressionAttributeNames={"#q": "q"}), _put("c")],
    ]:
        name = " + ".join(f"{kind} {str(part)[:150]}" for parts_ in parts[:3] for kind, part in parts_.items())
        yield Case(f"transact {name}", "TransactWriteItems", {"TransactItems": parts}, there)


def sizes() -> Iterator[Case]:
    """Items of exactly the most bytes, and of one more."""
    most = 400 * 1024 - len("pad") - len("k") - (cases.NUMBER_DIGITS + len("-a"))
    numbers = ("0", "1", "-1", "12", "123", "100", "1.5", "12.34", "0.1", "0.01", "-0.001", "1E20", "1E125", "9" * 38)
    values: list[tuple[Item, int]] = [
        (n(number), count) for number, count in zip(numbers, (1, 2, 3, 2, 3, 2, 3, 3, 2, 2, 3, 2, 2, 20), strict=True)
    ]
    values += [({"M": {}}, 3), ({"L": []}, 3), ({"M": {"a": n(1)}}, 7), ({"L": [n(1), n(1)]}, 9), ({"BOOL": True}, 1)]
    values += [({"NULL": True}, 1), ({"SS": ["ab", "é"]}, 4), ({"NS": ["1", "2"]}, 4), ({"B": "YWJj"}, 3), (s("é"), 2)]
    for value, counts in values:
        for extra in (0, 1):
            pad = s("x" * (most - len("v") - counts + extra))
            item = key() | {"v": value, "pad": pad}
            yield Case(f"put {value}, {extra} too large", "PutItem", {"TableName": SINGLE, "Item": item})
            request = {"TableName": SINGLE, "Key": key(), "UpdateExpression": "SET v = :v"}
            request["ExpressionAttributeValues"] = {":v": value}
            yield Case(f"grow by {value}, {extra} too large", "UpdateItem", request, ((SINGLE, key() | {"pad": pad}),))
