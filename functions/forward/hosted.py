"""The adapter for hosted providers: OpenAI's API, whoever serves it, and Anthropic's Messages API.

In forward mode the body goes on as it was sent, as parsed JSON, but for what metering needs: usage in streams, and an
output limit where credits do not cover the request's own, or where it names none and output costs. In managed mode it
was built here, and gets a limit always.

What a request can come to is bounded by its bytes: no tokenizer of these providers makes more tokens than bytes. Images
count by themselves. `n`, `best_of` and lists of prompts multiply the output.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from functions.errors import BadRequest
from functions.forward import body as json_body
from functions.forward import hosted_fields, llama
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.fields import Rule
from functions.forward.hosted_parts import check_counts, check_parts, check_tools, images
from functions.forward.llama import BYTES_PER_TOKEN, TOKENS_PER_MESSAGE, TOKENS_PER_TOOL, TOOLS_EXPANSION, Prepared
from functions.forward.providers import ANTHROPIC, LLAMA, OPENAI

CONTENT = {
    CHAT: "messages",
    COMPLETIONS: "prompt",
    RESPONSES: "input",
    MESSAGES: "messages",
    EMBEDDINGS: "input",
    MODERATIONS: "input",
}
"""Every endpoint that is served, and the field with what the model is to read."""

SERVED: dict[str, tuple[str, ...]] = {
    LLAMA: (CHAT, COMPLETIONS, RESPONSES),
    OPENAI: (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, MODERATIONS),
    ANTHROPIC: (MESSAGES,),
}
"""What each kind of provider is asked for: that of which the usage can be read, and nothing else."""

TABLES: dict[str, Mapping[str, Rule]] = {
    CHAT: hosted_fields.CHAT,
    COMPLETIONS: hosted_fields.COMPLETION,
    RESPONSES: hosted_fields.RESPONSE,
    MESSAGES: hosted_fields.MESSAGE,
    EMBEDDINGS: hosted_fields.EMBEDDING,
    MODERATIONS: hosted_fields.MODERATION,
}

LIMITS = {COMPLETIONS: "max_tokens", RESPONSES: "max_output_tokens", MESSAGES: "max_tokens"}
"""How an endpoint calls its output limit; of chats the provider says it."""

IMAGE_TOKENS_MAX = 50_000
IMAGE_TOKENS = 1_000
"""Of one image: the bound, and the estimate."""

TEMPLATE_TOKENS = 256
TOOL_PROMPT_TOKENS = 1_024
"""What a provider adds around a conversation, and what it tells its model about tools, at most."""

PROMPTS_MAX = 2_048
"""Of prompts, and of inputs to embed; OpenAI takes no more of these."""

ANSWER_BYTES_MAX = 32_000_000
"""Of an answer that is passed on: as in functions/forward/upstream.py, which not every function can import."""
DIMENSIONS = 3_072
"""Of a vector, where the request does not say: text-embedding-3-large's."""
VECTOR_BYTES = 256
"""What stands around one vector in an answer, at most."""


def serves(kind: str, endpoint: str) -> bool:
    """Whether a kind of provider is asked for an endpoint."""
    return endpoint in SERVED[kind]


def prepare(
    kind: str,
    endpoint: str,
    body: dict[str, Any],
    raw_bytes: int,
    *,
    limit_name: str,
    output_limit: int,
    fields: frozenset[str] = frozenset(),
    trusted: bool,
    template_tokens: int = TEMPLATE_TOKENS,
) -> Prepared:
    """Check a request and bound what it can cost. `body` is not changed; it came as `raw_bytes` bytes.

    `limit_name` is how the provider calls the limit of a chat's output; `output_limit` what it makes at most where the
    request names no limit, in tokens; `fields` are opened by the project; `trusted` says that the body was built here.
    Raises BadRequest that names the field.
    """
    if not serves(kind, endpoint):
        raise BadRequest(f"This model is not served at {endpoint}.", param="model")
    _check_bounds(endpoint, body)
    if kind == LLAMA:
        table = llama.ENDPOINTS[endpoint][0]
        rest = {name: value for name, value in body.items() if name not in table}
        if not trusted:
            rest = {name: value for name, value in rest.items() if name in fields or "*" in fields}
        known = {name: value for name, value in body.items() if name not in rest}
        prepared = llama.prepare_body(endpoint, known, raw_bytes, output_limit, template_tokens)
        return _llama_built(prepared, body, rest) if trusted else _llama_sent(prepared, body, output_limit)
    content = CONTENT[endpoint]
    for name in (content, "model"):
        if body.get(name) is None and (name, endpoint) != ("model", MODERATIONS):
            raise BadRequest(f"{name} is required.", param=name)
    if not trusted:
        _check(endpoint, body, fields)
    streams = endpoint not in (EMBEDDINGS, MODERATIONS) and body.get("stream") is True
    wanted = body.get("stream_options") or {}
    added: dict[str, Any] = {}
    if streams and endpoint in (CHAT, COMPLETIONS):
        added["stream_options"] = wanted | {"include_usage": True}
    prepared = Prepared(
        endpoint=endpoint,
        content=content,
        head=b"",
        limit_name=limit_name if endpoint == CHAT else LIMITS.get(endpoint, ""),
        input_bound=0,
        input_estimate=0,
        output_limit=output_limit,
        stream=streams,
        usage_wanted=wanted.get("include_usage") is True,
        timings_wanted=False,
        model=body.get("model") or "",
        kind=kind,
        choices=_choices(endpoint, body),
    )
    prepared = _limited(prepared, body | added, trusted)
    bound, estimate = _input(endpoint, body, raw_bytes, len(prepared.head), template_tokens)
    return replace(prepared, input_bound=bound, input_estimate=estimate)


def _limited(prepared: Prepared, sent: Mapping[str, Any], trusted: bool) -> Prepared:
    """The bodies to send: with a limit of ours, and, of a request from outside, with its own.

    Of two limits of a request from outside the larger bounds it, because providers differ in which they obey.
    """
    if not prepared.limit_name:
        return replace(prepared, head=json_body.encode(dict(sent)), output_limit=0)
    own = {name: sent[name] for name in llama.LIMIT_NAMES if name in sent}
    given = {name: limit for name, limit in own.items() if limit is not None}
    head = json_body.encode({name: value for name, value in sent.items() if name not in own})
    limits = given.values() or (prepared.output_limit,)  # what the provider makes at most by itself
    if trusted:
        return replace(prepared, head=head, output_limit=min(limits) * prepared.choices)
    return replace(
        prepared,
        head=head,
        limit_name=next(iter(given)) if len(given) == 1 else prepared.limit_name,
        output_limit=max(limits) * prepared.choices,
        names_limit=bool(given),
        whole=head[:-1] + b"," + json_body.encode(own)[1:] if own else head,
    )


def _check_bounds(endpoint: str, body: Mapping[str, Any]) -> None:
    """What bounds a request, whoever wrote it."""
    hosted_fields.check_bounds(body)
    check_counts(endpoint, body)
    if endpoint == EMBEDDINGS:
        _check_vectors(body)


def _check(endpoint: str, body: Mapping[str, Any], fields: frozenset[str]) -> None:
    """What a request from outside may hold."""

    def opened(name: str) -> bool:
        return name in fields or "*" in fields

    hosted_fields.check(TABLES[endpoint], body, opened)
    check_parts(endpoint, body, opened)
    check_tools(body, opened)
    if endpoint == MESSAGES and body.get("max_tokens") is None:
        raise BadRequest("max_tokens is required.", param="max_tokens")


def _input(
    endpoint: str, body: Mapping[str, Any], raw_bytes: int, sent_bytes: int, template_tokens: int
) -> tuple[int, int]:
    """The input's bound and its estimate, in tokens."""
    count, image_bytes = images(endpoint, body)
    listed = body.get(CONTENT[endpoint])
    messages = 1 + (len(listed) if isinstance(listed, list) else 0)
    overhead = template_tokens + messages * TOKENS_PER_MESSAGE
    tools = [tool for name in ("tools", "functions") if isinstance(body.get(name), list) for tool in body[name]]
    if tools:
        expanded = len(json_body.encode({"tools": tools})) * (TOOLS_EXPANSION - 1)
        overhead += TOOL_PROMPT_TOKENS + len(tools) * TOKENS_PER_TOOL + expanded
    bound = max(raw_bytes, sent_bytes) - image_bytes + overhead + count * IMAGE_TOKENS_MAX
    return bound, -(-max(0, raw_bytes - image_bytes) // BYTES_PER_TOKEN) + count * IMAGE_TOKENS


def _choices(endpoint: str, body: Mapping[str, Any]) -> int:
    """How many answers are made: for each prompt `n`, or `best_of` where that is more."""
    prompts, many = 1, max(body.get("n") or 1, body.get("best_of") or 1)
    prompt = body.get("prompt")
    if endpoint == COMPLETIONS and isinstance(prompt, list) and not all(isinstance(part, int) for part in prompt):
        prompts = len(prompt)
        if prompts > PROMPTS_MAX:
            raise BadRequest(f"prompt may hold {PROMPTS_MAX} at most.", param="prompt")
    return prompts * many if endpoint in (CHAT, COMPLETIONS) else 1


def _check_vectors(body: Mapping[str, Any]) -> None:
    """Refuse more inputs to embed than an answer that can be passed on holds: the provider would bill them.

    A vector's numbers are four bytes each in base64. As text they take 22 on average: seventeen digits with sign and
    comma, or, as OpenAI writes them, fewer digits on a line of their own.
    """
    listed, dimensions = body.get("input"), body.get("dimensions")
    if not isinstance(listed, list) or all(isinstance(part, int) for part in listed):  # one text, or its tokens
        return
    if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < 1:
        dimensions = DIMENSIONS
    vector_bytes = -(-dimensions * 16 // 3) if body.get("encoding_format") == "base64" else dimensions * 22
    most = max(1, min(PROMPTS_MAX, ANSWER_BYTES_MAX // (vector_bytes + VECTOR_BYTES)))
    if len(listed) > most:
        raise BadRequest(
            f"input may hold {most} at most: the vectors of more would be too long an answer. "
            "Fewer dimensions, or encoding_format base64, make them shorter.",
            param="input",
        )


def _llama_built(prepared: Prepared, body: Mapping[str, Any], rest: Mapping[str, Any]) -> Prepared:
    """For a llama-server, of a request that was built here: with its model, and fields that are in no table."""
    rest = {name: value for name, value in {**rest, "model": body.get("model")}.items() if value is not None}
    if not rest:
        return prepared
    added = json_body.encode(dict(rest))
    bound = prepared.input_bound + len(added)
    head = prepared.head[:-1] + b"," + added[1:]
    return replace(prepared, head=head, input_bound=bound, model=body.get("model") or "")


def _llama_sent(prepared: Prepared, body: Mapping[str, Any], output_limit: int) -> Prepared:
    """For a llama-server, of a request from outside: with every field as it was sent; the adapter only checked them."""
    added: dict[str, Any] = {}
    if prepared.stream:
        added["timings_per_token"] = True
        if prepared.endpoint != RESPONSES:
            added["stream_options"] = (body.get("stream_options") or {}) | {"include_usage": True}
    own = replace(prepared, model=body.get("model") or "", output_limit=output_limit)
    return _limited(own, {**body, **added}, trusted=False)
