"""Reads IAM policies as AWS does, as far as this repository writes them: actions, resources, conditions on texts."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

ACCOUNT, PARTITION = "123456789012", "aws"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION, "AWS::NoValue": None}
MATCHES: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda one, two: one == two,
    "StringLike": fnmatchcase,
}

Statement = dict[str, Any]


def resolved(value: Any, given: dict[str, Any]) -> Any:
    """A template's value with its functions computed. `given`: parameters and conditions by name, ids of resources."""
    known = PSEUDO | given
    if isinstance(value, list):
        return [resolved(each, given) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument), *_ = value.items()
        if name == "Ref":
            return known[argument]
        if name == "Fn::If":
            return resolved(argument[1 if given[argument[0]] else 2], given)
        if name == "Fn::GetAtt":
            return known[".".join(argument)]
        if name == "Fn::Split":
            return str(resolved(argument[1], given)).split(argument[0])
        if name == "Fn::Select":
            return resolved(argument[1], given)[argument[0]]
        if name == "Fn::Sub":
            text, more = (argument, {}) if isinstance(argument, str) else argument
            names = known | resolved(more, given)
            return re.sub(r"\$\{([^}]+)\}", lambda found: str(names[found[1]]), text)
    made = {key: resolved(each, given) for key, each in value.items()}
    return {key: each for key, each in made.items() if each is not None}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def holds(condition: dict[str, dict[str, Any]], context: dict[str, Any]) -> bool:
    """Whether every part holds; a key that the request does not have never does."""
    for operator, parts in condition.items():
        for key, wanted in parts.items():
            if key not in context:
                return False
            matches = MATCHES[operator.removeprefix("ForAnyValue:")]
            if not any(matches(str(value), str(each)) for value in listed(context[key]) for each in listed(wanted)):
                return False
    return True


def allows(statements: list[Statement], action: str, resource: str = "*", **context: Any) -> bool:
    """Whether resolved statements allow a call. `context`: condition keys, with `__` for `:`."""
    asked = {key.replace("__", ":"): value for key, value in context.items()}
    return any(
        statement["Effect"] == "Allow"
        and any(fnmatchcase(action, each) for each in listed(statement.get("Action", [])))
        and any(fnmatchcase(resource, each) for each in listed(statement.get("Resource", "*")))
        and holds(statement.get("Condition", {}), asked)
        for statement in statements
    )
