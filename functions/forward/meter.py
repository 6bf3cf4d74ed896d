"""Metering: what a provider says it used, and what is believed of it.

| the provider's usage is | rule | on the receipt |
|---|---|---|
| given once, at the end | believed | |
| given again | the last one counts, never their sum | |
| smaller than before | the larger of each count | `usage_decreased` |
| a `total_tokens` above input and output | the output is what the total leaves beside the input | `usage_total_above` |
| given, then content follows | what followed counts on top, an event a token | `usage_before_end` |
| zero, though content came | believed: the provider says it was free | `usage_zero` |
| absent or null | the input as estimated, the output an event a token | `usage_missing` |
| negative, text, bool, fraction, above 10^9, one count of two | as if it were absent | `usage_malformed` |
| not there yet when the answer broke off | as if it were absent | `usage_estimated` |
| above the hold | charged up to the hold, the rest is `shortfall` | `above_hold` |

Of a total above input and output: xAI leaves what its models think out of `completion_tokens` and counts it in
`total_tokens` (https://docs.x.ai/docs/key-information/consumption-and-rate-limits); so does Gemini's OpenAI endpoint,
which does not even say how much that was. Both bill it as output. llama-server's and OpenAI's totals are sums.
"""

from collections.abc import Callable
from typing import Any

from functions.money import TOKENS_MAX, Usage

USAGE_NAMES = (
    ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"),
    ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"),
)


class Meter:
    """Counts one request's tokens from what the provider reports and from the events that came."""

    __slots__ = ("anomalies", "events", "read", "reported", "since")

    def __init__(self, read: "Callable[[Any], Usage | None] | None" = None) -> None:
        """`read` makes counts of a usage object, None where it cannot be believed; left out: `read_usage`."""
        self.read = read or read_usage
        self.reported: Usage | None = None
        self.events = 0
        """Events with content, in all."""
        self.since = 0
        """Events with content since the last report."""
        self.anomalies: set[str] = set()

    @property
    def output(self) -> int:
        """Tokens of output up to now."""
        return self.since + self.reported.output if self.reported else self.since

    def content(self) -> None:
        """An event with content came: a token of output, unless a report says better."""
        self.events += 1
        self.since += 1

    def guess(self, tokens: int) -> None:
        """An answer in one piece came: so many tokens of output, unless it reports better."""
        self.events, self.since = 1, tokens

    def report(self, usage: Any) -> None:
        """The provider's usage object, as it came; null is no report."""
        if usage is None:
            return
        read = self.read(usage)
        if read is None:
            self.anomalies.add("usage_malformed")
            return
        if self.read is read_usage and total_above(usage):
            self.anomalies.add("usage_total_above")
        before = self.reported
        if before and (read.input < before.input or read.output < before.output):
            self.anomalies.add("usage_decreased")
            read = Usage(
                max(read.input, before.input),
                max(read.output, before.output),
                max(read.cached, before.cached),
                max(read.reasoning, before.reasoning),
            )
        self.reported = read
        self.since = 0

    def running(self, usage: Usage) -> None:
        """A count that the provider keeps while it works, such as llama-server's timings."""
        before = self.reported
        if before and (usage.input < before.input or usage.output < before.output):
            self.anomalies.add("usage_decreased")
            usage = Usage(max(usage.input, before.input), max(usage.output, before.output), usage.cached)
        self.reported = usage
        self.since = 0

    def so_far(self, input_estimate: int) -> Usage:
        """What has been used up to now."""
        reported = self.reported or Usage(input_estimate)
        return Usage(reported.input, reported.output + self.since, reported.cached, reported.reasoning)

    def total(self, input_estimate: int, *, ended: bool) -> Usage:
        """What the request used. `ended`: the provider finished, so a report was due."""
        reported = self.reported
        if reported is None:
            self.anomalies.add("usage_missing" if ended else "usage_estimated")
            return self.so_far(input_estimate)
        if self.since and ended:
            self.anomalies.add("usage_before_end")
        if self.events and not reported.input and not reported.output:
            self.anomalies.add("usage_zero")
        return self.so_far(input_estimate)


def read_usage(usage: Any) -> Usage | None:
    """A usage object of chat completions, completions or responses; None where it cannot be believed."""
    told = _told(usage)
    if told is None:
        return None
    tokens_in, tokens_out, input_details, output_details = told
    if total_above(usage):
        tokens_out = usage["total_tokens"] - tokens_in
    cached = _part(input_details, "cached_tokens", tokens_in)
    return Usage(tokens_in, tokens_out, cached, _part(output_details, "reasoning_tokens", tokens_out))


def total_above(usage: Any) -> bool:
    """Whether a usage object's total, where it can be believed, is more than its input and output."""
    told = _told(usage)
    if told is None:
        return False
    total: Any = usage.get("total_tokens")
    return is_count(total) and total > told[0] + told[1]


def _told(usage: Any) -> tuple[int, int, Any, Any] | None:
    """Input, output and the details of both, as a usage object has them; None where it cannot be believed."""
    if not isinstance(usage, dict):
        return None
    for input_name, output_name, input_details, output_details in USAGE_NAMES:
        if input_name in usage or output_name in usage:
            tokens_in: Any = usage.get(input_name)
            tokens_out: Any = usage.get(output_name)
            if not (is_count(tokens_in) and is_count(tokens_out)):
                return None
            return tokens_in, tokens_out, usage.get(input_details), usage.get(output_details)
    return None


def read_input(usage: Any) -> Usage | None:
    """A usage object of embeddings, which have no output; None where it cannot be believed."""
    count: Any = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Usage(count) if is_count(count) else None


def read_anthropic(usage: Any) -> Usage | None:
    """A usage object of Anthropic's messages; None where it cannot be believed.

    Its `input_tokens` are those that were neither read from a cache nor written to one.
    https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance
    """
    if not isinstance(usage, dict):
        return None
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    if usage.get(names[0]) is None or usage.get(names[3]) is None:
        return None
    counts: list[Any] = [0 if usage.get(name) is None else usage[name] for name in names]
    if not all(is_count(count) for count in counts):
        return None
    fresh, written, cached, output = counts
    if not is_count(fresh + written + cached):
        return None
    thought = _part(usage.get("output_tokens_details"), "thinking_tokens", output)
    return Usage(fresh + written + cached, output, cached, thought)


def _part(details: Any, name: str, whole: int) -> int:
    """A count that is part of another: never more than that, and 0 where it cannot be believed."""
    count: Any = details.get(name) if isinstance(details, dict) else 0
    return min(count, whole) if is_count(count) else 0


def is_count(value: Any) -> bool:
    """Whether a value is believed as a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= TOKENS_MAX
