"""Automatic top-ups through the front door: agreed to, made, declined, refunded, forgotten. Stripe is its stand-in."""

from typing import Any, cast

import pytest

from functions.ledger import abuse, notices, tables
from functions.ledger.windows import DAY_S
from functions.payments import top_up
from functions.payments.reconcile import Position, reconcile
from functions.payments.till import Till
from tests.payments.shop import PROVIDERS, PURCHASES, STARTER, Market
from tests.payments.standins.stripe import Stripe
from tests.projects.shop import PRICES, Project
from tests.stand import Answer

WANTED = {"pack": "starter", "below": 1_000_000, "per_day": 2}
"""More than the trial brings: the first top-up is made at once."""


@pytest.fixture
def stripe(market: Market) -> Stripe:
    return cast("Stripe", market.standins["stripe"])


@pytest.fixture
def till(market: Market) -> Till:
    return Till(market.gateway.settings)


def agree(market: Market, key: str, **changes: Any) -> tuple[Answer, str]:
    """PUT /account/top-up; the answer, and the reference of the checkout that was made, if one was."""
    before = set(market.standins["stripe"].references())
    answer = market.gateway.request("PUT", "/account/top-up", WANTED | changes, key=key)
    made = set(market.standins["stripe"].references()) - before
    return answer, made.pop() if made else ""


def seen(market: Market, key: str) -> dict[str, Any]:
    """GET /account/top-up."""
    answer = market.gateway.request("GET", "/account/top-up", key=key)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def account_id(market: Market, key: str) -> str:
    account = market.gateway.account(key)
    return f"{account['project']}/{account['user_id']}"


def errands(till: Till, of: str) -> list[int]:
    """What is due of one account's top-up is done; in how many seconds each notice wants to be seen again."""
    due = tables.drive(notices.due(till.ledger, 1000))
    mine = [notice for notice in due if (notice.kind, notice.account_id) == (notices.TOP_UP, of)]
    waits = [top_up.run(till, notice) for notice in mine]
    for notice in mine:
        tables.drive(notices.done(till.ledger, notice))
    return waits


def on(market: Market, till: Till, key: str, **changes: Any) -> str:
    """Agree, save a card, and have it made; gives the reference of the checkout."""
    _, reference = agree(market, key, **changes)
    market.pay("stripe", reference)
    errands(till, account_id(market, key))
    return reference


def test_a_card_is_saved_and_charged_when_credits_run_low(market: Market, till: Till, stripe: Stripe) -> None:
    """Agreed on a page of Stripe's; then charged without anybody there, once, and credited as any purchase is."""
    key, before = market.gateway.key(), stripe.top_ups()
    nothing = seen(market, key)
    assert (nothing["state"], nothing["pack"], nothing["last"], nothing["today"]) == ("none", None, None, 0)
    answer, reference = agree(market, key)
    told = answer.json()
    assert (answer.status, told["url"].startswith("http")) == (200, True)
    assert (told["state"], told["pack"], told["below"], told["per_day"]) == ("waiting", *WANTED.values())
    assert (told["amount"], told["currency"], told["mode"]) == (50, "usd", "test")
    of = account_id(market, key)
    assert (errands(till, of), stripe.top_ups()) == ([], before)
    market.pay("stripe", reference)
    assert market.paid(key) == 0
    assert errands(till, of) == [0]
    (intent,) = set(stripe.top_ups()) - set(before)
    assert market.paid(key) == STARTER
    after = seen(market, key)
    assert (after["state"], after["today"], after["last"]["state"], after["last"]["kind"]) == (
        "on",
        1,
        "paid",
        "top_up",
    )
    assert stripe.intents[intent]["metadata"]["farebox_order"] == after["last"]["id"]
    assert not any(word in str(told | after) for word in ("cus_", "pm_"))
    finding = market.audit(of)
    assert (finding.drift, finding.mismatches) == (0, ())


def test_the_providers_own_event_of_it_changes_nothing(market: Market, till: Till, stripe: Stripe) -> None:
    """It finds its order though no checkout made it; and so does a refund, after which nothing is charged again."""
    key, before = market.gateway.key(), set(stripe.top_ups())
    on(market, till, key)
    (intent,) = set(stripe.top_ups()) - before
    (answer,) = market.deliver("stripe", [stripe.told("payment_intent.succeeded", stripe.intents[intent])])
    assert (answer.status, answer.json()["handled"], market.paid(key)) == (200, True, STARTER)
    for answer in market.deliver("stripe", stripe.refund(intent, 50)):
        assert answer.status == 200
    assert market.paid(key) == 0
    errands(till, account_id(market, key))
    assert (set(stripe.top_ups()) - before, market.paid(key)) == ({intent}, 0)
    after = seen(market, key)
    assert (after["state"], after["why"], after["last"]["state"]) == ("off", "money_back", "refunded")


@pytest.mark.parametrize("code", ["card_declined", "authentication_required"])
def test_a_charge_that_is_declined_ends_it(market: Market, till: Till, stripe: Stripe, code: str) -> None:
    """By the bank, or because it wants the user: no credits, off, and the user is told why."""
    key = market.gateway.key()
    _, reference = agree(market, key)
    deliveries = stripe.pay(reference)
    stripe.declines[stripe.setups[stripe.sessions[reference]["setup_intent"]]["payment_method"]] = code
    market.deliver("stripe", deliveries)
    of = account_id(market, key)
    assert errands(till, of) == [0]
    after = seen(market, key)
    assert (after["state"], after["why"], after["last"]["state"]) == ("off", "declined", "failed")
    assert market.paid(key) == 0
    due = tables.drive(notices.due(till.ledger, 1000))
    assert [one.about["why"] for one in due if (one.kind, one.account_id) == ("top_up_failed", of)] == ["declined"]


def test_a_request_that_leaves_too_little_begins_it(market: Market, till: Till, stripe: Stripe) -> None:
    """Of a project's user: the request that crosses what was agreed has the card charged, and none before it."""
    rules = PURCHASES["credits"] | {"signup": 1000}
    auth = {"jwt": market.projects.jwt(credits=rules, prices=PRICES)}
    project = market.selling("stripe")
    project.change(auth=auth)
    token = project.token("ada")
    before, charged = set(stripe.references()), set(stripe.top_ups())
    answer = put(project, token, pack="small", below=1000)
    assert answer.status == 200, answer.body
    (reference,) = set(stripe.references()) - before
    market.pay("stripe", reference, project.project_id)
    of = f"{project.project_id}/{project.account(token)['user_id']}"
    assert errands(till, of) == [0]
    assert set(stripe.top_ups()) == charged
    assert project.chat(token=token).status == 200
    assert errands(till, of) == [0]
    assert len(set(stripe.top_ups()) - charged) == 1
    assert project.account(token)["balance"]["paid"] == 1000 - 7 + 1000


def put(project: Project, token: str, **changes: Any) -> Answer:
    headers = {"X-User-Token": token} if token else {}
    gateway = project.shop.gateway
    return gateway.request("PUT", "/account/top-up", WANTED | changes, key=project.key, headers=headers)


def test_a_saved_card_of_which_nobody_was_told_is_found(market: Market, till: Till, stripe: Stripe) -> None:
    """Reconciliation finds it, and the agreement comes into force."""
    key = market.gateway.key()
    _, reference = agree(market, key)
    stripe.pay(reference)

    async def walk() -> list[tuple[str, ...]]:
        position = Position(int(till.ledger.clock.now()) - DAY_S)
        found = reconcile(till.ledger, till.settings, till.projects, position)
        return [looked.steps async for looked in found if looked.reference == reference and looked.order]

    assert tables.drive(walk()) == [("paid",)]
    assert errands(till, account_id(market, key)) == [0]
    assert (seen(market, key)["state"], market.paid(key)) == ("on", STARTER)


def test_what_is_forgotten_is_gone_at_once(market: Market, till: Till, stripe: Stripe) -> None:
    """Twice too; and a card that is saved after that is none of ours. Whoever agrees again goes on with that day."""
    key = market.gateway.key()
    on(market, till, key)
    charged = stripe.top_ups()
    for _ in range(2):
        answer = market.gateway.request("DELETE", "/account/top-up", key=key)
        told = answer.json()
        assert (answer.status, told["state"], told["pack"], told["today"]) == (200, "none", None, 1)
    _, reference = agree(market, key)
    market.gateway.request("DELETE", "/account/top-up", key=key)
    market.pay("stripe", reference)
    errands(till, account_id(market, key))
    assert (seen(market, key)["state"], stripe.top_ups()) == ("none", charged)
    on(market, till, key, below=5_000_000, per_day=2)
    assert seen(market, key)["today"] == 1


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("pack", {"pack": "none"}),
        ("pack", {"pack": 1}),
        ("below", {"below": 0}),
        ("below", {"below": 5_000_001}),
        ("below", {"below": True}),
        ("below", {"below": 1.5}),
        ("below", {"below": "5"}),
        ("per_day", {"per_day": 0}),
        ("per_day", {"per_day": 6}),
        ("per_day", {"per_day": True}),
        ("return_url", {"return_url": "https://elsewhere.example"}),
        ("amount", {"amount": 1}),
        ("account_id", {"account_id": "default/1"}),
        ("saved", {"saved": "cus_1/pm_1"}),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(market: Market, param: str, changes: dict[str, Any]) -> None:
    """400 that names the field; Stripe is not asked, and nothing is agreed."""
    key = market.gateway.key()
    answer, reference = agree(market, key, **changes)
    assert (answer.status, answer.error["param"], reference) == (400, param, "")
    assert seen(market, key)["state"] == "none"


def test_what_is_missing_is_named(market: Market) -> None:
    """Nobody agrees to what they did not say."""
    key = market.gateway.key()
    for name in WANTED:
        rest = {field: value for field, value in WANTED.items() if field != name}
        answer = market.gateway.request("PUT", "/account/top-up", rest, key=key)
        assert (answer.status, answer.error["param"]) == (400, name)
    answer = market.gateway.request("DELETE", "/account/top-up", {"state": "on"}, key=key)
    assert (answer.status, answer.error["param"]) == (400, "state")


def test_only_somebody_who_may_buy_can_agree(market: Market, till: Till) -> None:
    """A key is needed; not a blocked user, nor one who is nobody in particular; and not where Stripe is not there."""
    assert market.gateway.request("PUT", "/account/top-up", WANTED).status == 401
    key = market.gateway.key()
    tables.drive(abuse.block(till.ledger, account_id(market, key), None))
    answer, _ = agree(market, key)
    assert (answer.status, answer.error["code"]) == (403, "user_blocked")
    project = market.selling("stripe")
    project.change(auth={"no_auth": {"rules": PURCHASES}})
    assert put(project, "", pack="small", below=1).error["code"] == "sign_in_to_buy"
    for name in PROVIDERS[1:]:
        project = market.selling(name)
        answer = put(project, project.token(), pack="small", below=1)
        assert answer.status in (404, 503), answer.body


def test_a_provider_that_is_down_leaves_nothing(market: Market, stripe: Stripe) -> None:
    """503, and what was agreed before stays: none."""
    key = market.gateway.key()
    stripe.down = True
    answer, _ = agree(market, key)
    assert (answer.status, answer.error["code"]) == (503, "payment_provider_failed")
    assert seen(market, key)["state"] == "none"
