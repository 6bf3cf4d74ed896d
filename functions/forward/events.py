"""A provider's event stream, cut into events, each passed on the moment it is complete.

An event ends with an empty line. Nothing is held back but an event's own unfinished part, because whether
it may be shown is known only when it is whole; and that part is bounded.
"""

import json
import re
from typing import Any

from functions.errors import FareboxError, ProviderFailed
from functions.forward.meter import Meter
from functions.money import TOKENS_MAX, Usage

EVENT_BYTES_MAX = 1_000_000
MODEL_NAME_LENGTH_MAX = 200
DONE = b"data: [DONE]"

_TIMINGS = b',"timings":{'
_TIMINGS_COUNTS = re.compile(rb'"cache_n":(\d{1,15}),"prompt_n":(\d{1,15}),.*"predicted_n":(\d{1,15})[,}]')
_USAGE = re.compile(rb'"usage"\s*:\s*(?!null)')
_CONTENT = re.compile(rb'"(?:content|text|reasoning_content|refusal|delta|arguments)"\s*:\s*"[^"]')
_MODEL = re.compile(rb'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')


def cut(pending: bytes, data: bytes) -> tuple[list[bytes], bytes]:
    """The whole events in what has come, without the lines that end them, and the unfinished rest.

    Raises ProviderFailed for an event of more than EVENT_BYTES_MAX.
    """
    if pending:
        data = pending + data
    if b"\r" in data:
        held = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(held)].replace(b"\r\n", b"\n") + held
    end = data.find(b"\n\n")
    if 0 <= end == len(data) - 2 < EVENT_BYTES_MAX:  # one whole event, as nearly always
        return [data[:-2]], b""
    *events, rest = data.split(b"\n\n")
    if len(data) > EVENT_BYTES_MAX and max(len(rest), *(len(event) for event in events), 0) > EVENT_BYTES_MAX:
        raise ProviderFailed("The provider sent an event that is too large.")
    return events, rest


def base_name(model: str) -> str:
    """A model's name without the path of its file; llama-server may tell where it lies on its disk."""
    model = model.encode(errors="replace").decode()[:MODEL_NAME_LENGTH_MAX]
    is_path = model.endswith(".gguf") or model.startswith(("/", ".")) or "\\" in model
    return model.replace("\\", "/").rpartition("/")[2] if is_path else model


class Reader:
    """Reads the events of one answer to chat completions or completions: meters them, and says what the client gets."""

    def __init__(self, meter: Meter, *, usage_wanted: bool, timings_wanted: bool) -> None:
        self.meter = meter
        self.usage_wanted, self.timings_wanted = usage_wanted, timings_wanted
        self.model = ""
        self.ended = False
        """The provider said that this was all."""
        self.failed = False
        """The provider said that it failed."""
        self.blocked = ""
        """Who kept the answer back because of its content: the provider's filter or its model; "" where nobody did."""
        self._first = b""
        self._rename: tuple[bytes, bytes] | None = None

    def read(self, event: bytes) -> bytes | None:
        """The event as the client gets it, or None where it is not for the client."""
        if not event.startswith(b"data: "):
            return self._unusual(event)
        if event == DONE:
            self.ended = True
            return event
        if not self._first:
            self._learn(event)
        if self._rename:
            event = event.replace(*self._rename)
        at = event.rfind(_TIMINGS)
        if not (at > 0 and self._timings(event, at)) and _CONTENT.search(event):
            self.meter.content()
        if at > 0 and not self.timings_wanted:
            event = _without_timings(event, at)
        if _USAGE.search(event):
            return self._usage(event)
        if event.startswith(b'data: {"error"'):
            self.failed = True
        return event

    def cut_off(self, usage: Usage) -> list[bytes]:
        """The events that end an answer which its credits do not cover any further."""
        chunk = read_object(self._first[6:]) or {}
        chunk.pop("usage", None)
        chunk.pop("timings", None)
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        if chunk.get("object") == "text_completion":
            choice["text"] = ""
        else:
            choice["delta"] = {}
        events = [data_line(chunk | {"choices": [choice]})]
        if self.usage_wanted:
            events.append(data_line(chunk | {"choices": [], "usage": usage_object(usage)}))
        return [*events, DONE]

    def broke_off(self, error: FareboxError) -> list[bytes]:
        """The event that tells a client of an answer that broke off."""
        return [data_line(error.body())]

    def _learn(self, event: bytes) -> None:
        """Take the model's name, and the shape of a chunk, from the first event."""
        self._first = event
        if found := _MODEL.search(event):
            try:
                full = str(json.loads(b'"' + found[1] + b'"'))
            except ValueError:
                return
            self.model = base_name(full)
            if self.model != full:
                self._rename = (found[0], b'"model":' + json.dumps(self.model).encode())

    def _timings(self, event: bytes, at: int) -> bool:
        """Take the counts in an event's timings; False where they cannot be read."""
        found = _TIMINGS_COUNTS.search(event, at)
        if found:
            cached, fresh, made = (min(int(count), TOKENS_MAX) for count in found.groups())
            self.meter.running(Usage(cached + fresh, made, cached))
        return bool(found)

    def _usage(self, event: bytes) -> bytes | None:
        """An event with usage: metered, and shown to those who asked for it."""
        chunk = read_object(event[6:])
        if chunk is None or "usage" not in chunk:
            return event
        self.meter.report(chunk["usage"])
        if self.usage_wanted:
            return event
        if not chunk.get("choices"):
            return None
        del chunk["usage"]
        return data_line(chunk)

    def _unusual(self, event: bytes) -> bytes | None:
        """Comments pass; other fields than `data` are dropped; llama-server's `error:` becomes an error event."""
        if all(line.startswith(b":") for line in event.split(b"\n")):
            return event
        lines = [line for line in event.split(b"\n") if line.startswith((b"data:", b"error:"))]
        if not lines:
            return None
        if lines[0].startswith(b"error:"):
            self.failed = True
            return b'data: {"error":' + lines[0][6:].strip() + b"}"
        return self.read(b"data: " + b"".join(line[5:].strip() for line in lines))


def _without_timings(event: bytes, at: int) -> bytes:
    """An event without its timings, which are its last field where llama-server wrote it."""
    if event.find(b"}", at) == len(event) - 2:
        return event[:at] + b"}"
    chunk = read_object(event[6:])
    if chunk is None:
        return event
    chunk.pop("timings", None)
    return data_line(chunk)


def usage_object(usage: Usage) -> dict[str, Any]:
    """Usage as chat completions show it."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


def read_object(text: bytes) -> dict[str, Any] | None:
    """The JSON object that a provider sent; None where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def compact(value: dict[str, Any]) -> bytes:
    """An object as JSON. Half surrogates, which UTF-8 cannot hold, stay escaped as they came."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def data_line(value: dict[str, Any]) -> bytes:
    """An object as the data of an event."""
    return b"data: " + compact(value)
