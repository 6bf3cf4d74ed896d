"""Requests made by chance from a seed: items, conditions and updates of every construct, mostly well-formed."""

import random
from collections.abc import Iterator

from functions.ledger.store import Item
from tests.simulation.cases import SINGLE, Case, key, n, s

NAMES = ("a", "a", "b", "b", "c", "t", "e", "#a", "gone")
INSIDE = ("m.a", "m.b", "m.c", "#m.a", "l[0]", "l[1]", "l[5]", "m.d", "m", "l", "m.a.b", "a.b", "l[0].a")
PLACEHOLDERS = {"#a": "a", "#m": "m"}
TEXTS = ("", "a", "b", "ab", "abc", "é", "B")
NUMBERS = ("0", "1", "2", "-1", "10", "1.0", "0.5", "-2.50", "1E3", "99999999999999999999999999999999999999", "1E-130")


def generated(seed: int, count: int) -> Iterator[Case]:
    """So many cases; the same seed gives the same."""
    chance = random.Random(seed)
    for number in range(count):
        yield Maker(chance).case(f"seed {seed}, {number}")


class Maker:
    """Makes one request; keeps which placeholders it used."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.values: Item = {}
        self.names: dict[str, str] = {}

    def case(self, name: str) -> Case:
        there = self.item() if self.chance.random() < 0.9 else None
        request: Item = {"TableName": SINGLE, "Key": key()}
        request["ReturnValues"] = self.chance.choice(("NONE", "ALL_OLD", "ALL_NEW", "ALL_NEW"))
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if self.chance.random() < 0.8:
            request["UpdateExpression"] = self.update()
        if self.chance.random() < 0.6:
            request["ConditionExpression"] = self.condition(2)
        if self.values:
            request["ExpressionAttributeValues"] = self.values
        if self.names:
            request["ExpressionAttributeNames"] = self.names
        items = () if there is None else ((SINGLE, there),)
        return Case(f"{name}: {request} on {there}", "UpdateItem", request, items)

    def item(self) -> Item:
        names = self.chance.sample("abctemle", self.chance.randint(4, 8))
        item = {name: n(self.chance.choice(NUMBERS)) for name in names if name in "ab"}
        item |= {name: self.value(2) for name in names if name in "cte"}
        if "m" in names:
            item["m"] = {"M": {name: self.value(1) for name in "abc"}}
        if "l" in names:
            item["l"] = {"L": [self.value(1) for _ in range(self.chance.randint(0, 3))]}
        return key() | item

    def value(self, depth: int) -> Item:
        kind = self.chance.choice(("N", "N", "N", "S", "S", "SS", "NS", "L", "M", "BOOL", "NULL", "B"))
        if kind in ("L", "M") and not depth:
            kind = "N"
        if kind == "N":
            return n(self.chance.choice(NUMBERS))
        if kind == "S":
            return s(self.chance.choice(TEXTS))
        if kind == "L":
            return {"L": [self.value(depth - 1) for _ in range(self.chance.randint(0, 2))]}
        if kind == "M":
            return {"M": {name: self.value(depth - 1) for name in self.chance.sample("abc", 2)}}
        if kind == "SS":
            return {"SS": self.chance.sample(("a", "b", "c"), self.chance.randint(1, 3))}
        if kind == "NS":
            return {"NS": self.chance.sample(("1", "2.0", "-3"), self.chance.randint(1, 3))}
        return {"B": "YWI="} if kind == "B" else {kind: True}

    def literal(self, *kinds: str) -> str:
        """A placeholder for a value; of one of these types, where given."""
        value = self.value(1)
        while kinds and not set(value) & set(kinds):
            value = self.value(1)
        name = f":v{len(self.values)}"
        self.values[name] = value
        return name

    def path(self) -> str:
        path = self.chance.choice(NAMES if self.chance.random() < 0.6 else INSIDE)
        self.names |= {name: stands_for for name, stands_for in PLACEHOLDERS.items() if name in path}
        return path

    def operand(self) -> str:
        choice = self.chance.random()
        if choice < 0.1:
            return f"size({self.path()})"
        return self.path() if choice < 0.55 else self.literal()

    def condition(self, depth: int) -> str:
        if depth and self.chance.random() < 0.5:
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return self.chance.choice(
                (
                    f"{one} AND {other}",
                    f"{one} OR {other}",
                    f"NOT {one}",
                    f"NOT ({one} OR {other})",
                    f"({one}) AND {other}",
                )
            )
        choice = self.chance.randrange(8)
        if choice < 3:
            comparator = self.chance.choice(("=", "<>", "<", "<=", ">", ">="))
            right = self.literal("N", "S", "B") if self.chance.random() < 0.8 else self.operand()
            return f"{self.operand()} {comparator} {right}"
        if choice == 3:
            return f"{self.operand()} BETWEEN {self.literal('N')} AND {self.literal('N')}"
        if choice == 4:
            return f"{self.operand()} IN ({self.operand()}, {self.operand()})"
        if choice == 5:
            return f"attribute_type({self.path()}, {self.literal('S')})"
        if choice == 6:
            return f"{self.chance.choice(('begins_with', 'contains'))}({self.path()}, {self.literal('S', 'N')})"
        return f"{self.chance.choice(('attribute_exists', 'attribute_not_exists'))}({self.path()})"

    def update(self) -> str:
        parts = []
        for section in self.chance.sample(("SET", "REMOVE", "ADD", "DELETE"), self.chance.choice((1, 1, 2, 3))):
            actions = [self.action(section) for _ in range(self.chance.randint(1, 2))]
            parts.append(f"{section} {', '.join(actions)}")
        return " ".join(parts)

    def action(self, section: str) -> str:
        path = self.path()
        if section == "REMOVE":
            return path
        if section == "ADD":
            return f"{path} {self.literal('N', 'SS', 'NS')}"
        if section == "DELETE":
            return f"{path} {self.literal('SS', 'NS')}"
        choice, sign = self.chance.randrange(6), self.chance.choice("+-")
        if choice < 2:
            return f"{path} = {self.literal()}"
        if choice == 2:
            return f"{path} = {self.path()}"
        if choice == 3:
            return f"{path} = if_not_exists({self.path()}, {self.literal('N')}) {sign} {self.literal('N')}"
        if choice == 4:
            return f"{path} = list_append({self.chance.choice(('l', 'l', self.path()))}, {self.literal('L')})"
        return f"{path} = {self.path()} {sign} {self.literal('N')}"
