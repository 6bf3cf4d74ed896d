"""Packs of a document, and whether the rules that say what each brings are about packs that there are.

{"packs": [{"id": "starter", "amount": 50, "currency": "usd"}]}
"""

import re
from collections.abc import Iterable
from typing import Any

from functions.admit.rules import Rules
from functions.currencies import DECIMALS
from functions.projects.fields import entries, fields, refused, whole
from functions.projects.project import Method, Pack
from functions.settings import SettingsError

PACKS_MAX = 20
AMOUNT_MAX = 10**9
BUILT_IN = {"starter": ("starter", "5m"), "standard": ("standard", "25m"), "pro": ("pro", "100m")}
"""The packs of the built-in project, each with the names that RULES may call it by."""
_PACK = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def packs(path: str, value: Any, *, for_sale: bool) -> tuple[Pack, ...]:
    """A document's packs; `for_sale` they cost what providers can take. Raises BadRequest that names the field."""
    found: list[Pack] = []
    for where, entry in entries(path, value, PACKS_MAX):
        about = fields(where, entry, ("id", "amount", "currency"), ("id", "amount", "currency"))
        name, currency = about["id"], about["currency"]
        if not isinstance(name, str) or not _PACK.fullmatch(name):
            raise refused(f"{where}.id", "must be a name of 1 to 40 small letters, digits, - and _")
        if any(pack.pack_id == name for pack in found):
            raise refused(f"{where}.id", "stands there already")
        if not isinstance(currency, str) or not re.fullmatch("[a-z]{3}", currency):
            raise refused(f"{where}.currency", "must be a currency such as usd")
        if for_sale and currency not in DECIMALS:
            raise refused(f"{where}.currency", f"must be one of {', '.join(sorted(DECIMALS))}")
        found.append(Pack(name, whole(f"{where}.amount", about["amount"], 1, AMOUNT_MAX), currency))
    return tuple(found)


def check_purchases(path: str, methods: Iterable[Method], sold: Iterable[Pack]) -> None:
    """Raise BadRequest that names the rule where rules know a pack that there is none of, or one that brings nothing.

    `methods` are those whose rules are their own.
    """
    known = {pack.pack_id for pack in sold}
    for method in methods:
        for name, gain in method.rules.purchases.items():
            where = f"{path}.{method.name}.rules.credits.purchases.{name[:60]}"
            if name not in known:
                raise refused(where, "names no pack of `packs`")
            if not gain:
                raise refused(where, "must be more than 0: nobody pays for nothing")


def check_built_in(rules: Rules) -> Rules:
    """The rules of the built-in project as they are. Raises SettingsError that names the rule, as above."""
    for name, gain in rules.purchases.items():
        where = f"RULES: credits.purchases.{name[:60]}"
        pack = next((pack for pack, names in BUILT_IN.items() if name in names), "")
        if not pack:
            raise SettingsError(f"{where} names no pack; there are {', '.join(BUILT_IN)}")
        if name != pack and pack in rules.purchases:
            raise SettingsError(f"{where} is another name of {pack}, which stands there too")
        if not gain:
            raise SettingsError(f"{where} must be more than 0: nobody pays for nothing")
    return rules
