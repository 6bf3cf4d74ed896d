"""DynamoDB's values, in its own JSON: what is one, which are equal, which is larger, how many bytes one counts.

What `checked` gives is canonical: a number has one spelling, a set one order. So equal values are equal
dicts, and nothing that was checked is ever changed in place.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from functions.ledger.store import Item

DIGITS_MAX = 38
EXPONENT_MAX, EXPONENT_MIN = 125, -130
DEPTH_MAX = 32
"""How deep an attribute may be nested, itself counted."""

TYPES = frozenset({"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"})
ORDERED = frozenset({"S", "N", "B"})
SETS = {"SS": "S", "NS": "N", "BS": "B"}

_whole = re.compile(r"0|-?[1-9][0-9]{0,37}").fullmatch
_number = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_exact = Context(prec=300)
"""Two numbers in range span fewer digits than this, so sums are exact before they are judged."""

TOO_DEEP = "Nesting Levels have exceeded supported limits"
INCORRECT_TYPE = "An operand in the update expression has an incorrect data type"


class Invalid(Exception):
    """DynamoDB will not take this request: its error's code, and its words."""

    def __init__(self, message: str, code: str = "ValidationException") -> None:
        super().__init__(message)
        self.message, self.code = message, code


class InvalidKey(Invalid):
    """A key that does not fit its table: a transaction finds this out with the item's other faults, not before."""


def number(text: str) -> str:
    """The one spelling of a number: no exponent, no needless zero. Raises Invalid beyond 38 digits or the range."""
    if _whole(text):
        return text
    if not _number(text):
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        return _spelled(_exact.create_decimal(text) if len(text) < DIGITS_MAX else Decimal(text))
    except InvalidOperation as error:
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported range") from (
            error
        )


def _spelled(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    if not value:
        return "0"
    if not isinstance(exponent, int):
        raise Invalid(f"The parameter cannot be converted to a numeric value: {value}")
    magnitude = len(digits) + exponent - 1
    while digits[-1] == 0:
        digits = digits[:-1]
    if magnitude > EXPONENT_MAX:
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if magnitude < EXPONENT_MIN:
        raise Invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(digits) > DIGITS_MAX:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def added(one: str, other: str, sign: int = 1) -> str:
    """The sum of two numbers (their difference with sign -1), exactly. Raises Invalid where it has no room."""
    if len(one) < DIGITS_MAX and len(other) < DIGITS_MAX and _whole(one) and _whole(other):
        return str(int(one) + sign * int(other))
    first, second = Decimal(one), Decimal(other)
    return _spelled(_exact.add(first, second) if sign > 0 else _exact.subtract(first, second))


def before(one: Item, other: Item) -> int | None:
    """-1, 0 or 1 as one comes before, with or after the other; None where they have no order."""
    (kind,) = one
    if kind not in other or kind not in ORDERED:
        return None
    first, second = sortable(kind, one[kind]), sortable(kind, other[kind])
    return int(first > second) - int(first < second)


def sortable(kind: str, content: str) -> Any:
    """What the content of a text, a number or bytes is sorted by; texts by their UTF-8."""
    if kind == "N":
        try:
            return int(content)
        except ValueError:
            return Decimal(content)
    return content if kind == "S" else base64.b64decode(content)


def checked(value: Any, depth: int = 0) -> Item:
    """A canonical copy of a value that a request brings. Raises Invalid."""
    if type(value) is not dict:
        raise Invalid("Unexpected value type", "SerializationException")
    if len(value) != 1:
        many = "has more than one datatypes set" if value else "is empty"
        raise Invalid(f"Supplied AttributeValue {many}, must contain exactly one of the supported datatypes")
    ((kind, content),) = value.items()
    if kind == "S" and type(content) is str:
        return {"S": content}
    if kind == "N" and type(content) is str:
        return {"N": content if _whole(content) else number(content)}
    if depth == DEPTH_MAX and kind in ("L", "M"):
        raise Invalid(TOO_DEEP)
    check = _CHECKS.get(kind)
    if check is None:
        raise Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    return {kind: check(content, depth)}


def _text(content: Any, _: int) -> Any:
    raise Invalid(f"{type(content).__name__} can not be converted to a String", "SerializationException")


def _bytes(content: Any, _: int = 0) -> str:
    try:
        return base64.b64encode(base64.b64decode(content, validate=True)).decode()
    except (binascii.Error, TypeError, ValueError) as error:
        raise Invalid("Invalid base64", "SerializationException") from error


def _flag(content: Any, _: int) -> bool:
    if type(content) is not bool:
        raise Invalid("Unexpected token received from parser", "SerializationException")
    return content


def _null(content: Any, _: int) -> bool:
    if content is not True:
        raise Invalid(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    return True


def _list(content: Any, depth: int) -> list[Item]:
    if type(content) is not list:
        raise Invalid("Unexpected field type", "SerializationException")
    return [checked(element, depth + 1) for element in content]


def _map(content: Any, depth: int) -> Item:
    if type(content) is not dict:
        raise Invalid("Unexpected field type", "SerializationException")
    if "" in content:
        raise Invalid("Empty attribute name")
    return {name: checked(element, depth + 1) for name, element in content.items()}


def _set(kind: str) -> Callable[[Any, int], list[str]]:
    def check(content: Any, _: int) -> list[str]:
        if type(content) is not list or any(type(element) is not str for element in content):
            raise Invalid("Unexpected field type", "SerializationException")
        if not content:
            raise Invalid("One or more parameter values were invalid: A set may not be empty")
        elements = [checked({kind: element})[kind] for element in content]
        if len(set(elements)) < len(elements):
            raise Invalid("One or more parameter values were invalid: Input collection contains duplicates")
        return in_order(kind, elements)

    return check


_CHECKS: dict[str, Callable[[Any, int], Any]] = {
    "S": _text,
    "N": _text,
    "B": _bytes,
    "BOOL": _flag,
    "NULL": _null,
    "L": _list,
    "M": _map,
}
_CHECKS |= {kind: _set(element) for kind, element in SETS.items()}


def in_order(kind: str, elements: Iterable[str]) -> list[str]:
    """A set's elements (of this type) in the one order that they are kept in."""
    return sorted(elements, key=lambda element: sortable(kind, element))


def copied(value: Item) -> Item:
    """A copy of a value that shares nothing with it."""
    if "N" in value or "S" in value:
        return value.copy()
    for kind, content in value.items():
        if kind == "M":
            return {"M": {name: copied(element) for name, element in content.items()}}
        if kind == "L":
            return {"L": [copied(element) for element in content]}
        if kind in SETS:
            return {kind: list(content)}
    return value.copy()


def item_copied(item: Item) -> Item:
    """A copy of an item, to hand out."""
    return {name: copied(value) for name, value in item.items()}


def depth(value: Item) -> int:
    """How many levels of lists and maps a value has."""
    content = value.get("L", value.get("M"))
    if content is None:
        return 0
    return 1 + max(map(depth, content if isinstance(content, list) else content.values()), default=0)


def size(value: Item) -> int:
    """The bytes a value counts towards an item's 400 KB."""
    ((kind, content),) = value.items()
    if kind == "N":
        return _number_size(content)
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "M":
        return 3 + sum(1 + length(name) + size(element) for name, element in content.items())
    if kind == "L":
        return 3 + sum(1 + size(element) for element in content)
    if kind == "B":
        return len(base64.b64decode(content))
    if kind in SETS:
        return sum(size({SETS[kind]: element}) for element in content)
    return 1


def length(name: str) -> int:
    """The bytes of a name."""
    return len(name) if name.isascii() else len(name.encode())


def _number_size(text: str) -> int:
    """A byte, one for each pair of significant digits (pairs begin at the decimal point), one for a minus."""
    if text == "0":
        return 1
    digits = text.lstrip("-")
    if "." not in text:
        return 1 + (len(digits) + 1) // 2 - (len(digits) - len(digits.rstrip("0"))) // 2 + (text[0] == "-")
    whole, _, part = digits.partition(".")
    pairs = whole.zfill(len(whole) + len(whole) % 2) + part.ljust(len(part) + len(part) % 2, "0")
    kept = [pairs[index : index + 2] for index in range(0, len(pairs), 2)]
    first = next(index for index, pair in enumerate(kept) if pair != "00")
    last = max(index for index, pair in enumerate(kept) if pair != "00")
    return 2 + last - first + (text[0] == "-")
