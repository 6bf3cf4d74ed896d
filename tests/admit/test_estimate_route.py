"""POST /v1/estimate: what a request would hold and whether it would be admitted, and nothing is taken for it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.admit.ruled import FULL, Tight, change_account, fill, running
from tests.forward.scripted_upstream import Call, chunk, events, usage, whole
from tests.forward.stage import CHAT, HELLO, Stage, account_item, with_credits
from tests.stand import Answer, wait_until

ESTIMATE, COMPLETION, RESPONSE = "/v1/estimate", "/v1/completions", "/v1/responses"
JSON = {"Content-Type": "application/json"}
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": HELLO, "max_tokens": 9},
    COMPLETION: {"prompt": "Say hello.", "max_tokens": 9},
    RESPONSE: {"input": "Say hello.", "max_output_tokens": 9},
}
NO_LIMIT: dict[str, dict[str, Any]] = {
    path: {name: value for name, value in body.items() if not name.startswith("max")} for path, body in BODIES.items()
}
SPOKEN: dict[str, tuple[Any, list[Any]]] = {
    CHAT: (whole(), [chunk("Hi"), chunk(), chunk(choices=[], usage=usage(5, 2))]),
    COMPLETION: (
        {"object": "text_completion", "model": "m", "choices": [{"text": "Hi"}], "usage": usage(5, 2)},
        [{"choices": [{"text": "Hi"}]}, {"choices": [], "usage": usage(5, 2)}],
    ),
    RESPONSE: (
        {"object": "response", "status": "completed", "usage": {"input_tokens": 5, "output_tokens": 2}},
        [
            {"type": "response.output_text.delta", "item_id": "a", "delta": "Hi"},
            {"type": "response.completed", "response": {"usage": {"input_tokens": 5, "output_tokens": 2}}},
        ],
    ),
}
PER_REQUEST, INPUT, OUTPUT = 0.25, 2, 7
"""What the rules of `priced` take, in credits."""


def same(refusal: dict[str, Any], real: Answer) -> bool:
    """The same error, but for the second that may have passed."""

    def timeless(fields: dict[str, Any]) -> dict[str, Any]:
        return fields | {"message": re.sub(r"in \d+ s", "in … s", fields["message"])}

    return timeless(refusal) == timeless(real.error | {"status": real.status})


def estimate(stage: Stage, body: Any) -> dict[str, Any]:
    """The estimate of a body; the account is the same before and after, to the byte, and nobody was asked."""
    before, calls = account_item(stage.gateway, stage.key), len(stage.upstream.calls)
    answer = stage.post(body, ESTIMATE, **JSON)
    assert answer.status == 200, answer.body
    assert json.dumps(account_item(stage.gateway, stage.key)) == json.dumps(before)
    assert len(stage.upstream.calls) == calls
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize("credits", [100_000, 1001, 900, 300, 60])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
def test_what_is_estimated_is_what_is_held(priced: Stage, path: str, stream: bool, credits: int) -> None:
    """Hold, price and output limit are those of the same request when it is really sent, rich or poor."""
    for body in (BODIES[path], NO_LIMIT[path]):
        stage = with_credits(priced, credits)
        sent = json.dumps(body | {"stream": stream})
        said = estimate(stage, sent)
        assert (said["object"], said["endpoint"], said["admitted"], said["refusal"]) == ("estimate", path, True, None)
        assert said["credits"]["available"] == credits
        in_one_piece, streamed = SPOKEN[path]
        stage.upstream.play(events(*streamed) if stream else partial(Call.answer, fields=in_one_piece))
        answer = stage.post(sent, path)
        assert answer.status == 200, answer.body
        receipt = stage.receipt()
        assert receipt["held"] == said["credits"]["hold"] <= credits
        assert receipt["price"] == said["price"]
        limit = stage.upstream.call.json["max_output_tokens" if path == RESPONSE else "max_tokens"]
        assert limit == said["output_tokens"]["at_most"] <= said["output_tokens"]["asked"]
        assert int(answer.headers.get("x-farebox-output-limit", said["output_tokens"]["asked"])) == limit


def test_an_estimate_says_how_much_at_least_and_at_most(priced: Stage) -> None:
    """The least is a token for four bytes and one of output, the most every bound; each at the price of the rules."""
    sent = json.dumps(BODIES[CHAT])
    said = estimate(priced, sent)
    tokens, output = said["input_tokens"], said["output_tokens"]
    assert tokens["estimated"] == -(-len(sent) // 4)
    assert tokens["at_most"] > len(sent)
    assert output == {"asked": 9, "at_most": 9}
    assert said["credits"]["at_least"] == PER_REQUEST + tokens["estimated"] * INPUT + OUTPUT
    assert said["credits"]["at_most"] == PER_REQUEST + tokens["at_most"] * INPUT + 9 * OUTPUT
    assert said["credits"]["hold"] == said["credits"]["at_most"]


def test_an_estimate_tells_how_full_every_limit_is(tight: Tight) -> None:
    """Name, limit, use, and when it resets; estimates themselves count in none of them, nor in the project's."""
    key, gateway = tight.key(), tight.gateways[0]
    assert tight.chat(key).status == 200
    counted = tight.project()
    for _ in range(2 * FULL):
        answer = gateway.request("POST", ESTIMATE, BODIES[CHAT], key=key)
        assert (answer.status, answer.json()["admitted"]) == (200, True)
    limits = answer.json()["limits"]
    assert [(limit["limit"], limit["used"]) for limit in limits] == [(FULL, 1)] * 6
    assert [limit["name"].split()[-4] for limit in limits] == ["minute", "hour", "day", "week", "month", "all"]
    seconds = [limit["resets_in_s"] for limit in limits]
    assert seconds[-1] is None
    assert 0 < seconds[0] <= 60
    assert seconds[0] <= seconds[1] <= 3600
    assert tight.project() == counted


@pytest.mark.parametrize("credits", [0, 10])
def test_without_credits_the_refusal_is_the_real_402(priced: Stage, credits: int) -> None:
    """The same words as the request gets, and a hold of nothing."""
    stage = with_credits(priced, credits)
    said = estimate(stage, BODIES[CHAT])
    real = stage.post(BODIES[CHAT])
    assert real.status == 402
    assert (said["admitted"], said["credits"]["hold"], said["output_tokens"]["at_most"]) == (False, 0, 0)
    assert same(said["refusal"], real)


@pytest.mark.parametrize(("period", "full"), [("hour", 1000), ("total", 5000)])
def test_with_a_full_window_the_refusal_is_the_real_429(priced: Stage, period: str, full: int) -> None:
    """One below it would be admitted; full, the same refusal as the request gets."""
    fill(priced.gateway, priced.key, period, full - 1)
    assert estimate(priced, BODIES[CHAT])["admitted"]
    fill(priced.gateway, priced.key, period, full)
    said = estimate(priced, BODIES[CHAT])
    real = priced.post(BODIES[CHAT])
    assert real.status == 429
    assert not said["admitted"]
    assert same(said["refusal"], real)


def test_a_blocked_account_gets_the_real_403(priced: Stage) -> None:
    """The refusal says that the account is blocked."""
    change_account(priced.gateway, priced.key, "state", {"S": "blocked"})
    said = estimate(priced, BODIES[CHAT])
    real = priced.post(BODIES[CHAT])
    assert real.status == 403
    assert same(said["refusal"], real)


@pytest.mark.parametrize(("credits", "requests"), [(300, 1), (100_000, 2)], ids=["credits held", "too many open"])
def test_while_requests_run_the_refusal_is_the_real_429(priced: Stage, credits: int, requests: int) -> None:
    """What runs holds the credits, or is all that may: the estimate says so while it does, and not after."""
    stage = with_credits(priced, credits)
    with ThreadPoolExecutor(max_workers=requests) as pool:
        with running(stage.upstream):
            first = [pool.submit(stage.post, BODIES[CHAT]) for _ in range(requests)]
            wait_until(lambda: len(stage.upstream.calls) == requests, "they run")
            said = estimate(stage, BODIES[CHAT])
            real = stage.post(BODIES[CHAT])
            assert real.status == 429
            assert same(said["refusal"], real)
        assert {answer.result().status for answer in first} == {200}
    assert estimate(stage, BODIES[CHAT])["admitted"]


def check_same(stage: Stage, body: Any, path: str, status: int) -> dict[str, Any]:
    """The estimate itself is refused, as the request is; returns the error."""
    before = account_item(stage.gateway, stage.key)
    asked, real = stage.post(body, ESTIMATE, **JSON), stage.post(body, path)
    assert (asked.status, asked.error) == (real.status, real.error)
    assert asked.status == status
    assert account_item(stage.gateway, stage.key) == before
    return asked.error


@pytest.mark.parametrize(("path", "field"), [(CHAT, "messages"), (COMPLETION, "prompt"), (RESPONSE, "input")])
def test_too_much_input_is_the_real_413(priced: Stage, path: str, field: str) -> None:
    """The estimate is refused as the request is, field and numbers included."""
    content: Any = [{"role": "user", "content": "a" * 300}] if path == CHAT else "a" * 300
    assert check_same(priced, {field: content}, path, 413)["param"] == field


def test_a_model_without_a_price_is_the_real_403(unpriced: Stage) -> None:
    """`model_not_priced`, as for the request itself."""
    assert check_same(unpriced, BODIES[CHAT], CHAT, 403)["code"] == "model_not_priced"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {"messages": HELLO, "max_tokens": 0}, "max_tokens"),
        (CHAT, {"messages": HELLO, "surprise": 1}, "surprise"),
        (CHAT, {"messages": [{"role": "nobody", "content": ""}]}, "messages[0].role"),
        (COMPLETION, {"prompt": ["a", "b"]}, "prompt"),
        (RESPONSE, {"input": "a", "tools": [{}]}, "tools"),
        (CHAT, '{"messages": [', None),
    ],
)
def test_a_wrong_request_is_refused_as_it_really_is(priced: Stage, path: str, body: Any, param: str | None) -> None:
    """400, and `param` names the same field."""
    assert check_same(priced, body, path, 400)["param"] == param


@pytest.mark.parametrize(
    "body", [{}, {"model": "m"}, {"messages": HELLO, "prompt": "a"}, {"input": "a", "prompt": "a"}]
)
def test_a_body_is_for_exactly_one_endpoint(priced: Stage, body: Any) -> None:
    """None of messages, prompt and input, or two of them: 400 that names them."""
    answer = priced.post(body, ESTIMATE)
    assert (answer.status, answer.error["param"]) == (400, "messages")
    assert "messages, prompt and input" in answer.error["message"]


@pytest.mark.parametrize("key", ["", "sk-" + "A" * 43, "nonsense"])
def test_without_a_key_there_is_no_estimate(priced: Stage, key: str) -> None:
    """401, as for every request."""
    answer = priced.gateway.request("POST", ESTIMATE, BODIES[CHAT], key=key)
    real = priced.gateway.request("POST", CHAT, BODIES[CHAT], key=key)
    assert (answer.status, answer.error) == (real.status, real.error)
    assert answer.status == 401
