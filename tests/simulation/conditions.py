"""Conditions, made ready: from an expression's text to a function that says whether an item meets it."""

import base64
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from functions.ledger.store import Item
from tests.simulation import syntax
from tests.simulation.operands import Check, Get, Names, Parts
from tests.simulation.tree import Call, Comparison, Condition, Logic, Path, Value
from tests.simulation.values import ORDERED, SETS, TYPES, Invalid, before

Holds = Callable[[Item, Names, Item], bool]

ORDERS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Ready:
    """A condition: whether an item meets it, and what a request must bring for it."""

    holds: Holds
    names: frozenset[str]
    values: frozenset[str]
    paths: tuple[Path, ...]
    checks: tuple[Check, ...]


@lru_cache(syntax.CACHED)
def ready(text: str) -> Ready:
    """The condition of a text. Raises Invalid."""
    parts = Parts()
    holds = _holds(parts, syntax.condition(text))
    names, values = frozenset(parts.names), frozenset(parts.values)
    return Ready(holds, names, values, tuple(parts.paths), tuple(parts.checks))


def _holds(parts: Parts, tree: Condition) -> Holds:
    if isinstance(tree, Logic):
        return _logic(tree.operator, [_holds(parts, part) for part in tree.parts])
    gets = [parts.get(operand) for operand in tree.operands]
    if isinstance(tree, Comparison):
        return _test(parts, tree, gets)
    return _call(parts, tree, gets)


def _logic(operator: str, parts: list[Holds]) -> Holds:
    if operator == "NOT":
        (negated,) = parts
        return lambda item, names, values: not negated(item, names, values)
    if operator == "OR":

        def either(item: Item, names: Names, values: Item) -> bool:
            for part in parts:  # noqa: SIM110  a generator takes twice the time
                if part(item, names, values):
                    return True
            return False

        return either

    def both(item: Item, names: Names, values: Item) -> bool:
        for part in parts:  # noqa: SIM110
            if not part(item, names, values):
                return False
        return True

    return both


def _test(parts: Parts, tree: Comparison, gets: list[Get]) -> Holds:
    parts.check_distinct(tree.operands, tree.operator)
    first, *others = gets
    if tree.operator == "IN":
        return lambda item, names, values: _is_in(first(item, names, values), others, item, names, values)
    second = others[0]
    if tree.operator == "=":
        return lambda item, names, values: _equal(first(item, names, values), second(item, names, values))
    if tree.operator == "<>":
        return lambda item, names, values: not _equal(first(item, names, values), second(item, names, values))
    for operand in tree.operands:
        parts.check_type(operand, ORDERED, tree.operator)
    if tree.operator == "BETWEEN":
        _check_bounds(parts, tree)
        third = others[1]
        least, most = _ordered(ORDERS[">="], first, second), _ordered(ORDERS["<="], first, third)
        return lambda item, names, values: least(item, names, values) and most(item, names, values)
    return _ordered(ORDERS[tree.operator], first, second)


def _ordered(wanted: Callable[[int, int], bool], first: Get, second: Get) -> Holds:
    def holds(item: Item, names: Names, values: Item) -> bool:
        one, other = first(item, names, values), second(item, names, values)
        if one is None or other is None:
            return False
        order = before(one, other)
        return order is not None and wanted(order, 0)

    return holds


def _equal(one: Item | None, other: Item | None) -> bool:
    return one is not None and one == other


def _is_in(one: Item | None, others: list[Get], item: Item, names: Names, values: Item) -> bool:
    return one is not None and any(one == get(item, names, values) for get in others)


def _check_bounds(parts: Parts, tree: Comparison) -> None:
    """Two literal bounds must be of one type, and the lower not above the upper."""
    _, low, high = tree.operands
    if not isinstance(low, Value) or not isinstance(high, Value):
        return
    low_name, high_name = low.name, high.name

    def check(_: Names, values: Item) -> None:
        order = before(values[low_name], values[high_name])
        if order is None:
            raise Invalid("The BETWEEN operator requires same data type for lower and upper bounds")
        if order > 0:
            raise Invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")

    parts.checks.append(check)


def _call(parts: Parts, tree: Call, gets: list[Get]) -> Holds:
    first, *others = gets
    if tree.name == "attribute_exists":
        return lambda item, names, values: first(item, names, values) is not None
    if tree.name == "attribute_not_exists":
        return lambda item, names, values: first(item, names, values) is None
    parts.check_distinct(tree.operands, tree.name)
    second = others[0]
    if tree.name == "attribute_type":
        return _attribute_type(parts, tree, first, second)
    if tree.name == "begins_with":
        for operand in tree.operands:
            parts.check_type(operand, frozenset({"S", "B"}), tree.name)
        return lambda item, names, values: _begins(first(item, names, values), second(item, names, values))
    return lambda item, names, values: _contains(first(item, names, values), second(item, names, values))


def _attribute_type(parts: Parts, tree: Call, first: Get, second: Get) -> Holds:
    wanted = tree.operands[1]
    parts.check_type(wanted, frozenset({"S"}), tree.name)

    def check(_: Names, values: Item) -> None:
        if isinstance(wanted, Value) and values[wanted.name]["S"] not in TYPES:
            raise Invalid(f"Invalid attribute type name found; type: {values[wanted.name]['S']}")

    parts.checks.append(check)

    def holds(item: Item, names: Names, values: Item) -> bool:
        value, kind = first(item, names, values), second(item, names, values)
        return value is not None and kind is not None and kind.get("S") in value

    return holds


def _begins(value: Item | None, start: Item | None) -> bool:
    if value is None or start is None:
        return False
    if "S" in value and "S" in start:
        return str(value["S"]).startswith(start["S"])
    if "B" in value and "B" in start:
        return base64.b64decode(value["B"]).startswith(base64.b64decode(start["B"]))
    return False


def _contains(value: Item | None, part: Item | None) -> bool:
    if value is None or part is None:
        return False
    ((kind, content),) = value.items()
    if kind == "L":
        return part in content
    if kind in SETS:
        return part.get(SETS[kind]) in content
    if kind == "S" and "S" in part:
        return part["S"] in content
    if kind == "B" and "B" in part:
        return base64.b64decode(part["B"]) in base64.b64decode(content)
    return False
