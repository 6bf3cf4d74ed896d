"""Requests that are sent to DynamoDB and to its likenesses, to see whether they agree: those written by hand.

In a key, `@` stands for the number of the case, so that no case meets another's items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.ledger.store import Item

NUMBER_DIGITS = 6
SINGLE, RANGED, TEXTS = "conform-single", "conform-ranged", "conform-texts"
TABLES = {SINGLE: ("k",), RANGED: ("k", "r:N"), TEXTS: ("k", "r")}
"""The tables of the cases, as FakeDynamoDB takes them."""


@dataclass(frozen=True)
class Case:
    """Items that are there, by table, and one request."""

    name: str
    operation: str
    request: Item
    there: tuple[tuple[str, Item], ...] = ()

    @staticmethod
    def mark(number: int) -> str:
        """What stands for `@` in the case of this number."""
        return f"{number:0{NUMBER_DIGITS}}-"

    def numbered(self, number: int) -> "Case":
        """The case with keys of its own."""
        mark = self.mark(number)
        there = tuple((table, _numbered(item, mark)) for table, item in self.there)
        return Case(self.name, self.operation, _numbered(self.request, mark), there)


def _numbered(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {name: _numbered(part, mark) for name, part in value.items()}
    if isinstance(value, list):
        return [_numbered(part, mark) for part in value]
    return value.replace("@", mark) if isinstance(value, str) else value


def n(number: object) -> Item:
    return {"N": str(number)}


def s(text: str) -> Item:
    return {"S": text}


def key(name: str = "a") -> Item:
    return {"k": s("@" + name)}


def ranged(number: object) -> Item:
    return {"k": s("@a"), "r": n(number)}


def update(there: Item | None, expression: str = "", values: Item | None = None, **more: Any) -> Case:
    """An UpdateItem on an item (None: there is none); `more` are further fields of the request."""
    request: Item = {"TableName": SINGLE, "Key": key(), "ReturnValues": "ALL_NEW"}
    if expression:
        request["UpdateExpression"] = expression
    if values is not None:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    name = f"{expression} {more or ''} {values} on {there}"
    items = () if there is None else ((SINGLE, key() | there),)
    return Case(name, "UpdateItem", request | more, items)


def condition(there: Item | None, expression: str, **values: Item) -> Case:
    """An UpdateItem under a condition."""
    more = {"ConditionExpression": expression, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return update(there, "REMOVE zz", values or None, **more)


LISTED: Item = {"b": {"L": [n(1), n(2), n(3)]}}
MAPPED: Item = {"m": {"M": {"a": n(1), "l": {"L": [n(7)]}, "m": {"M": {}}}}}
TEXT_SET: Item = {"a": {"SS": ["b", "a"]}}
NUMBER_SET: Item = {"a": {"NS": ["2", "1"]}}


BY_A_NUMBER = (
    "SET a = a + :x",
    "SET a = :x - a",
    "SET a = a - :x, c = a",
    "SET a = if_not_exists(a, :x) + :x",
    "SET m.a = :x",
    "SET m.a = :x, m.q = m.a",
    "SET m.l[0] = :x, m.l[5] = :x",
    "SET m.z.q = :x",
    "SET m.m.q = :x",
    "SET a.b = :x",
    "SET a[0] = :x",
    "SET b[0] = :x, b[9] = :x, b[7] = b[0]",
    "REMOVE b[0] SET b[1] = :x",
    "REMOVE b[0], b[2] SET b[9] = :x",
    "SET b[9] = :x REMOVE b[3]",
    "ADD b[5] :x, b[7] :x SET b[9] = :x",
    "SET b[9].a = :x",
    "ADD a :x",
    "ADD m.a :x",
    "ADD m.n :x",
    "ADD b[0] :x",
    "ADD z.a :x",
    "SET a = k, q = :x",
    "SET a = :x REMOVE m.l",
    "SET a = :x REMOVE m.l[0]",
)
"""Updates with a number for `:x`."""


def updates() -> Iterator[Case]:
    one, listed = {"x": n(1)}, {"x": {"L": [n(2)]}}
    items: tuple[Item | None, ...] = (
        None,
        {},
        {"a": n(5)},
        {"a": s("t")},
        {"a": {"M": {}}},
        {"a": {"L": []}},
        MAPPED,
        LISTED,
        TEXT_SET,
    )
    for there in items:
        for expression in BY_A_NUMBER:
            yield update(there, expression, one)
        for expression in ("REMOVE a", "REMOVE m.a", "REMOVE m[0]", "REMOVE b[0], b[1]", "REMOVE b[9]", "REMOVE b.a"):
            yield update(there, expression)
        for expression in (
            "SET a = list_append(a, :x)",
            "SET a = list_append(:x, if_not_exists(a, :x))",
            "SET b = list_append(b, b), c = :x",
            "SET m.l = list_append(m.l, :x)",
        ):
            yield update(there, expression, listed)
        for kind, elements in (("SS", ["b", "c"]), ("SS", ["a", "b"]), ("NS", ["1.0", "3"]), ("BS", ["YQ=="])):
            for section in ("ADD", "DELETE"):
                yield update(there, f"{section} a :x", {"x": {kind: elements}})
                yield update(there, f"{section} m.s :x", {"x": {kind: elements}})
    for section in ("ADD", "DELETE"):
        yield update(NUMBER_SET, f"{section} a :x", {"x": {"NS": ["1.0", "3"]}})
        wrongs: tuple[Item, ...] = (s("x"), {"L": []}, {"M": {}}, {"BOOL": True}, {"NULL": True}, {"B": "YQ=="}, n(1))
        for wrong in wrongs:
            yield update(TEXT_SET, f"{section} a :x", {"x": wrong})
    yield update(
        {"l": {"L": [{"SS": ["a"]}, {"SS": ["b"]}]}},
        "DELETE l[0] :x, l[1] :y",
        {
            "x": {"SS": ["a"]},
            "y": {"SS": ["b"]},
        },
    )
    for returns in ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW", "WRONG"):
        for there in (None, {"a": n(1)}, MAPPED, LISTED):
            for expression in ("SET a = :x", "SET a = :x, c = :x", "SET a = :x REMOVE q", "ADD a :x REMOVE m.a"):
                yield update(there, expression, one, ReturnValues=returns)
            yield update(there, "REMOVE a", ReturnValues=returns)
            yield update(there, ReturnValues=returns)


MOSTLY_WRONG = (
    "SET m = :x, m.a = :x",
    "SET m.a = :x, m.a = :x",
    "SET m.a = :x, m[0] = :x",
    "SET m.a = :x REMOVE m",
    "SET a = :x, b = :y",
    "SET #a = :x",
    "SET state = :x",
    "SET m.state = :x",
    "SET k = :x",
    "SET k.a = :x",
    "SET a = :x REMOVE k",
    "set a = :x remove b",
    "SET a = :x SET b = :x",
    "SET a = :x,",
    "SET",
    "a = :x",
    "SET a :x",
    "SET a = -:x",
    "SET a = :x + :x + :x",
    "SET a = (:x + :x)",
    "SET a = :x-:x",
    "SET a = :x * :x",
    "SET a = 1, b = :x",
    "SET a = if_not_exists(:x, :x)",
    "SET a = if_not_exists(b, c), d = :x",
    "SET a = if_not_exists(b)",
    "SET a = if_not_exists(if_not_exists(b, c), :x)",
    "SET a = list_append(:x, :x)",
    "SET a = size(m), b = :x",
    "SET a = nothing(m), b = :x",
    "SET _a = :x",
    "SET 1a = :x",
    "SET a-b = :x",
    "SET a[-1] = :x",
    "SET a[01] = :x",
    "SET a[ 0 ] = :x",
    "SET m . a = :x",
    "SET m..a = :x",
    "ADD a a",
    "ADD a :x :x",
    "DELETE a :x",
    "REMOVE a = :x",
    "SET a = :x;",
    "SET a == :x",
    "SET :x = a",
    "SET add = :x",
)
"""Updates that are read otherwise than they look, or not at all."""


def rejected_updates() -> Iterator[Case]:
    one = {"x": n(1)}
    for expression in MOSTLY_WRONG:
        yield update(MAPPED, expression, one)
    yield update({}, "SET a = :x", one, ExpressionAttributeNames={"#z": "z"})
    yield update({}, "SET #a = :x", one, ExpressionAttributeNames={"#a": "state"})
    yield update({}, "SET #a = :x", one, ExpressionAttributeNames={"#a": ""})
    yield update({}, "SET a = :x", one, ExpressionAttributeNames={})
    yield update({}, "SET a = :x", one, ExpressionAttributeNames={"a": "a"})
    yield update({}, "SET #a = :x, #b = :x", one, ExpressionAttributeNames={"#a": "q", "#b": "q"})
    yield update({}, "SET #a.b = :x", one, ExpressionAttributeNames={"#a": "k"})
    yield update({}, "SET #a = :x", one, ExpressionAttributeNames={"#a": "a.b"})
    yield update({}, "SET a = :x", {"x": n(1), "y": n(1)})
    yield update({}, "REMOVE a", {})
    yield update({}, UpdateExpression="")
    yield update({}, UpdateExpression=" ")
    yield update({}, "REMOVE a", ConditionExpression="")
    yield update({}, ExpressionAttributeValues={":x": n(1)})
    yield update({}, ExpressionAttributeNames={"#x": "a"})
    yield update({}, "REMOVE a", Key={"k": n(1)})
    yield update({}, "REMOVE a", Key={"k": s("")})
    yield update({}, "REMOVE a", Key={"q": s("a")})
    yield update({}, "REMOVE a", Key={})
    yield update({}, "REMOVE a", Key={"k": s("@a"), "r": s("a")})
    yield update({}, "REMOVE a", TableName="conform-nothing")
    yield update({"a": n(1)}, "SET a = a + :x", {"x": s("1")}, ConditionExpression="attribute_exists(b)")
    yield update({"a": s("")}, "SET a = a + :x", one, ConditionExpression="attribute_exists(b)")


def values() -> Iterator[Case]:
    for text in (
        *("1E126", "1E-131", "0.00", "-0", "1e5", "+5", "005", "1.50", "NaN", "Infinity", "x", "", " 1", "1 ", "1."),
        *(".5", ".", "1E", "0E500", "1E-40", "1E40", "123456.789E-3", "1" * 38, "1" * 39, "1" * 38 + "0" * 20),
        *("-" + "9" * 38, "9" * 38 + "E87", "9" * 38 + "E88", "1.1E-130", "0x1", "1_000"),
    ):
        yield update({}, "SET a = :x", {"x": n(text)})
        yield update({}, "ADD a :x", {"x": n(text)})
    most = n("9" * 38)
    for left, right in (
        *((most, n(1)), (most, n("0.1")), (most, n("1E-130")), (n("9E125"), n("1E125")), (n("1E-130"), n("-1.1E-130"))),
        *((n("0.1"), n("0.2")), (n("1E20"), n("1E-17")), (n("1E20"), n("1E-18")), (n(5), n(-5)), (most, n(-1))),
        *((n("1.5"), n("1.50")), (n("-1E-130"), n("1E-130")), (n(10**37), n(9 * 10**37)), (n("1E37"), n(1))),
    ):
        for expression in ("SET a = a + :x", "SET a = a - :x", "ADD a :x"):
            yield update({"a": left}, expression, {"x": right})
    written: tuple[Item, ...] = (
        *({"S": ""}, {"B": ""}, {"B": "YWJj"}, {"SS": []}, {"SS": ["a", "a"]}, {"NS": ["1", "1.0"]}, {"SS": [""]}),
        *({"NULL": True}, {"NULL": False}, {"BOOL": False}, {"S": "a", "N": "1"}, {}, {"Q": "a"}, {"L": [{}]}),
        *({"NS": ["3", "1", "2.50"]}, {"BS": ["YWJj", "YQ=="]}, {"M": {"": n(1)}}, {"M": {}}, {"NS": ["x"]}),
        *({"NS": ["1" * 39]}, {"M": {"a": n("x")}}, {"L": [{"NULL": False}]}),
        {"L": [n(1), s("a"), {"M": {"z": n("1.0")}}]},
    )
    for value in written:
        yield update({}, "SET a = :x", {"x": value})
        yield Case(f"put {value}", "PutItem", {"TableName": SINGLE, "Item": key() | {"a": value}})
    for levels in (30, 31, 32, 33):
        deep: Item = n(1)
        for _ in range(levels):
            deep = {"L": [deep]}
        yield update({}, "SET a = :x", {"x": deep})
        yield update(MAPPED, "SET m.m.z = :x", {"x": deep})
        yield Case(f"put {levels} levels", "PutItem", {"TableName": SINGLE, "Item": key() | {"a": deep}})
