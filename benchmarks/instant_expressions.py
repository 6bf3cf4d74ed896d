"""The ledger's expressions as Python's: what the instant DynamoDB decides and changes by.

A condition of DynamoDB is nearly one of Python already, so it is rewritten word by word and compiled once; of words
that the ledger does not use none is known. Numbers are whole, as all of the ledger's are.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
"""In DynamoDB's JSON."""
Names = Mapping[str, str]
Condition = Callable[[Item, Names, Item], bool]
Place = tuple[dict[str, Any], str]
"""Where a path ends: the map that holds it, and the name there."""

BETWEEN = re.compile(r"([#\w]+) BETWEEN (:\w+) AND (:\w+)")
TOKEN = re.compile(r"\s*(<>|<=|>=|[<>=()]|[#:]?\w+(?:\.#?\w+)*)")
SAME = ("<", "<=", ">", ">=", "(", ")")
WORDS = {"AND": "and", "OR": "or", "NOT": "not", "=": "==", "<>": "!=", **{sign: sign for sign in SAME}}
FUNCTIONS = {"attribute_exists": "is_there", "attribute_not_exists": "is_absent", "size": "len"}
SET = re.compile(r"([#\w.]+) = ([#:\w.]+)(?: ([+-]) ([#:\w.]+))?$")
CLAUSES = re.compile(r"(?:^| )(SET|REMOVE|ADD) ")
EXPRESSIONS_KEPT = 2000
ABSENT = float("nan")
"""What a path leads to where there is nothing: no comparison with it holds but `<>`."""


class Unknown(Exception):
    """An expression, or a request, that the ledger does not make, or that its item does not fit."""


def plain(value: Item) -> Any:
    """A value of DynamoDB's JSON as one that Python compares."""
    ((kind, content),) = value.items()
    return int(content) if kind == "N" else content


def typed(item: Item, names: Names, path: str) -> Item | None:
    """What is at a path such as `holds.#h.e`; None where nothing is."""
    holder, value = item, None
    for step in path.split("."):
        value = holder.get(names[step] if step[0] == "#" else step)
        if value is None:
            return None
        holder = value.get("M", {})
    return value


def at(item: Item, names: Names, path: str) -> Any:
    """The same as Python's value, or ABSENT."""
    value = typed(item, names, path)
    return ABSENT if value is None else plain(value)


GLOBALS = {
    "__builtins__": {},
    "at": at,
    "plain": plain,
    "len": len,
    "is_there": lambda value: value is not ABSENT,
    "is_absent": lambda value: value is ABSENT,
}


@lru_cache(EXPRESSIONS_KEPT)
def condition(text: str) -> Condition:
    """A condition, compiled. Raises Unknown."""
    rest, parts = BETWEEN.sub(r"(\1 >= \2 AND \1 <= \3)", text), list[str]()
    while rest:
        token = TOKEN.match(rest)
        if token is None:
            raise Unknown(text)
        parts.append(_python(token[1]))
        rest = rest[token.end() :]
    compiled: Condition = eval(f"lambda item, names, values: {' '.join(parts)}", GLOBALS)
    return compiled


def _python(token: str) -> str:
    if word := WORDS.get(token) or FUNCTIONS.get(token):
        return word
    return f"plain(values[{token!r}])" if token[0] == ":" else f"at(item, names, {token!r})"


@lru_cache(EXPRESSIONS_KEPT)
def update(text: str) -> list[tuple[str, str, str, str, str]]:
    """An update's steps: `(verb, path, operand, sign, second operand)`. Raises Unknown."""
    steps: list[tuple[str, str, str, str, str]] = []
    _, *clauses = CLAUSES.split(text)
    for verb, clause in zip(clauses[::2], clauses[1::2], strict=True):
        for part in clause.split(", "):
            if verb == "SET":
                match = SET.match(part)
                if match is None:
                    raise Unknown(text)
                path, first, sign, second = match.groups("")
                steps.append((verb, path, first, sign, second))
            else:
                path, _, first = part.partition(" ")
                steps.append((verb, path, first, "", ""))
    return steps


def changes(text: str, item: Item, names: Names, values: Item) -> list[tuple[Place, Item | None]]:
    """What an update would put in which places of an item, None to remove; nothing is changed yet. Raises Unknown."""
    found = []
    for verb, path, first, sign, second in update(text):
        if verb == "REMOVE":
            value = None
        elif verb == "ADD":
            value = _number(plain(typed(item, names, path) or _number(0)) + plain(values[first]))
        elif sign:
            more = plain(_operand(second, item, names, values))
            value = _number(plain(_operand(first, item, names, values)) + (more if sign == "+" else -more))
        else:
            value = _operand(first, item, names, values)
        found.append((_place(item, names, path), value))
    return found


def _number(value: int) -> Item:
    return {"N": str(value)}


def _operand(operand: str, item: Item, names: Names, values: Item) -> Item:
    value = values[operand] if operand[0] == ":" else typed(item, names, operand)
    if value is None:
        raise Unknown(f"there is no {operand}")
    return value


def _place(item: Item, names: Names, path: str) -> Place:
    *parents, last = [names[step] if step[0] == "#" else step for step in path.split(".")]
    holder = item
    for name in parents:
        holder = holder[name]["M"]
    return holder, last
