"""Windows: the periods that limits count in, kept as attributes named by their period (rule 6).

A counter is an attribute such as `m:29384756`, "requests in that minute". A new period starts at
nothing because its attribute does not exist yet. The minute slides: what is left of the previous
minute lowers this minute's limit, so that no 60 seconds around a turn hold twice the limit.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.errors import RateLimited

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
FOREVER_S = 2**40
CLOCKS_DIFFER_S = 10
"""By less than this the clocks of processes differ: around a minute's turn both minutes may be counted in."""
AGE_STALE = {"m": 3}
"""How many periods old a counter is when it is dropped: two, and three of the minute, which asks for the one before."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `limit` in one `period`: m(inute), h(our), d(ay), w(eek), M(onth) or t(otal)."""

    period: str
    limit: int
    name: str
    """What people are told, such as "requests a minute"."""
    group: str = ""
    """Where one item counts several groups apart: this one's, such as `jwt`; "" counts all of them."""

    @property
    def is_total(self) -> bool:
        """Whether its window never ends."""
        return self.period == "t"


@dataclass(frozen=True, slots=True)
class Period:
    """One window of time: its number and its bounds, in seconds since 1970."""

    index: int
    start_s: int
    end_s: int


def _fixed(length_s: int, offset_s: int = 0) -> Callable[[float], Period]:
    def period(now_s: float) -> Period:
        index = (int(now_s) + offset_s) // length_s
        start = index * length_s - offset_s
        return Period(index, start, start + length_s)

    return period


def _month(now_s: float) -> Period:
    now = datetime.fromtimestamp(now_s, UTC)
    index = now.year * 12 + now.month - 1

    def start(month: int) -> int:
        return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())

    return Period(index, start(index), start(index + 1))


PERIODS: dict[str, Callable[[float], Period]] = {
    "m": _fixed(MINUTE_S),
    "h": _fixed(HOUR_S),
    "d": _fixed(DAY_S),
    "w": _fixed(7 * DAY_S, 3 * DAY_S),  # weeks begin on Monday; 1970-01-01 was a Thursday
    "M": _month,
    "t": _fixed(FOREVER_S),
}


@dataclass(frozen=True, slots=True)
class Count:
    """How one limit is counted now: the attribute, what it may be at most before, and the window's end."""

    limit: Limit
    attribute: str
    below: int
    """The write is refused unless the attribute is absent or below this."""
    previous: str
    previous_max: int
    """The previous minute's attribute and the most it may be for `below` to hold; "" where none counts."""
    end_s: int
    grown: tuple[int, int] = (0, 0)
    """The same two for a previous minute that others still count in: more of it, and less of this one. 0: does not."""
    following: str = ""
    """The next minute's attribute, where it may count already: then this clock is slow, and counts there."""


def count(limits: Iterable[Limit], counters: Mapping[str, int], now_s: float) -> list[Count]:
    """How each of `limits` is to be counted, given what the counters were.

    Raises RateLimited when one is full; of several the one that stays full the longest, so that Retry-After is true.
    """
    counts: list[Count] = []
    full: list[RateLimited] = []
    for limit in limits:
        period = PERIODS[limit.period](now_s)
        prefix = f"{limit.group}/{limit.period}:" if limit.group else limit.period + ":"
        if limit.period == "m":
            counted = _slide(limit, prefix, period, counters, now_s)
        else:
            counted = Count(limit, f"{prefix}{period.index}", limit.limit, "", 0, period.end_s)
        used = counters.get(counted.attribute, 0)
        if used >= counted.below:
            full.append(_full(counted, used, counters.get(counted.previous, 0), now_s))
        counts.append(counted)
    if full:
        raise max(full, key=lambda limited: limited.wait_s)
    return counts


def closed(limits: Iterable[Limit], now_s: float) -> None:
    """Raise RateLimited for a limit of 0: that nothing fits is known without asking the ledger."""
    count([limit for limit in limits if limit.limit <= 0], {}, now_s)


def current(counts: Iterable[Count], now_s: float) -> list[Count]:
    """Those whose period is still the current one: what a request that did not happen gives back (rule 6)."""
    return [counted for counted in counts if now_s < counted.end_s]


def _slide(limit: Limit, prefix: str, period: Period, counters: Mapping[str, int], now_s: float) -> Count:
    """How the minute is counted. Around its turns clocks that differ count in two of them at once."""
    if f"{prefix}{period.index + 1}" in counters:
        now_s, period = period.end_s, PERIODS["m"](period.end_s)
    attribute, previous = f"{prefix}{period.index}", f"{prefix}{period.index - 1}"
    seen, left_s = counters.get(previous, 0), period.end_s - now_s
    below, grown, following = limit.limit - _carried(seen, left_s), (0, 0), ""
    if left_s > MINUTE_S - CLOCKS_DIFFER_S:
        more = seen + (below - counters.get(attribute, 0)) // 2
        grown = (limit.limit - _carried(more, left_s), more) if more > seen else grown
    elif left_s < CLOCKS_DIFFER_S:
        following = f"{prefix}{period.index + 1}"
    return Count(limit, attribute, below, previous, seen, period.end_s, grown, following)


def _carried(previous: int, left_s: float) -> int:
    """What the previous minute still counts for, `left_s` before this one ends; rounded up, to be strict."""
    return -(-previous * round(left_s * 1000) // (MINUTE_S * 1000))


def _full(counted: Count, used: int, previous: int, now_s: float) -> RateLimited:
    limit = counted.limit
    wait_s = None if limit.is_total else _retry_after_s(limit, used, previous, counted.end_s, now_s)
    return RateLimited(limit.name, limit.limit, wait_s)


def _retry_after_s(limit: Limit, used: int, previous: int, end_s: int, now_s: float) -> int:
    """Whole seconds until a new try can succeed, at least 1."""
    wait_s = end_s - now_s
    if limit.limit <= 0:
        return max(1, int(wait_s) + 1)
    if limit.period == "m":
        if used < limit.limit and previous:  # in this minute, once the previous one weighs less
            fits_s = (limit.limit - used - 1) * MINUTE_S / previous
            wait_s = max(0.0, end_s - now_s - fits_s)
        else:  # in the next minute, once this one weighs less than the limit
            wait_s += max(0.0, MINUTE_S - (limit.limit - 1) * MINUTE_S / max(1, used))
    return max(1, int(wait_s) + 1)


def stale(counters: Iterable[str], now_s: float) -> list[str]:
    """Attributes of periods so old that no clock that is nearly right still asks for them."""
    indexes: dict[str, int] = {}
    past = []
    for name in counters:
        at = name.rfind("/") + 1
        period = name[at]
        if period not in indexes:
            indexes[period] = PERIODS[period](now_s).index
        if int(name[at + 2 :]) <= indexes[period] - AGE_STALE.get(period, 2):
            past.append(name)
    return past


def is_counter(attribute: str) -> bool:
    """True for the attributes that this module names."""
    at = attribute.rfind("/") + 1
    return attribute[at + 1 : at + 2] == ":" and attribute[at] in PERIODS
