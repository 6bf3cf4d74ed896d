"""What is asked of models: everything below /v1."""

from collections.abc import Mapping
from typing import Any

from functions.admit.gate import IDEMPOTENCY_KEY_LENGTH_MAX
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.llama import ENDPOINTS as EVERYWHERE
from infra.openapi import problems
from infra.openapi.headers import METERED
from infra.openapi.parts import EVENTS, JSON, Answer, Body, Operation, Parameter, Problem
from infra.openapi.schemas import Schema, any_of, described, one_of, page_of, ref, text
from infra.openapi.shapes import NAMES, SCHEMAS

__all__ = ["OPERATIONS", "SCHEMAS"]

TAG = "Models"
DESCRIPTION = """\
Which fields count is the project's to say. The built-in project takes what its llama-server takes, and refuses any
other field by name. In managed mode the fields that the project does not open are ignored. In forward mode all of the
body goes on as it is; fields that are not known to cost nothing beside tokens are refused, unless the project opens
them. A field that is null, or an empty list, counts as absent."""
STREAMS = """\
With `stream` the answer comes event by event and ends with `data: [DONE]`. The charge is made before the last event;
`x-farebox-receipt` names its receipt. Where the model fails in the middle, the last event has an `error`."""

TOKENS = (
    Parameter(
        "X-User-Token",
        text(),
        "The ID token of a project's user, or a test token; beside a project's key.",
        where="header",
    ),
    Parameter(
        "X-PromptProxy-Key", text(), "The same as `X-User-Token`, as PromptProxy's clients send it.", where="header"
    ),
)
METERED_BY = (
    *TOKENS,
    Parameter(
        "Idempotency-Key",
        text(minLength=1, maxLength=IDEMPOTENCY_KEY_LENGTH_MAX, pattern="^[ -~]*[!-~][ -~]*$"),
        "Any text of the client's own. Sent again with the same body within 24 hours, it is not charged again: 409.",
        where="header",
    ),
)

ASKED: tuple[Problem, ...] = (
    problems.WRONG,
    problems.NO_KEY,
    problems.FORBIDDEN,
    problems.ORIGIN_NOT_ALLOWED,
    problems.SECRET_KEY_IN_PAGE,
    problems.WRONG_KEY,
    problems.RATE_LIMITED,
    problems.LEDGER_UNAVAILABLE,
    problems.UNAVAILABLE,
)
"""Whoever is asking, by a key and a token, may be told these."""
MADE: tuple[Problem, ...] = (
    problems.PROVIDER_REFUSED,
    problems.CONTENT_FILTER,
    problems.NO_CREDITS,
    problems.USER_BLOCKED,
    problems.ENDPOINT_NOT_ALLOWED,
    problems.MODEL_NOT_ALLOWED,
    problems.NOT_PRICED,
    problems.KEY_USED,
    problems.KEY_IN_PROGRESS,
    problems.KEY_REUSED,
    problems.TOO_LARGE,
    problems.INPUT_TOO_LARGE,
    problems.CREDITS_HELD,
    problems.TOO_MANY_OPEN,
    problems.PROVIDER_FAILED,
    problems.MODEL_LOADING,
    problems.PROVIDER_TIMED_OUT,
)
"""Whoever wants an answer of a model, these as well."""

OF_LLAMA = (problems.PROVIDER_FAILED, problems.MODEL_LOADING, problems.PROVIDER_TIMED_OUT)
"""And whoever asks for the models of a llama-server."""
ESTIMATED = (
    problems.ENDPOINT_NOT_ALLOWED,
    problems.MODEL_NOT_ALLOWED,
    problems.NOT_PRICED,
    problems.TOO_LARGE,
    problems.INPUT_TOO_LARGE,
)
"""And whoever wants to know what a request would cost."""

HELLO = [{"role": "user", "content": "Say hello."}]
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    CHAT: {
        "in one piece": {"messages": HELLO, "max_tokens": 32},
        "event by event": {
            "messages": HELLO,
            "max_tokens": 32,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    },
    COMPLETIONS: {"in one piece": {"prompt": "Once upon a time", "max_tokens": 32}},
    RESPONSES: {"in one piece": {"input": "Say hello.", "max_output_tokens": 32}},
    MESSAGES: {"in one piece": {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 32}},
    EMBEDDINGS: {"two texts": {"model": "text-embedding-3-small", "input": ["one", "two"]}},
    MODERATIONS: {"a text": {"input": "I like you."}},
}


def _model(endpoint: str, id: str, summary: str, answer: str, *, event: str = "", description: str = "") -> Operation:
    """A route that forwards to a model; `event` is the schema of one event of its streams, where it has any."""
    served = () if endpoint in EVERYWHERE else (problems.NOT_FOUND,)
    stream: Schema = {"type": "string", "description": "Server-sent events.", "x-farebox-event": ref(event)}
    return Operation(
        method="POST",
        path=endpoint,
        id=id,
        tag=TAG,
        summary=summary,
        who="user",
        description=f"{description}\n\n{DESCRIPTION}".strip(),
        parameters=METERED_BY,
        body=Body(ref(NAMES[endpoint]), content_types=(JSON,), examples=EXAMPLES[endpoint]),
        answers={
            200: Answer(
                "What the model made." + (" Event by event where `stream` was asked for." if event else ""),
                ref(answer),
                headers=METERED,
                more={EVENTS: stream} if event else {},
            )
        },
        problems=(*ASKED, *MADE, *served),
        error_fields={"type": one_of("error")} if endpoint == MESSAGES else {},
    )


OPERATIONS: tuple[Operation, ...] = (
    _model(
        CHAT,
        "create_chat_completion",
        "Answer a conversation",
        "ChatCompletion",
        event="ChatCompletionEvent",
        description=STREAMS,
    ),
    _model(
        COMPLETIONS,
        "create_completion",
        "Go on from a text",
        "Completion",
        event="ChatCompletionEvent",
        description=STREAMS,
    ),
    _model(
        RESPONSES,
        "create_response",
        "Answer by OpenAI's Responses API",
        "Response",
        event="ResponseEvent",
        description="With `stream` the answer comes event by event and ends with `response.completed`, or with "
        "`response.incomplete` where its output limit or the credits ended it. Nothing is stored.",
    ),
    _model(
        MESSAGES,
        "create_message",
        "Answer by Anthropic's Messages API",
        "Message",
        event="MessageEvent",
        description="For projects with an Anthropic provider; the built-in project has none: 404. "
        "Errors have Anthropic's shape, which holds OpenAI's.",
    ),
    _model(
        EMBEDDINGS,
        "create_embeddings",
        "Make vectors of texts",
        "Embeddings",
        description="For projects with a provider that makes them; the built-in project has none: 404.",
    ),
    _model(
        MODERATIONS,
        "create_moderation",
        "Judge whether texts are harmful",
        "Moderation",
        description="For projects with a provider that does; the built-in project has none: 404.",
    ),
    Operation(
        method="GET",
        path="/v1/models",
        id="list_models",
        tag=TAG,
        summary="List the models that can be asked for",
        description="Of the built-in project those of its llama-server; of others those that their documents name.",
        who="user",
        parameters=TOKENS,
        answers={200: Answer("The models.", page_of(ref("Model")))},
        problems=(*ASKED, *OF_LLAMA),
    ),
    Operation(
        method="GET",
        path="/v1/models/{name}",
        id="get_model",
        tag=TAG,
        summary="Show one model",
        description="In forward mode also one that a pattern of the project stands for.",
        who="user",
        parameters=TOKENS,
        path_values={"name": described(text(minLength=1), "The model's name; a `/` in it is written `%2F`.")},
        answers={200: Answer("The model.", ref("Model"))},
        problems=(*ASKED, problems.MODEL_NOT_FOUND, *OF_LLAMA),
    ),
    Operation(
        method="POST",
        path="/v1/estimate",
        id="estimate_request",
        tag=TAG,
        summary="Show what a request would cost",
        description="The body is that of a chat, a completion or a response, told apart by `messages`, `prompt` or "
        "`input`. Nothing is forwarded, held or counted but in the limits of the address. A request that would be "
        "refused for want of credits or room is answered with 200 and its `refusal`.",
        who="user",
        parameters=TOKENS,
        body=Body(
            any_of(*(ref(NAMES[endpoint]) for endpoint in (CHAT, COMPLETIONS, RESPONSES))),
            examples={
                "a chat": {"messages": HELLO, "max_tokens": 32},
                "a completion": {"prompt": "Once upon a time", "max_tokens": 32},
                "a response": {"input": "Say hello.", "max_output_tokens": 32},
            },
        ),
        answers={200: Answer("The estimate.", ref("Estimate"))},
        problems=(*ASKED, *ESTIMATED),
    ),
)
