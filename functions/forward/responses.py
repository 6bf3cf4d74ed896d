"""The Responses API of llama-server, made whole: its events lack what the official SDKs build on.

OpenAI's events carry `sequence_number`, `output_index` and `content_index`, and their `response` object has an
`output` from the beginning (https://platform.openai.com/docs/api-reference/responses-streaming).
llama-server (build 11549) leaves these out, says neither model nor time before the end, and calls an answer
`completed` that its limit cut off.
"""

import contextlib
import json
from typing import Any

from functions.errors import FareboxError, ProviderFailed
from functions.forward.events import Reader, base_name, compact, data_line, read_object
from functions.forward.meter import Meter
from functions.money import TOKENS_MAX, Usage

DEFAULTS: dict[str, Any] = {
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "output": [],
    "parallel_tool_calls": False,
    "temperature": None,
    "tool_choice": "none",
    "tools": [],
    "top_p": None,
}
"""What a response object always has."""

ENDED = ("response.completed", "response.incomplete", "response.failed")
OPENERS = ("response.created", "response.queued", "response.in_progress")
"""Events that say only that a response has begun, before anything of it was made."""

ITEMS_MAX = 1000
ITEMS_BYTES_MAX = 2_000_000
ITEM_NAME_LENGTH_MAX = 200
"""Items of a response's output: how many of them, and how much of each response's, is kept while it runs."""


def complete(response: dict[str, Any], output_limit: int) -> dict[str, Any]:
    """A response object with everything a client expects of one; `incomplete` where its limit ended it."""
    whole = DEFAULTS | response
    if "model" in whole:
        whole["model"] = base_name(str(whole["model"]))
    usage = whole.get("usage") or {}
    output = usage.get("output_tokens") if isinstance(usage, dict) else None
    if whole.get("status") == "completed" and isinstance(output, int) and output >= output_limit:
        whole |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return whole


class Items:
    """A response's output as last told, item by item, for the event that ends one which its credits do not cover.

    As the bytes of its JSON, which bound it. What is too much is left out: the client had it in its own event.
    """

    def __init__(self) -> None:
        self._items: dict[int, bytes] = {}
        self._bytes = 0

    def put(self, index: int, item: dict[str, Any], event_bytes: int) -> None:
        """Take the item at a place; `event_bytes` is the size of the event that it came in."""
        self._bytes -= len(self._items.pop(index, b""))
        if len(self._items) < ITEMS_MAX and self._bytes + event_bytes <= ITEMS_BYTES_MAX:
            with contextlib.suppress(RecursionError):  # one that is nested as deep as can be read
                self._items[index] = kept = compact(item)
                self._bytes += len(kept)

    def all(self) -> list[Any]:
        """What was kept, in order."""
        return [json.loads(self._items[index]) for index in sorted(self._items)]


class ResponsesReader(Reader):
    """Reads the events of one answer to the Responses API."""

    def __init__(
        self, meter: Meter, *, output_limit: int, timings_wanted: bool, model: str = "", began_s: int = 0
    ) -> None:
        """`model` and `began_s` (since 1970) stand in events that do not say by which model, and when."""
        super().__init__(meter, usage_wanted=True, timings_wanted=timings_wanted)
        self.output_limit = output_limit
        self.sequence = 0
        self.items: dict[str, int] = {}
        self.response: dict[str, Any] = {"created_at": began_s, "model": model} if began_s else {}
        self.output = Items()
        self.opening = True
        """Nothing has come yet but OPENERS."""

    def read(self, event: bytes) -> bytes | None:
        if all(line.startswith(b":") for line in event.split(b"\n")):
            return event
        line = next((line for line in event.split(b"\n") if line.startswith(b"data:")), None)
        if line is None:
            return None
        fields = read_object(line[5:])
        kind = fields.get("type") if fields else None
        if fields and (kind == "error" or (kind is None and "error" in fields)):
            self.failed = True  # llama-server's has no type; its words may be anything
            return self.broke_off(ProviderFailed("The provider failed."))[0]
        if not fields or not isinstance(kind, str) or not isinstance(fields.get("response", {}), dict):
            return None
        self.opening = self.opening and kind in OPENERS
        timings = fields.get("timings") if self.timings_wanted else fields.pop("timings", None)
        if isinstance(timings, dict):
            self._running(timings)
        elif kind.endswith(".delta"):
            self.meter.content()
        if "response" in fields:
            kind = self._response(fields, kind)
        else:
            self._place(fields, len(event))
        return self._event(kind, fields)

    def cut_off(self, usage: Usage) -> list[bytes]:
        counts = {"input_tokens": usage.input, "output_tokens": usage.output}
        counts["total_tokens"] = usage.input + usage.output
        ended = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "usage": counts}
        whole = DEFAULTS | self.response | ended | {"output": self.output.all()}
        return [self._event("response.incomplete", {"response": whole})]

    def broke_off(self, error: FareboxError) -> list[bytes]:
        told = error.body()["error"]
        fields = {"code": told["code"], "message": told["message"], "param": None}
        return [self._event("error", fields)]

    def _running(self, timings: dict[str, Any]) -> None:
        counts = [timings.get(name) for name in ("cache_n", "prompt_n", "predicted_n")]
        known = [count for count in counts if isinstance(count, int) and 0 <= count <= TOKENS_MAX]
        if len(known) == len(counts):
            cached, fresh, made = known
            self.meter.running(Usage(cached + fresh, made, cached))

    def _response(self, fields: dict[str, Any], kind: str) -> str:
        """An event about the whole response; returns its type, which the limit may change."""
        told = fields["response"]
        whole = complete(self.response | told, self.output_limit)
        self.response = {name: whole[name] for name in ("id", "object", "created_at", "model") if name in whole}
        fields["response"] = whole
        self.model = base_name(str(told.get("model", self.model)))
        if kind in ENDED:
            self.ended = True
            self.failed = kind == "response.failed"
            self.meter.report(whole.get("usage"))
        return "response.incomplete" if whole.get("status") == "incomplete" else kind

    def _place(self, fields: dict[str, Any], event_bytes: int) -> None:
        """Say which item, and which part of it, an event is about."""
        item = fields.get("item")
        identifier = str(item.get("id", "") if isinstance(item, dict) else fields.get("item_id", ""))
        index = self.items.setdefault(identifier[:ITEM_NAME_LENGTH_MAX], len(self.items))
        if len(self.items) > ITEMS_MAX:
            raise ProviderFailed("The provider's answer has too many parts.")
        fields.setdefault("output_index", index)
        if not isinstance(item, dict):
            fields.setdefault("content_index", 0)
        else:
            self.output.put(index, item, event_bytes)

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        fields |= {"type": kind, "sequence_number": self.sequence}
        self.sequence += 1
        return b"event: %s\n%s" % (kind.encode(errors="replace"), data_line(fields))
