"""Managed mode: the fields that an owner may let the client set, and what their values may be.

How an answer is made, and how long it may be, is the client's where the owner says so. What the model is told first,
which service does the work, and what the provider keeps or does beside answering is never the client's: these fields
are in no list.
"""

from collections.abc import Mapping
from typing import Any

from functions.errors import BadRequest
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.fields import Rule, array, boolean, integer, many, number, object_, one_of, text

LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict")
TOOLS_MAX = 128
_LIMIT = integer(1, 2**31 - 1)


def _function_tool(path: str, value: Any) -> dict[str, Any]:
    """A tool that the client runs itself: only `function` and `custom` make nobody else do or fetch anything."""
    tool = object_(path, value)
    one_of("function", "custom")(f"{path}.type", tool.get("type"))
    return tool


def _text_format(path: str, value: Any) -> dict[str, Any]:
    form = object_(path, value)
    one_of("text", "json_object", "json_schema")(f"{path}.type", form.get("type"))
    return form


def _tool_choice(path: str, value: Any) -> Any:
    """A word, or a function by its name."""
    if isinstance(value, str):
        return one_of("none", "auto", "required")(path, value)
    one_of("function", "custom")(f"{path}.type", object_(path, value).get("type"))
    return value


def _flat(length_max: int) -> Rule:
    """An object of texts and numbers, such as metadata."""

    def rule(path: str, value: Any) -> dict[str, Any]:
        for part in object_(path, value).values():
            if not isinstance(part, str | int | float) or len(str(part)) > length_max:
                raise BadRequest(f"{path} may hold texts and numbers only.", param=path)
        return dict(value)

    return rule


def _thinking(path: str, value: Any) -> dict[str, Any]:
    kind = object_(path, value).get("type")
    made = {"type": one_of("enabled", "disabled", "adaptive")(f"{path}.type", kind)}
    if "budget_tokens" in value:
        made["budget_tokens"] = _LIMIT(f"{path}.budget_tokens", value["budget_tokens"])
    return made


_EFFORT = one_of("none", "minimal", "low", "medium", "high", "xhigh")


def _reasoning(path: str, value: Any) -> dict[str, Any]:
    given = object_(path, value)
    found = {"effort": _EFFORT(f"{path}.effort", given["effort"])} if given.get("effort") is not None else {}
    if given.get("summary") is not None:
        found["summary"] = one_of("auto", "concise", "detailed")(f"{path}.summary", given["summary"])
    return found


def _text_options(path: str, value: Any) -> dict[str, Any]:
    given = object_(path, value)
    found: dict[str, Any] = {}
    if given.get("format") is not None:
        found["format"] = _text_format(f"{path}.format", given["format"])
    if given.get("verbosity") is not None:
        found["verbosity"] = one_of("low", "medium", "high")(f"{path}.verbosity", given["verbosity"])
    return found


_MODEL: dict[str, Rule] = {"model": text(100)}
_SAMPLING: dict[str, Rule] = _MODEL | {
    "temperature": number(0, 100),
    "top_p": number(0, 1),
    "top_k": integer(-1, 2**31 - 1),
    "min_p": number(0, 1),
    "presence_penalty": number(-10, 10),
    "frequency_penalty": number(-10, 10),
    "repeat_penalty": number(0, 10),
    "seed": integer(-(2**53), 2**53),
    "stop": many(text(1000), 16),
    "logit_bias": _flat(40),
    "n": integer(1, 128),
    "max_tokens": _LIMIT,
    "user": text(500),
}

SETTABLE: Mapping[str, Mapping[str, Rule]] = {
    CHAT: _SAMPLING
    | {
        "max_completion_tokens": _LIMIT,
        "logprobs": boolean,
        "top_logprobs": integer(0, 20),
        "response_format": _text_format,
        "reasoning_effort": _EFFORT,
        "verbosity": one_of("low", "medium", "high"),
        "tools": array(_function_tool, TOOLS_MAX),
        "tool_choice": _tool_choice,
        "parallel_tool_calls": boolean,
        "metadata": _flat(512),
    },
    COMPLETIONS: _SAMPLING | {"logprobs": integer(0, 5), "suffix": text(100_000)},
    RESPONSES: _MODEL
    | {
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "max_output_tokens": _LIMIT,
        "reasoning": _reasoning,
        "text": _text_options,
        "top_logprobs": integer(0, 20),
        "tools": array(_function_tool, TOOLS_MAX),
        "tool_choice": _tool_choice,
        "parallel_tool_calls": boolean,
        "metadata": _flat(512),
        "user": text(500),
    },
    MESSAGES: _MODEL
    | {
        "temperature": number(0, 1),
        "top_p": number(0, 1),
        "top_k": integer(0, 2**31 - 1),
        "max_tokens": _LIMIT,
        "stop_sequences": array(text(1000), 16),
        "thinking": _thinking,
    },
    EMBEDDINGS: _MODEL
    | {"dimensions": integer(1, 100_000), "encoding_format": one_of("float", "base64"), "user": text(500)},
    MODERATIONS: _MODEL,
}
"""Per endpoint. `model` is looked up among the document's models as well."""


def chosen(
    endpoint: str, sets: tuple[str, ...], template: Mapping[str, Any], body: Mapping[str, Any]
) -> dict[str, Any]:
    """The template's fields with those that the client may set. Raises BadRequest for values that are no such field's.

    An output limit can only be lowered: of the template's and the client's, by whatever names, the smaller goes on.
    """
    table = SETTABLE[endpoint]
    given = {name: table[name](name, body[name]) for name in sets if body.get(name) is not None}
    made = {name: value for name, value in template.items() if name not in given}
    named = [name for name in LIMITS if name in given]
    if named:
        limits = [value for name, value in (*template.items(), *given.items()) if _is_limit(name, value)]
        made = {name: value for name, value in made.items() if name not in LIMITS}
        given = {name: value for name, value in given.items() if name not in LIMITS} | {named[0]: min(limits)}
    return made | given


def _is_limit(name: str, value: Any) -> bool:
    return name in LIMITS and isinstance(value, int) and not isinstance(value, bool)
