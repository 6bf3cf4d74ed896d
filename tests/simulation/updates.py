"""Updates, made ready: from an expression's text to a function that makes the next item of one.

Every operand is taken from the item as it was. The next item shares with it what did not change, and nothing
that was ever handed over is changed in place.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from functions.ledger.store import Item
from tests.simulation import syntax
from tests.simulation.operands import NO_ATTRIBUTE, Check, Get, Names, Parts, Resolved, found, resolved
from tests.simulation.tree import Path
from tests.simulation.values import (
    DEPTH_MAX,
    INCORRECT_TYPE,
    SETS,
    TOO_DEEP,
    Invalid,
    added,
    depth,
    in_order,
)

INVALID_PATH = "The document path provided in the update expression is invalid for update"
ADDABLE = frozenset({"N", *SETS})


@dataclass(frozen=True, slots=True)
class Ready:
    """An update: its actions, and what a request must bring for it."""

    actions: tuple[tuple[str, Path, Get | None], ...]
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[Check, ...]
    by_index: bool
    """Whether any path goes into a list: then the order of actions matters."""

    def paths(self, names: Names) -> list[Resolved]:
        """What is changed. Raises Invalid where two paths overlap."""
        paths = [resolved(path, names) for _, path, _ in self.actions]
        if len({path[0] for path in paths}) < len(paths):
            check_apart(paths)
        return paths

    def after(self, item: Item, paths: list[Resolved], names: Names, values: Item) -> Item:
        """The item after the update. Raises Invalid."""
        new = item.copy()
        steps = list(zip(paths, self.actions, strict=True))
        if self.by_index:
            steps.sort(key=lambda step: step[0])
        removed: list[Resolved] = []
        for path, (section, _, get) in steps:
            value = get(item, names, values) if get else None
            if section == "SET":
                if value is None:
                    raise Invalid(NO_ATTRIBUTE)
                _put(new, path, value)
                continue
            there = _there(item, path)
            if value is None:
                if there is not None:
                    removed.append(path)
            elif section == "ADD":
                _put(new, path, value if there is None else _sum(there, value))
            elif there is not None:
                rest = _difference(there, value)
                if rest is None:
                    removed.append(path)
                else:
                    _put(new, path, rest)
        for path in reversed(removed):
            holder, place = _holder(new, path)
            del holder[place]
        return new


@lru_cache(syntax.CACHED)
def ready(text: str) -> Ready:
    """The update of a text. Raises Invalid."""
    parts, actions = Parts(), []
    for action in syntax.update(text):
        parts.path(action.path)
        get = parts.get(action.operand) if action.operand else None
        if action.operand and action.section in ("ADD", "DELETE"):
            parts.check_type(action.operand, ADDABLE if action.section == "ADD" else frozenset(SETS), action.section)
        actions.append((action.section, action.path, get))
    by_index = any(isinstance(element, int) for _, path, _ in actions for element in path.elements)
    names, values = frozenset(parts.names), frozenset(parts.values)
    return Ready(tuple(actions), names, values, tuple(parts.checks), by_index)


def check_apart(paths: list[Resolved]) -> None:
    """No path may be another or lead into it; none may take for a list what another takes for a map."""
    for index, one in enumerate(paths):
        for other in paths[index + 1 :]:
            shared = 0
            for left, right in zip(one, other, strict=False):
                if left != right:
                    break
                shared += 1
            if shared in (len(one), len(other)):
                raise Invalid(f"Two document paths overlap with each other; path one: {one}, path two: {other}")
            if shared and type(one[shared]) is not type(other[shared]):
                raise Invalid(f"Two document paths conflict with each other; path one: {one}, path two: {other}")


def _holder(new: Item, path: Resolved) -> tuple[Any, Any]:
    """The map or list that a path ends in, copied on the way down, and the place in it. Raises Invalid."""
    holder: Any = new
    place: Any = path[0]
    for step in path[1:]:
        kind = "M" if type(step) is str else "L"
        there = place in holder if type(holder) is dict else place < len(holder)
        content = holder[place].get(kind) if there else None
        if content is None:
            raise Invalid(INVALID_PATH)
        content = content.copy()
        holder[place] = {kind: content}
        holder, place = content, step
    return holder, place


def _there(item: Item, path: Resolved) -> Item | None:
    """What is at a path. Raises Invalid where not even its holder is there."""
    if len(path) == 1:
        return item.get(path[0])  # type: ignore[arg-type]
    holder = found(item, path[:-1])
    if holder is None or ("M" if type(path[-1]) is str else "L") not in holder:
        raise Invalid(INVALID_PATH)
    return found(item, path)


def _put(new: Item, path: Resolved, value: Item) -> None:
    if ("M" in value or "L" in value) and len(path) - 1 + depth(value) >= DEPTH_MAX:
        raise Invalid(TOO_DEEP)
    holder, place = _holder(new, path)
    if type(holder) is list and place >= len(holder):
        holder.append(value)
    else:
        holder[place] = value


def _sum(there: Item, value: Item) -> Item:
    ((kind, content),) = value.items()
    if kind not in there:
        raise Invalid(INCORRECT_TYPE)
    if kind == "N":
        return {"N": added(there["N"], content)}
    return {kind: in_order(SETS[kind], {*there[kind], *content})}


def _difference(there: Item, value: Item) -> Item | None:
    """A set without some elements; None where none is left."""
    ((kind, content),) = value.items()
    if kind not in there:
        raise Invalid(INCORRECT_TYPE)
    rest = set(there[kind]) - set(content)
    return {kind: in_order(SETS[kind], rest)} if rest else None
