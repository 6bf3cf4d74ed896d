"""Windows: what is counted where, for how long it counts, and when there is room again (rule 6)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.errors import RateLimited
from functions.ledger.windows import DAY_S, HOUR_S, MINUTE_S, PERIODS, Limit, count, is_counter, stale

PER_MINUTE = "requests a minute"
START_S = 1_800_000_000
assert START_S % MINUTE_S == 0


class Counter:
    """One scope with its counters, used as the ledger uses them."""

    def __init__(self, *limits: Limit) -> None:
        self.limits, self.counters = limits, dict[str, int]()

    def ask(self, now_s: float) -> float:
        """0 where the request is counted, else the seconds of Retry-After; infinity for a total."""
        try:
            counts = count(self.limits, self.counters, now_s)
        except RateLimited as limited:
            return limited.wait_s
        for name in stale(self.counters, now_s):
            del self.counters[name]
        for window in counts:
            self.counters[window.attribute] = self.counters.get(window.attribute, 0) + 1
        return 0


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("m", "2027-03-01T10:07:00", "2027-03-01T10:07:59.999"),
        ("h", "2027-03-01T10:00:00", "2027-03-01T10:59:59.999"),
        ("d", "2027-03-01T00:00:00", "2027-03-01T23:59:59.999"),
        ("w", "2027-03-01T00:00:00", "2027-03-07T23:59:59.999"),  # a Monday, a Sunday
        ("w", "2026-12-28T00:00:00", "2027-01-03T23:59:59.999"),
        ("M", "2027-03-01T00:00:00", "2027-03-31T23:59:59.999"),
        ("M", "2028-02-01T00:00:00", "2028-02-29T23:59:59.999"),
        ("M", "2027-02-01T00:00:00", "2027-02-28T23:59:59.999"),
        ("M", "2027-12-01T00:00:00", "2027-12-31T23:59:59.999"),
        ("d", "2028-02-29T00:00:00", "2028-02-29T23:59:59.999"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(period: str, first: str, last: str) -> None:
    """A week begins on Monday, a month on its first day, leap day included; the next one begins where one ends."""
    began, ended = stamp(first), stamp(last)
    window = PERIODS[period](began)
    assert window == PERIODS[period](ended)
    assert window.start_s == began
    assert window.end_s == pytest.approx(ended + 0.001)
    assert PERIODS[period](began - 0.001).index == window.index - 1
    assert PERIODS[period](window.end_s).index == window.index + 1


def test_a_total_has_no_end() -> None:
    """The period `t` is the same today and in a thousand years."""
    assert PERIODS["t"](0).index == PERIODS["t"](START_S * 18).index == 0


@pytest.mark.parametrize("period", "mhdwMt")
def test_exactly_as_many_as_the_limit_fit_in_a_window(period: str) -> None:
    """The last that fits has none remaining; the next is told how long to wait; a limit of 0 lets nobody in."""
    limit = Limit(period, 7, "requests")
    counter = Counter(limit)
    remaining = []
    for _ in range(7):
        (counted,) = count((limit,), counter.counters, START_S)
        remaining.append(counted.below - counter.counters.get(counted.attribute, 0) - 1)
        assert counter.ask(START_S) == 0
    assert remaining == [6, 5, 4, 3, 2, 1, 0]
    assert counter.ask(START_S) > 0
    assert Counter(Limit(period, 0, "requests")).ask(START_S) > 0


@pytest.mark.parametrize(
    ("second", "fits"), [(0, 0), (5.99, 0), (6, 1), (11.99, 1), (12, 2), (30, 5), (54, 9), (59.9, 9), (60, 10)]
)
def test_at_the_turn_of_the_minute_the_one_before_counts_for_what_is_left_of_it(second: float, fits: int) -> None:
    """After a full minute of 10, a tenth of them is free again every 6 seconds."""
    counter = Counter(Limit("m", 10, PER_MINUTE))
    for _ in range(10):
        assert counter.ask(START_S + 1) == 0
    now = START_S + MINUTE_S + second
    assert [counter.ask(now) == 0 for _ in range(12)] == [True] * fits + [False] * (12 - fits)


times = st.lists(st.floats(0, 20), min_size=1, max_size=120)


@given(st.integers(1, 12), times)
def test_no_60_seconds_hold_twice_the_limit(limit: int, pauses: list[float]) -> None:
    """Whatever the traffic, several minutes long: every span of 60 seconds has less than twice the limit."""
    counter = Counter(Limit("m", limit, PER_MINUTE))
    now, counted = float(START_S), []
    for pause in pauses:
        now += pause
        counted += [now for _ in range(2 * limit) if counter.ask(now) == 0]
    for index, first in enumerate(counted):
        assert sum(1 for at in counted[index:] if at < first + MINUTE_S) < 2 * limit


@given(st.integers(1, 12), times)
def test_the_minute_counts_as_an_exact_model_says(limit: int, pauses: list[float]) -> None:
    """Admitted where this minute's count and the weighed one before, computed in fractions, are below the limit."""
    counter = Counter(Limit("m", limit, PER_MINUTE))
    now, counted = START_S * 1000, list[int]()
    for pause in pauses:
        now += int(pause * 1000)
        minute = now // 60_000
        used = sum(1 for at in counted if at // 60_000 == minute)
        before = sum(1 for at in counted if at // 60_000 == minute - 1)
        fits = (limit - used - 1) * 60_000 >= before * ((minute + 1) * 60_000 - now)
        assert (counter.ask(now / 1000) == 0) == fits
        counted += [now] * fits


history = st.lists(st.tuples(st.integers(1, 15), st.floats(0, 40)), min_size=1, max_size=8)
limits = st.lists(
    st.builds(Limit, st.sampled_from("mmmhd"), st.integers(1, 12), st.just("requests")), min_size=1, max_size=3
)


@given(limits, history, st.floats(0, 2 * DAY_S))
def test_after_waiting_as_long_as_it_is_told_a_request_is_admitted(
    limits: list[Limit], history: list[tuple[int, float]], offset: float
) -> None:
    """Retry-After is true: with no other traffic, that many seconds later there is room."""
    limits = list({limit.period: limit for limit in limits}.values())
    counter = Counter(*limits)
    now = START_S + offset
    for requests, pause in history:
        now += pause
        for _ in range(requests):
            if wait := counter.ask(now):
                later = Counter(*limits)
                later.counters = dict(counter.counters)
                assert later.ask(now + wait) == 0
                break


@given(st.integers(1, 20), st.integers(1, 40), st.floats(0, 59.9))
def test_a_limit_that_was_lowered_still_tells_the_truth(limit: int, used: int, second: float) -> None:
    """More counted than the limit now is: the wait ends when even that has faded."""
    counter = Counter(Limit("m", limit, PER_MINUTE))
    counter.counters = {f"m:{START_S // 60}": used, f"m:{START_S // 60 - 1}": used}
    if wait := counter.ask(START_S + second):
        assert counter.ask(START_S + second + wait) == 0


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=10), st.sampled_from("mhdwM"))
def test_counters_are_removed_only_when_no_clock_asks_for_them(ages: list[int], period: str) -> None:
    """Clocks differ: what a clock one period behind still counts in stays, and of minutes the one before that."""
    now = PERIODS[period](START_S).index
    names = [f"{period}:{now + age}" for age in ages]
    assert stale(names, START_S) == [
        name for name, age in zip(names, ages, strict=True) if age <= (-3 if period == "m" else -2)
    ]


def test_only_counters_are_taken_for_counters() -> None:
    """Totals of days and other attributes of an account are nobody's window."""
    assert [name for name in ("m:1", "h:1", "d:1", "w:1", "M:1", "t:0") if not is_counter(name)] == []
    assert [name for name in ("input:20779", "cost:1", "x:1", "m", "", "mm:1", "paid") if is_counter(name)] == []


def test_two_full_windows_tell_the_longer_wait() -> None:
    """Where the minute and the hour are full, waiting for the minute alone would be a wrong promise."""
    counter = Counter(Limit("m", 1, PER_MINUTE), Limit("h", 1, "requests an hour"))
    assert counter.ask(START_S) == 0
    wait = counter.ask(START_S)
    assert wait > HOUR_S - START_S % HOUR_S - 1
    assert counter.ask(START_S + wait) == 0
