"""What is sent to models and what they answer, as schemas. Requests and models' answers are open: see `fields.py`."""

from collections.abc import Mapping

from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.hosted import CONTENT, PROMPTS_MAX
from functions.forward.hosted_parts import ENTRIES_MAX
from functions.forward.llama import ENDPOINTS
from functions.forward.llama_parts import ITEM_ROLES, ROLES, TEXT_MAX, TOOLS_MAX
from infra.openapi.fields import fields
from infra.openapi.schemas import (
    Schema,
    any_of,
    boolean,
    described,
    list_of,
    nullable,
    number,
    obj,
    one_of,
    ref,
    text,
    whole,
)

_PART = obj({"type": text()}, {"text": text(maxLength=TEXT_MAX)}, is_open=True)
_CONTENT = any_of(text(maxLength=TEXT_MAX), list_of(_PART, maxItems=ENTRIES_MAX))
_TOKENS = list_of(whole(0))
_COUNTED = {"prompt_tokens": whole(0), "completion_tokens": whole(0), "total_tokens": whole(0)}
_CALLED = obj({"name": text(), "arguments": text()}, is_open=True)
_TOOL_CALL = obj({"id": text(), "type": text()}, {"function": _CALLED}, is_open=True)

CONTENTS: Mapping[str, Schema] = {
    CHAT: described(
        list_of(
            obj(
                {"role": one_of(*ROLES)},
                {
                    "content": nullable(_CONTENT),
                    "name": nullable(text()),
                    "tool_calls": nullable(list_of(_TOOL_CALL, maxItems=TOOLS_MAX)),
                    "tool_call_id": nullable(text()),
                },
                is_open=True,
            ),
            maxItems=ENTRIES_MAX,
        ),
        "The conversation. llama-server reads text parts only; hosted models images, too. An empty last message of the "
        "assistant is dropped. In managed mode `system` and `developer` messages are refused.",
    ),
    COMPLETIONS: described(
        any_of(text(maxLength=TEXT_MAX), list_of(text(maxLength=TEXT_MAX), minItems=1, maxItems=PROMPTS_MAX), _TOKENS),
        "The text to go on from. llama-server takes one text, alone or in a list.",
    ),
    RESPONSES: described(
        any_of(
            text(maxLength=TEXT_MAX),
            list_of(
                obj({}, {"type": text(), "role": one_of(*ITEM_ROLES), "content": _CONTENT}, is_open=True),
                maxItems=ENTRIES_MAX,
            ),
        ),
        "A text, or items. llama-server takes messages of text; `reasoning` items are dropped.",
    ),
    MESSAGES: described(
        list_of(obj({"role": one_of("user", "assistant"), "content": _CONTENT}, is_open=True), maxItems=ENTRIES_MAX),
        "The conversation, with text, images, and tools' calls and results.",
    ),
    EMBEDDINGS: described(
        any_of(
            text(maxLength=TEXT_MAX),
            list_of(text(maxLength=TEXT_MAX), maxItems=PROMPTS_MAX),
            _TOKENS,
            list_of(_TOKENS, maxItems=PROMPTS_MAX),
        ),
        "What to embed: a text or its tokens, or several.",
    ),
    MODERATIONS: described(
        any_of(text(maxLength=TEXT_MAX), list_of(any_of(text(maxLength=TEXT_MAX), _PART), maxItems=ENTRIES_MAX)),
        "What to judge: a text, several, or parts with images.",
    ),
}
"""The field with what the model is to read, by endpoint: `functions.forward.hosted.CONTENT` names it."""

NAMES = {
    CHAT: "ChatRequest",
    COMPLETIONS: "CompletionRequest",
    RESPONSES: "ResponseRequest",
    MESSAGES: "MessageRequest",
    EMBEDDINGS: "EmbeddingRequest",
    MODERATIONS: "ModerationRequest",
}


def _request(endpoint: str) -> Schema:
    """A body. Open: in managed mode anything else is ignored, and a project may open more."""
    optional = fields(endpoint)
    required = {CONTENT[endpoint]: CONTENTS[endpoint]}
    if endpoint == MESSAGES:
        optional["max_tokens"] |= {"description": f"{optional['max_tokens']['description']} Required in forward mode."}
    return obj(required, optional, is_open=True)


def _open(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return obj(required, optional, is_open=True)


_CHOICE = {"index": whole(0), "finish_reason": nullable(text())}
_USAGE = described(nullable(_open({}, _COUNTED)), "Tokens. In streams only where `include_usage` asks for it.")
_BY_MODEL = {"id": text(), "model": text(), "created": whole(0)}

SCHEMAS: dict[str, Schema] = {
    **{name: _request(endpoint) for endpoint, name in NAMES.items()},
    "ChatCompletion": _open(
        {
            "choices": list_of(
                _open({"message": _open({}, {"role": text(), "content": nullable({"type": "string"})})}, _CHOICE)
            )
        },
        {**_BY_MODEL, "object": text(), "usage": _USAGE},
    ),
    "ChatCompletionEvent": _open(
        {}, {**_BY_MODEL, "choices": list_of(_open({}, {**_CHOICE, "delta": _open({})})), "usage": _USAGE}
    ),
    "Completion": _open(
        {"choices": list_of(_open({}, {"text": text(), **_CHOICE}))}, {**_BY_MODEL, "object": text(), "usage": _USAGE}
    ),
    "Response": _open(
        {"output": list_of(_open({}, {"type": text()}))},
        {
            "id": text(),
            "object": text(),
            "model": text(),
            "status": text(),
            "incomplete_details": nullable(_open({}, {"reason": text()})),
            "usage": nullable(
                _open({}, {"input_tokens": whole(0), "output_tokens": whole(0), "total_tokens": whole(0)})
            ),
        },
    ),
    "ResponseEvent": _open({"type": text()}, {"sequence_number": whole(0), "response": ref("Response"), "delta": {}}),
    "Message": _open(
        {"content": list_of(_open({}, {"type": text()}))},
        {
            "id": text(),
            "type": text(),
            "role": text(),
            "model": text(),
            "stop_reason": nullable(text()),
            "usage": _open({}, {"input_tokens": whole(0), "output_tokens": whole(0)}),
        },
    ),
    "MessageEvent": _open({"type": text()}),
    "Embeddings": _open(
        {"data": list_of(_open({"embedding": any_of(list_of(number()), text())}, {"index": whole(0)}))},
        {"object": text(), "model": text(), "usage": _open({}, {"prompt_tokens": whole(0), "total_tokens": whole(0)})},
    ),
    "Moderation": _open(
        {"results": list_of(_open({"flagged": boolean()}, {"categories": _open({})}))}, {"id": text(), "model": text()}
    ),
    "Model": obj(
        {
            "id": described(text(), "Its name, never a path."),
            "object": one_of("model"),
            "created": described(whole(), "Seconds since 1970; 0 where nobody knows."),
            "owned_by": one_of("llama-server", "farebox"),
        }
    ),
    "Estimate": obj(
        {
            "object": one_of("estimate"),
            "endpoint": one_of(*ENDPOINTS),
            "price": described(text(), "The version of the price that counts; `free` where nothing costs anything."),
            "input_tokens": obj({"estimated": whole(0), "at_most": whole(0)}),
            "output_tokens": obj(
                {
                    "asked": whole(0),
                    "at_most": described(whole(0), "What rules and credits allow; 0 where it is refused."),
                }
            ),
            "credits": obj(
                {
                    "at_least": described(number(minimum=0), "What it costs with one token of output."),
                    "at_most": described(number(minimum=0), "What it costs with all that was asked for."),
                    "hold": described(number(minimum=0), "What is held while it runs; 0 where it is refused."),
                    "available": described(number(minimum=0), "The account's credits that are not held."),
                }
            ),
            "admitted": boolean(),
            "refusal": described(
                nullable(
                    obj(
                        {
                            "message": text(),
                            "type": text(),
                            "param": nullable(text()),
                            "code": nullable(text()),
                            "status": whole(400, 599),
                        }
                    )
                ),
                "The error that the request would get; null where it would be admitted.",
            ),
            "limits": list_of(
                obj(
                    {
                        "name": text(),
                        "limit": whole(0),
                        "used": whole(0),
                        "resets_in_s": described(nullable(whole(0)), "Seconds; null for a limit that never resets."),
                    }
                )
            ),
        }
    ),
}
