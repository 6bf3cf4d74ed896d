"""Anthropic's Messages API: the events of its streams.

    message_start, (content_block_start, content_block_delta …, content_block_stop) …, message_delta, message_stop

with `ping` anywhere, and `error` where it fails. Usage comes twice: with message_start, where the output is only begun,
and with message_delta, cumulative. https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from typing import Any

from functions.errors import FareboxError, ProviderFailed
from functions.forward.events import Reader, data_line, read_object
from functions.forward.hosted_reader import data_of, model_name
from functions.forward.meter import Meter
from functions.forward.refusals import REFUSAL, blocked_by, content_refused
from functions.money import Usage

DELTAS = ("text", "partial_json", "thinking", "citation")
"""What of a delta the model has made; a signature comes on top of it."""

COUNTS = (
    *("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    *("output_tokens", "output_tokens_details"),
)
"""What is kept of a usage; a provider may put anything beside it."""


class MessagesReader(Reader):
    """Reads the events of one answer to Anthropic's Messages API."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter, usage_wanted=True, timings_wanted=False)
        self.counts: dict[str, Any] = {}
        """The usage as last told; message_delta leaves out what has not changed."""
        self.block: int | None = None
        """The content block that is open."""
        self.begun = False
        self.opening = True
        """Nothing has come yet but message_start."""

    def read(self, event: bytes) -> bytes | None:
        data = data_of(event)
        if data is None:
            return event if event.startswith(b":") else None
        fields = read_object(data)
        if fields is None:
            self.opening = False
            self.meter.content()
            return event
        kind = fields.get("type")
        if kind == "ping":
            return event if self.begun else None  # one that comes first begins no answer
        if kind == "error" or (kind is None and "error" in fields):
            return self._failed(fields.get("error"))
        self.begun = True
        if kind == "message_start":
            self._start(fields.get("message"))
            return event
        self.opening = False
        if kind == "content_block_start":
            index = fields.get("index")
            self.block = index if isinstance(index, int) else None
        elif kind == "content_block_delta":
            delta = fields.get("delta")
            if isinstance(delta, dict) and any(delta.get(name) for name in DELTAS):
                self.meter.content()
        elif kind == "content_block_stop":
            self.block = None
        elif kind == "message_delta":
            self._delta(fields)
        elif kind == "message_stop":
            self.ended = True
        return event

    def cut_off(self, usage: Usage) -> list[bytes]:
        events = [] if self.block is None else [_event("content_block_stop", {"index": self.block})]
        delta = {"stop_reason": "max_tokens", "stop_sequence": None}
        counts = {"output_tokens": usage.output}
        return [*events, _event("message_delta", {"delta": delta, "usage": counts}), _event("message_stop", {})]

    def broke_off(self, error: FareboxError) -> list[bytes]:
        return [_event("error", {"error": {"type": error.type, "message": error.message}})]

    def _start(self, message: Any) -> None:
        if isinstance(message, dict):
            self.model = model_name(message.get("model"))
            self._report(message.get("usage"))

    def _delta(self, fields: dict[str, Any]) -> None:
        delta = fields.get("delta")
        if isinstance(delta, dict) and delta.get("stop_reason") == REFUSAL:
            self.blocked = REFUSAL
        self._report(fields.get("usage"))

    def _report(self, usage: Any) -> None:
        """Take counts; those that are malformed leave the ones before as they were."""
        if usage is None:
            return
        told = usage if isinstance(usage, dict) else {"input_tokens": usage}
        counts = self.counts | {name: count for name, count in told.items() if name in COUNTS and count is not None}
        if self.meter.read(counts):
            self.counts = counts
        self.meter.report(counts)

    def _failed(self, error: Any) -> bytes:
        self.failed, self.blocked = True, self.blocked or blocked_by(error)
        return self.broke_off(content_refused() if self.blocked else ProviderFailed("The provider failed."))[0]


def _event(kind: str, fields: dict[str, Any]) -> bytes:
    return b"event: %s\n%s" % (kind.encode(), data_line({"type": kind} | fields))
