"""What goes to a hosted provider: in forward mode what was sent, in managed mode what was built; always bounded."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import BadRequest
from functions.forward import hosted, hosted_fields, hosted_parts, llama, upstream
from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.fields import anything
from functions.forward.llama import LIMIT_NAMES, Prepared

LIMIT = 4096
HELLO = [{"role": "user", "content": "Hello"}]
CONTENT: dict[str, Any] = {
    CHAT: {"messages": HELLO},
    COMPLETIONS: {"prompt": "Hello"},
    RESPONSES: {"input": "Hello"},
    MESSAGES: {"messages": HELLO, "max_tokens": 100},
    EMBEDDINGS: {"input": "Hello"},
    MODERATIONS: {"input": "Hello"},
}
KIND = {path: "anthropic" if path == MESSAGES else "openai" for path in CONTENT}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
PARTLY = JSON | st.lists(
    st.dictionaries(st.sampled_from(["type", "role", "content", "output", "image_url", "source"]), JSON, max_size=3),
    max_size=2,
)
"""Values that look somewhat like messages."""
FREE = {
    path: sorted(set(table) - set(hosted_fields.BOUNDS) - set(CONTENT[path]) - {"tools", "functions"})
    for path, table in hosted.TABLES.items()
}
"""Fields whose values are the provider's to judge."""


def prepared(endpoint: str = CHAT, kind: str = "", **options: Any) -> Prepared:
    """A request with the fields in `body`, beside those that it must have."""
    body = CONTENT[endpoint] | {"model": "m"} | options.pop("body", {})
    raw = len(json.dumps(body))
    defaults: dict[str, Any] = {"limit_name": "max_completion_tokens", "output_limit": LIMIT, "trusted": False}
    return hosted.prepare(kind or KIND[endpoint], endpoint, body, raw, **(defaults | options))


def sent(made: Prepared, output_limit: int | None = None) -> dict[str, Any]:
    """What goes upstream where the credits cover so much output; None: all that it can come to."""
    fields: dict[str, Any] = json.loads(made.body(made.output_limit if output_limit is None else output_limit))
    return fields


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A request to any endpoint, with any of its fields."""
    endpoint = draw(st.sampled_from(sorted(CONTENT)))
    table = hosted.TABLES[endpoint]
    body = {"model": "m", **CONTENT[endpoint]}
    for name in draw(st.lists(st.sampled_from(FREE[endpoint]), unique=True)) if FREE[endpoint] else ():
        if table[name] is anything:
            body[name] = draw(JSON)
    for name in sorted(set(LIMIT_NAMES) & set(table)):
        if draw(st.booleans()):
            body[name] = draw(st.integers(1, 10_000))
    if "n" in table:
        body["n"] = draw(st.integers(1, 128))
    if "stream" in table:
        body["stream"] = draw(st.booleans())
    return endpoint, body


@settings(deadline=None)
@given(request=requests(), part=st.floats(0, 1))
def test_forward_mode_sends_what_was_sent(request: tuple[str, dict[str, Any]], part: float) -> None:
    """As parsed JSON it is the same, but for the usage request, and the limit where credits do not cover its own."""
    endpoint, body = request
    before = json.dumps(body)
    made = prepared(endpoint, body=body)
    assert json.dumps(body) == before
    expected = dict(body)
    if body.get("stream") and endpoint in (CHAT, COMPLETIONS):
        expected["stream_options"] = {"include_usage": True}
    assert sent(made) == expected
    less = int(made.output_limit * part)
    if less < made.output_limit:
        own = set(LIMIT_NAMES)
        clamped = sent(made, less)
        assert {n: v for n, v in clamped.items() if n not in own} == {n: v for n, v in expected.items() if n not in own}
        (limit,) = [clamped[name] for name in own & set(clamped)]
        assert limit == max(1, less // made.choices)
        assert limit * made.choices <= less or limit == 1


@settings(deadline=None)
@given(request=requests())
def test_managed_mode_always_sends_one_limit(request: tuple[str, dict[str, Any]]) -> None:
    """What was built here has exactly one output limit upstream, called as the provider calls it."""
    endpoint, body = request
    made = prepared(endpoint, body=body, trusted=True)
    names = set(LIMIT_NAMES) & set(sent(made))
    assert names == {made.limit_name} - {""}
    given_limits = [body[name] for name in LIMIT_NAMES if name in body]
    if made.limit_name:
        assert sent(made)[made.limit_name] == min(given_limits, default=LIMIT)


@settings(deadline=None)
@given(endpoint=st.sampled_from(sorted(CONTENT)), name=st.text(min_size=1, max_size=20), value=JSON)
def test_a_field_in_no_table_is_refused_by_name(endpoint: str, name: str, value: Any) -> None:
    """Unless it says nothing, the project opened it, or the body was built here."""
    if name in hosted.TABLES[endpoint] or name in hosted_fields.BOUNDS or value is None or value == []:
        return
    with pytest.raises(BadRequest) as refused:
        prepared(endpoint, body={name: value})
    assert refused.value.param == name
    for options in ({"fields": frozenset({name})}, {"fields": frozenset({"*"})}, {"trusted": True}):
        assert sent(prepared(endpoint, body={name: value}, **options))[name] == value


@settings(deadline=None)
@given(
    kind=st.sampled_from(["openai", "anthropic", "llama"]),
    endpoint=st.sampled_from(sorted(CONTENT)),
    body=st.dictionaries(st.sampled_from(sorted({name for table in hosted.TABLES.values() for name in table})), PARTLY),
    trusted=st.booleans(),
    fields=st.sampled_from([frozenset[str](), frozenset({"*"})]),
)
def test_nothing_but_a_bad_request_comes_of_a_bad_request(
    kind: str, endpoint: str, body: dict[str, Any], trusted: bool, fields: frozenset[str]
) -> None:
    """Whatever stands in whatever field: it is refused, or goes on with a bound that holds its bytes."""
    try:
        made = prepared(endpoint, kind, body=body, trusted=trusted, fields=fields)
    except BadRequest:
        return
    assert made.input_bound >= len(made.body(made.output_limit)) * (not made.whole)
    assert made.output_limit >= made.choices * bool(made.limit_name)


REFUSED: list[tuple[str, str, Any]] = [
    (CHAT, "audio", {"voice": "alloy"}),
    (CHAT, "modalities", ["text", "audio"]),
    (CHAT, "prediction", {"type": "content"}),
    (CHAT, "web_search_options", {}),
    (CHAT, "store", True),
    (CHAT, "service_tier", "priority"),
    (CHAT, "service_tier", "flex"),
    (CHAT, "models", ["dearer"]),
    (CHAT, "plugins", [{"id": "web"}]),
    (CHAT, "route", "fallback"),
    (RESPONSES, "background", True),
    (RESPONSES, "previous_response_id", "resp_1"),
    (RESPONSES, "conversation", "conv_1"),
    (RESPONSES, "prompt", {"id": "pmpt_1"}),
    (RESPONSES, "store", True),
    (RESPONSES, "service_tier", "priority"),
    (MESSAGES, "container", "c"),
    (MESSAGES, "mcp_servers", [{"url": "https://x"}]),
    (MESSAGES, "service_tier", "priority"),
    (MESSAGES, "speed", "fast"),
    (MESSAGES, "inference_geo", "us"),
    (EMBEDDINGS, "stream", True),
]


@pytest.mark.parametrize(("endpoint", "name", "value"), REFUSED)
def test_what_is_not_counted_in_tokens_is_refused(endpoint: str, name: str, value: Any) -> None:
    """State, hosted tools, faster tiers, sound, other models: refused by name, unless the project opened them."""
    with pytest.raises(BadRequest) as refused:
        prepared(endpoint, body={name: value})
    assert refused.value.param == name
    assert sent(prepared(endpoint, body={name: value}, fields=frozenset({name})))[name] == value


@pytest.mark.parametrize(
    ("endpoint", "name"), [(CHAT, "store"), (RESPONSES, "background"), (CHAT, "n"), (CHAT, "audio")]
)
def test_null_counts_as_absent_and_stays(endpoint: str, name: str) -> None:
    """SDKs send null where they send nothing."""
    assert sent(prepared(endpoint, body={name: None}))[name] is None


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


PARTS: list[tuple[str, dict[str, Any], str, str]] = [
    (CHAT, user({"type": "input_audio"}), "messages[0].content[0].type", "input_audio"),
    (CHAT, user({"type": "text"}, {"type": "file"}), "messages[0].content[1].type", "file"),
    (CHAT, user({"type": "image_url", "file_id": "f"}), "messages[0].content[0].file_id", "file_id"),
    (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "messages[0].audio", "audio"),
    (CHAT, {"tools": [{"type": "web_search"}]}, "tools[0].type", "web_search"),
    (
        RESPONSES,
        {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
        "input[0].content[0].type",
        "input_file",
    ),
    (RESPONSES, {"input": [{"type": "item_reference", "id": "i"}]}, "input[0].type", "item_reference"),
    (RESPONSES, {"input": [{"id": "i"}]}, "input[0].type", "item_reference"),
    (
        RESPONSES,
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_file"}]}]},
        "input[0].output[0].type",
        "input_file",
    ),
    (RESPONSES, {"tools": [{"type": "function"}, {"type": "mcp"}]}, "tools[1].type", "mcp"),
    (MESSAGES, user({"type": "document"}), "messages[0].content[0].type", "document"),
    (MESSAGES, user({"type": "server_tool_use"}), "messages[0].content[0].type", "server_tool_use"),
    (
        MESSAGES,
        user({"type": "tool_result", "content": [{"type": "document"}]}),
        "messages[0].content[0].content[0].type",
        "document",
    ),
    (MESSAGES, {"tools": [{"type": "web_search_20250305"}]}, "tools[0].type", "web_search_20250305"),
    (MODERATIONS, {"input": [{"type": "audio"}]}, "input[0].type", "audio"),
]


@pytest.mark.parametrize(("endpoint", "body", "path", "kind"), PARTS)
def test_parts_that_cannot_be_bounded_are_refused(endpoint: str, body: dict[str, Any], path: str, kind: str) -> None:
    """Files, sound, references and hosted tools, wherever they stand; each can be opened by its type."""
    with pytest.raises(BadRequest) as refused:
        prepared(endpoint, body=body)
    assert refused.value.param == path
    assert sent(prepared(endpoint, body=body, fields=frozenset({kind}))) == CONTENT[endpoint] | {"model": "m"} | body
    prepared(endpoint, body=body, trusted=True)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, {"messages": 1}),
        (CHAT, {"messages": ["x"]}),
        (CHAT, user({"type": ["text"]})),
        (CHAT, user(1)),  # type: ignore[arg-type]
        (CHAT, user({"type": "image_url", "image_url": {"url": 1}})),
        (CHAT, {"tools": ["x"]}),
        (CHAT, {"tools": [{"type": {}}]}),
        (RESPONSES, {"input": {"role": "user"}}),
        (RESPONSES, {"input": [1]}),
        (MESSAGES, user({"type": "image", "source": {"type": "file", "file_id": "f"}})),
        (MESSAGES, user({"type": "image"})),
        (MESSAGES, {"max_tokens": None}),
        (CHAT, {"model": None}),
        (CHAT, {"model": 5}),
        (COMPLETIONS, {"prompt": None}),
        *((CHAT, {"n": value}) for value in (0, -1, 129, 10**6, "2", True, 2.0)),
        *((CHAT, {"max_tokens": value}) for value in (0, -1, 2**31, "5", True, 5.0)),
        *((CHAT, {"max_completion_tokens": value}) for value in (0, 2**31, "5")),
        *((RESPONSES, {"max_output_tokens": value}) for value in (0, "5", True)),
        (COMPLETIONS, {"best_of": 10**6}),
        (CHAT, {"stream": "yes"}),
        (CHAT, {"stream_options": [1]}),
        (CHAT, {"stream_options": "x"}),
    ],
)
def test_what_bounds_a_request_must_be_sound(endpoint: str, body: dict[str, Any]) -> None:
    """It is refused with its name; opening every field does not help."""
    with pytest.raises(BadRequest) as refused:
        prepared(endpoint, body=body)
    assert refused.value.param


@pytest.mark.parametrize("name", ["n", "best_of", "max_tokens", "max_completion_tokens", "stream"])
def test_opening_every_field_opens_no_bound(name: str) -> None:
    """Nor does it matter who built the body."""
    for options in ({"fields": frozenset({"*"})}, {"trusted": True}):
        with pytest.raises(BadRequest):
            prepared(body={name: "many"}, **options)


def test_choices_multiply_the_output() -> None:
    """`n`, `best_of` and lists of prompts: the limit upstream is each choice's share."""
    assert (prepared(body={"n": 3}).output_limit, prepared(body={"n": 3, "max_tokens": 10}).output_limit) == (
        3 * LIMIT,
        30,
    )
    both = prepared(COMPLETIONS, body={"prompt": ["a", "b"], "n": 2, "best_of": 5, "max_tokens": 10})
    assert (both.choices, both.output_limit, sent(both, 50)["max_tokens"]) == (10, 100, 5)
    assert prepared(COMPLETIONS, body={"prompt": [1, 2, 3]}).choices == 1
    assert prepared(COMPLETIONS, body={"prompt": [[1, 2], [3]]}).choices == 2
    assert prepared(COMPLETIONS, body={"prompt": []}).choices == 1
    with pytest.raises(BadRequest):
        prepared(COMPLETIONS, body={"prompt": ["a"] * 2049})


def test_of_two_limits_from_outside_the_larger_bounds() -> None:
    """Providers differ in which they obey; where credits cover less, one goes upstream, as the provider calls it."""
    made = prepared(body={"max_tokens": 10, "max_completion_tokens": 500})
    assert made.output_limit == 500
    assert {"max_tokens", "max_completion_tokens"} <= set(sent(made))
    assert {name: sent(made, 400).get(name) for name in LIMIT_NAMES if name in sent(made, 400)} == {
        "max_completion_tokens": 400
    }
    one = prepared(body={"max_tokens": 500, "max_completion_tokens": None})
    assert {name: value for name, value in sent(one, 400).items() if name in LIMIT_NAMES} == {"max_tokens": 400}
    assert sent(one)["max_completion_tokens"] is None


def test_a_request_without_a_limit_goes_without_one_where_all_is_covered() -> None:
    """What the provider makes at most is the bound then; it is written where credits cover less."""
    made = prepared()
    assert (made.output_limit, "max_completion_tokens" in sent(made)) == (LIMIT, False)
    assert sent(made, LIMIT - 1)["max_completion_tokens"] == LIMIT - 1


@pytest.mark.parametrize(
    ("endpoint", "kind", "name"),
    [
        (CHAT, "openai", "max_completion_tokens"),
        (COMPLETIONS, "openai", "max_tokens"),
        (RESPONSES, "openai", "max_output_tokens"),
        (CHAT, "llama", "max_tokens"),
        (RESPONSES, "llama", "max_output_tokens"),
    ],
)
def test_a_request_says_whether_it_names_a_limit(endpoint: str, kind: str, name: str) -> None:
    """One that names none can be sent with one always: what credits cover, as the provider calls it; null is none."""
    for body in ({}, {"max_tokens": None} if endpoint != RESPONSES else {}):
        made = prepared(endpoint, kind, body=body)
        assert (made.names_limit, made.output_limit) == (False, LIMIT)
        assert sent(made) == CONTENT[endpoint] | {"model": "m"} | body
        always = replace(made, whole=b"")
        for covered in (LIMIT, 10):
            assert sent(always, covered) == CONTENT[endpoint] | {"model": "m", name: covered}
    assert prepared(endpoint, kind, body={name: 5}).names_limit
    assert prepared(endpoint, kind, trusted=True).names_limit


def test_the_limit_that_is_added_is_each_choice_s_share() -> None:
    """Also where the request names none; what has no output needs none."""
    always = replace(prepared(body={"n": 4}), whole=b"")
    assert (always.output_limit, sent(always)["max_completion_tokens"]) == (4 * LIMIT, LIMIT)
    assert prepared(EMBEDDINGS).names_limit


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, 471),
        ({"encoding_format": "float", "dimensions": 1536}, 939),
        ({"encoding_format": "base64"}, 1923),
        ({"encoding_format": "base64", "dimensions": 1536}, 2048),
        ({"dimensions": 256}, 2048),
        ({"dimensions": None, "encoding_format": None}, 471),
        ({"dimensions": "256"}, 471),
        ({"dimensions": True}, 471),
        ({"dimensions": -1}, 471),
        ({"dimensions": 10**9}, 1),
    ],
)
def test_vectors_that_could_not_be_passed_on_are_not_asked_for(
    fields: dict[str, Any], most: int, trusted: bool
) -> None:
    """An answer of more than 32 MB would be billed and thrown away: 400 names the input."""
    prepared(EMBEDDINGS, body=fields | {"input": ["a"] * most}, trusted=trusted)
    with pytest.raises(BadRequest) as refused:
        prepared(EMBEDDINGS, body=fields | {"input": [[1]] * (most + 1)}, trusted=trusted)
    assert (refused.value.param, str(most) in str(refused.value)) == ("input", True)
    prepared(EMBEDDINGS, body=fields | {"input": [1] * 8191}, trusted=trusted)
    prepared(EMBEDDINGS, body=fields | {"input": "a" * 8191}, trusted=trusted)


def test_the_bound_of_vectors_is_that_of_answers() -> None:
    """As many bytes as are read of an answer; an answer with as many vectors as are let through is not longer."""
    assert hosted.ANSWER_BYTES_MAX == upstream.ANSWER_BYTES_MAX

    def answer_bytes(vector: Any, count: int, indent: int | None) -> int:
        answer = {"object": "list", "data": [{"object": "embedding", "index": 1000, "embedding": vector}]}
        return len(json.dumps(answer, indent=indent, separators=(",", ":") if indent is None else None)) * count

    assert answer_bytes([-0.006929283] * 3072, 471, 2) <= upstream.ANSWER_BYTES_MAX
    assert answer_bytes([-0.006929283495992422] * 3072, 471, None) <= upstream.ANSWER_BYTES_MAX
    assert answer_bytes("A" * (3072 * 16 // 3), 1923, 2) <= upstream.ANSWER_BYTES_MAX


LONG: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"messages": [1] * 10_001}, "messages"),
    (MESSAGES, {"messages": [1] * 10_001}, "messages"),
    (RESPONSES, {"input": [1] * 10_001}, "input"),
    (MODERATIONS, {"input": ["a"] * 10_001}, "input"),
    (CHAT, {"messages": [{"role": "user", "content": [1] * 10_001}]}, "messages[0].content"),
    (RESPONSES, {"input": [{"type": "function_call_output", "output": [1] * 10_001}]}, "input[0].output"),
    (
        MESSAGES,
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [1] * 10_001}]}]},
        "messages[0].content[0].content",
    ),
    (CHAT, {"tools": [{"type": "function"}] * 129}, "tools"),
    (CHAT, {"functions": [{"name": "f"}] * 129}, "functions"),
]


@pytest.mark.parametrize("options", [{}, {"trusted": True}, {"fields": frozenset({"*"})}])
@pytest.mark.parametrize(("endpoint", "body", "path"), LONG)
def test_lists_are_bounded_before_their_entries_are_looked_at(
    endpoint: str, body: dict[str, Any], path: str, options: dict[str, Any]
) -> None:
    """10,000 messages or parts, 128 tools: of a longer list only its length is looked at."""
    with pytest.raises(BadRequest) as refused:
        prepared(endpoint, body=body, **options)
    assert refused.value.param == path


def test_the_longest_lists_are_let_through() -> None:
    """As long as a llama-server's may be."""
    assert prepared(body={"messages": HELLO * 10_000, "tools": [{"type": "function"}] * 128}).input_bound
    assert prepared(MODERATIONS, body={"input": ["a"] * 10_000}).input_bound


def test_entries_are_judged_one_by_one() -> None:
    """The first that is wrong ends it: no path is made for those after it."""
    found = hosted_parts.parts(CHAT, {"messages": [{"content": [1, 2]}, {"content": [3]}]})
    assert next(iter(found)) == ("messages[0].content[0]", 1)
    assert iter(found) is found


def test_embeddings_and_moderations_have_no_output() -> None:
    """No limit goes upstream, whatever is covered."""
    for endpoint in (EMBEDDINGS, MODERATIONS):
        made = prepared(endpoint)
        assert (made.output_limit, made.stream) == (0, False)
        assert sent(made, 1) == sent(made, 0) == CONTENT[endpoint] | {"model": "m"}
    assert prepared(MODERATIONS, body={"model": None}).model == ""


IMAGE = "data:image/png;base64," + "A" * 300_000
IMAGES = [
    (CHAT, user({"type": "image_url", "image_url": {"url": IMAGE}})),
    (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": IMAGE}]}]}),
    (MESSAGES, user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 300_000}})),
    (
        MESSAGES,
        user(
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": "A" * 300_000}}]}
        ),
    ),
    (MODERATIONS, {"input": [{"type": "image_url", "image_url": {"url": IMAGE}}]}),
]


@pytest.mark.parametrize(("endpoint", "body"), IMAGES)
def test_images_are_bounded_by_their_number(endpoint: str, body: dict[str, Any]) -> None:
    """Each counts for itself, whatever its bytes."""
    made = prepared(endpoint, body=body)
    assert 50_000 < made.input_bound < 51_500
    assert 1_000 < made.input_estimate < 1_200


@pytest.mark.parametrize(
    "body",
    [
        user({"type": "text", "text": "A" * 300_000}),
        user({"type": "image_url", "image_url": {"url": "https://x/" + "A" * 300_000}}),
        user({"type": "image_url", "image_url": {"url": "data:text/plain," + "A" * 300_000}}),
        {"metadata": {"type": "image_url", "image_url": {"url": IMAGE}}},
    ],
)
def test_only_bytes_of_images_are_left_out(body: dict[str, Any]) -> None:
    """Text cannot pass for an image's bytes."""
    assert prepared(body=body).input_bound > 300_000


def test_tools_count_as_providers_write_them() -> None:
    """Longer than they were sent, and with what the provider tells its model about tools."""
    tools = [{"type": "function", "function": {"name": "f" * 1000}}]
    assert prepared(body={"tools": tools}).input_bound > prepared().input_bound + 3 * 1000 + 1024
    functions = {"functions": [{"name": "f" * 1000}]}
    assert prepared(body=functions).input_bound > prepared().input_bound + 3 * 1000 + 1024


@pytest.mark.parametrize("kind", ["llama", "openai", "anthropic"])
def test_each_kind_is_asked_for_what_it_serves(kind: str) -> None:
    """Nothing is sent of which the usage could not be read."""
    for endpoint in CONTENT:
        if hosted.serves(kind, endpoint):
            assert prepared(endpoint, kind).kind == kind
        else:
            with pytest.raises(BadRequest):
                prepared(endpoint, kind)


def test_a_llama_server_in_forward_mode_gets_what_was_sent() -> None:
    """Its adapter checks the fields, and sends on all of them, with the counts that it reads on every event."""
    body = {"messages": [*HELLO, {"role": "assistant", "content": ""}], "stream": True, "user": "u", "max_tokens": 50}
    made = prepared(CHAT, "llama", body=body)
    added = {"timings_per_token": True, "stream_options": {"include_usage": True}}
    assert sent(made) == {"model": "m", **body, **added}
    assert sent(made, 20) == {"model": "m", **body, **added, "max_tokens": 20}
    assert (made.timings_wanted, made.usage_wanted, made.output_limit) == (False, False, 50)
    two = prepared(CHAT, "llama", body={"max_tokens": 5, "n_predict": 50})
    assert (two.output_limit, sent(two, 10).get("max_tokens"), "n_predict" in sent(two, 10)) == (50, 10, False)
    answered = prepared(RESPONSES, "llama", body={"stream": True})
    assert sent(answered) == CONTENT[RESPONSES] | {"model": "m", "stream": True, "timings_per_token": True}


def test_a_llama_server_s_table_holds_in_both_modes() -> None:
    """What it cannot count is refused, also where every field is opened; what it does not know can be opened."""
    for options in ({}, {"trusted": True}, {"fields": frozenset({"*"})}):
        for wrong in ({"n": 2}, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}):
            with pytest.raises(BadRequest):
                prepared(CHAT, "llama", body=wrong, **options)
    with pytest.raises(BadRequest) as refused:
        prepared(CHAT, "llama", body={"grammar": "g"})
    assert refused.value.param == "grammar"
    assert sent(prepared(CHAT, "llama", body={"grammar": "g"}, fields=frozenset({"grammar"})))["grammar"] == "g"


def test_a_llama_server_in_managed_mode_gets_its_model_and_one_limit() -> None:
    """As from the built-in project, and with what the owner's template says beside it."""
    made = prepared(CHAT, "llama", body={"max_tokens": 9, "grammar": "g"}, trusted=True)
    assert sent(made, 9) == {"messages": HELLO, "max_tokens": 9, "model": "m", "grammar": "g"}
    raw = json.dumps({"messages": HELLO, "max_tokens": 9}).encode()
    assert llama.prepare(CHAT, raw, LIMIT, 256).output_limit == made.output_limit
