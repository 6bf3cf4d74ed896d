"""Buying, from the first request to the balance: real HTTP, real signatures, each provider's own library."""

import re
import secrets
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.errors import BadRequest, NotConfigured
from functions.payments.checkout import return_to
from tests.payments.shop import CANARIES, PROVIDERS, PURCHASES, STARTER, Market
from tests.stand import Answer

ORDER = re.compile(r"ord_[0-9a-f]{32}")


def refused(answer: Answer) -> tuple[int, Any, Any]:
    """Status, code and field of an error in OpenAI's shape."""
    return answer.status, answer.error["code"], answer.error["param"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_purchase_becomes_credits(market: Market, provider: str) -> None:
    """Checkout → the provider's event → balance, order and journal; and nothing before the money is there."""
    key = market.gateway.key()
    trial = market.gateway.account(key)["balance"]["available"]
    answer, reference = market.buy(provider, key)
    assert ORDER.fullmatch(answer["id"])
    assert answer["url"].startswith("http")
    assert (answer["pack"], answer["amount"], answer["currency"], answer["credits"]) == ("starter", 50, "usd", STARTER)
    assert (answer["state"], answer["method"], answer["mode"]) == ("open", provider, "test")
    assert market.paid(key) == 0
    market.pay(provider, reference)
    account = market.gateway.account(key)
    assert (account["balance"]["paid"], account["balance"]["available"]) == (STARTER, trial + STARTER)
    (order,) = account["orders"]
    assert (order["id"], order["state"]) == (answer["id"], "paid")
    finding = market.audit(market.order(provider, reference).account_id)
    assert (finding.drift, finding.mismatches) == (0, ())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_projects_purchase_becomes_credits_by_its_own_rules(market: Market, provider: str) -> None:
    """By the project's own connection, at its own address; credits are as the rules of the user's method say."""
    project = market.selling(provider)
    token = project.token("ada")
    before = set(market.standins[provider].references())
    answer = project.post({"pack": "large"}, "/checkout", token=token)
    assert answer.status == 200, answer.body
    assert (answer.json()["credits"], answer.json()["amount"]) == (10_000, 900)
    (reference,) = set(market.standins[provider].references()) - before
    market.pay(provider, reference, project.project_id)
    account = project.account(token)
    assert account["balance"]["paid"] == PURCHASES["credits"]["purchases"]["large"]
    assert account["methods"] == [provider]
    assert [order["state"] for order in account["orders"]] == ["paid"]


def test_the_link_of_a_dashboard_leads_to_the_page_to_pay_at(market: Market) -> None:
    """GET /checkout?pack=&method=&key= as in the model gateway: 303; older names of packs; stripe by default."""
    key = market.gateway.key()
    for query in (f"pack=25m&key={key}", f"pack=standard&method=mollie&key={key}"):
        answer = market.gateway.visit(f"/checkout?{query}")
        assert answer.status == 303
        headers = answer.headers
        assert headers["location"].startswith("http")
        assert key not in headers["location"]
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    packs = [(order["pack"], order["method"]) for order in market.gateway.account(key)["orders"]]
    assert sorted(packs) == [("standard", "mollie"), ("standard", "stripe")]
    told = "".join(repr(request) for standin in market.standins.values() for request in standin.requests)
    assert key not in told


def test_a_head_request_buys_nothing(market: Market) -> None:
    """Whoever only looks whether a link works begins no purchase."""
    key = market.gateway.key()
    assert market.gateway.request("HEAD", f"/checkout?pack=starter&key={key}").status == 200
    assert market.gateway.account(key)["orders"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"pack": "huge"}, (400, None, "pack")),
        ({"pack": 5}, (400, None, "pack")),
        ({"pack": ["starter"]}, (400, None, "pack")),
        ({}, (400, None, "pack")),
        ({"pack": "starter", "method": "paypal"}, (400, None, "method")),
        ({"pack": "starter", "method": {}}, (400, None, "method")),
        ({"pack": "starter", "amount": 1}, (400, None, "amount")),
        ({"pack": "starter", "credits": 10**9}, (400, None, "credits")),
        ({"pack": "starter", "account_id": "default/1"}, (400, None, "account_id")),
        ({"pack": "starter", "return_url": "https://evil.example/"}, (400, None, "return_url")),
        ({"pack": "starter", "return_url": "javascript:alert(1)"}, (400, None, "return_url")),
        ({"pack": "starter", "return_url": 7}, (400, None, "return_url")),
    ],
)
def test_a_wrong_checkout_names_its_field(market: Market, body: dict[str, Any], expected: tuple[int, Any, str]) -> None:
    """400 before anybody is asked; a client's amounts and credits are refused, never taken."""
    key = market.gateway.key()
    asked = sum(len(standin.requests) for standin in market.standins.values())
    assert refused(market.gateway.request("POST", "/checkout", body, key=key)) == expected
    assert sum(len(standin.requests) for standin in market.standins.values()) == asked


def test_what_is_not_configured_is_named(market: Market) -> None:
    """503 that says which setting, in the built-in project; in another which part of its document."""
    bare = market.start()
    answer = bare.request("POST", "/checkout", {"pack": "starter"}, key=market.gateway.key())
    assert refused(answer)[:2] == (503, "not_configured")
    assert "STRIPE_SECRET_KEY" in answer.error["message"]
    project = market.selling("stripe")
    answer = project.post({"pack": "small", "method": "polar"}, "/checkout", token=project.token())
    assert refused(answer)[:2] == (503, "not_configured")
    assert "payments.polar" in answer.error["message"]
    unsold = market.projects.managed(auth={"jwt": market.projects.jwt()})
    answer = unsold.post({"pack": "starter"}, "/checkout", token=unsold.token())
    assert refused(answer) == (400, None, "pack")


def test_a_project_cannot_use_the_operators_connection(market: Market) -> None:
    """Without a connection of its own nothing is sold there, though the built-in project has one."""
    stripe, project = market.standins["stripe"], market.selling("mollie")
    before = len(stripe.requests)
    answer = project.post({"pack": "small", "method": "stripe"}, "/checkout", token=project.token())
    assert answer.status == 503
    assert len(stripe.requests) == before
    answer = market.gateway.request("POST", f"/projects/{project.project_id}/stripe/webhook", b"{}")
    assert answer.status == 404


def test_credits_are_sold_to_users_only(market: Market) -> None:
    """Not to an address; by a test token only in test mode."""
    project = market.selling("stripe")
    token = project.test_token()
    assert refused(project.post({"pack": "small"}, "/checkout"))[:2] == (403, "sign_in_to_buy")
    assert project.post({"pack": "small"}, "/checkout", token=token).status == 200
    live = market.selling("btcpay", live=True)
    answer = live.post({"pack": "small"}, "/checkout", token=live.test_token())
    assert refused(answer)[:2] == (403, "test_mode_only")


def test_a_buyer_comes_back_to_the_app(market: Market) -> None:
    """`return_url` is on an origin that the project lists; it comes back with the order, and never with a key."""
    project = market.selling("stripe", origins=["https://app.example"])
    token, before = project.token(), len(market.standins["stripe"].requests)
    wanted = {"pack": "small", "return_url": "https://app.example/shop?tab=2"}
    answer = project.post(wanted, "/checkout", token=token)
    assert answer.status == 200, answer.body
    (sent,) = [one for one in market.standins["stripe"].requests[before:] if one.method == "POST"]
    assert "app.example" in sent.body.decode()
    assert token not in sent.body.decode()
    assert project.key not in sent.body.decode()
    others = ("https://app.example.evil.example/", "http://app.example/", "https://user@app.example/", "//app.example")
    for other in others:
        answer = project.post({"pack": "small", "return_url": other}, "/checkout", token=token)
        assert refused(answer)[2] == "return_url"


def test_a_buyer_without_an_app_comes_back_to_our_page(market: Market) -> None:
    """The site's page, with the order and how it ended; the address that it had before leads there."""
    before = len(market.standins["stripe"].requests)
    bought = market.gateway.request("POST", "/checkout", {"pack": "starter"}, key=market.gateway.key()).json()
    (sent,) = [one for one in market.standins["stripe"].requests[before:] if one.method == "POST"]
    asked = parse_qs(sent.body.decode())
    page = f"{market.gateway.url}/paid.html?checkout="
    assert asked["success_url"] == [f"{page}done&order={bought['id']}"]
    assert asked["cancel_url"] == [f"{page}cancelled&order={bought['id']}"]
    answer = market.gateway.visit("/checkout/done?checkout=done&order=ord_1&key=sk-canary")
    assert (answer.status, answer.headers["location"]) == (303, f"{page}done&order=ord_1")
    assert market.gateway.visit("/checkout/done").headers["location"] == f"{market.gateway.url}/paid.html"


def test_where_no_site_is_known_a_buyer_says_where_to(market: Market) -> None:
    """A deployment without SITE_URL has no page to come back to, and takes no other for its own."""
    live = SimpleNamespace(stored=None)
    buyer: Any = SimpleNamespace(lane=SimpleNamespace(live=live), base_url="https://api.example", site_url="")
    settings = market.gateway.settings
    assert return_to(settings, buyer, "https://api.example/page") == "https://api.example/page"
    with pytest.raises(NotConfigured, match="SITE_URL"):
        return_to(settings, buyer, None)
    for given in ("", "javascript:alert(1)", "https://user@api.example/", "/page"):
        with pytest.raises(BadRequest, match="return_url"):
            return_to(settings, buyer, given)


def test_saving_a_card_leads_back_as_such(market: Market) -> None:
    """An agreement to top-ups is no purchase: who comes back from it is not thanked for one."""
    before = len(market.standins["stripe"].requests)
    wanted = {"pack": "starter", "below": 1_000_000, "per_day": 1}
    assert market.gateway.request("PUT", "/account/top-up", wanted, key=market.gateway.key()).status == 200
    (sent,) = [one for one in market.standins["stripe"].requests[before:] if one.method == "POST"]
    (success_url,) = parse_qs(sent.body.decode())["success_url"]
    assert parse_qs(urlsplit(success_url).query)["checkout"] == ["saved"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_is_down_sells_nothing(market: Market, provider: str) -> None:
    """503 that may be tried again; there is no order."""
    key = market.gateway.key()
    market.standins[provider].down = True
    answer = market.gateway.request("POST", "/checkout", {"pack": "starter", "method": provider}, key=key)
    assert refused(answer)[:2] == (503, "payment_provider_failed")
    assert answer.headers["retry-after"]
    assert market.gateway.account(key)["orders"] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_is_not_acknowledged_while_the_provider_cannot_be_asked(market: Market, provider: str) -> None:
    """503: it is sent again, and then it counts."""
    key = market.gateway.key()
    _, reference = market.buy(provider, key)
    deliveries = market.standins[provider].pay(reference)
    market.standins[provider].down = True
    assert {answer.status for answer in market.deliver(provider, deliveries)} == {503}
    market.standins[provider].down = False
    assert {answer.status for answer in market.deliver(provider, deliveries)} == {200}
    assert market.paid(key) == STARTER


def test_checkouts_of_one_account_are_limited(market: Market) -> None:
    """Each is a request to a provider: so many an hour, then 429."""
    few = market.start(**(market.settings | {"CHECKOUT_RATE_LIMIT": "2"}))
    key = market.gateway.key()
    statuses = [few.request("POST", "/checkout", {"pack": "pro"}, key=key).status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_nobody_buys_without_a_key(market: Market) -> None:
    """401, in the header and in the address, whatever else is wrong; a key in both is refused."""
    for path in ("/checkout?pack=starter", f"/checkout?pack=starter&key=sk-{secrets.token_urlsafe(32)}"):
        assert market.gateway.request("GET", path).status == 401
    for body in ({"pack": "starter"}, {}, {"pack": "starter", "amount": 1}):
        assert market.gateway.request("POST", "/checkout", body).status == 401
    assert market.gateway.request("GET", "/checkout?pack=starter&amount=1").status == 401
    key = market.gateway.key()
    assert market.gateway.request("GET", f"/checkout?pack=starter&key={key}", key=key).status == 400


def test_case_33_no_secret_is_told(market: Market) -> None:
    """Neither the log nor an answer has a provider's key, a webhook's secret or a user's key."""
    key = market.gateway.key()
    market.gateway.request("GET", f"/checkout?pack=none&key={key}")
    text = market.gateway.log.read_text() + market.other.log.read_text()
    for secret in (*CANARIES, key):
        assert secret not in text
