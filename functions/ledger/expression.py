"""Writing one UpdateItem: its sets, sums and removals, and the condition under which all of it happens."""

from collections.abc import Iterable

from functions.ledger.account import Hold
from functions.ledger.store import Item
from functions.ledger.windows import Count


class Expression:
    """Collects the parts of one UpdateItem: what is set, added and removed, and under which condition."""

    __slots__ = ("added", "conditions", "names", "removed", "sets", "values")

    def __init__(self) -> None:
        self.sets: list[str] = []
        self.added: list[str] = []
        self.removed: list[str] = []
        self.conditions: list[str] = []
        self.names: dict[str, str] = {}
        self.values: Item = {}

    def number(self, placeholder: str, value: int) -> str:
        """Name a number; returns the placeholder."""
        self.values[placeholder] = {"N": str(value)}
        return placeholder

    def name(self, placeholder: str, attribute: str) -> str:
        """Name an attribute; returns the placeholder."""
        self.names[placeholder] = attribute
        return placeholder

    def count(self, counts: Iterable[Count], stale: Iterable[str]) -> None:
        """Add one to each window, on the condition that none is full, and drop windows long past."""
        for index, window in enumerate(counts):
            now = self.name(f"#w{index}", window.attribute)
            self.added.append(f"{now} {self.number(':one', 1)}")
            fits = self._fits(index, window, ("", window.below, window.previous_max))
            if window.grown[0]:
                fits = f"({fits} OR {self._fits(index, window, ('g', *window.grown))})"
            self.conditions.append(fits)
            if window.following:
                self.conditions.append(f"attribute_not_exists({self.name(f'#n{index}', window.following)})")
        for index, attribute in enumerate(stale):
            self.removed.append(self.name(f"#z{index}", attribute))

    def _fits(self, index: int, window: Count, bounds: tuple[str, int, int]) -> str:
        """Condition: the window is below a bound, and the one before it at most as full as that bound supposes."""
        tier, below, most = bounds
        now = f"#w{index}"
        fits = f"(attribute_not_exists({now}) OR {now} < {self.number(f':w{tier}{index}', below)})"
        if window.previous:
            before = self.name(f"#v{index}", window.previous)
            most_name = self.number(f":v{tier}{index}", most)
            fits = f"({fits} AND (attribute_not_exists({before}) OR {before} <= {most_name}))"
        return fits

    def take(self, paid: int, lots: dict[str, int], now_s: float) -> None:
        """Take so many microcredits from paid and from each lot, on the condition that they are there."""
        taken = self.number(":p", paid)
        self.sets.append(f"paid = paid - {taken}")
        self.conditions.append(f"paid >= {taken}")
        for index, (lot, part) in enumerate(lots.items()):
            path, taken = f"lots.{self.name(f'#l{index}', lot)}", self.number(f":l{index}", part)
            self.sets.append(f"{path}.n = {path}.n - {taken}")
            self.conditions.append(f"{path}.n >= {taken} AND {path}.x > {self.number(':now', int(now_s))}")

    def unblocked(self, now_s: float) -> None:
        """Condition: nobody has blocked the account, or its block is over."""
        now = self.number(":now", int(now_s))
        self.conditions.append(f"(attribute_not_exists(blocked) OR blocked <= {now})")

    def extended(self, hold: Hold) -> None:
        """Condition: the hold named `#h` was extended as often as we know, so its parts are those we know."""
        if hold.extended:
            self.conditions.append(f"holds.#h.e = {self.number(':extended', hold.extended)}")
        else:
            self.conditions.append("attribute_not_exists(holds.#h.e)")

    def request(self, table: str, key: Item) -> Item:
        """An UpdateItem request; answered with the new item, refused with the item as it is (rule 5)."""
        return self._update(table, key) | {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    def transact(self, table: str, key: Item) -> Item:
        """The same as a part of TransactWriteItems."""
        return {"Update": self._update(table, key)}

    def _update(self, table: str, key: Item) -> Item:
        parts = []
        if self.sets:
            parts.append("SET " + ", ".join(self.sets))
        if self.removed:
            parts.append("REMOVE " + ", ".join(self.removed))
        if self.added:
            parts.append("ADD " + ", ".join(self.added))
        update: Item = {"TableName": table, "Key": key, "UpdateExpression": " ".join(parts)}
        if self.conditions:
            update["ConditionExpression"] = " AND ".join(self.conditions)
        if self.values:
            update["ExpressionAttributeValues"] = self.values
        if self.names:
            update["ExpressionAttributeNames"] = self.names
        return update
