"""What a refusal says: what is missing, in numbers that are right, and whether and when a new try can help."""

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from functions import money
from functions.errors import RETRIED_WITHIN_S
from tests.admit.ruled import available, change_account, fill, running
from tests.forward.scripted_upstream import chunk, events, plain, usage
from tests.forward.stage import HELLO, Stage, with_credits
from tests.stand import Answer, wait_until

BODY: dict[str, Any] = {"messages": HELLO, "max_tokens": 9}


def numbers(text: str) -> list[Decimal]:
    return [Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def least(stage: Stage) -> Decimal:
    """What the request takes at least, in credits, by the estimate."""
    return Decimal(str(stage.post(BODY, "/v1/estimate").json()["credits"]["at_least"]))


def remaining(answer: Answer) -> Decimal:
    return Decimal(answer.headers["x-farebox-credits-remaining"])


def test_without_credits_it_is_402_and_says_how_many_are_missing(priced: Stage) -> None:
    """`insufficient_quota` in type and code, as OpenAI's; none are left, and no time to wait is promised."""
    poor = with_credits(priced, 0)
    answer = poor.post(BODY)
    assert (answer.status, answer.error["type"], answer.error["code"]) == (
        402,
        "insufficient_quota",
        "insufficient_quota",
    )
    needed = least(poor)
    assert numbers(answer.error["message"]) == [needed, 0, needed]
    assert remaining(answer) == 0
    assert "retry-after" not in answer.headers
    assert poor.upstream.calls == []


@pytest.mark.parametrize("credits", [1, 17, 40])
def test_a_request_larger_than_the_balance_says_how_large(priced: Stage, credits: int) -> None:
    """402 with what it needs, what is left and the difference; with exactly what it needs it is admitted."""
    poor = with_credits(priced, credits)
    needed = least(poor)
    answer = poor.post(BODY)
    assert answer.status == 402
    assert answer.error["message"] == (
        f"This request needs at least {needed} credits; {credits} are left, {needed - credits} are missing."
    )
    assert remaining(answer) == credits
    assert poor.untouched()


def test_at_the_edge_of_the_balance_a_microcredit_decides(priced: Stage) -> None:
    """One microcredit short is 402 and told to the last digit; the exact amount is admitted."""
    stage = with_credits(priced, 0)
    needed = int(least(stage) * 10**6)
    for paid, status in ((needed - 10_000, 402), (needed - 1, 402), (needed, 200)):
        change_account(stage.gateway, stage.key, "paid", {"N": str(paid)})
        answer = stage.post(BODY)
        assert answer.status == status
        if status == 402:
            assert remaining(answer) * 10**6 == paid
            missing = money.shown(needed - paid)
            assert answer.error["message"].endswith(f"{money.shown(paid)} are left, {missing} are missing.")


def test_credits_held_by_running_requests_are_429(priced: Stage) -> None:
    """They come back: 429 `credits_held` with Retry-After and the three amounts; when they are back, it is admitted."""
    stage = with_credits(priced, 300)
    needed = least(stage)
    with ThreadPoolExecutor(max_workers=1) as pool:
        with running(stage.upstream):
            first = pool.submit(stage.post, BODY)
            wait_until(lambda: len(stage.upstream.calls) == 1, "it runs")
            held, free = stage.balance()["held"], stage.balance()["available"]
            assert (held, free) == (300, 0)
            answer = stage.post(BODY)
            assert (answer.status, answer.error["type"]) == (429, "rate_limit_error")
            assert answer.error["code"] == "credits_held"
            assert answer.error["message"] == (
                f"{held} credits are held by requests still running; this one needs {needed}, {free} are free."
            )
            assert answer.headers["retry-after"] == "1"
            assert remaining(answer) == free
        assert first.result().status == 200
    assert stage.post(BODY).status == 200


def test_more_than_all_credits_is_402_though_some_are_held(priced: Stage) -> None:
    """Where even what is held would not be enough, waiting is not what is advised."""
    stage = with_credits(priced, 60)
    large: dict[str, Any] = {"messages": [{"role": "user", "content": "a" * 150}], "max_tokens": 1}
    with ThreadPoolExecutor(max_workers=1) as pool, running(stage.upstream):
        pool.submit(stage.post, BODY)
        wait_until(lambda: len(stage.upstream.calls) == 1, "it runs")
        answer = stage.post(large)
        assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
        assert "retry-after" not in answer.headers


def test_debt_is_402_and_says_how_much(priced: Stage) -> None:
    """An account that owes gets nothing until it has paid, whatever it was given."""
    change_account(priced.gateway, priced.key, "debt", {"N": "12345678901234567890123"})
    answer = priced.post(BODY)
    assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
    assert answer.error["message"] == "This account owes 12345678901234567.890123 credits; the next purchase pays them."


@pytest.mark.parametrize(("period", "limit"), [("hour", 1000), ("total", 5000)])
def test_a_full_window_tells_the_credits_too(priced: Stage, period: str, limit: int) -> None:
    """429 with the limit and what is left of the credits; nobody is told to wait for an hour, or for ever."""
    fill(priced.gateway, priced.key, period, limit)
    answer = priced.post(BODY)
    assert (answer.status, answer.headers["x-ratelimit-limit-requests"]) == (429, str(limit))
    assert remaining(answer) == 100_000
    assert ("retry-after" in answer.headers) == (period == "hour")
    wait_s = int(answer.headers.get("retry-after", RETRIED_WITHIN_S + 1))
    assert answer.headers.get("x-should-retry") == ("false" if wait_s > RETRIED_WITHIN_S else None)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_tells_receipt_credits_and_the_tightest_limit(priced: Stage, stream: bool) -> None:
    """After 998 of 1000 in the hour and 10 in all: the hour is nearest to full. The credits are those that are left."""
    fill(priced.gateway, priced.key, "hour", 997)
    fill(priced.gateway, priced.key, "total", 10)
    script = events(chunk("a"), chunk(), chunk(choices=[], usage=usage(5, 2))) if stream else plain
    priced.upstream.play(script)
    before = available(priced.gateway, priced.key)
    answer = priced.post(BODY | {"stream": stream})
    headers = answer.headers
    assert answer.status == 200
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("1000", "2")
    assert 0 < int(headers["x-ratelimit-reset-requests"].removesuffix("s")) <= 3600
    receipt = priced.receipt()
    assert headers["x-farebox-receipt"] == receipt["id"]
    # a stream's headers are sent while its hold is taken, an answer in one piece waits for its settle
    taken = receipt["held"] if stream else receipt["credits"]
    assert remaining(answer) == Decimal(money.shown(before)) - Decimal(str(taken))


def test_a_total_that_is_the_tightest_has_no_reset(priced: Stage) -> None:
    """What never resets is told without a time."""
    fill(priced.gateway, priced.key, "total", 4997)
    headers = priced.post(BODY).headers
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("5000", "2")
    assert "x-ratelimit-reset-requests" not in headers
