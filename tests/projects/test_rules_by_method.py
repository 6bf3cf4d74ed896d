"""Each rule and each limit can differ by the way a user is known, and holds for those users alone."""

from typing import Any

import pytest

from tests.projects.shop import PRICES, Project, Shop
from tests.stand import Answer


def rules(**more: Any) -> dict[str, Any]:
    return {"credits": {"signup": 1000}, "prices": PRICES} | more


def of(shop: Shop, without: dict[str, Any], with_token: dict[str, Any], **changes: Any) -> Project:
    """A project with two ways in, and rules for each."""
    return shop.managed(auth={"no_auth": {"rules": without}, "jwt": shop.jwt(**with_token)}, **changes)


def test_gain_and_price_differ(shop: Shop) -> None:
    """What an account begins with, and what a token costs it."""
    dear = [{"model": "*", "per_request": "0.5", "input": 2_000_000, "output": 3_000_000}]
    app = of(shop, rules(), {"credits": {"signup": 500}, "prices": dear})
    token = app.token()
    assert {app.chat().status, app.chat(token=token).status} == {200}
    assert app.account()["balance"]["available"] == 1000 - 7
    assert app.account(token)["balance"]["available"] == 500 - 0.5 - 2 * 5 - 3 * 2


WINDOWS = ("minute", "hour", "day", "week", "month", "total")


@pytest.mark.parametrize("window", WINDOWS)
def test_a_users_windows_differ(shop: Shop, window: str) -> None:
    """One request for those without a token, two for those with one; each is told its own limit."""
    app = of(shop, rules(limits={"user": {window: 1}}), rules(limits={"user": {window: 2}}))
    token = app.token()
    assert [app.chat().status for _ in range(2)] == [200, 429]
    assert [app.chat(token=token).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("window", WINDOWS[:-1])
def test_the_total_of_a_method_is_its_own(shop: Shop, window: str) -> None:
    """Two users of one method share it; those of the other do not count in it."""
    app = of(shop, rules(), rules(limits={"method": {window: 2}}))
    tokens = [app.token() for _ in range(3)]
    assert [app.chat(token=token).status for token in tokens] == [200, 200, 429]
    assert app.chat().status == 200


def test_the_total_of_a_project_is_of_all_methods(shop: Shop) -> None:
    """Where both methods name one, requests of either count."""
    most = {"project": {"day": 2}}
    app = of(shop, rules(limits=most), rules(limits=most))
    answers = [app.chat().status, app.chat(token=app.token()).status, app.chat(token=app.token()).status]
    assert answers == [200, 200, 429]


def test_tokens_a_request_differ(shop: Shop) -> None:
    """Input and output: too long is 413 for one, fine for the other; the output limit goes upstream."""
    app = of(shop, rules(limits={"input_tokens": 60}), rules(limits={"output_tokens": 3}))
    token = app.token()
    long = "word " * 60
    assert app.chat(long).status == 413
    assert app.chat(long, token=token).status == 200
    assert app.chat().status == 200
    with_token, without = (call.json for call in shop.first.calls)
    limits = [fields.get("max_tokens") for fields in (with_token, without)]
    assert limits[0] == 3
    assert limits[1] is None or limits[1] > 3


def test_a_limit_of_nothing_closes_one_way_in(shop: Shop) -> None:
    """0 refuses those it is for, without asking the ledger; the others come in."""
    app = of(shop, rules(limits={"open_requests": 0}), rules())
    assert app.chat().status == 429
    assert app.chat(token=app.token()).status == 200


def of_test(shop: Shop, document: dict[str, Any]) -> Answer:
    app = shop.managed(auth=document)
    token = app.test_token()
    assert app.chat(token=token).status == 200
    return app.chat(token=token)


def test_a_test_token_follows_the_rules_of_tokens_unless_it_has_its_own(shop: Shop) -> None:
    """It is there to try the integration with."""
    once = {"limits": {"user": {"day": 1}}}
    assert of_test(shop, {"jwt": shop.jwt(**rules(**once)), "test": {}}).status == 429
    assert of_test(shop, {"jwt": shop.jwt(**rules(**once)), "test": {"rules": {}}}).status == 200
