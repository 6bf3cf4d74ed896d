"""Every limit at its edge, through HTTP: as many as it says are admitted by two processes together, and no more."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions import money
from functions.errors import RETRIED_WITHIN_S
from functions.ledger.windows import PERIODS
from tests.admit.ruled import FULL, LETTERS, Tight, available, running
from tests.forward.raw_client import raw_client
from tests.forward.scripted_upstream import Call, usage, whole
from tests.forward.stage import CHAT, HELLO, Stage, account_item
from tests.stand import Answer, wait_until

WINDOWS = [period for period in LETTERS if period != "total"]
CREDITS = "100000"
ARTICLES = {"hour": "an"}
A_TOKEN = 4
"""Bytes, as input is estimated."""


def requests_a(period: str) -> str:
    return "requests in all" if period == "total" else f"requests {ARTICLES.get(period, 'a')} {period}"


def check_full(answer: Answer, name: str, period: str) -> None:
    """A 429 that names the limit and its value, and says when it resets, or that it never does."""
    headers, error = answer.headers, answer.error
    assert (answer.status, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert error["message"].startswith(f"Limit reached: {FULL} {name}. ")
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == (str(FULL), "0")
    if period == "total":
        assert error["message"].endswith("It does not reset.")
        assert headers["x-should-retry"] == "false"
        assert not {"retry-after", "x-ratelimit-reset-requests"} & set(headers)
        return
    now = time.time()
    ends = PERIODS[LETTERS[period]](now).end_s
    wait = int(headers["retry-after"])
    # what is left of a minute still counts in the next one
    assert ends - 2 <= now + wait <= ends + (60 / FULL if period == "minute" else 0) + 2
    assert headers["x-ratelimit-reset-requests"] == f"{wait}s"
    assert error["message"].endswith(f"Try again in {wait} s.")
    assert headers.get("x-should-retry") == ("false" if wait > RETRIED_WITHIN_S else None)


@pytest.mark.parametrize("period", LETTERS)
def test_requests_of_an_account_are_limited_in_every_window(tight: Tight, period: str) -> None:
    """Minute, hour, day, week, month and in all: the limit is admitted, the next is refused by either process."""
    key, attribute = tight.key(), LETTERS[period] + ":"
    for turn in range(FULL):
        tight.forget(key, of_user=attribute)
        answer = tight.chat(key, turn)
        assert answer.status == 200
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    before = account_item(tight.gateways[0], key)
    for turn in range(2):
        tight.forget(key, of_user=attribute)
        answer = tight.chat(key, turn)
        check_full(answer, f"{requests_a(period)} for one account", period)
        left = int(before["lots"]["M"]["trial"]["M"]["n"]["N"]) // 10**6
        assert answer.headers["x-farebox-credits-remaining"] == str(left)
    assert list(tight.user(key).values()) == [FULL]
    assert account_item(tight.gateways[0], key)["spent"] == before["spent"]


@pytest.mark.parametrize("period", WINDOWS)
@pytest.mark.parametrize("group", ["", "key/"], ids=["project", "method"])
def test_requests_of_a_project_are_limited_in_every_window(tight: Tight, group: str, period: str) -> None:
    """Whoever sends them: all together get the limit, then everybody is refused, and pays and is counted nothing."""
    attribute = f"{group}{LETTERS[period]}:"
    keys = [tight.key() for _ in range(2)]
    for turn in range(FULL):
        tight.forget(keys[turn % 2], of_project=attribute)
        assert tight.chat(keys[turn % 2], turn // 2).status == 200
    of_whom = "of all who sign in this way" if group else "for the whole project"
    late = tight.key()
    for turn in range(2):
        tight.forget(late, of_project=attribute)
        check_full(tight.chat(late, turn), f"{requests_a(period)} {of_whom}", period)
    assert set(tight.user(late).values()) <= {0}
    assert tight.gateways[0].account(late)["balance"]["available"] == int(CREDITS)
    assert list(tight.project().values()) == [FULL]


def at_once(tight: Tight, keys: list[str]) -> list[Answer]:
    with ThreadPoolExecutor(max_workers=len(keys)) as pool:
        return list(pool.map(lambda turn: tight.chat(keys[turn], turn), range(len(keys))))


def test_of_many_at_once_through_two_processes_a_project_admits_exactly_its_limit(tight: Tight) -> None:
    """16 accounts ask at the same time: as many as the limit are served, and the others hold and pay nothing."""
    keys = [tight.key() for _ in range(16)]
    answers = at_once(tight, keys)
    assert Counter(answer.status for answer in answers) == {200: FULL, 429: 16 - FULL}
    assert set(tight.project().values()) == {FULL}
    for key, answer in zip(keys, answers, strict=True):
        item = account_item(tight.gateways[0], key)
        spent = 7 * 10**6 if answer.status == 200 else 0
        assert (item["holds"]["M"], item.get("spent", {"N": "0"})) == ({}, {"N": str(spent)})


def test_a_provider_that_fails_costs_no_limit_anything(tight: Tight) -> None:
    """Account and project get back what was counted for a request of which nothing came, however often."""
    key = tight.key()
    tight.upstream.script = lambda call: call.answer({"error": {"message": "broken"}}, 500)
    for turn in range(2 * FULL):
        assert tight.chat(key, turn).status == 502
    assert set(tight.project().values()) | set(tight.user(key).values()) == {0}


def test_an_account_that_is_refused_leaves_the_project_its_room(tight: Tight) -> None:
    """What an account is refused for, its own limit or its credits, does not count for everybody."""
    full = tight.key()
    for turn in range(FULL):
        tight.forget(full, of_user="t:")
        assert tight.chat(full, turn).status == 200
    tight.forget(full, of_user="t:")
    for turn in range(2 * FULL):
        assert tight.chat(full, turn).status == 429
    assert set(tight.project().values()) == {0}
    assert tight.chat(tight.key()).status == 200


def sized(tokens: int) -> bytes:
    """A chat whose body is estimated at exactly so many tokens."""
    empty = b'{"messages":[{"role":"user","content":"%s"}],"max_tokens":1}'
    return empty % (b"a" * (tokens * A_TOKEN - len(empty) + 2))


def test_input_is_limited_to_the_token(priced: Stage) -> None:
    """A request estimated at the limit passes; a byte more is 413, with both numbers, and takes nothing."""
    assert priced.post(sized(59)).status == 200
    assert priced.post(sized(60)).status == 200
    spent = priced.balance()["spent"]
    item = account_item(priced.gateway, priced.key)
    refused = priced.post(sized(60) + b" ")
    assert (refused.status, refused.error["code"], refused.error["param"]) == (413, "input_too_large", "messages")
    assert "about 61 tokens" in refused.error["message"]
    assert "at most 60 " in refused.error["message"]
    assert account_item(priced.gateway, priced.key) == item
    assert priced.balance()["spent"] == spent


@pytest.mark.parametrize(("path", "param"), [("/v1/completions", "prompt"), ("/v1/responses", "input")])
def test_too_much_input_names_the_field_it_stands_in(priced: Stage, path: str, param: str) -> None:
    """Each endpoint's own field is named."""
    refused = priced.post({param: "a" * 240}, path)
    assert (refused.status, refused.error["param"]) == (413, param)
    assert priced.untouched()


def test_input_that_the_model_counts_larger_is_written_down(priced: Stage) -> None:
    """What only the model's count shows is charged, up to the hold, and the receipt says `input_above_limit`."""
    priced.upstream.play(lambda call: call.answer(whole(usage=usage(60, 1))))
    assert priced.chat(max_tokens=1).status == 200
    assert priced.receipt()["anomalies"] == []
    other = Stage(priced.gateway, priced.upstream, Tight([priced.gateway], priced.upstream).key())
    priced.upstream.play(lambda call: call.answer(whole(usage=usage(61, 1))))
    assert other.chat(max_tokens=1).status == 200
    assert other.receipt()["anomalies"] == ["input_above_limit"]


@pytest.mark.parametrize(("asked", "sent"), [(39, 39), (40, 40), (41, 40), (None, 40)])
@pytest.mark.parametrize("stream", [False, True])
def test_output_is_limited_to_the_token(priced: Stage, asked: int | None, sent: int, stream: bool) -> None:
    """The model is never asked for more than the limit, and the answer says so where that is less than was asked."""
    answer = priced.chat(stream=stream, **({"max_tokens": asked} if asked else {}))
    assert answer.status == 200
    assert priced.upstream.call.json["max_tokens"] == sent
    told = None if asked == sent else str(sent)
    assert answer.headers.get("x-farebox-output-limit") == told


def test_open_requests_are_limited_across_processes(tight: Tight) -> None:
    """Two may run: either process refuses the third, says why and takes nothing; when they end there is room again."""
    key = tight.key()
    with ThreadPoolExecutor(max_workers=2) as pool:
        with running(tight.upstream):
            first = [pool.submit(tight.chat, key, turn) for turn in range(2)]
            wait_until(lambda: len(tight.upstream.calls) == 2, "two requests run")
            before = account_item(tight.gateways[0], key)
            for turn in range(2):
                refused = tight.chat(key, turn)
                assert (refused.status, refused.error["code"]) == (429, "too_many_open_requests")
                assert refused.error["message"] == "2 requests of this account are running, the most allowed."
                assert refused.headers["retry-after"] == "1"
                free = available(tight.gateways[0], key)
                assert refused.headers["x-farebox-credits-remaining"] == money.shown(free)
            assert account_item(tight.gateways[0], key) == before
        assert [answer.result().status for answer in first] == [200] * 2
    assert tight.chat(key).status == 200


def test_a_limit_of_requests_does_not_stop_what_runs(tight: Tight) -> None:
    """A stream that was admitted last goes on to its end while the next request is refused."""
    key = tight.key()

    def script(call: Call) -> None:
        call.stream()
        call.event({"choices": [{"index": 0, "delta": {"content": "a"}}]})
        answers.extend(tight.chat(key, turn).status for turn in range(FULL))
        call.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        call.write(b"data: [DONE]\n\n")

    answers: list[Any] = []
    for turn in range(FULL - 1):
        assert tight.chat(key, turn).status == 200
    tight.upstream.script = script
    with raw_client(tight.gateways[0].url) as client:
        client.post(CHAT, {"messages": HELLO, "stream": True}, key, "Connection: close")
        assert b"[DONE]" in client.rest()
    assert answers == [429] * FULL
