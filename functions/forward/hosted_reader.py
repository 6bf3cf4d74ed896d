"""Readers of the event streams of hosted providers that speak OpenAI's API.

Events pass as they came. Of chats and completions only the usage is taken out again where the client has not asked for
it; words of an error are replaced, because a provider's may name its customer, which is the owner of the project.

| provider | usage in a stream |
|---|---|
| OpenAI, Hugging Face | an event of its own before `[DONE]`, without choices, where asked for; before it null |
| OpenRouter | in the last event, asked for or not; comments `: OPENROUTER PROCESSING` while it waits |
| Groq | `x_groq.usage` in the event that ends the choice; beside it as OpenAI's where that is asked for |
"""

from typing import Any

from functions.errors import ProviderFailed
from functions.forward.events import DONE, MODEL_NAME_LENGTH_MAX, Reader, data_line, read_object
from functions.forward.meter import Meter
from functions.forward.refusals import CONTENT_FILTER, REFUSAL, blocked_by, content_refused
from functions.forward.responses import ENDED, OPENERS, ResponsesReader
from functions.money import Usage

CONTENT = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call", "audio")
"""What of a delta the model has made."""

CHOICES_MAX = 10_000
"""Of so many it is remembered whether they have ended. OpenAI makes 128 of a prompt."""


def data_of(event: bytes) -> bytes | None:
    """The data of an event, its lines put together; None where it has none, as a comment."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def model_name(told: Any) -> str:
    """The model as the provider calls it."""
    return told.encode(errors="replace").decode()[:MODEL_NAME_LENGTH_MAX] if isinstance(told, str) else ""


class ChatReader(Reader):
    """Reads the events of one answer to chat completions or completions."""

    def __init__(self, meter: Meter, *, usage_wanted: bool) -> None:
        super().__init__(meter, usage_wanted=usage_wanted, timings_wanted=False)
        self.open = {0}
        """Choices that have not ended."""
        self.finished = set[int]()

    def read(self, event: bytes) -> bytes | None:
        data = data_of(event)
        if data is None:
            return event if event.startswith(b":") else None
        if data.strip() == DONE[6:]:
            self.ended = True
            return DONE
        chunk = read_object(data)
        if chunk is None:
            self.meter.content()  # whatever it is, somebody made it
            return event
        self.model = self.model or model_name(chunk.get("model"))
        if not self._first:
            self._first = b"data: " + data
        if chunk.get("error"):
            return self._failed(chunk["error"])
        choices = chunk.get("choices")
        self._choices(choices if isinstance(choices, list) else [])
        return self._usage_of(chunk, event)

    def closed(self) -> bool:
        """The provider closed. Some send no [DONE]: with every choice ended and its usage told, that was all."""
        told = self.meter.reported is not None and not self.meter.since
        self.ended = self.ended or (told and not self.open and not self.failed)
        return self.ended

    def cut_off(self, usage: Usage) -> list[bytes]:
        first, *rest = super().cut_off(usage)
        chunk = read_object(first[6:]) or {}
        ended = [chunk["choices"][0] | {"index": index} for index in sorted(self.open)]
        return [data_line(chunk | {"choices": ended}), *rest] if ended else rest

    def _choices(self, choices: list[Any]) -> None:
        """Count what the model has made: a token an event, whatever it holds."""
        made = False
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            if isinstance(index, int) and 0 <= index < CHOICES_MAX:
                if choice.get("finish_reason"):
                    self.finished.add(index)
                    self.open.discard(index)
                elif index not in self.finished:  # OpenRouter's usage comes beside a choice that has ended
                    self.open.add(index)
            delta = choice.get("delta")
            delta = delta if isinstance(delta, dict) else {}
            made = made or bool(choice.get("text")) or any(delta.get(name) for name in CONTENT)
            if choice.get("finish_reason") == CONTENT_FILTER:
                self.blocked = CONTENT_FILTER
            elif delta.get("refusal"):
                self.blocked = self.blocked or REFUSAL
        if made:
            self.meter.content()

    def _usage_of(self, chunk: dict[str, Any], event: bytes) -> bytes | None:
        """The event as the client gets it, once its usage was read."""
        usage, groq = chunk.get("usage"), chunk.get("x_groq")
        if usage is None and isinstance(groq, dict):
            usage = groq.get("usage")
        self.meter.report(usage)
        if self.usage_wanted or "usage" not in chunk:
            return event
        if chunk["usage"] is not None and not chunk.get("choices"):
            return None
        del chunk["usage"]
        return data_line(chunk)

    def _failed(self, error: Any) -> bytes:
        self.failed, self.blocked = True, self.blocked or blocked_by(error)
        return self.broke_off(content_refused() if self.blocked else ProviderFailed("The provider failed."))[0]


class HostedResponsesReader(ResponsesReader):
    """Reads the events of one answer to the Responses API, of a provider that has all of it."""

    def __init__(self, meter: Meter, *, output_limit: int) -> None:
        super().__init__(meter, output_limit=output_limit, timings_wanted=False)

    def read(self, event: bytes) -> bytes | None:
        data = data_of(event)
        if data is None:
            return event if event.startswith(b":") else None
        if data.strip() == DONE[6:]:
            self.ended = True
            return DONE
        fields = read_object(data)
        kind = fields.get("type") if fields else None
        if fields is None or not isinstance(kind, str):
            if fields and fields.get("error"):
                return self._failed(fields["error"])
            self.opening = False
            self.meter.content()
            return event
        self.opening = self.opening and kind in OPENERS
        number = fields.get("sequence_number")
        self.sequence = number + 1 if isinstance(number, int) else self.sequence + 1
        if kind == "error":
            return self._failed(fields)
        if kind.endswith(".delta"):
            self.meter.content()
        if kind.startswith("response.refusal."):
            self.blocked = self.blocked or REFUSAL
        response = fields.get("response")
        if isinstance(response, dict):
            self._whole(response, kind)
            if kind == "response.failed" and isinstance(error := response.get("error"), dict):
                error["message"] = "The provider failed."
                return b"event: %s\n%s" % (kind.encode(), data_line(fields))
        elif isinstance(item := fields.get("item"), dict) and isinstance(index := fields.get("output_index"), int):
            self.output.put(index, item, len(event))
        return event

    def _whole(self, response: dict[str, Any], kind: str) -> None:
        """An event about the whole response."""
        self.response = {name: value for name, value in response.items() if name != "output"}  # kept item by item
        self.model = self.model or model_name(response.get("model"))
        if kind in ENDED:
            self.ended, self.failed = True, kind == "response.failed"
            self.meter.report(response.get("usage"))
            self.blocked = self.blocked or blocked_response(response)

    def _failed(self, error: Any) -> bytes:
        self.failed, self.blocked = True, self.blocked or blocked_by(error)
        return self.broke_off(content_refused() if self.blocked else ProviderFailed("The provider failed."))[0]


def blocked_response(response: dict[str, Any]) -> str:
    """Whether a whole response was blocked, and by whom; "" where it was not."""
    details = response.get("incomplete_details")
    if isinstance(details, dict) and details.get("reason") == CONTENT_FILTER:
        return CONTENT_FILTER
    if blocked := blocked_by(response.get("error")):
        return blocked
    output = response.get("output")
    for item in output if isinstance(output, list) else []:
        content = item.get("content") if isinstance(item, dict) else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") == REFUSAL:
                return REFUSAL
    return ""
