"""GET /account/use: what a user's requests came to, by day and model; and the statistics of the built-in project."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.accounts import use
from functions.ledger import tables
from functions.ledger.windows import DAY_S
from tests.accounts.reader import Reader, new_reader
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.forward.stage import CHAT, HELLO
from tests.stand import RunningGateway, StartGateway

SUMS = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "credits": 0}


def today_s() -> int:
    return int(time.time()) // DAY_S * DAY_S


def date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def told(reader: Reader, query: str = "") -> dict[str, Any]:
    answer = reader.gateway.request("GET", f"/account/use{query}", key=reader.key)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def test_a_new_account_has_used_nothing(reader: Reader) -> None:
    """Thirty days, today last, each with nothing in it."""
    found = told(reader)
    assert [day["day"] for day in found["days"]] == [date(today_s() - back * DAY_S) for back in range(29, -1, -1)]
    assert {str(day["models"]) for day in found["days"]} == {"{}"}
    assert (found["models"], found["complete"]) == ([], True)


def test_use_is_told_by_day_and_model(reader: Reader) -> None:
    """What the receipts say, summed: by the day they ended in; models in all by what they cost, the dearest first."""
    today = today_s()
    reader.put(today - 2 * DAY_S + 60, today - 2 * DAY_S + 61, model="small", cost=1_500_000, input=3, output=2)
    reader.put(today - 2 * DAY_S + 62, model="large", cost=9_000_000, input=10, output=1)
    reader.put(today - DAY_S - 0.5, model="small", cost=0, input=5)  # ends a second later, in the next day
    reader.put(today - 3 * DAY_S + 5, model="of before")
    found = told(reader, "?days=3")
    small = {"requests": 2, "input_tokens": 6, "output_tokens": 4, "credits": 3}
    large = {"requests": 1, "input_tokens": 10, "output_tokens": 1, "credits": 9}
    free = SUMS | {"requests": 1, "input_tokens": 5}
    assert found == {
        "days": [
            {"day": date(today - 2 * DAY_S), "models": {"small": small, "large": large}},
            {"day": date(today - DAY_S), "models": {"small": free}},
            {"day": date(today), "models": {}},
        ],
        "models": [
            {"model": "large", **large},
            {"model": "small", "requests": 3, "input_tokens": 11, "output_tokens": 4, "credits": 3},
        ],
        "complete": True,
    }


def test_use_is_what_the_account_says_of_its_days(reader: Reader, upstream: ScriptedUpstream) -> None:
    """Requests through the front door: the same numbers as in GET /account."""
    upstream.play(plain)
    for stream in (False, True):
        body = {"messages": HELLO, "stream": stream}
        assert reader.gateway.request("POST", CHAT, body, key=reader.key).status == 200
    (day,), found = reader.gateway.account(reader.key)["use"], told(reader)
    (model,) = found["models"]
    assert {name: model[name] for name in SUMS} == {name: day[name] for name in SUMS}
    assert found["days"][-1]["models"][model["model"]] == {name: day[name] for name in SUMS}


def test_where_there_is_too_much_the_newest_counts(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded, and said so: not complete. The bound itself still is."""
    today = today_s()
    reader.put(today + 1, today + 2, today + 3)
    tables.bind(reader.gateway.settings)
    for most, complete, requests in ((3, True, 3), (2, False, 2)):
        monkeypatch.setattr(use, "RECEIPTS_MAX", most)
        found = use.account_use(reader.account_id, {}, time.time())
        assert (found["complete"], found["models"][0]["requests"]) == (complete, requests)


@pytest.mark.parametrize(
    ("query", "param"), [("?days=0", "days"), ("?days=x", "days"), ("?days=1&days=2", "days"), ("?role=x", "role")]
)
def test_a_wrong_parameter_is_named(reader: Reader, query: str, param: str) -> None:
    """400 for what is out of bounds, no number, there twice or unknown."""
    answer = reader.gateway.request("GET", f"/account/use{query}", key=reader.key)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_nobody_sees_the_use_of_others(reader: Reader, front: RunningGateway) -> None:
    """Each key opens its own account's, and no key none."""
    reader.put(today_s() + 1)
    assert told(new_reader(front))["models"] == []
    assert front.request("GET", "/account/use").status == 401


def test_a_process_that_ends_takes_no_statistics_along(start_gateway: StartGateway, upstream: ScriptedUpstream) -> None:
    """At SIGTERM what it counted in its last seconds is written: requests and refusals of the built-in project."""
    upstream.play(plain)
    gateway = start_gateway(LLAMA_BASE_URL=upstream.url, MAX_BODY_BYTES="3000")
    key, ledger = gateway.key(), gateway.ledger()
    bodies: list[Any] = [{"messages": HELLO}, {"messages": HELLO}, {"messages": 1}, {"x": "x" * 4000}]
    assert [gateway.request("POST", CHAT, body, key=key).status for body in bodies] == [200, 200, 400, 413]
    gateway.process.terminate()
    gateway.process.wait(10)
    day = tables.drive(use.project_use(ledger, "default", {}))["days"][-1]
    assert (day["requests"], day["outcomes"]) == (2, {"completed": 2})
    assert day["refused"] == {"invalid_request_error": 1, "request_too_large": 1}
