"""Reading DynamoDB's expressions: conditions, updates, projections. Text in, a tree out; nothing is evaluated.

What can be judged by the text alone is judged here: grammar, reserved words, which functions there are and
where they may stand. What depends on the values and names of a request is for `conditions` and `updates`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from tests.simulation.tree import Action, Call, Comparison, Condition, Logic, Operand, Path, Reader, Sum, Value
from tests.simulation.values import Invalid
from tests.simulation.words import RESERVED

OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
"""Every function there is, and how many operands it takes."""
IN_UPDATES = ("if_not_exists", "list_append")
IN_MAX = 100
CACHED = 50_000
COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
KEYWORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN", *SECTIONS})


_placeholder = re.compile(r"[#:][A-Za-z0-9_]+").fullmatch


def is_placeholder(text: str, mark: str) -> bool:
    """Whether a text is a placeholder that begins with this mark."""
    return text[:1] == mark and _placeholder(text) is not None


@lru_cache(CACHED)
def condition(text: str) -> Condition:
    """The tree of a condition. Raises Invalid."""
    reader = Reader(text)
    return reader.ended(_condition(reader, _either(reader)))


@lru_cache(CACHED)
def update(text: str) -> tuple[Action, ...]:
    """The actions of an update expression, in the order written. Raises Invalid."""
    reader, seen = Reader(text), set[str]()
    actions: list[Action] = []
    while not reader.at_end() or not actions:
        section = reader.keyword(*SECTIONS)
        if section in seen:
            raise Invalid(f'The "{section}" section can only be used once in an update expression;')
        seen.add(section)
        actions.append(_action(reader, section))
        while reader.sign(","):
            actions.append(_action(reader, section))
    return tuple(actions)


@lru_cache(CACHED)
def projection(text: str) -> tuple[Path, ...]:
    """The paths of a projection. Raises Invalid."""
    reader = Reader(text)
    paths = [_path(reader)]
    while reader.sign(","):
        paths.append(_path(reader))
    return reader.ended(tuple(paths))


@dataclass(frozen=True, slots=True)
class _Parenthesized:
    """What stood in parentheses: a second pair around it would be redundant."""

    inner: Condition | Operand


_Part = Condition | Operand | _Parenthesized


def _either(reader: Reader) -> _Part:
    return _joined(reader, "OR", lambda: _joined(reader, "AND", lambda: _negated(reader)))


def _joined(reader: Reader, operator: str, read: Callable[[], _Part]) -> _Part:
    first = read()
    if not reader.keyword_if(operator):
        return first
    parts = [_condition(reader, first), _condition(reader, read())]
    while reader.keyword_if(operator):
        parts.append(_condition(reader, read()))
    return Logic(operator, tuple(parts))


def _negated(reader: Reader) -> _Part:
    if reader.keyword_if("NOT"):
        return Logic("NOT", (_condition(reader, _negated(reader)),))
    left = _primary(reader)
    comparator = reader.sign(*COMPARATORS)
    if comparator:
        return Comparison(comparator, (_operand(reader, left), _operand(reader, _primary(reader))))
    if reader.keyword_if("BETWEEN"):
        low = _operand(reader, _primary(reader))
        reader.keyword("AND")
        return Comparison("BETWEEN", (_operand(reader, left), low, _operand(reader, _primary(reader))))
    if reader.keyword_if("IN"):
        options = _list(reader, lambda: _operand(reader, _primary(reader)))
        if len(options) > IN_MAX:
            raise Invalid(f"The IN operator takes at most {IN_MAX} operands")
        return Comparison("IN", (_operand(reader, left), *options))
    return left


def _primary(reader: Reader) -> _Part:
    if reader.sign("("):
        inner = _either(reader)
        return _closed(reader, inner)
    return _single(reader, lambda: _operand(reader, _primary(reader)))


def _closed(reader: Reader, inner: _Part) -> _Parenthesized:
    reader.need(")")
    if isinstance(inner, _Parenthesized):
        raise Invalid("The expression has redundant parentheses;")
    return _Parenthesized(inner)


def _single(reader: Reader, read: Callable[[], Operand]) -> Path | Value | Call:
    """A placeholder, a function whose operands `read` reads, or a path."""
    value = reader.take("value")
    if value:
        return Value(value)
    if reader.peek()[0] != "word" or reader.peek(1) != ("sign", "("):
        return _path(reader)
    name = reader.take("word") or ""
    if name not in OPERANDS:
        raise Invalid(f"Invalid function name; function: {name}")
    operands = _list(reader, read)
    if len(operands) != OPERANDS[name]:
        raise Invalid(f"Incorrect number of operands for operator or function; operator or function: {name}")
    needs_path = name in ("attribute_exists", "attribute_not_exists", "if_not_exists")
    if needs_path and not isinstance(operands[0], Path):
        raise Invalid(f"Operator or function requires a document path; operator or function: {name}")
    return Call(name, operands)


def _list(reader: Reader, read: Callable[[], Operand]) -> tuple[Operand, ...]:
    reader.need("(")
    operands = [read()]
    while reader.sign(","):
        operands.append(read())
    reader.need(")")
    return tuple(operands)


def _condition(reader: Reader, part: _Part) -> Condition:
    if isinstance(part, _Parenthesized):
        part = part.inner
    if isinstance(part, Call):
        if part.name in ("size", *IN_UPDATES):
            raise Invalid(f"The function is not allowed to be used this way in an expression; function: {part.name}")
        return part
    if isinstance(part, Comparison | Logic):
        return part
    raise Invalid(f'Syntax error; token: "{reader.peek()[1]}"')


def _operand(reader: Reader, part: _Part) -> Operand:
    if isinstance(part, _Parenthesized):
        part = part.inner
    if isinstance(part, Call) and part.name != "size":
        raise Invalid(f"The function is not allowed to be used this way in an expression; function: {part.name}")
    if isinstance(part, Path | Value | Call):
        return part
    raise Invalid(f'Syntax error; token: "{reader.peek()[1]}"')


def _path(reader: Reader) -> Path:
    elements: list[str | int] = [_name(reader)]
    while True:
        if reader.sign("."):
            elements.append(_name(reader))
        elif reader.sign("["):
            elements.append(int(reader.take("index") or reader.fail()))
            reader.need("]")
        else:
            return Path(tuple(elements))


def _name(reader: Reader) -> str:
    name = reader.take("name")
    if name:
        return name
    word = reader.take("word")
    if not word or word.upper() in KEYWORDS:
        raise Invalid(f'Syntax error; token: "{word or reader.peek()[1]}"')
    if word.upper() in RESERVED:
        raise Invalid(f"Attribute name is a reserved keyword; reserved keyword: {word}")
    return word


def _action(reader: Reader, section: str) -> Action:
    path = _path(reader)
    if section == "REMOVE":
        return Action(section, path, None)
    if section == "SET":
        reader.need("=")
        return Action(section, path, _sum(reader))
    return Action(section, path, Value(reader.take("value") or reader.fail()))


def _sum(reader: Reader) -> Operand:
    left = _addend(reader)
    sign = reader.sign("+", "-")
    return Sum(left, _addend(reader), 1 if sign == "+" else -1) if sign else left


def _addend(reader: Reader) -> Operand:
    if reader.sign("("):
        inner = _sum(reader)
        reader.need(")")
        return inner
    single = _single(reader, lambda: _addend(reader))
    if isinstance(single, Call) and single.name not in IN_UPDATES:
        raise Invalid(f"The function is not allowed in an update expression; function: {single.name}")
    return single
