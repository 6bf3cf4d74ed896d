"""Which fields of a request go on to a hosted provider as they are, in forward mode, and which are refused.

A field is in a table when it costs nothing beside the tokens that are counted. What would cost more, or would let an
answer refer to something that was never counted, is refused: files, sound, tools that run at the provider, stored
prompts and conversations, faster tiers. So is every field that is in no table. A project may open any of them by name
(`fields`); what they cost then is its owner's to know. A part of a message or a tool is opened by the name of its type.
"""

from collections.abc import Callable, Mapping
from typing import Any

from functions.errors import BadRequest
from functions.forward.fields import Rule, anything, boolean, integer, object_, one_of, refuse, text

Opened = Callable[[str], bool]
"""Whether the project opened a field, or a type of part or tool."""

OUTPUT_LIMIT_MAX = 2**31 - 1
CHOICES_MAX = 128
MODEL_LENGTH_MAX = 200

LIMIT = integer(1, OUTPUT_LIMIT_MAX)

BOUNDS: dict[str, Rule] = {
    "model": text(MODEL_LENGTH_MAX),
    "stream": boolean,
    "stream_options": object_,
    "n": integer(1, CHOICES_MAX),
    "best_of": integer(1, CHOICES_MAX),
    "max_tokens": LIMIT,
    "max_completion_tokens": LIMIT,
    "max_output_tokens": LIMIT,
    "n_predict": LIMIT,
}
"""What a request is bounded by: checked whoever wrote it, and whatever is opened."""

_ANY: dict[str, Rule] = dict.fromkeys(
    (
        *("model", "stream", "stream_options", "temperature", "top_p", "user", "metadata", "safety_identifier"),
        *("prompt_cache_key", "prompt_cache_retention"),
    ),
    anything,
)
_TIER: dict[str, Rule] = {"service_tier": one_of("auto", "default")}

_SAMPLING: dict[str, Rule] = dict.fromkeys(
    (
        *("n", "max_tokens", "stop", "seed", "logit_bias", "logprobs", "presence_penalty", "frequency_penalty"),
        *("top_k", "top_a", "min_p", "repetition_penalty"),
    ),
    anything,
)

CHAT: dict[str, Rule] = (
    _ANY
    | _TIER
    | _SAMPLING
    | dict.fromkeys(
        (
            *("messages", "max_completion_tokens", "top_logprobs", "response_format", "verbosity"),
            *("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
            *("reasoning_effort", "reasoning", "reasoning_format", "include_reasoning"),
        ),
        anything,
    )
    | {
        "store": one_of(False),
        "modalities": one_of(["text"]),
        "audio": refuse,
        "prediction": refuse,
        "web_search_options": refuse,
    }
)

COMPLETION: dict[str, Rule] = (
    _ANY | _TIER | _SAMPLING | dict.fromkeys(("prompt", "suffix", "echo", "best_of"), anything)
)

RESPONSE: dict[str, Rule] = (
    _ANY
    | _TIER
    | dict.fromkeys(
        (
            *("input", "instructions", "max_output_tokens", "text", "reasoning", "include", "top_logprobs"),
            *("tools", "tool_choice", "parallel_tool_calls", "max_tool_calls", "truncation"),
        ),
        anything,
    )
    | {
        "store": one_of(False),
        "background": one_of(False),
        "previous_response_id": refuse,
        "conversation": refuse,
        "prompt": refuse,
    }
)

EMBEDDING: dict[str, Rule] = dict.fromkeys(("input", "model", "dimensions", "encoding_format", "user"), anything)

MODERATION: dict[str, Rule] = dict.fromkeys(("input", "model"), anything)

MESSAGE: dict[str, Rule] = dict.fromkeys(
    (
        *("model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences"),
        *("metadata", "tools", "tool_choice", "thinking", "output_config", "cache_control"),
    ),
    anything,
) | {"service_tier": one_of("auto", "standard_only"), "container": refuse, "mcp_servers": refuse}


def check(table: Mapping[str, Rule], body: Mapping[str, Any], opened: Opened) -> None:
    """Refuse by name what neither a table nor the project lets pass. Null and empty lists count as absent."""
    for name, value in body.items():
        if value is None or value == [] or opened(name):
            continue
        rule = table.get(name)
        if rule is None:
            raise BadRequest(f"Unknown field {name[:60]!r}: it is not supported here.", param=name[:60])
        rule(name, value)


def check_bounds(body: Mapping[str, Any]) -> None:
    """Check the fields that bound what a request comes to."""
    for name, rule in BOUNDS.items():
        if (value := body.get(name)) is not None:
            rule(name, value)
