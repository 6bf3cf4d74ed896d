"""The Responses API of llama-server, made whole: its events lack what the official SDKs build on.

OpenAI's events carry `sequence_number`, `output_index` and `content_index`, and their `response` object has an
`output` from the beginning (https://platform.openai.com/docs/api-reference/responses-streaming).
llama-server (build 11549) leaves these out, and calls an answer `completed` that its limit cut off.
"""

from typing import Any

from functions.errors import FareboxError, ProviderFailed
from functions.forward.events import Reader, base_name, data_line, read_object
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


class ResponsesReader(Reader):
    """Reads the events of one answer to the Responses API."""

    def __init__(self, meter: Meter, *, output_limit: int, timings_wanted: bool) -> None:
        super().__init__(meter, usage_wanted=True, timings_wanted=timings_wanted)
        self.output_limit = output_limit
        self.sequence = 0
        self.items: dict[str, int] = {}
        self.response: dict[str, Any] = {}
        self.output: dict[int, dict[str, Any]] = {}

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
        timings = fields.get("timings") if self.timings_wanted else fields.pop("timings", None)
        if isinstance(timings, dict):
            self._running(timings)
        elif kind.endswith(".delta"):
            self.meter.content()
        if "response" in fields:
            kind = self._response(fields, kind)
        else:
            self._place(fields)
        return self._event(kind, fields)

    def cut_off(self, usage: Usage) -> list[bytes]:
        counts = {"input_tokens": usage.input, "output_tokens": usage.output}
        counts["total_tokens"] = usage.input + usage.output
        ended = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "usage": counts}
        whole = DEFAULTS | self.response | ended | {"output": [self.output[index] for index in sorted(self.output)]}
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
        whole = complete(self.response | fields["response"], self.output_limit)
        self.response = {name: whole[name] for name in ("id", "object", "created_at", "model") if name in whole}
        fields["response"] = whole
        self.model = base_name(str(whole.get("model", "")))
        if kind in ENDED:
            self.ended = True
            self.failed = kind == "response.failed"
            self.meter.report(whole.get("usage"))
        return "response.incomplete" if whole.get("status") == "incomplete" else kind

    def _place(self, fields: dict[str, Any]) -> None:
        """Say which item, and which part of it, an event is about."""
        item = fields.get("item")
        identifier = str(item.get("id", "") if isinstance(item, dict) else fields.get("item_id", ""))
        index = self.items.setdefault(identifier, len(self.items))
        fields.setdefault("output_index", index)
        if not isinstance(item, dict):
            fields.setdefault("content_index", 0)
        else:
            self.output[index] = item

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        fields |= {"type": kind, "sequence_number": self.sequence}
        self.sequence += 1
        return b"event: %s\n%s" % (kind.encode(errors="replace"), data_line(fields))
