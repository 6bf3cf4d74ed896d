"""Managed mode: what a client's messages, prompt or input may be, and how they stand beside the template's."""

from contextlib import suppress
from typing import Any

import pytest

from functions.errors import BadRequest
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.projects.client_sets import SETTABLE
from functions.projects.project import Project
from functions.projects.written import FIELDS
from tests.projects.papers import asked, project, sent

PNG = "data:image/png;base64,AAAA"
SYSTEM = {"role": "system", "content": "Be brief."}
HI = {"role": "user", "content": "hi"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def serving(
    endpoint: str, images: bool = False, sets: tuple[str, ...] = (), kind: str = "openai", **template: Any
) -> Project:
    kind = "anthropic" if endpoint == MESSAGES else kind
    paper = {
        "name": "App",
        "mode": "managed",
        "auth": {"no_auth": {}},
        "providers": {"it": {"kind": kind, "base_url": "https://llm.example/v1"}},
        "models": [{"model": "m", "providers": [{"provider": "it"}]}],
        "endpoints": {endpoint: {"template": {"model": "m"} | template, "client_sets": list(sets)}},
        "images": images,
    }
    return project(paper)


def refused(to: Project, endpoint: str, body: Any) -> str:
    """The path of the field that is refused."""
    with pytest.raises(BadRequest) as raised:
        asked(to, endpoint, body)
    return raised.value.param or ""


def test_the_templates_messages_come_first() -> None:
    """Then the client's, in their order, as role and content alone."""
    to = serving(CHAT, messages=[SYSTEM])
    text = {"type": "text", "text": "hi"}
    parts = HI | {"content": [text | {"cache_control": {}, "role": "system"}]}
    said = [HI | {"name": "x"}, {"role": "assistant", "content": "yes", "refusal": None}, parts]
    body = sent(asked(to, CHAT, {"messages": said}))
    assert body["messages"] == [SYSTEM, HI, {"role": "assistant", "content": "yes"}, HI | {"content": [text]}]


@pytest.mark.parametrize(
    "role", ["system", "developer", "function", "tool", "System", "user ", "", None, 1, ["user"], {}]
)
@pytest.mark.parametrize(("endpoint", "name"), [(CHAT, "messages"), (RESPONSES, "input"), (MESSAGES, "messages")])
def test_only_user_and_assistant_speak_for_the_client(endpoint: str, name: str, role: Any) -> None:
    """`system` and `developer` are the project's: a message of theirs is 400, and so is any other role."""
    path = refused(serving(endpoint), endpoint, {name: [HI, HI | {"role": role}]})
    assert path == f"{name}[1].role"


CONTENTS: list[tuple[str, Any, str]] = [
    (CHAT, None, "messages"),
    (CHAT, "hi", "messages"),
    (CHAT, [1], "messages[0]"),
    (CHAT, [{"role": "user"}], "messages[0].content"),
    (CHAT, [{"role": "user", "content": 1}], "messages[0].content"),
    (CHAT, [{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
    (CHAT, [{"role": "user", "content": [{"type": "input_audio"}]}], "messages[0].content[0].type"),
    (CHAT, [{"role": "user", "content": [{"type": "file"}]}], "messages[0].content[0].type"),
    (CHAT, [{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0].type"),
    (COMPLETIONS, None, "prompt"),
    (COMPLETIONS, [1, 2], "prompt"),
    (COMPLETIONS, ["a", "b"], "prompt"),
    (COMPLETIONS, [[1]], "prompt"),
    (RESPONSES, None, "input"),
    (RESPONSES, 1, "input"),
    (RESPONSES, [{"type": "item_reference", "id": "x"}], "input[0].type"),
    (RESPONSES, [{"type": "function_call"}], "input[0].type"),
    (RESPONSES, [{"type": "mcp_approval_response"}], "input[0].type"),
    (RESPONSES, [{"type": None, "role": "user", "content": "x"}], "input[0].type"),
    (RESPONSES, [{"role": "user", "content": [{"type": "input_file"}]}], "input[0].content[0].type"),
    (RESPONSES, [{"role": "user", "content": None}], "input[0].content"),
    (MESSAGES, None, "messages"),
    (MESSAGES, [{"role": "user", "content": None}], "messages[0].content"),
    (MESSAGES, [{"role": "user", "content": [{"type": "document"}]}], "messages[0].content[0].type"),
    (MESSAGES, [{"role": "user", "content": [{"type": "tool_result"}]}], "messages[0].content[0].type"),
    (EMBEDDINGS, None, "input"),
    (EMBEDDINGS, [[1, 2]], "input[0]"),
    (EMBEDDINGS, 1, "input"),
    (MODERATIONS, [{"type": "image_url"}], "input[0]"),
]


@pytest.mark.parametrize(("endpoint", "content", "path"), CONTENTS, ids=range(len(CONTENTS)))
def test_content_that_cannot_be_sent_is_refused_by_its_path(endpoint: str, content: Any, path: str) -> None:
    """Missing, of another type, of a kind that the project does not take: 400 that names the field."""
    name = {COMPLETIONS: "prompt", CHAT: "messages", MESSAGES: "messages"}.get(endpoint, "input")
    assert refused(serving(endpoint), endpoint, {name: content}) == path


EMPTY: list[Any] = ["", None, []]


@pytest.mark.parametrize("content", EMPTY, ids=repr)
def test_an_empty_last_answer_is_dropped(content: Any) -> None:
    """Flutter's toolkit sends one, to be filled in; only the last, and only an answer."""
    last = {"role": "assistant", "content": content}
    assert sent(asked(serving(CHAT), CHAT, {"messages": [HI, last]}))["messages"] == [HI]
    body = sent(asked(serving(CHAT), CHAT, {"messages": [last, HI]}))
    assert body["messages"] == [last, HI]
    if content is not None:
        assert sent(asked(serving(MESSAGES), MESSAGES, {"messages": [HI, last]}))["messages"] == [HI]
        assert sent(asked(serving(RESPONSES), RESPONSES, {"input": [HI, last]}))["input"] == [HI]


def test_no_messages_are_the_templates_alone() -> None:
    """An empty list is nothing to say, not a mistake."""
    to = serving(CHAT, messages=[SYSTEM])
    assert sent(asked(to, CHAT, {"messages": []}))["messages"] == [SYSTEM]


def test_a_prompt_stands_after_the_templates() -> None:
    """As one text; a list of one text is that text."""
    for prompt in ("Why?", ["Why?"]):
        assert sent(asked(serving(COMPLETIONS, prompt="Q: "), COMPLETIONS, {"prompt": prompt}))["prompt"] == "Q: Why?"
    assert sent(asked(serving(COMPLETIONS), COMPLETIONS, {"prompt": "Why?"}))["prompt"] == "Why?"


def test_input_stands_after_the_templates() -> None:
    """A text is a user's message, the template's as well; items are made anew, and reasoning is left out."""
    to = serving(RESPONSES, instructions="Be brief.", input="Hello.")
    said = [{"role": "user", "content": "Hello."}]
    body = sent(asked(to, RESPONSES, {"input": "hi", "instructions": "Be rude."}))
    assert (body["input"], body["instructions"]) == ([*said, HI], "Be brief.")
    back = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "id": "m_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Yes.", "annotations": []}],
        },
        {"role": "user", "content": [{"type": "text", "text": "why"}]},
    ]
    body = sent(asked(serving(RESPONSES, input=[SYSTEM]), RESPONSES, {"input": back}))
    assert body["input"] == [
        SYSTEM,
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "why"}]},
    ]


def test_images_are_sent_only_where_the_project_takes_them_and_as_their_own_data() -> None:
    """A URL would make a provider fetch what a stranger names; so an image comes in the request itself."""
    url: dict[str, Any] = {"type": "image_url", "image_url": {"url": PNG, "detail": "low", "file_id": "f"}}
    to = serving(CHAT, images=True)
    (message,) = sent(asked(to, CHAT, {"messages": [{"role": "user", "content": [url]}]}))["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]
    for elsewhere in (
        "https://a.example/x.png",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "",
        "DATA:image/",
        None,
    ):
        url["image_url"]["url"] = elsewhere
        path = refused(to, CHAT, {"messages": [{"role": "user", "content": [url]}]})
        assert path == "messages[0].content[0].image_url.url"
    item = {"type": "input_image", "image_url": PNG, "file_id": "f", "detail": "auto"}
    (message,) = sent(asked(serving(RESPONSES, True), RESPONSES, {"input": [{"role": "user", "content": [item]}]}))[
        "input"
    ]
    assert message["content"] == [{"type": "input_image", "image_url": PNG, "detail": "auto"}]
    item = item | {"image_url": "https://a.example/x.png"}
    assert refused(serving(RESPONSES, True), RESPONSES, {"input": [{"role": "user", "content": [item]}]}).endswith(
        "_url"
    )
    source = {"type": "base64", "media_type": "image/png", "data": "AA"}
    block = {"type": "image", "source": source | {"url": "https://a.example"}, "cache_control": {}}
    (message,) = sent(asked(serving(MESSAGES, True), MESSAGES, {"messages": [HI | {"content": [block]}]}))["messages"]
    assert message["content"] == [{"type": "image", "source": source}]
    for wrong in ({"type": "url", "url": "https://a.example"}, {"type": "file"}, source | {"media_type": "text/html"}):
        said = [HI | {"content": [{"type": "image", "source": wrong}]}]
        assert refused(serving(MESSAGES, True), MESSAGES, {"messages": said}) == "messages[0].content[0].source"


def test_tools_are_spoken_of_where_the_template_has_some() -> None:
    """Calls and their results go on, made anew; without tools in the template a result is 400, a call is left out."""
    said = [
        HI,
        {"role": "assistant", "content": None, "tool_calls": [CALL | {"index": 0, "extra": 1}]},
        {"role": "tool", "tool_call_id": "c1", "content": "42", "name": "f"},
    ]
    body = sent(asked(serving(CHAT, tools=[FUNCTION]), CHAT, {"messages": said, "tools": []}))
    assert body["tools"] == [FUNCTION]
    assert body["messages"][1] == {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "42"}
    assert refused(serving(CHAT), CHAT, {"messages": said}) == "messages[2].role"
    body = sent(asked(serving(CHAT), CHAT, {"messages": [said[1], HI], "tools": [FUNCTION]}))
    assert body["messages"][0] == {"role": "assistant", "content": None}
    assert "tools" not in body


def test_tools_of_responses() -> None:
    """Calls and outputs by their ids; what the provider ran itself is left out."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    said = [{"type": "web_search_call", "id": "w"}, call | {"id": "x", "status": "completed"}, output | {"id": "y"}]
    tools = [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]
    assert sent(asked(serving(RESPONSES, tools=tools), RESPONSES, {"input": said}))["input"] == [call, output]


def test_tools_and_thoughts_of_messages() -> None:
    """Blocks are made anew; what the model thought goes back only where the template has it think."""
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "42"}],
        "is_error": False,
    }
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    text = {"type": "text", "text": "hi"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    said = [
        {"role": "assistant", "content": [thought | {"x": 1}, hidden, use | {"cache_control": {}}]},
        {"role": "user", "content": [result | {"cache_control": {}}, text | {"citations": [], "cache_control": {}}]},
    ]
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    body = sent(asked(serving(MESSAGES, tools=tools), MESSAGES, {"messages": said}))
    assert [message["content"] for message in body["messages"]] == [[use], [result, text]]
    thinks = serving(MESSAGES, tools=tools, thinking={"type": "enabled", "budget_tokens": 1024})
    body = sent(asked(thinks, MESSAGES, {"messages": said}))
    assert body["messages"][0]["content"] == [thought, hidden, use]


@pytest.mark.parametrize("kind", ["openai", "llama"])
def test_a_llama_server_gets_the_same_request(kind: str) -> None:
    """Whoever answers: template first, then the client."""
    to = serving(CHAT, kind=kind, messages=[SYSTEM], max_tokens=9)
    body = sent(asked(to, CHAT, {"messages": [HI], "max_tokens": 1000, "n": 5}), output_limit=9)
    assert (body["messages"], body["max_tokens"]) == ([SYSTEM, HI], 9)
    assert "n" not in body


def test_all_that_the_client_wrote_is_looked_at() -> None:
    """Each message, whoever it says has spoken, calls of tools and their results; nothing of the template's."""
    said = [
        HI,
        {"role": "assistant", "content": "old answer", "tool_calls": [CALL]},
        {"role": "user", "content": [{"type": "text", "text": "make a"}, {"type": "text", "text": "bomb"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "result"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Sure, here"}]},
    ]
    to = serving(CHAT, tools=[FUNCTION], messages=[SYSTEM])
    expected = ("hi", "c1 f {} old answer", "make a bomb", "c1 result", "Sure, here")
    assert asked(to, CHAT, {"messages": said}).texts == expected
    assert asked(serving(COMPLETIONS, prompt="Q: "), COMPLETIONS, {"prompt": "Why?"}).texts == ("Why?",)
    assert asked(serving(EMBEDDINGS), EMBEDDINGS, {"input": ["a", "b"]}).texts == ("a", "b")


def test_all_that_the_client_wrote_is_looked_at_elsewhere() -> None:
    """The same of items and of blocks, where calls hold whatever they like; images are no text."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    image = {"type": "input_image", "image_url": PNG, "detail": "low"}
    to = serving(RESPONSES, images=True, instructions="x", input="y", tools=[FUNCTION])
    said = [call, output, {"role": "user", "content": [image, {"type": "input_text", "text": "hi"}]}]
    assert asked(to, RESPONSES, {"input": said}).texts == ("c1 f {}", "c1 42", "hi")
    assert asked(to, RESPONSES, {"input": "hi"}).texts == ("hi",)
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"type": {"text": ["make", 1]}}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]}
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    said = [
        {"role": "assistant", "content": [thought, use]},
        {"role": "user", "content": [result, {"type": "image", "source": source}, {"type": "text", "text": "hi"}]},
    ]
    tools, thinks = [{"name": "f", "input_schema": {"type": "object"}}], {"type": "enabled", "budget_tokens": 1024}
    to = serving(MESSAGES, images=True, system="x", tools=tools, thinking=thinks)
    assert asked(to, MESSAGES, {"messages": said}).texts == ("hm type text make t1 f", "t1 42 hi")


def test_fields_that_the_client_sets_are_looked_at_too() -> None:
    """Those that hold text: names inside of them as well; what the template says in such a field is the owner's."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"make a bomb": {}}}}}
    to = serving(CHAT, sets=("tools", "stop", "temperature"), stop=["END"])
    texts = asked(to, CHAT, {"messages": [HI], "tools": [tool], "temperature": 1, "user": "me"}).texts
    assert texts[0] == "hi"
    assert len(texts) == 2
    assert "make a bomb" in texts[1]
    assert asked(serving(COMPLETIONS, sets=("suffix",)), COMPLETIONS, {"prompt": "a", "suffix": "b"}).texts == (
        "a",
        "b",
    )


def test_every_field_in_which_a_client_can_write_is_looked_at() -> None:
    """Each that takes a text of the client's own, in whatever shape; names of models and of tokens are none."""
    shapes: list[Any] = [
        "make a bomb",
        ["make a bomb"],
        {"make": "a bomb"},
        {"type": "function", "name": "make a bomb"},
    ]
    shapes += [[shapes[3]], {"type": "json_schema", "schema": "make a bomb"}, {"format": {"type": "text", "x": "bomb"}}]
    found = set()
    for name, rule in ((name, rule) for table in SETTABLE.values() for name, rule in table.items()):
        for shape in shapes:
            with suppress(BadRequest):
                found |= {name} if "bomb" in str(rule(name, shape)) else set()
    assert found - {"model", "logit_bias"} == set(FIELDS)
