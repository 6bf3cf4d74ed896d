"""A request's expressions, with the names and values that it brings for their placeholders."""

from collections.abc import Callable
from typing import Any

from functions.ledger.store import Item
from tests.simulation import conditions, syntax, updates
from tests.simulation.operands import Check, Names, Parts, Resolved, resolved
from tests.simulation.values import Invalid, checked

CONDITIONS = ("ConditionExpression", "KeyConditionExpression", "FilterExpression")
_NAMES, _VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"


class Expressions:
    """The expressions of one request, and what their placeholders stand for. Raises Invalid when made."""

    __slots__ = ("conditions", "names", "projection", "update", "values")

    def __init__(self, request: Item) -> None:
        self.names: dict[str, str] = request.get(_NAMES, {})
        self.values: Item = _values(request[_VALUES]) if _VALUES in request else {}
        self.conditions: dict[str, conditions.Ready] = {}
        self.update: updates.Ready | None = None
        self.projection: list[Resolved] | None = None
        used_names: set[str] | frozenset[str] = frozenset()
        used_values: set[str] | frozenset[str] = frozenset()
        for field in CONDITIONS:
            if field in request:
                condition = self.conditions[field] = _ready(field, request[field], conditions.ready)
                self._check(field, condition.names, condition.values, condition.checks)
                used_names, used_values = used_names | condition.names, used_values | condition.values
        if "UpdateExpression" in request:
            update = self.update = _ready("UpdateExpression", request["UpdateExpression"], updates.ready)
            self._check("UpdateExpression", update.names, update.values, update.checks)
            used_names, used_values = used_names | update.names, used_values | update.values
        if "ProjectionExpression" in request:
            used_names = used_names | self._project(request["ProjectionExpression"])
        if _NAMES in request:
            _check_used(_NAMES, self.names, used_names, "#")
        if _VALUES in request:
            _check_used(_VALUES, self.values, used_values, ":")

    def meets(self, item: Item, field: str = "ConditionExpression") -> bool:
        """Whether an item meets a condition of the request; where there is none, every item does."""
        condition = self.conditions.get(field)
        return condition is None or condition.holds(item, self.names, self.values)

    def _check(self, field: str, names: frozenset[str], values: frozenset[str], checks: tuple[Check, ...]) -> None:
        if not names <= self.names.keys():
            raise Invalid(f"Invalid {field}: An expression attribute name used in the document path is not defined")
        if not values <= self.values.keys():
            raise Invalid(f"Invalid {field}: An expression attribute value used in expression is not defined")
        for check in checks:
            try:
                check(self.names, self.values)
            except Invalid as error:
                raise Invalid(f"Invalid {field}: {error.message}") from error

    def _project(self, text: str) -> set[str]:
        parts, paths = Parts(), _ready("ProjectionExpression", text, syntax.projection)
        for path in paths:
            parts.path(path)
        self._check("ProjectionExpression", frozenset(parts.names), frozenset(), ())
        self.projection = [resolved(path, self.names) for path in paths]
        try:
            updates.check_apart(self.projection)
        except Invalid as error:
            raise Invalid(f"Invalid ProjectionExpression: {error.message}") from error
        return parts.names

    def projected(self, item: Item) -> Item:
        """What the projection leaves of an item; all of it where there is none."""
        return item if self.projection is None else project(item, self.projection)


def project(item: Item, paths: list[Resolved]) -> Item:
    """The parts of an item at these paths; elements of lists move together."""
    answer = _projected({"M": item}, paths)
    return answer["M"] if answer else {}


def _projected(value: Item, paths: list[Resolved]) -> Item | None:
    if () in paths:
        return value
    kept: dict[Any, list[Resolved]] = {}
    for path in paths:
        kept.setdefault(path[0], []).append(path[1:])
    if "M" in value:
        steps = {name: _projected(value["M"][name], rest) for name, rest in kept.items() if name in value["M"]}
        there = {name: part for name, part in steps.items() if part is not None}
        return {"M": there} if there else None
    if "L" in value:
        indexes = sorted(step for step in kept if type(step) is int and step < len(value["L"]))
        elements = [_projected(value["L"][index], kept[index]) for index in indexes]
        found = [element for element in elements if element is not None]
        return {"L": found} if found else None
    return None


def _ready(field: str, text: Any, make: Callable[[str], Any]) -> Any:
    if type(text) is not str:
        raise Invalid("Unexpected field type", "SerializationException")
    try:
        return make(text)
    except Invalid as error:
        raise Invalid(f"Invalid {field}: {error.message}") from error


def _values(given: Any) -> Item:
    if type(given) is not dict:
        raise Invalid("Unexpected field type", "SerializationException")
    return {name: checked(value) for name, value in given.items()}


def _check_used(field: str, given: Names | Item, used: set[str] | frozenset[str], mark: str) -> None:
    if not given:
        raise Invalid(f"{field} must not be empty")
    if given.keys() <= used and (mark == ":" or all(given.values())):
        return
    for name, stands_for in given.items():
        if not syntax.is_placeholder(name, mark):
            raise Invalid(f'{field} contains invalid key: Syntax error; key: "{name}"')
        if not stands_for:
            raise Invalid(f"{field} contains invalid value: Empty attribute name for key {name}")
    raise Invalid(f"Value provided in {field} unused in expressions: keys: {sorted(given.keys() - used)}")
