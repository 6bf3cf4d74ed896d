"""Reading from a table in memory: single items, queries and scans, with their pages."""

from collections.abc import Callable
from typing import Any

import orjson

from functions.ledger.store import Item
from tests.simulation import syntax
from tests.simulation.expressions import Expressions
from tests.simulation.operands import resolved
from tests.simulation.rows import Key, Rows, size_of
from tests.simulation.tree import Call, Comparison, Condition, Logic, Operand, Path, Value
from tests.simulation.values import Invalid, item_copied

PAGE_BYTES_MAX = 1024 * 1024
_COMMON = {
    "TableName",
    "ConsistentRead",
    "ExpressionAttributeNames",
    "ProjectionExpression",
    "ReturnConsumedCapacity",
}
_PAGED = {*_COMMON, "ExclusiveStartKey", "ExpressionAttributeValues", "FilterExpression", "Limit", "Select"}
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def get(rows: Rows, request: Item) -> Item:
    """GetItem. Raises Invalid."""
    _check_known(request, {*_COMMON, "Key"})
    expressions = Expressions(request)
    key, _ = rows.key_of(request.get("Key"))
    item = rows.items.get(key)
    return {} if item is None else {"Item": item_copied(expressions.projected(item))}


def batch_get(rows_of: Callable[[Item], Rows], request: Item) -> Item:
    """BatchGetItem; all keys are processed. Raises Invalid."""
    _check_known(request, {"RequestItems", "ReturnConsumedCapacity"})
    found: dict[str, list[Item]] = {}
    for table, asked in request["RequestItems"].items():
        rows, common = rows_of({"TableName": table}), {name: asked[name] for name in asked if name != "Keys"}
        keys = [rows.key_of(key)[0] for key in asked["Keys"]]
        if len(set(keys)) < len(keys):
            raise Invalid("Provided list of item keys contains duplicates")
        answers = [get(rows, {"TableName": table, "Key": key, **common}) for key in asked["Keys"]]
        found[table] = [answer["Item"] for answer in answers if answer]
    return {"Responses": found, "UnprocessedKeys": {}}


def query(rows: Rows, request: Item) -> Item:
    """Query. Raises Invalid."""
    _check_known(request, {*_PAGED, "KeyConditionExpression", "ScanIndexForward"})
    expressions = Expressions(request)
    if "KeyConditionExpression" not in request:
        raise Invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request")
    _check_filter(rows, expressions)
    tests = _key_tests(rows, request["KeyConditionExpression"], expressions)
    hash_key = expressions.values[tests[0][1][0]][rows.attributes[0][1]]
    keys = rows.keys_with(hash_key)
    holds = expressions.conditions["KeyConditionExpression"].holds
    keys = [key for key in keys if holds(rows.items[key], expressions.names, expressions.values)]
    forward = request.get("ScanIndexForward", True)
    return _page(rows, keys if forward else keys[::-1], request, expressions)


def scan(rows: Rows, request: Item) -> Item:
    """Scan. Raises Invalid."""
    _check_known(request, _PAGED)
    return _page(rows, rows.keys(), request, Expressions(request))


def _page(rows: Rows, keys: list[Key], request: Item, expressions: Expressions) -> Item:
    """The items at these keys, from behind the start key, as many as a page holds."""
    limit = request.get("Limit", len(keys) + 1)
    if type(limit) is not int or limit < 1:
        raise Invalid("Limit must be greater than or equal to 1")
    if "ExclusiveStartKey" in request:
        start, _ = rows.key_of(request["ExclusiveStartKey"])
        keys = keys[_behind(rows, keys, start, bool(request.get("ScanIndexForward", True))) :]
    items = _within_a_page([rows.items[key] for key in keys[:limit]])
    seen = len(items)
    items = [item for item in items if expressions.meets(item, "FilterExpression")]
    answer: Item = {"Count": len(items), "ScannedCount": seen}
    if request.get("Select") != "COUNT":
        answer["Items"] = [item_copied(expressions.projected(item)) for item in items]
    if seen and (seen < len(keys) or seen == limit):
        answer["LastEvaluatedKey"] = rows.attributes_of(keys[seen - 1])
    return answer


def _within_a_page(items: list[Item]) -> list[Item]:
    """The first of these items, up to the one that fills a page."""
    if len(orjson.dumps(items)) <= PAGE_BYTES_MAX:  # no item counts more than its JSON
        return items
    total = 0
    for index, item in enumerate(items):
        total += size_of(item)
        if total > PAGE_BYTES_MAX:
            return items[: index + 1]
    return items


def _behind(rows: Rows, keys: list[Key], start: Key, forward: bool) -> int:
    """The index of the first key behind the start key, which need not be there any more."""
    place = rows.place(start)
    for index, key in enumerate(keys):
        if rows.place(key) > place if forward else rows.place(key) < place:
            return index
    return len(keys)


def _check_filter(rows: Rows, expressions: Expressions) -> None:
    condition = expressions.conditions.get("FilterExpression")
    keys = {attribute for attribute, _ in rows.attributes}
    for path in condition.paths if condition else ():
        if resolved(path, expressions.names)[0] in keys:
            raise Invalid("Filter Expression can only contain non-primary key attributes")


def _key_tests(rows: Rows, text: str, expressions: Expressions) -> list[tuple[str, list[str]]]:
    """The tests of a key condition, the hash key's first: the operator and its values. Raises Invalid."""
    tests: dict[str, tuple[str, list[str]]] = {}
    for part in _anded(syntax.condition(text)):
        name, operator, values = _key_test(part, expressions)
        if name in tests:
            raise Invalid("KeyConditionExpressions must only contain one condition per key")
        tests[name] = operator, values
    for attribute, kind in rows.attributes:
        for value in tests.get(attribute, ("", []))[1]:
            if kind not in expressions.values[value]:
                raise Invalid("One or more parameter values were invalid: Condition parameter type does not match")
    names = [attribute for attribute, _ in rows.attributes]
    if names[0] not in tests or not tests.keys() <= set(names):
        raise Invalid("Query condition missed key schema element")
    if tests[names[0]][0] != "=":
        raise Invalid("Query key condition not supported")
    return [tests[name] for name in names if name in tests]


def _anded(tree: Condition) -> list[Condition]:
    if not isinstance(tree, Logic):
        return [tree]
    if tree.operator != "AND":
        raise Invalid(f"Invalid operator used in KeyConditionExpression: {tree.operator}")
    return [part for parts in tree.parts for part in _anded(parts)]


def _key_test(tree: Condition, expressions: Expressions) -> tuple[str, str, list[str]]:
    """The attribute, the operator and the values of one test of a key. Raises Invalid."""
    if isinstance(tree, Logic):
        raise Invalid("Invalid operator used in KeyConditionExpression")
    operator = tree.operator if isinstance(tree, Comparison) else tree.name
    if operator not in (*_MIRRORED, "BETWEEN", "begins_with"):
        raise Invalid(f"Invalid operator used in KeyConditionExpression: {operator}")
    operands: list[Operand] = list(tree.operands)
    if operator in _MIRRORED and isinstance(operands[0], Value):
        operands, operator = operands[::-1], _MIRRORED[operator]
    path, *values = operands
    if isinstance(path, Call) or not isinstance(path, Path) or len(path.elements) != 1:
        raise Invalid("Invalid condition in KeyConditionExpression")
    named = [value.name for value in values if isinstance(value, Value)]
    if len(named) < len(values):
        raise Invalid("Invalid condition in KeyConditionExpression: multiple attribute names used in one condition")
    return str(resolved(path, expressions.names)[0]), operator, named


def _check_known(request: Item, fields: set[str]) -> None:
    unknown: list[Any] = sorted(request.keys() - fields)
    if unknown:
        raise NotImplementedError(unknown)
