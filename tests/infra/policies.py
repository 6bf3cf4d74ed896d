"""Reads IAM policies as AWS does, as far as this repository writes them: actions, resources, conditions on texts."""

import re
from collections.abc import Callable, Iterator
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
    """Whether every part holds. A key that the request does not have matches nothing, so it differs from all."""
    for operator, parts in condition.items():
        for key, wanted in parts.items():
            given = [str(value) for value in listed(context.get(key, []))]
            if operator == "Null":
                good = (key not in context) is (str(wanted) == "true")
            elif operator == "StringNotEquals":
                good = not set(given) & set(listed(wanted))
            else:
                matches = MATCHES[operator.removeprefix("ForAnyValue:")]
                good = any(matches(value, str(each)) for value in given for each in listed(wanted))
            if not good:
                return False
    return True


def allows(statements: list[Statement], action: str, resource: str = "*", **context: Any) -> bool:
    """Whether resolved statements allow a call, and none denies it. `context`: condition keys, with `__` for `:`."""
    asked = {key.replace("__", ":"): value for key, value in context.items()}
    effects = {
        statement["Effect"]
        for statement in statements
        if any(fnmatchcase(action, each) for each in listed(statement.get("Action", [])))
        and any(fnmatchcase(resource, each) for each in listed(statement.get("Resource", "*")))
        and holds(statement.get("Condition", {}), asked)
    }
    return effects == {"Allow"}


def parts(operation: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The tables and actions of a request to DynamoDB that AWS asks permission for."""
    if operation.startswith("Transact"):
        for part in request["TransactItems"]:
            ((kind, inner),) = part.items()
            yield inner["TableName"], f"{kind}Item"
    elif operation.startswith("Batch"):
        for table in request["RequestItems"]:
            yield table, operation
    else:
        yield request["TableName"], operation
