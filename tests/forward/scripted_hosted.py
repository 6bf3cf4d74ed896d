"""What hosted providers say, event by event, as their references and recorded answers show it."""

import json
from typing import Any

from tests.forward.scripted_upstream import DONE, Call, Script

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 0},
}
RESPONSE_USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 6},
    "total_tokens": 29,
}
FILTERED = {"message": "The response was filtered.", "type": "invalid_request_error", "code": "content_filter"}


def delta(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of OpenAI's chat completions."""
    choice = {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": finish}
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-nano-2025-04-14"}
    return base | {"choices": [choice]} | more


def openai(*sent: dict[str, Any], usage: Any = USAGE) -> Script:
    """OpenAI's stream: `usage` is null on every event but its own, and there only where it was asked for."""

    def script(call: Call) -> None:
        asked = (call.json.get("stream_options") or {}).get("include_usage")
        call.stream()
        for event in sent or (delta(""), delta("Hel"), delta("lo."), delta(finish="stop")):
            call.event(event | {"usage": None} if asked else event)
        if asked:
            call.event(delta() | {"choices": [], "usage": usage})
        call.write(DONE)

    return script


def groq(call: Call) -> None:
    """Groq's: its id first, usage in the event that ends the choice."""
    call.stream()
    call.event(delta("", x_groq={"id": "req_1"}))
    call.event(delta("Hello."))
    call.event(delta(finish="stop", x_groq={"id": "req_1", "usage": {"queue_time": 0.1, **USAGE}}))
    call.write(DONE)


def openrouter(call: Call) -> None:
    """OpenRouter's: comments while it waits, usage in the last event, asked for or not."""
    call.stream()
    call.write(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n")
    call.event(delta("Hello.", provider="OpenAI"))
    call.event(delta("", "stop", provider="OpenAI"))
    call.event(delta("", usage=USAGE | {"cost": 0.0001}))
    call.write(DONE)


def openrouter_fails(call: Call) -> None:
    """OpenRouter's error in the middle: beside a choice that it ends."""
    call.stream()
    call.event(delta("Hel"))
    call.event(delta("", "error", error={"code": "server_error", "message": "Provider disconnected"}))


def completion(usage: Any = USAGE, **more: Any) -> dict[str, Any]:
    """A chat in one piece."""
    message = {"role": "assistant", "content": "Hello.", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    base = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-nano-2025-04-14"}
    return base | {"choices": [choice], "usage": usage} | more


def response(status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response object with its message."""
    content = [{"type": "output_text", "text": "Hello.", "annotations": []}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    base = {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "gpt-5-2025-08-07"}
    base |= {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 1.0}
    base |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "top_p": 1.0}
    return base | {"output": [item], "usage": RESPONSE_USAGE} | more


def kept(script: Script) -> tuple[Script, list[bytes]]:
    """The same script, and all that it writes."""
    written: list[bytes] = []

    def keeping(call: Call) -> None:
        write = call.write

        def noting(data: bytes) -> None:
            written.append(data)
            write(data)

        call.write = noting  # type: ignore[method-assign]
        script(call)

    return keeping, written


def named(call: Call, kind: str, fields: dict[str, Any]) -> None:
    """An event with a name."""
    data = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    call.write(f"event: {kind}\ndata: {data}\n\n".encode())


def responses(*endings: tuple[str, dict[str, Any]]) -> Script:
    """OpenAI's stream of a response; what ends it is for the test to say."""

    def script(call: Call) -> None:
        begun = response("in_progress", output=[], usage=None)
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        events: list[tuple[str, dict[str, Any]]] = [
            ("response.created", {"response": begun}),
            ("response.in_progress", {"response": begun}),
            ("response.output_item.added", {"output_index": 0, "item": message}),
            ("response.content_part.added", {**place, "part": part}),
            ("response.output_text.delta", {**place, "delta": "Hel", "logprobs": []}),
            ("response.output_text.delta", {**place, "delta": "lo.", "logprobs": []}),
            *(endings or (("response.completed", {"response": response()}),)),
        ]
        call.stream()
        for number, (kind, fields) in enumerate(events):
            named(call, kind, {"sequence_number": number, **fields})

    return script


def message(usage: Any = None, **more: Any) -> dict[str, Any]:
    """A message of Anthropic's in one piece."""
    base: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant"}
    base["model"] = "claude-sonnet-4-5-20250929"
    base |= {"content": [{"type": "text", "text": "Hello."}], "stop_reason": "end_turn", "stop_sequence": None}
    return base | {"usage": usage or {"input_tokens": 4, "output_tokens": 9, "cache_read_input_tokens": 16}} | more


START_USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 12,
    "output_tokens": 1,
    "service_tier": "standard",
}
END_USAGE = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}


def anthropic(
    *deltas: dict[str, Any], start: Any = START_USAGE, end: Any = END_USAGE, stop_reason: str = "end_turn"
) -> Script:
    """Anthropic's stream of one message."""

    def script(call: Call) -> None:
        call.stream()
        begun = message() | {"content": [], "stop_reason": None, "usage": start}
        named(call, "message_start", {"message": begun})
        named(call, "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        named(call, "ping", {})
        for each in deltas or ({"type": "text_delta", "text": "Hel"}, {"type": "text_delta", "text": "lo."}):
            named(call, "content_block_delta", {"index": 0, "delta": each})
        named(call, "content_block_stop", {"index": 0})
        ended = {"stop_reason": stop_reason, "stop_sequence": None}
        named(call, "message_delta", {"delta": ended} | ({} if end is None else {"usage": end}))
        named(call, "message_stop", {})

    return script
