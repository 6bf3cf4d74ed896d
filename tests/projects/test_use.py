"""What a project's statistics tell of requests that came through the front door, and of those that were refused."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.account_size import item_bytes
from functions.accounts.use import project_use
from functions.errors import BadRequest
from functions.ledger import tables, usage
from functions.tally import EVERY_S
from tests.forward.scripted_upstream import Call
from tests.projects.shop import CHAT, HELLO, SIGNUP, Project, Shop
from tests.stand import ROOT, Answer, wait_until

WITHIN_S = 2 * EVERY_S + 3
ABUSE = {"threshold": 2, "window": "day", "patterns": ["make * bomb"]}
BOMB = [{"role": "user", "content": "make a bomb"}]


def use(app: Project, **query: str) -> dict[str, Any]:
    return tables.drive(project_use(app.shop.ledger, app.project_id, query))


def today(app: Project) -> dict[str, Any]:
    found: dict[str, Any] = use(app)["days"][-1]
    return found


def fails(call: Call) -> None:
    call.answer({"error": {"message": "canary-5fT", "code": "canary-5fT"}}, 500)


def wrong(call: Call) -> None:
    call.answer({"error": {"message": "canary-5fT", "code": "canary-5fT"}}, 400)


def test_a_request_shows_up_within_seconds(shop: Shop) -> None:
    """By day and hour, as its receipts say: of two processes at once, whole and streamed, and of nobody else."""
    app, other = (shop.managed(auth={"jwt": shop.jwt(**SIGNUP)}) for _ in range(2))
    token = app.token()
    for process in (False, True):
        for stream in (False, True):
            assert app.chat(token=token, other=process, stream=stream).status == 200
    wait_until(lambda: today(app)["requests"] == 4, "four requests in the statistics", WITHIN_S)
    receipts, day, hours = app.account(token)["receipts"], today(app), use(app)["hours"]
    for told, fact in (("credits", "credits"), ("input_tokens", "input_tokens"), ("output_tokens", "output_tokens")):
        assert day[told] == sum(receipt[fact] for receipt in receipts)
    assert (day["outcomes"], day["refused"]) == ({"completed": 4}, {})
    assert (sum(hour["requests"] for hour in hours), len(hours)) == (4, 24)
    assert sum(hour["credits"] for hour in hours) == day["credits"]
    now = datetime.now(UTC)
    assert abs((now - datetime.fromisoformat(hours[-1]["hour"])).total_seconds()) < 3600 + 60
    assert use(other)["days"][-1]["requests"] == 0


def test_a_refusal_of_each_kind_shows_up_within_seconds(shop: Shop) -> None:
    """By its code, each as often as it was answered; what the provider or a client wrote is nowhere."""
    rules = {**SIGNUP, "limits": {"user": {"day": 3}}}
    endpoints = {CHAT: {"template": {"model": "small", "messages": []}, "client_sets": ["temperature"]}}
    app = shop.managed(auth={"jwt": shop.jwt(**rules)}, abuse=ABUSE, endpoints=endpoints)
    app.change(origins=["https://app.example"])
    poor = shop.managed(auth={"jwt": shop.jwt(prices=SIGNUP["prices"])})
    again: dict[str, Any] = {"token": app.token(), "Idempotency_Key": "the same"}
    limited, bomber = app.token(), app.token()
    shop.first.play(fails)
    shop.second.play(fails)
    asked: list[Callable[[], Answer]] = [
        lambda: app.post({"messages": HELLO}, token="canary-5fT"),
        lambda: app.post({"messages": HELLO}),
        lambda: app.post(b"canary-5fT", token=app.token()),
        lambda: app.post({"messages": HELLO}, path="/v1/embeddings", token=app.token()),
        lambda: app.post({"messages": HELLO}, token=app.token(), Origin="https://canary-5fT.example"),
        lambda: app.chat(token=app.token(), temperature="canary-5fT"),
        lambda: app.post({"messages": HELLO}, **again),
        *[lambda: app.post({"messages": BOMB}, token=bomber)] * 3,
    ]
    answers = [ask() for ask in asked]
    shop.first.play(wrong)
    shop.second.play(wrong)
    answers += [app.chat(token=limited) for _ in range(4)]
    expected = Counter(answer.error["code"] or answer.error["type"] for answer in answers)
    assert poor.chat(token=poor.token()).status == 402
    assert set(expected) >= {"invalid_api_key", "rate_limit_exceeded", "provider_failed", "provider_refused"}
    assert set(expected) >= {"content_filter", "user_blocked", "endpoint_not_allowed", "origin_not_allowed"}
    wait_until(lambda: sum(today(app)["refused"].values()) >= len(answers), "all refusals", WITHIN_S)
    assert today(app)["refused"] == expected
    assert list(today(app)["refused"].values()) == sorted(expected.values(), reverse=True)
    assert (today(app)["requests"], today(app)["credits"]) == (0, 0)
    wait_until(lambda: today(poor)["refused"] == {"insufficient_quota": 1}, "a refusal for want of credits", WITHIN_S)
    assert "canary" not in str(tables.drive(_all_windows(shop)))


async def _all_windows(shop: Shop) -> Any:
    return await shop.ledger.read("Scan", {"TableName": shop.ledger.table("windows")})


def test_keys_that_are_nobodys_count_nowhere(shop: Shop) -> None:
    """However many are tried, they make no item: not even of the project that serves who has none."""

    def scopes() -> set[str]:
        rows = tables.drive(_all_windows(shop))["Items"]
        return {row["scope"]["S"] for row in rows if row["scope"]["S"].startswith("usage/")}

    app, before = shop.managed(), scopes()
    for key in ("pk-" + "a" * 43, "ps-" + "b" * 43, "sk-" + "c" * 43, "", "usage/default/1"):
        assert shop.gateway.request("POST", CHAT, {"messages": HELLO}, key=key).status == 401
    assert app.chat().status == 200
    wait_until(lambda: today(app)["requests"] == 1, "what came after them in the statistics", WITHIN_S)
    assert {scope.split("/")[1] for scope in scopes() - before} == {app.project_id}


def test_a_days_item_stays_small(shop: Shop) -> None:
    """Under 4 KB with everything in it that there can be: 24 hours, every code of ours, every outcome, large sums."""
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    codes = set(re.findall(r'code(?:: str \| None)? ?= ?"([a-z_]+)"', sources))
    assert len(codes) > 30
    sums = {usage.REFUSED + code: 10**7 for code in codes} | {usage.INPUT: 10**12, usage.OUTPUT: 10**12}
    for hour in range(24):
        sums |= {f"{usage.REQUESTS}{hour:02}": 10**7, f"{usage.COST}{hour:02}": 10**15 + 1}
    sums |= {f"{usage.OUTCOME}provider_failed{number}": 10**7 for number in range(9)}
    app = shop.managed()
    tables.drive(usage.add(shop.ledger, app.project_id, 20_779, sums))
    key = {"scope": {"S": f"usage/{app.project_id}/20779"}}
    item = tables.drive(shop.ledger.read("GetItem", {"TableName": shop.ledger.table("windows"), "Key": key}))["Item"]
    assert item_bytes(item) < 4096


@pytest.mark.parametrize("days", ["", "0", "-1", "367", "1.5", "x", "１"])
def test_the_number_of_days_has_bounds(shop: Shop, days: str) -> None:
    """1 to 366, in digits; nothing else is guessed at."""
    with pytest.raises(BadRequest, match="days must be") as error:
        use(shop.managed(), days=days)
    assert error.value.param == "days"
