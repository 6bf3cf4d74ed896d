"""The adapter for llama-server: which fields it takes, and what bounds each of them.

llama-server counts the tokens of one choice only: with `n` of 2 it makes twice what its usage says, and of
several prompts it counts the first (seen on build 11549). So both are bound to one. Of two output limits it obeys
the larger, so exactly one goes upstream. Where a table says nothing of a field, the field is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.errors import BadRequest
from functions.forward import body as json_body
from functions.forward.fields import (
    Rule,
    anything,
    apply,
    array,
    boolean,
    drop,
    integer,
    many,
    number,
    object_,
    one_of,
    only,
    refuse,
    shaped,
    text,
)
from functions.forward.llama_parts import MESSAGES_MAX, TEXT_MAX, TOOLS_MAX, message, prompt, response_input, tool
from functions.forward.providers import LLAMA

OUTPUT_LIMIT_MAX = 2**31 - 1
SEED_MAX = 2**53

TOKENS_PER_MESSAGE = 16
"""What a chat template adds around one message, at most."""
TOKENS_PER_TOOL = 64
"""What a chat template adds around one tool's own text, at most."""
TOOLS_EXPANSION = 3
"""How much longer a chat template writes tools than they were sent, at most: some indent them."""
BYTES_PER_TOKEN = 4
"""Of ordinary text, for the estimate; the bound counts a token a byte."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was checked, and what it can come to. Token counts."""

    endpoint: str
    content: str
    """The field with what the model is to read, such as `messages`."""
    head: bytes
    """The upstream body without its output limit."""
    limit_name: str
    """How its output limit is called upstream; "" where the endpoint has none."""
    input_bound: int
    input_estimate: int
    output_limit: int
    """Of all its choices together."""
    stream: bool
    usage_wanted: bool
    timings_wanted: bool
    model: str = ""
    """The model as the provider is asked for it; "" where it has but one."""
    kind: str = LLAMA
    """What the provider speaks: one of functions/forward/providers.py."""
    choices: int = 1
    """How many answers are made, each up to the limit that goes upstream."""
    whole: bytes = b""
    """The upstream body with the limit that the client gave, or none; b"" where a limit is always written anew."""
    asked_model: str = ""
    """The model as the client asked for it, where a route calls it otherwise upstream."""
    names_limit: bool = True
    """The request names its own output limit. Without one nothing bounds it but what the provider makes by itself;
    so where output costs, `whole` is cleared, and a limit goes upstream always."""

    def body(self, output_limit: int) -> bytes:
        """The upstream body. `output_limit` is for all choices together, in tokens.

        As it was sent where that covers the request's own limit; else with exactly one, which is each choice's share.
        """
        if self.whole and output_limit >= self.output_limit:
            return self.whole
        if not self.limit_name:
            return self.head
        return b'%s,"%s":%d}' % (self.head[:-1], self.limit_name.encode(), max(1, output_limit // self.choices))


_LIMIT = integer(1, OUTPUT_LIMIT_MAX)

SAMPLING: dict[str, Rule] = {
    "temperature": number(0, 100),
    "top_p": number(0, 1),
    "top_k": integer(-1, 2**31 - 1),
    "min_p": number(0, 1),
    "typical_p": number(0, 1),
    "presence_penalty": number(-10, 10),
    "frequency_penalty": number(-10, 10),
    "repeat_penalty": number(0, 10),
    "repeat_last_n": integer(-1, 2**31 - 1),
    "seed": integer(-SEED_MAX, SEED_MAX),
    "stop": many(text(1000), 16),
    "logit_bias": anything,
    "stream": boolean,
    "stream_options": shaped({"include_usage": boolean, "include_obfuscation": boolean}),
    "timings_per_token": boolean,
    "cache_prompt": boolean,
    "n": only(1),
    "model": drop,
    "user": drop,
    "metadata": drop,
    "safety_identifier": drop,
    "prompt_cache_key": drop,
    "service_tier": only("auto", "default"),
}

CHAT: dict[str, Rule] = SAMPLING | {
    "messages": array(message, MESSAGES_MAX),
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "n_predict": _LIMIT,
    "logprobs": boolean,
    "top_logprobs": integer(0, 20),
    "response_format": object_,
    "tools": array(tool, TOOLS_MAX),
    "tool_choice": anything,
    "parallel_tool_calls": boolean,
    "reasoning_effort": one_of("none", "minimal", "low", "medium", "high"),
    "store": only(False),
    "modalities": only(["text"]),
    "verbosity": only("medium"),
}

COMPLETION: dict[str, Rule] = SAMPLING | {
    "prompt": prompt,
    "max_tokens": _LIMIT,
    "n_predict": _LIMIT,
    "best_of": only(1),
    "echo": only(False),
    "logprobs": integer(0, 5),
}

RESPONSE: dict[str, Rule] = {
    "input": response_input,
    "instructions": text(TEXT_MAX),
    "max_output_tokens": _LIMIT,
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "stream": boolean,
    "stream_options": shaped({"include_obfuscation": boolean}),
    "text": shaped({"format": shaped({"type": one_of("text")})}),
    "model": drop,
    "user": drop,
    "metadata": drop,
    "safety_identifier": drop,
    "prompt_cache_key": drop,
    "store": only(False),
    "truncation": only("disabled"),
    "service_tier": only("auto", "default"),
    "tools": refuse,
    "tool_choice": refuse,
    "parallel_tool_calls": refuse,
}

ENDPOINTS: dict[str, tuple[Mapping[str, Rule], str, str]] = {
    "/v1/chat/completions": (CHAT, "messages", "max_tokens"),
    "/v1/completions": (COMPLETION, "prompt", "max_tokens"),
    "/v1/responses": (RESPONSE, "input", "max_output_tokens"),
}
"""Per endpoint: its fields, the one that must be there, and the name of its output limit upstream."""

LIMIT_NAMES = ("max_tokens", "max_completion_tokens", "n_predict", "max_output_tokens")


def prepare(endpoint: str, raw: bytes, output_limit: int, template_tokens: int) -> Prepared:
    """Check a request and bound what it can cost. Raises BadRequest that names the field.

    `output_limit` is the model's own, in tokens, for requests that give none; `template_tokens` is what the model's
    chat template adds to a conversation at most.
    """
    return prepare_body(endpoint, json_body.parse(raw), len(raw), output_limit, template_tokens)


def prepare_body(
    endpoint: str, body: Mapping[str, Any], raw_bytes: int, output_limit: int, template_tokens: int
) -> Prepared:
    """The same of a body that was parsed, and came as `raw_bytes` bytes. It is not changed."""
    table, content, limit_name = ENDPOINTS[endpoint]
    sent = apply(table, body)
    if content not in sent:
        raise BadRequest(f"{content} is required.", param=content)
    limits = [sent.pop(name) for name in LIMIT_NAMES if name in sent]
    stream = bool(sent.get("stream"))
    options = sent.pop("stream_options", {})
    timings_wanted = bool(sent.pop("timings_per_token", False))
    if stream:
        sent["timings_per_token"] = True
        if endpoint != "/v1/responses":
            sent["stream_options"] = {"include_usage": True}
    sent.pop("text", None)
    messages = 1
    if endpoint == "/v1/chat/completions":
        _drop_empty_last_message(sent["messages"])
        messages += len(sent["messages"])
    elif isinstance(sent[content], list):
        messages += len(sent[content])
    tools = sent.get("tools", ())
    head = json_body.encode(sent)
    expanded = len(json_body.encode({"tools": tools})) * (TOOLS_EXPANSION - 1) if tools else 0
    overhead = template_tokens + messages * TOKENS_PER_MESSAGE + len(tools) * TOKENS_PER_TOOL + expanded
    return Prepared(
        endpoint=endpoint,
        content=content,
        head=head,
        limit_name=limit_name,
        input_bound=max(raw_bytes, len(head)) + overhead,
        input_estimate=-(-raw_bytes // BYTES_PER_TOKEN),
        output_limit=min(limits) if limits else output_limit,
        stream=stream,
        usage_wanted=bool(options.get("include_usage")),
        timings_wanted=timings_wanted,
    )


def _drop_empty_last_message(messages: list[Any]) -> None:
    """Flutter's AI toolkit ends a conversation with an empty answer to be filled in."""
    last = messages[-1] if messages else {}
    if last.get("role") == "assistant" and not last.get("content") and not last.get("tool_calls"):
        messages.pop()
