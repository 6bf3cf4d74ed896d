"""Who may answer one request, and in which order they are asked: who failed lately is asked last."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.forward.llama import Prepared

if TYPE_CHECKING:
    from functions.forward.upstream import Upstream  # needs aiohttp, which the functions that do not stream lack

REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider, and the request as it would be sent there."""

    name: str
    upstream: "Upstream"
    prepared: Prepared
    cooldown_s: float = 0.0
    owners: bool = False
    """It is the project's own, not the operator's."""


class Cooldowns:
    """Which providers of which projects failed lately with which of their models, as this process saw it."""

    def __init__(self) -> None:
        self._until_s: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def order(self, project_id: str, candidates: Sequence[Candidate], now_s: float) -> list[Candidate]:
        """The candidates as they are to be asked: in their order, those that cool down after all others."""
        if len(candidates) == 1:
            return list(candidates)
        return sorted(candidates, key=lambda one: self._until_s.get(_key(project_id, one), 0.0) > now_s)

    def failed(self, project_id: str, candidate: Candidate, now_s: float) -> None:
        """A provider failed: for its cooldown others are asked before it."""
        key = _key(project_id, candidate)
        self._until_s[key] = now_s + candidate.cooldown_s
        self._until_s.move_to_end(key)
        if len(self._until_s) > REMEMBERED_MAX:
            self._until_s.popitem(last=False)


def _key(project_id: str, candidate: Candidate) -> tuple[str, str, str]:
    """A provider that does not have one model may have the others."""
    return project_id, candidate.name, candidate.prepared.model
