"""What a document says about abuse: when a user is blocked, and which input is not forwarded.

{"threshold": 3, "window": "day", "block_s": 86400, "patterns": ["make * bomb"],
 "moderation": {"provider": "openai", "model": "omni-moderation-latest"}}
"""

from collections.abc import Mapping
from typing import Any

from functions.admit.rules import PERIOD_NAMES, PROJECT_PERIODS
from functions.forward.endpoints import MODERATIONS
from functions.forward.providers import Provider
from functions.projects.blocked import folded
from functions.projects.fields import choice, entries, fields, line, refused, whole
from functions.projects.project import Abuse, Target
from functions.projects.providers import serves, target

THRESHOLD_MAX = 10**6
BLOCK_S_MAX = 10**9
PATTERNS_MAX = 100
PATTERN_LENGTH_MAX = 200
PARTS_MAX = 10


def abuse(path: str, value: Any, providers: Mapping[str, Provider]) -> Abuse:
    """Raises BadRequest that names the field."""
    about = fields(path, value, ("threshold", "window", "block_s", "patterns", "moderation"), ("threshold",))
    block_s = about.get("block_s", 86_400)
    listed = entries(f"{path}.patterns", about.get("patterns", []), PATTERNS_MAX)
    return Abuse(
        threshold=whole(f"{path}.threshold", about["threshold"], 1, THRESHOLD_MAX),
        period=PERIOD_NAMES[choice(f"{path}.window", about.get("window", "day"), PROJECT_PERIODS)],
        block_s=None if block_s is None else whole(f"{path}.block_s", block_s, 1, BLOCK_S_MAX),
        patterns=tuple(_pattern(where, entry) for where, entry in listed),
        moderation=_moderation(f"{path}.moderation", about["moderation"], providers) if "moderation" in about else None,
    )


def _pattern(path: str, value: Any) -> str:
    pattern = line(path, value, PATTERN_LENGTH_MAX)
    parts = [part for part in pattern.split("*") if folded(part).strip()]
    if not 1 <= len(parts) <= PARTS_MAX:
        raise refused(path, f"must have text, in {PARTS_MAX} parts between * at most")
    return pattern


def _moderation(path: str, value: Any, providers: Mapping[str, Provider]) -> Target:
    fields(path, value, ("provider", "model"), ("provider", "model"))
    found = target(path, value, providers)
    if not serves(providers[found.provider], MODERATIONS):
        raise refused(f"{path}.provider", "has no moderation")
    return found
