"""Operands of expressions, made ready: from a tree to a function of an item, names and values.

A text is compiled once, whatever its placeholders stand for in a request; so what depends on them comes as
checks, to be made before anything is evaluated.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from functions.ledger.store import Item
from tests.simulation.tree import Call, Comparison, Condition, Operand, Path, Sum, Value
from tests.simulation.values import INCORRECT_TYPE, Invalid, added

Names = Mapping[str, str]
Get = Callable[[Item, Names, Item], Item | None]
"""An operand's value, from the item, the names and the values; None where the item has no such attribute."""
Check = Callable[[Names, Item], None]
"""Judges what placeholders stand for. Raises Invalid."""
Resolved = tuple[str | int, ...]

NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"


@dataclass
class Parts:
    """What was found while an expression was compiled: its placeholders and its checks."""

    names: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    paths: list[Path] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def check_type(self, operand: Operand, types: frozenset[str], function: str) -> None:
        """A literal operand must be of one of these types."""
        if not isinstance(operand, Value):
            return
        name = operand.name

        def check(_: Names, values: Item) -> None:
            for kind in values[name]:
                if kind not in types:
                    raise Invalid(
                        f"Incorrect operand type for operator or function; "
                        f"operator or function: {function}, operand type: {kind}"
                    )

        self.checks.append(check)

    def check_distinct(self, operands: tuple[Operand, ...], function: str) -> None:
        """The first operand must not be one of the others."""
        first, others = operands[0], [operand for operand in operands[1:] if isinstance(operand, Path)]
        if not isinstance(first, Path):
            return
        place = first

        def check(names: Names, _: Item) -> None:
            if resolved(place, names) in [resolved(other, names) for other in others]:
                raise Invalid(
                    f"The first operand must be distinct from the remaining operands for this operator or function; "
                    f"operator: {function}"
                )

        self.checks.append(check)

    def get(self, operand: Operand) -> Get:
        """The function that finds an operand's value."""
        if isinstance(operand, Value):
            return self._value(operand.name)
        if isinstance(operand, Path):
            return self.path(operand)
        if isinstance(operand, Sum):
            return self._sum(operand)
        return self._call(operand)

    def path(self, path: Path) -> Get:
        """The function that finds what is at a path."""
        self.paths.append(path)
        self.names.update(str(element) for element in path.elements if is_placeholder(element))
        first, *rest = path.elements
        if any(type(element) is int for element in rest):
            return lambda item, names, _: found(item, resolved(path, names))
        if rest:
            return _through_maps([str(element) for element in path.elements])
        name = str(first)
        if is_placeholder(name):
            return lambda item, names, _: item.get(names[name])
        return lambda item, names, _: item.get(name)

    def _value(self, name: str) -> Get:
        self.values.add(name)
        return lambda item, names, values: values[name]

    def _sum(self, tree: Sum) -> Get:
        left, right = self.get(tree.left), self.get(tree.right)
        for operand in (tree.left, tree.right):
            self.check_type(operand, frozenset({"N"}), "+" if tree.sign > 0 else "-")

        def get(item: Item, names: Names, values: Item) -> Item:
            one, other = left(item, names, values), right(item, names, values)
            if one is None or other is None:
                raise Invalid(NO_ATTRIBUTE)
            if "N" not in one or "N" not in other:
                raise Invalid(INCORRECT_TYPE)
            return {"N": added(one["N"], other["N"], tree.sign)}

        return get

    def _call(self, tree: Call) -> Get:
        first, *rest = [self.get(operand) for operand in tree.operands]
        if tree.name == "size":
            self.check_type(tree.operands[0], frozenset({"S", "B", "SS", "NS", "BS", "L", "M"}), "size")
            return lambda item, names, values: size_of(first(item, names, values))
        second = rest[0]
        if tree.name == "if_not_exists":

            def if_not_exists(item: Item, names: Names, values: Item) -> Item | None:
                there = first(item, names, values)
                return second(item, names, values) if there is None else there

            return if_not_exists

        def list_append(item: Item, names: Names, values: Item) -> Item:
            one, other = first(item, names, values), second(item, names, values)
            if one is None or other is None:
                raise Invalid(NO_ATTRIBUTE)
            if "L" not in one or "L" not in other:
                raise Invalid(INCORRECT_TYPE)
            return {"L": [*one["L"], *other["L"]]}

        for operand in tree.operands:
            self.check_type(operand, frozenset({"L"}), "list_append")
        return list_append


def _through_maps(steps: list[str]) -> Get:
    *holders, last = steps

    def get(item: Item, names: Names, _: Item) -> Item | None:
        content: Item = item
        for step in holders:
            value = content.get(names.get(step, step))
            if value is None or "M" not in value:
                return None
            content = value["M"]
        return content.get(names.get(last, last))

    return get


def is_placeholder(element: str | int) -> bool:
    """Whether an element of a path stands for a name of the request."""
    return isinstance(element, str) and element[0] == "#"


def resolved(path: Path, names: Names) -> Resolved:
    """A path with its placeholders replaced."""
    return tuple([names.get(e, e) if type(e) is str else e for e in path.elements])


def found(item: Item, path: Iterable[str | int]) -> Item | None:
    """What an item has at a path; None where there is nothing."""
    steps: Iterator[str | int] = iter(path)
    value: Item | None = item.get(next(steps))  # type: ignore[arg-type]
    for step in steps:
        if value is None:
            return None
        if type(step) is str:
            value = value["M"].get(step) if "M" in value else None
        else:
            elements = value.get("L", ())
            value = elements[step] if step < len(elements) else None  # type: ignore[operator]
    return value


def size_of(value: Item | None) -> Item | None:
    """What `size` says of a value: UTF-16 units, bytes or elements; None where a value has no size."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind in ("N", "BOOL", "NULL"):
        return None
    if kind == "B":
        return {"N": str(len(content.rstrip("=")) * 3 // 4)}
    if kind == "S" and not content.isascii():
        return {"N": str(len(content.encode("utf-16-le")) // 2)}
    return {"N": str(len(content))}


def walked(tree: Condition) -> Iterator[Comparison | Call]:
    """Every test of a condition."""
    if isinstance(tree, Comparison | Call):
        yield tree
    else:
        for part in tree.parts:
            yield from walked(part)
