"""Requests written by hand, continued: conditions."""

from collections.abc import Iterator

from functions.ledger.store import Item
from tests.simulation.cases import MAPPED, Case, condition, n, s

KINDS: dict[str, Item] = {
    "n": n(2),
    "s": s("bcd"),
    "b": {"B": "YmNk"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "l": {"L": [n(1), s("bcd"), {"L": [n(2)]}]},
    "m": {"M": {"a": n(1)}},
    "ss": {"SS": ["a", "bcd"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": ["YmNk"]},
}
"""One attribute of each type, under a name of its own."""


def conditions() -> Iterator[Case]:
    literals = [*KINDS.values(), n("2.0"), n(10), s("b"), s("é"), s(""), {"B": "Yg=="}, {"L": []}, {"M": {}}]
    literals += [{"SS": ["bcd", "a"]}, {"NS": ["2", "1.0"]}, {"M": {"a": n("1.0")}}]
    for name in (*KINDS, "gone"):
        for literal in literals:
            for operator in ("=", "<>", "<", ">="):
                yield condition(KINDS, f"{name} {operator} :x", x=literal)
            yield condition(KINDS, f":x <= {name}", x=literal)
            yield condition(KINDS, f"{name} IN (:x, m)", x=literal)
            yield condition(KINDS, f"contains({name}, :x)", x=literal)
            yield condition(KINDS, f"begins_with({name}, :x)", x=literal)
            yield condition(KINDS, f"{name} BETWEEN :x AND :x", x=literal)
            yield condition(KINDS, f"size({name}) = :x", x=literal)
            yield condition(KINDS, f"NOT ({name} > :x)", x=literal)
        for other in (*KINDS, "gone"):
            for operator in ("=", "<>", "<"):
                yield condition(KINDS, f"{name} {operator} {other}")
        for kind in ("S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS", "Q"):
            yield condition(KINDS, f"attribute_type({name}, :x)", x=s(kind))
        for size in range(5):
            yield condition(KINDS, f"size({name}) = :x", x=n(size))
        yield condition(KINDS, f"attribute_exists({name}) AND NOT attribute_not_exists({name})")
        yield condition(KINDS, f"size({name}) > size(s)")


def conditions_read() -> Iterator[Case]:
    one = {"x": n(1), "y": n(3)}
    for expression in (
        *("a = :x OR a = :y AND b = :y", "(a = :x OR a = :y) AND b = :y", "NOT a = :x AND a = :y", "a = :x = :y"),
        *("NOT (a = :x AND a = :y)", "NOT NOT a = :x AND a <> :y", "a BETWEEN :x AND :y", "a BETWEEN :y AND :x"),
        *("NOT a BETWEEN :x AND :y", "a BETWEEN b AND :y AND a = :x", "a IN (:x, :y)", "NOT a IN (:x, :y)", ":x < :y"),
        *("((a = :x) AND (a <> :y))", "((a = :x)) AND a <> :y", "(a) = (:x) AND a <> :y", "a = :x and not a = :y"),
        *(
            "a = :x AND :y",
            "a = :x AND",
            "AND a = :x",
            "a = :x a = :y",
            "a := :x",
            "a != :x",
            "a == :x",
            "a = :x OR OR",
        ),
        *("size(a) = :x OR a = :y", "size(:x) = :y", "size(a)", "size(size(a)) = :x", "attribute_exists(:x)"),
        *("attribute_exists(a) = :x", "attribute_exists(a, b)", "attribute_exists()", "nothing(a)", "SIZE(a) = :x"),
        *("Attribute_Exists(a)", "attribute_exists (a) AND a IN (:x, :y)", "begins_with(a)", "contains(:x, :y)"),
        *("begins_with(:x, :y)", "attribute_type(a, b)", "a IN ()", "a IN :x", "a IN (:x :y)", "a BETWEEN :x OR :y"),
        *("m.a = :x AND m.l[0] > :y", "m.l[1] = :x OR m.q.z = :y", "m[0] = :x OR a = :y", "#m.#m = :x OR a = :y"),
        *("state = :x OR a = :y", "a = :x OR size = :y", "if_not_exists(a, :x) = :y", "a + :x = :y", "(:x) = (:y)"),
        *("a = a OR :x = :y", "a < a OR :x = :y", ":x = :x OR a = :y", "m.a = m.a OR :x = :y", "a IN (a, :x, :y)"),
        *(
            "a BETWEEN a AND :x OR a = :y",
            "contains(a, a) OR :x = :y",
            "size(a) = size(a) OR :x = :y",
            "not = :x OR a = :y",
        ),
        *(
            "size(s) < :y AND a = :x",
            "a.b.c <> :x OR a = :y",
            "attribute_not_exists(m.l[0].a) AND :x < :y",
            "a >:x OR a<=:y",
        ),
        *("(a = :x", "a = :x)", "(a = :x) (a = :y)", "a = (:x OR :y)", "a BETWEEN (:x) AND (:y)", "a = :x\nOR\ta = :y"),
    ):
        for there in (None, {"a": n(1), "b": n(1), "s": s("héé")}, MAPPED):
            yield condition(there, expression, **one)
    for text, pattern in (("😀", 1), ("😀", 2), ("é", 1), ("é", 2), ("", 0)):
        yield condition({"a": s(text)}, "size(a) = :x", x=n(pattern))
    yield condition({"a": s("😀")}, "a > :x", x=s("\uffee"))
    yield condition(
        {"a": n(1)}, "a IN (" + ", ".join(f":v{i}" for i in range(100)) + ")", **{f"v{i}": n(i) for i in range(100)}
    )
    yield condition(
        {"a": n(1)}, "a IN (" + ", ".join(f":v{i}" for i in range(101)) + ")", **{f"v{i}": n(i) for i in range(101)}
    )
