"""Rules for the fields of a request; an adapter's table names one for each field it knows.

A rule takes the field's path and its value, and gives the value to send. It raises BadRequest that names
the field. A field without a rule is refused: what is not understood cannot be metered.
"""

from collections.abc import Callable, Mapping
from typing import Any

from functions.errors import BadRequest

Rule = Callable[[str, Any], Any]


class _Drop:
    """What a rule gives for a field that is accepted and not sent on."""


DROP = _Drop()


def apply(table: Mapping[str, Rule], body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to send. Null and empty lists count as absent, `messages` and `input` excepted."""
    sent = {}
    for name, value in body.items():
        if value is None or (value == [] and name not in ("messages", "input", "prompt")):
            continue
        rule = table.get(name)
        if rule is None:
            raise BadRequest(f"Unknown field {name[:60]!r}: it is not supported here.", param=name[:60])
        checked = rule(name, value)
        if checked is not DROP:
            sent[name] = checked
    return sent


def anything(path: str, value: Any) -> Any:
    """Passed as it is; the provider judges it."""
    return value


def drop(path: str, value: Any) -> Any:
    """Accepted and not sent on."""
    return DROP


def refuse(path: str, value: Any) -> Any:
    """Known, and not offered."""
    raise BadRequest(f"{path} is not supported here.", param=path)


def boolean(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{path} must be true or false.", param=path)
    return value


def integer(low: int, high: int) -> Rule:
    def rule(path: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadRequest(f"{path} must be a whole number.", param=path)
        if not low <= value <= high:
            raise BadRequest(f"{path} must be between {low} and {high}.", param=path)
        return value

    return rule


def number(low: float, high: float) -> Rule:
    def rule(path: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{path} must be a number.", param=path)
        if not low <= value <= high:
            raise BadRequest(f"{path} must be between {low} and {high}.", param=path)
        return value

    return rule


def text(length_max: int) -> Rule:
    def rule(path: str, value: Any) -> str:
        if not isinstance(value, str):
            raise BadRequest(f"{path} must be a string.", param=path)
        if len(value) > length_max:
            raise BadRequest(f"{path} is longer than {length_max} characters.", param=path)
        return value

    return rule


def one_of(*choices: Any) -> Rule:
    def rule(path: str, value: Any) -> Any:
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            listed = ", ".join(str(choice) for choice in choices)
            raise BadRequest(f"{path} can only be {listed} here.", param=path)
        return value

    return rule


def only(*choices: Any) -> Rule:
    """Accepted where it asks for what happens anyway; then not sent on."""
    check = one_of(*choices)

    def rule(path: str, value: Any) -> Any:
        check(path, value)
        return DROP

    return rule


def many(rule: Rule, count_max: int) -> Rule:
    """A list, or a single one of its kind."""

    def listed(path: str, value: Any) -> Any:
        if not isinstance(value, list):
            return rule(path, value)
        return array(rule, count_max)(path, value)

    return listed


def array(rule: Rule, count_max: int) -> Rule:
    def listed(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise BadRequest(f"{path} must be a list.", param=path)
        if len(value) > count_max:
            raise BadRequest(f"{path} may hold {count_max} at most.", param=path)
        checked = [rule(f"{path}[{index}]", part) for index, part in enumerate(value)]
        return [part for part in checked if part is not DROP]

    return listed


def shaped(table: Mapping[str, Rule]) -> Rule:
    """An object with these fields and no others."""

    def rule(path: str, value: Any) -> dict[str, Any]:
        fields = object_(path, value)
        for name in fields:
            if name not in table:
                raise BadRequest(f"Unknown field {path}.{name[:60]}.", param=f"{path}.{name[:60]}")
        return {name: table[name](f"{path}.{name}", part) for name, part in fields.items() if part is not None}

    return rule


def partly(table: Mapping[str, Rule], required: tuple[str, ...] = ()) -> Rule:
    """An object of which these fields follow rules; others pass as they are. Null counts as absent."""

    def rule(path: str, value: Any) -> dict[str, Any]:
        fields = object_(path, value)
        for name in required:
            if fields.get(name) is None:
                raise BadRequest(f"{path}.{name} is required.", param=f"{path}.{name}")
        return {
            name: table[name](f"{path}.{name}", part) if name in table else part
            for name, part in fields.items()
            if part is not None
        }

    return rule


def object_(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{path} must be an object.", param=path)
    return value
