"""What a user does on the dashboard: buy, top up by themselves, keep keys, chat, take code and data along, leave."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.dashboard import SCRIPT, enter
from tests.pages.looking import Looking
from tests.payments.standins.base import StandIn
from tests.stand import RunningGateway

ANSWERED_WITHIN_MS = 60_000
KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def key(site: RunningGateway) -> str:
    return site.key()


@pytest.fixture
def went(stripe: StandIn) -> Callable[[Page], set[str]]:
    """Serves the provider's page; gives what was begun there since."""
    before = set(stripe.references())

    def serve(page: Page) -> set[str]:
        page.route(f"{stripe.url}/**", lambda route: route.fulfill(body="<h1>Pay here</h1>", content_type="text/html"))
        return set(stripe.references()) - before

    return serve


def test_packs_say_what_a_million_costs(looks: Looking, key: str) -> None:
    """Credits, price, and price per million of each; a button for each way to pay."""
    page = enter(looks, key, "Buy")
    packs = page.locator(".pack")
    for index, (name, cost, rate) in enumerate(
        (
            ("5M credits", "US$0.50", "US$0.10"),
            ("25M credits", "US$2.00", "US$0.08"),
            ("100M credits", "US$6.00", "US$0.06"),
        )
    ):
        pack = packs.nth(index)
        expect(pack.get_by_role("heading", name=name)).to_be_visible()
        expect(pack).to_contain_text(cost)
        expect(pack).to_contain_text(f"{rate} per million")
        expect(pack.get_by_role("button", name=f"Pay by card: {name}")).to_be_visible()
    expect(page.get_by_text("Nothing was bought yet.")).to_be_visible()


def test_where_nothing_is_sold_it_says_so(looks: Looking, key: str) -> None:
    """Without a way to pay there is no button that leads nowhere; the prices are there all the same."""
    page = looks.at(goto=False)

    def without(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"methods": []})

    page.route("**/account", without)
    page.goto(f"{looks.url}/dashboard.html#key={key}")
    page.get_by_role("tab", name="Buy").click()
    expect(page.get_by_text("Nothing can be bought here yet")).to_be_visible()
    expect(page.get_by_text("US$0.08 per million")).to_be_visible()
    expect(page.get_by_role("button", name="Pay by")).to_have_count(0)


def test_back_from_paying(
    looks: Looking, site: RunningGateway, stripe: StandIn, key: str, went: Callable[[Page], set[str]]
) -> None:
    """The page waits for the provider's word on this order, and tells it; or that nothing was paid."""
    page = enter(looks, key, "Buy")
    went(page)
    page.get_by_role("button", name="Pay by card: 25M credits").click()
    page.get_by_role("heading", name="Pay here").wait_for()
    (reference,) = went(page)
    order = site.account(key)["orders"][0]["id"]
    page.goto(f"{site.url}/paid.html?checkout=done&order={order}")
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    expect(page.get_by_text("Waiting for the provider’s word")).to_be_visible()
    for sent in stripe.pay(reference):
        site.request("POST", "/stripe/webhook", sent.body, headers=dict(sent.headers))
    expect(page.get_by_text("25,000,000 credits are on your account")).to_be_visible()
    page.goto(f"{site.url}/paid.html?checkout=cancelled&order={order}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was paid")
    assert page.title() == "Nothing was paid · Farebox"
    page.goto(f"{site.url}/paid.html?checkout=saved&order={order}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your card is saved")


def test_automatic_top_up(looks: Looking, site: RunningGateway, went: Callable[[Page], set[str]]) -> None:
    """Agreed to with pack, limit and how often; what the API refuses stands at its field; switched off by a dialog."""
    looks.refusals.add(400)
    key = site.key()
    page = enter(looks, key, "Buy")
    went(page)
    below = page.get_by_label("When less is left than")
    below.fill("5000001")
    save = page.get_by_role("button", name="Save a card")
    save.click()
    expect(below).to_have_attribute("aria-invalid", "true")
    below.fill("250000")
    save.click()
    page.get_by_role("heading", name="Pay here").wait_for()
    agreed = site.request("GET", "/account/top-up", key=key).json()
    assert (agreed["state"], agreed["pack"], agreed["below"], agreed["per_day"]) == ("waiting", "starter", 250_000, 1)
    page.goto(f"{site.url}/dashboard.html")
    expect(page.get_by_text("waiting for your card")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    expect(save).to_be_visible()
    assert site.request("GET", "/account/top-up", key=key).json()["state"] == "none"


def test_case_34_a_key_is_created_by_a_name_that_is_text(looks: Looking, site: RunningGateway, key: str) -> None:
    """Shown once, copied, and it works; its name does nothing, whatever it says."""
    page = enter(looks, key, "Keys")
    page.get_by_role("button", name="Create a key").click()
    page.get_by_role("textbox", name="Name").fill(SCRIPT[:40])
    page.get_by_role("button", name="Create", exact=True).click()
    shown = page.locator(".once code")
    made = shown.inner_text()
    assert KEY.fullmatch(made)
    assert site.account(made)["user_id"] == site.account(key)["user_id"]
    page.locator(".once").get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == made
    expect(page.get_by_role("rowheader", name=SCRIPT[:40])).to_be_visible()
    assert page.title() == "Dashboard"
    page.reload()
    page.get_by_role("rowheader", name=SCRIPT[:40]).wait_for()
    assert made not in page.content()


def test_a_key_is_rotated_and_revoked(looks: Looking, site: RunningGateway) -> None:
    """The old one at once or with time to change over; the page goes on with the new one, until that is revoked."""
    looks.refusals.add(401)
    old = site.key()
    page = enter(looks, old, "Keys")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_label("The old key works on").select_option("not at all: it stops now")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    new = page.locator(".once code").inner_text()
    assert site.request("GET", "/account", key=old).status == 401
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.get_by_text(re.compile("in (23|24) hours|tomorrow|in 1 day"))).to_be_visible()
    assert site.request("GET", "/account", key=new).status == 200
    newest = page.locator(".once code").inner_text()
    page.reload()
    row = page.get_by_role("row").filter(has_text="in use here")
    expect(row).to_contain_text(newest[:9])
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert site.request("GET", "/account", key=newest).status == 401


def test_a_chat_streams_and_stops(looks: Looking, site: RunningGateway) -> None:
    """Text comes before the answer is over; stopped, it costs what was made, and the balance says so."""
    key = site.key()
    page = enter(looks, key, "Try")
    page.get_by_label("Your message").fill("Tell me a very long story about a bus.")
    page.get_by_label("Your message").press("Enter")
    stop, answer = page.get_by_role("button", name="Stop"), page.locator(".said:not(.mine) > p").first
    expect(answer).to_have_text(re.compile(r"\w+ \w+"), timeout=ANSWERED_WITHIN_MS)
    expect(stop).to_be_visible()
    stop.click()
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(page.locator(".said .about strong")).to_have_text(re.compile("^[0-9]+ credits$"), timeout=ANSWERED_WITHIN_MS)
    (receipt,) = site.account(key)["receipts"]
    assert receipt["outcome"] == "client_left"
    expect(page.locator(".said .about")).to_contain_text(f"{receipt['credits']} credits")
    expect(page.get_by_label("Balance")).to_contain_text(f"{site.account(key)['balance']['available']:,.0f}")


def streamed(*events: object) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


def said(**delta: str) -> dict[str, object]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta}]}


def test_case_34_what_a_model_says_is_text(looks: Looking, key: str) -> None:
    """Its thoughts too; what it said is sent along with the next question."""
    page = enter(looks, key, "Try")
    asked: list[object] = []

    def answer(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "")["messages"])
        events = streamed(said(reasoning_content=SCRIPT), said(content=SCRIPT[:9]), said(content=SCRIPT[9:]))
        route.fulfill(body=events + "data: [DONE]\n\n", content_type="text/event-stream")

    page.route("**/v1/chat/completions", answer)
    for question in ("One?", "Two?"):
        page.get_by_label("Your message").fill(question)
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".said:not(.mine)").last.locator("> p").first).to_have_text(SCRIPT)
    assert asked[1] == [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": SCRIPT},
        {"role": "user", "content": "Two?"},
    ]
    assert page.title() == "Dashboard"
    assert page.locator("main :is(script, img)").count() == 0
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".said")).to_have_count(0)


def test_a_chat_that_fails_says_why(looks: Looking, key: str) -> None:
    """Without credits it leads to the packs; what breaks off keeps what came; the question can be sent again."""
    looks.refusals.add(402)
    page = enter(looks, key, "Try")
    refusal = {
        "error": {"message": "The credits are exhausted.", "type": "x", "param": None, "code": "insufficient_quota"}
    }
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=402, json=refusal), times=1)
    message = page.get_by_label("Your message")
    message.fill("One?")
    message.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The credits are exhausted.")
    expect(message).to_have_value("One?")
    broken = streamed(
        said(content="Half"), {"error": {"message": "The model server failed.", "code": "provider_failed"}}
    )
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=broken, content_type="text/event-stream"))
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert").last).to_contain_text("The model server failed.")
    expect(page.locator(".said").last).to_contain_text("Half")
    page.get_by_role("button", name="Buy credits").click()
    expect(page.get_by_role("tab", name="Buy")).to_be_focused()


def test_code_to_take_along(looks: Looking, site: RunningGateway, key: str) -> None:
    """For curl, Python, Node and LangChain, with this gateway's address and nobody's key, copied as it stands."""
    page = enter(looks, key, "Code")
    for name in ("curl", "Python", "Node", "LangChain"):
        page.get_by_role("tab", name=name, exact=True).click()
        page.get_by_role("button", name=f"Copy the {name} example").click()
        text = page.evaluate("navigator.clipboard.readText()")
        assert f"{site.url}/v1" in text
        assert "FAREBOX_API_KEY" in text
        assert "sk-" not in text
        if name in ("Python", "LangChain"):
            compile(text, name, "exec")
        if name == "curl":
            assert json.loads(text.split("-d '")[1].rstrip().removesuffix("'"))["messages"]


def test_own_data_is_taken_along_and_deleted(looks: Looking, site: RunningGateway) -> None:
    """A file with what the API says; deletion asks for one's own number, and then the key is dead and forgotten."""
    looks.refusals.add(400)
    key = site.key()
    account = site.account(key)
    page = enter(looks, key, "Your data")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download my data").click()
    assert json.loads(saved.value.path().read_bytes())["account"]["email"] == account["email"]
    page.get_by_role("button", name="Delete my account").click()
    field, delete = page.get_by_label("Your user number"), page.get_by_role("button", name="Delete for good")
    field.fill(str(account["user_id"] + 1))
    delete.click()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert site.request("GET", "/account", key=key).status == 200
    field.fill(str(account["user_id"]))
    delete.click()
    expect(page.get_by_role("heading", name="Your account is deleted")).to_be_focused()
    assert site.request("GET", "/account", key=key).status == 401
    assert key not in page.evaluate("JSON.stringify(sessionStorage)")
