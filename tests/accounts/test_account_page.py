"""GET /account: what a user sees of balance, use and receipts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.forward.scripted_upstream import DONE, WAIT_S, Call, ScriptedUpstream, chunk, plain, usage
from tests.forward.stage import CHAT, Stage, new_key
from tests.stand import RunningGateway, wait_until

CANARY = "canary-Zq3xV"


@pytest.fixture
def user(front: RunningGateway, upstream: ScriptedUpstream) -> Stage:
    upstream.play(plain)
    return Stage(front, upstream, new_key(front))


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_a_new_account_shows_its_trial(front: RunningGateway) -> None:
    """Right after registration: the trial and when it ends, nothing used, the packs for sale, nobody to pay."""
    key = front.register("new@farebox.test")
    account = front.account(key)
    user_id = account.pop("user_id")
    created, expires = at(account.pop("created")), at(account["balance"].pop("trial_expires"))
    packs = account.pop("packs")
    assert isinstance(user_id, int)
    assert expires - created == timedelta(days=7)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    assert [pack["id"] for pack in packs] == ["starter", "standard", "pro"]
    assert all(set(pack) == {"id", "credits", "amount", "currency"} for pack in packs)
    balance = {"available": 100_000, "trial": 100_000, "paid": 0, "held": 0, "spent": 0, "debt": 0}
    empty: list[Any] = []
    assert account == {
        "project": "default",
        "email": "new@farebox.test",
        "balance": balance,
        "use": empty,
        "receipts": empty,
        "orders": empty,
        "methods": empty,
    }


def test_an_account_without_trial_shows_none(front: RunningGateway) -> None:
    """Where there is no trial, there is no date for its end."""
    balance = front.account(new_key(front, 0))["balance"]
    assert (balance["trial_expires"], balance["trial"], balance["available"]) == (None, 0, 0)


def test_a_receipt_says_what_a_request_was(user: Stage) -> None:
    """A receipt has tokens, credits, hold, model, price and outcome, and the id that the answer carried."""
    answer = user.chat(stream=True, max_tokens=20)
    receipt = user.receipt()
    created = at(receipt.pop("created"))
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert receipt.pop("held") >= 20
    assert receipt == {
        "id": answer.headers["x-farebox-receipt"],
        "endpoint": CHAT,
        "model": "m.gguf",
        "outcome": "completed",
        "input_tokens": 5,
        "cached_tokens": 0,
        "output_tokens": 2,
        "credits": 7,
        "shortfall": 0,
        "price": "*/1000000/1000000/1000000/0",
        "abort": "",
        "anomalies": [],
        "reasoning_tokens": 0,
        "method": "",
        "project_version": 0,
        "blocked": "",
    }


def test_use_is_summed_by_day(user: Stage) -> None:
    """Requests, tokens in and out, and credits of every day on which something was used."""
    before = datetime.now(UTC).date().isoformat()
    for _ in range(3):
        assert user.chat().status == 200
    use = user.account()["use"]
    assert {day["day"] for day in use} <= {before, datetime.now(UTC).date().isoformat()}
    names = ("requests", "input_tokens", "output_tokens", "credits")
    assert [sum(day[name] for day in use) for name in names] == [3, 15, 6, 21]


def test_the_newest_receipts_come_first_and_are_twenty(user: Stage) -> None:
    """A page shows the last twenty; the sum spent counts all."""
    ids = [user.chat().headers["x-farebox-receipt"] for _ in range(22)]
    account = user.account()
    assert [receipt["id"] for receipt in account["receipts"]] == ids[:1:-1]
    assert account["balance"]["spent"] == 22 * 7


def test_credits_of_running_requests_are_held(user: Stage) -> None:
    """While a stream runs its hold is shown apart from what is available; afterwards nothing is held."""
    go_on = threading.Event()

    def script(call: Call) -> None:
        call.stream()
        call.event(chunk("one"))
        assert go_on.wait(WAIT_S)
        call.event(chunk(usage=usage(5, 1)))
        call.write(DONE)

    user.upstream.play(script)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(user.chat, stream=True, max_tokens=50)
        wait_until(lambda: user.upstream.calls, "the provider got the request")
        during = user.balance()
        go_on.set()
        assert answer.result().status == 200
    assert during["held"] >= 50
    assert (during["available"] + during["held"], during["spent"]) == (100_000, 0)
    after = user.balance()
    assert (after["held"], after["spent"], after["available"]) == (0, 6, 100_000 - 6)


def test_answers_tell_the_credits_left(user: Stage) -> None:
    """A buffered answer says the balance after it was charged."""
    answer = user.chat()
    assert answer.headers["x-farebox-credits-remaining"] == str(user.balance()["available"])


def test_prompts_and_answers_are_kept_nowhere(user: Stage) -> None:
    """Neither the page nor the gateway's log repeats what was asked or answered."""
    user.upstream.play(lambda call: call.answer({"model": "m", "choices": [], "x": CANARY, "usage": usage(5, 2)}))
    answer = user.post({"messages": [{"role": "user", "content": CANARY}], "user": CANARY})
    assert CANARY.encode() in answer.body
    page = user.gateway.request("GET", "/account", key=user.key)
    assert CANARY.encode() not in page.body
    assert CANARY not in user.gateway.log.read_text()


def test_each_key_shows_its_own_account(front: RunningGateway, user: Stage) -> None:
    """No parameter leads to another's account, and no cache keeps a page."""
    other = front.account(new_key(front))
    path = f"/account?user_id={other['user_id']}&email={other['email']}"
    answer = front.request("GET", path, key=user.key)
    assert answer.json()["user_id"] == user.account()["user_id"] != other["user_id"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_account_is_only_looked_at(user: Stage, method: str) -> None:
    """Nothing but GET, and DELETE, is answered: no field of an account can be set."""
    answer = user.gateway.request(method, "/account", {"balance": 10**9, "role": "admin"}, key=user.key)
    assert (answer.status, answer.error["type"]) == (405, "invalid_request_error")
    assert user.untouched()
