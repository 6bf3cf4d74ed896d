"""One table's items, by key: what a key may be, how much an item may hold, in which order items come."""

from typing import Any

import orjson

from functions.ledger.store import Item
from tests.simulation.values import Invalid, InvalidKey, checked, length, size, sortable

Key = tuple[str, ...]
"""What the key attributes of an item hold, such as `("default/1", "17")`."""

ITEM_BYTES_MAX = 400 * 1024
KEY_BYTES_MAX = (2048, 1024)
"""Of the hash key and of the range key."""


def size_of(item: Item) -> int:
    """The bytes that an item counts."""
    return sum(length(name) + size(value) for name, value in item.items())


def check_size(item: Item) -> None:
    """Raises Invalid where an item is too large."""
    if len(orjson.dumps(item)) > ITEM_BYTES_MAX and size_of(item) > ITEM_BYTES_MAX:  # no item counts more than its JSON
        raise Invalid("Item size has exceeded the maximum allowed size")


class Rows:
    """The items of a table. An item is never changed in place; a changed one takes its place."""

    __slots__ = ("_hashes", "attributes", "items", "name")

    def __init__(self, name: str, keys: tuple[str, ...]) -> None:
        self.name = name
        parts = [key.partition(":") for key in keys]
        self.attributes = tuple((attribute, kind or "S") for attribute, _, kind in parts)
        self.items: dict[Key, Item] = {}
        self._hashes: dict[str, dict[Key, None]] = {}

    def key_of(self, given: Any) -> tuple[Key, Item]:
        """The key in a request, and as attributes. Raises Invalid."""
        if type(given) is not dict:
            raise Invalid("Unexpected field type", "SerializationException")
        if len(given) != len(self.attributes):
            raise Invalid("The provided key element does not match the schema")
        return self.key_in(given)

    def key_in(self, item: Item) -> tuple[Key, Item]:
        """The key of an item, and as attributes. Raises Invalid."""
        key, attributes = [], {}
        for place, (attribute, kind) in enumerate(self.attributes):
            if attribute not in item:
                raise Invalid(f"One of the required keys was not given a value: {attribute}")
            value = attributes[attribute] = checked(item[attribute])
            content = value.get(kind)
            if content is None:
                raise InvalidKey(f"One or more parameter values were invalid: Type mismatch for key {attribute}")
            if not content:
                raise Invalid(f"The AttributeValue for a key attribute cannot contain an empty value. Key: {attribute}")
            if kind != "N" and size(value) > KEY_BYTES_MAX[place]:
                raise Invalid(
                    f"Size of {attribute} has exceeded the maximum size limit of {KEY_BYTES_MAX[place]} bytes"
                )
            key.append(content)
        return tuple(key), attributes

    def put(self, key: Key, after: Item | None) -> None:
        """Let an item be at a key; with None, nothing."""
        if after is not None:
            if key not in self.items:
                self._hashes.setdefault(key[0], {})[key] = None
            self.items[key] = after
        elif key in self.items:
            del self.items[key]
            del self._hashes[key[0]][key]

    def keys_with(self, hash_key: str) -> list[Key]:
        """The keys with this hash key, in the order of their range keys."""
        return sorted(self._hashes.get(hash_key, ()), key=self.place)

    def keys(self) -> list[Key]:
        """All keys, in the order of a Scan."""
        return sorted(self.items, key=self.place)

    def place(self, key: Key) -> tuple[Any, ...]:
        """What a key is sorted by."""
        return tuple([sortable(kind, part) for (_, kind), part in zip(self.attributes, key, strict=True)])

    def attributes_of(self, key: Key) -> Item:
        """A key as attributes."""
        return {name: {kind: part} for (name, kind), part in zip(self.attributes, key, strict=True)}
