"""Parts of a conversation that are of a wrong type, which a real llama-server mostly answers with 500."""

import copy
from typing import Any

import pytest

from tests.forward.stage import CHAT, HELLO
from tests.stand import Answer, RunningGateway

RESPONSE = "/v1/responses"
Path = tuple[str | int, ...]

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "of a place", "parameters": {}}}
MESSAGES = [
    {"role": "user", "content": "Paris?", "name": "Ada"},
    {"role": "assistant", "content": None, "reasoning_content": "Look it up.", "tool_calls": [CALL]},
    {"role": "tool", "content": "Rain.", "tool_call_id": "call_1"},
]
BODY: dict[str, Any] = {"messages": MESSAGES, "tools": [TOOL], "max_tokens": 1}
OPTIONAL: list[Path] = [
    ("messages", 0, "name"),
    ("messages", 1, "reasoning_content"),
    ("messages", 1, "tool_calls", 0, "id"),
    ("messages", 2, "tool_call_id"),
    ("tools", 0, "function", "description"),
]
REQUIRED: list[Path] = [
    ("messages", 0, "role"),
    ("messages", 1, "tool_calls", 0, "type"),
    ("messages", 1, "tool_calls", 0, "function"),
    ("messages", 1, "tool_calls", 0, "function", "name"),
    ("tools", 0, "type"),
    ("tools", 0, "function"),
    ("tools", 0, "function", "name"),
]
WRONG: list[Any] = [7, True, [7], ""]


def written(path: Path) -> str:
    """A path as errors name it: `messages[0].name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def changed(path: Path, value: Any) -> dict[str, Any]:
    """The conversation with another value in one place."""
    body: Any = copy.deepcopy(BODY)
    within = body
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = value
    made: dict[str, Any] = body
    return made


@pytest.fixture(scope="module")
def key(gateway: RunningGateway) -> str:
    return gateway.key()


def refused(answer: Answer, param: str) -> None:
    assert (answer.status, answer.error["param"], answer.error["code"]) == (400, param, None), answer.body
    assert param in answer.error["message"]


def test_a_conversation_with_tools_is_answered(gateway: RunningGateway, key: str) -> None:
    """All parts of the right type: the model answers."""
    answer = gateway.request("POST", CHAT, BODY, key)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("path", [*OPTIONAL, *REQUIRED], ids=written)
def test_a_part_of_a_wrong_type_is_named(gateway: RunningGateway, key: str, path: Path, value: Any) -> None:
    """400 that names the part, before anything is sent; an empty text is one, where any text may stand."""
    answer = gateway.request("POST", CHAT, changed(path, value), key)
    if value == "" and path[-1] not in ("role", "type", "function"):
        assert answer.status == 200, answer.body
    else:
        refused(answer, written(path))


@pytest.mark.parametrize("path", OPTIONAL, ids=written)
def test_a_null_part_counts_as_absent(gateway: RunningGateway, key: str, path: Path) -> None:
    """SDKs send back messages with all fields, null where there is nothing."""
    answer = gateway.request("POST", CHAT, changed(path, None), key)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("path", REQUIRED, ids=written)
def test_a_part_that_must_be_there_is_named(gateway: RunningGateway, key: str, path: Path) -> None:
    """A tool call without a name, a message without a role: 400 that names it."""
    refused(gateway.request("POST", CHAT, changed(path, None), key), written(path))


def test_an_item_of_a_wrong_type_is_named(gateway: RunningGateway, key: str) -> None:
    """The same of a response's items."""
    body = {"input": [{"role": "user", "content": "Hello", "name": 7}], "max_output_tokens": 16}
    refused(gateway.request("POST", RESPONSE, body, key), "input[0].name")


@pytest.mark.parametrize("more", [{}, {"type": "message"}, {"type": None, "id": None, "status": None}], ids=str)
def test_earlier_answers_may_be_sent_without_their_type(
    gateway: RunningGateway, key: str, more: dict[str, Any]
) -> None:
    """`{"role": "assistant", "content": …}`, as OpenAI's guides write it; llama-server alone wants a type."""
    earlier: list[dict[str, Any]] = [{"role": "assistant", "content": "Hello. Who are you?"} | more]
    body = {"input": [*HELLO, *earlier, {"role": "user", "content": "Ada."}], "max_output_tokens": 16}
    answer = gateway.request("POST", RESPONSE, body, key)
    assert answer.status == 200, answer.body
    assert answer.json()["output"]
