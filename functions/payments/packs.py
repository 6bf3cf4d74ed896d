"""What can be bought: packs, and the credits that each brings by the rules of who buys it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions import money
from functions.errors import BadRequest
from functions.projects.live import Lane
from functions.projects.project import Pack

BUILT_IN: Mapping[str, tuple[Pack, int]] = {
    "starter": (Pack("starter", 50, "usd"), 5_000_000 * money.MICROCREDITS_PER_CREDIT),
    "standard": (Pack("standard", 200, "usd"), 25_000_000 * money.MICROCREDITS_PER_CREDIT),
    "pro": (Pack("pro", 600, "usd"), 100_000_000 * money.MICROCREDITS_PER_CREDIT),
}
"""Of the built-in project, with their credits in microcredits, where RULES does not say otherwise."""
ALIASES = {"5m": "starter", "25m": "standard", "100m": "pro"}
"""Older names of the same."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack and the microcredits that it brings to one who is known in a certain way."""

    pack: Pack
    credits: int

    def view(self) -> dict[str, Any]:
        """As people see it: credits are numbers, `amount` is in the smallest unit of `currency`."""
        return {
            "id": self.pack.pack_id,
            "credits": money.credits(self.credits),
            "amount": self.pack.amount,
            "currency": self.pack.currency,
        }

    @property
    def title(self) -> str:
        """What stands on the bill."""
        return f"{shown(self.credits)} credits"


def offers(lane: Lane) -> list[Offer]:
    """What somebody who is known in this way can buy, in the owner's order; nothing where nothing is sold."""
    gains = lane.gate.rules.purchases
    if lane.live.stored is None:
        ruled = {ALIASES.get(name, name): gain for name, gain in gains.items()}
        return [Offer(pack, ruled.get(name, credits)) for name, (pack, credits) in BUILT_IN.items()]
    return [Offer(pack, gains[pack.pack_id]) for pack in lane.live.project.packs if gains.get(pack.pack_id, 0) > 0]


def find(lane: Lane, name: object) -> Offer:
    """The pack of a name, or of an older name of the built-in project's. Raises BadRequest."""
    sold = {offer.pack.pack_id: offer for offer in offers(lane)}
    wanted = ALIASES.get(name, name) if isinstance(name, str) and lane.live.stored is None else name
    if not isinstance(wanted, str) or wanted not in sold:
        known = ", ".join(sold) or "nothing is sold here"
        raise BadRequest(f"pack must be one of: {known}.", param="pack")
    return sold[wanted]


def shown(microcredits: int) -> str:
    """Credits in short: 5M, 250k, 12.5."""
    for size, suffix in ((10**6, "M"), (10**3, "k")):
        unit = size * money.MICROCREDITS_PER_CREDIT
        if microcredits >= unit and microcredits % (unit // 10) == 0:
            return money.shown(microcredits // size) + suffix
    return money.shown(microcredits)
