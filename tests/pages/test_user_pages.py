"""A user's pages, by hand: come in, register, sign in; what is left, what was used, receipts."""

import csv
import io
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests import stand
from tests.pages.dashboard import SCRIPT, answer_with, enter, number
from tests.pages.looking import Looking
from tests.pages.people import KEPT, QUESTION
from tests.stand import RunningGateway


@dataclass(frozen=True)
class User:
    """Somebody with two receipts."""

    key: str
    account: dict[str, Any]


@pytest.fixture(scope="module")
def user(site: RunningGateway) -> User:
    key = site.key()
    for _ in range(2):
        assert site.request("POST", "/v1/chat/completions", QUESTION, key=key).status == 200
    return User(key, site.account(key))


def test_the_first_page(looks: Looking, site: RunningGateway, user: User) -> None:
    """Where to begin, what there is to try, the API's address; a key leads to the dashboard, in no address."""
    page = looks.at("/")
    assert page.get_by_role("link", name="Create an account").get_attribute("href") == "register.html"
    expect(page.get_by_text("100k tokens, 7 days")).to_be_visible()
    expect(page.get_by_text(f"{site.url}/v1", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Already have a key?")).to_be_visible()
    page.get_by_label("API key").fill(user.key)
    page.get_by_role("button", name="View dashboard").click()
    page.get_by_role("tab", name="Use", exact=True).wait_for()
    assert page.url == f"{site.url}/dashboard.html"
    assert page.title() == "Dashboard"
    page.go_back()
    assert page.url == f"{site.url}/"


def test_what_an_account_begins_with_is_what_the_api_says(looks: Looking) -> None:
    """100k as a rule; else what this gateway gives, for as long as it gives it."""
    page = looks.at(goto=False)
    page.route("**/register", lambda route: route.fulfill(json={"trial": {"credits": 2_500_000, "days": 0}}))
    page.goto(f"{looks.url}/register.html")
    expect(page.get_by_text("2.5M tokens to begin with")).to_be_visible()


def test_registering(looks: Looking, site: RunningGateway) -> None:
    """What is wrong stands at the field; then it says where the key is and what comes next, and takes the key."""
    looks.refusals.add(400)
    page = looks.at("/register.html")
    expect(page.get_by_text("The old key stops working")).to_be_visible()
    field, send = page.get_by_label("E-mail address"), page.get_by_role("button", name="Send me a key")
    for wrong in ("nobody", "a@b"):
        field.fill(wrong)
        send.click()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
        expect(page.locator("#email-error")).not_to_be_empty()
    email = f"{secrets.token_hex(6)}@farebox.test"
    field.fill(email)
    send.click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_focused()
    expect(page.get_by_text(email)).to_be_visible()
    mail = next(path for path in site.outbox.glob("*.eml") if email in path.read_text().partition("\n\n")[0])
    page.get_by_label("API key").fill(stand.key_in(mail))
    page.get_by_role("button", name="View dashboard").click()
    expect(page.get_by_text(email)).to_be_visible()


def test_an_address_with_a_key_leads_to_the_dashboard(looks: Looking, site: RunningGateway, user: User) -> None:
    """As the seed links it: signed in, the key in no address afterwards; a bad key leads to registration."""
    page = looks.at(goto=False)
    page.goto(f"{site.url}/dashboard?key={user.key}")
    page.get_by_role("tab", name="Use", exact=True).wait_for()
    assert page.url == f"{site.url}/dashboard.html"
    page.goto(f"{site.url}/dashboard?key=sk-{'x' * 43}")
    page.wait_for_url(f"{site.url}/register.html")
    assert set(looks.wrong) == {"a key in an address: /dashboard"}
    looks.wrong.clear()


def test_signing_in_and_out(looks: Looking, user: User) -> None:
    """A wrong key is told at the field and not kept; a right one is kept for this tab, until one signs out."""
    looks.refusals.add(401)
    page = looks.at("/dashboard.html")
    field, view = page.get_by_label("API key"), page.get_by_role("button", name="View dashboard")
    field.fill(f"sk-{'x' * 43}")
    view.click()
    expect(page.get_by_text("This key opens no account")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    field.fill(user.key)
    field.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.reload()
    page.get_by_role("tab", name="Use", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    expect(field).to_be_focused()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert user.key not in page.evaluate("JSON.stringify(sessionStorage)")


def test_tabs_by_keyboard(looks: Looking, user: User) -> None:
    """Arrows go from tab to tab, around the end."""
    page = enter(looks, user.key)
    page.get_by_role("tab", name="Use", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Receipts")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Receipts")).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Your data")).to_have_attribute("aria-selected", "true")


def test_the_balance(looks: Looking, user: User) -> None:
    """Trial and paid and what is held, each for itself; when the trial ends; what is owed."""
    page = enter(looks, user.key)
    left = f"{user.account['balance']['trial']:,.0f}"
    expect(number(page, "Available")).to_contain_text(left)
    expect(number(page, "Trial")).to_have_text(re.compile(f"^{left}ends in 7 days$"))
    expect(number(page, "Paid")).to_contain_text("0")
    expect(page.get_by_text(f"user {user.account['user_id']}")).to_be_visible()
    balance = {
        "available": 0,
        "trial": 0,
        "trial_expires": "2026-01-02T00:00:00Z",
        "paid": 0,
        "held": 40.5,
        "debt": 1200,
    }
    page = looks.at(goto=False)
    answer_with(page, "**/account", {"balance": balance})
    page.goto(f"{looks.url}/dashboard.html#key={user.key}")
    expect(page.get_by_text("You owe 1,200 credits")).to_be_visible()
    expect(number(page, "Held")).to_contain_text("40.5")
    expect(number(page, "Trial")).to_contain_text("ended")


def test_use_by_day_and_by_model(looks: Looking, user: User) -> None:
    """Requests, and tokens in and out apart: the sums, by day as a chart with its numbers, and by model."""
    page = enter(looks, user.key)
    (today,) = [day for day in user.account["use"] if day["requests"]]
    expect(number(page, "Requests")).to_have_text("2")
    expect(number(page, "Input tokens")).to_have_text(f"{today['input_tokens']:,}")
    expect(number(page, "Output tokens")).to_have_text(f"{today['output_tokens']:,}")
    expect(page.locator(".plot canvas")).to_have_count(1)
    page.get_by_text("The numbers").click()
    row = page.get_by_role("region", name="Tokens by day").get_by_role("row").last
    expect(row).to_contain_text(f"{today['input_tokens']:,}{today['output_tokens']:,}")
    by_model = page.get_by_role("region", name="Use by model").get_by_role("row").last
    expect(by_model).to_have_text(re.compile(f"gguf2{today['input_tokens']}{today['output_tokens']}[0-9.]+$"))


def test_who_has_asked_nothing_is_told_how_to_begin(looks: Looking, site: RunningGateway) -> None:
    """No empty charts: the way to a first question, and to the code."""
    page = enter(looks, site.key())
    expect(page.get_by_text("Nothing was asked in these days")).to_be_visible()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_label("Your message")).to_be_visible()


def test_what_fails_can_be_tried_again(looks: Looking, user: User) -> None:
    """The problem stands where the answer would, with a button; the rest of the page goes on."""
    looks.refusals.add(503)
    page = looks.at(goto=False)
    refusal = {"error": {"message": "The ledger is away.", "type": "x", "param": None, "code": "ledger_unavailable"}}
    for address in ("**/account", "**/account/use?*"):
        page.route(address, lambda route: route.fulfill(status=503, json=refusal), times=1)
    page.goto(f"{looks.url}/dashboard.html#key={user.key}")
    for _ in range(2):
        expect(page.get_by_role("alert")).to_contain_text("The ledger is away.")
        page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Use by model")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_receipts_are_searched(looks: Looking, user: User) -> None:
    """By words and by days; each opens to all that it says."""
    page = enter(looks, user.key, "Receipts")
    newest = user.account["receipts"][0]
    rows, show = (
        page.get_by_role("region", name="Receipts").locator("tbody tr"),
        page.get_by_role("button", name="Show", exact=True),
    )
    expect(rows).to_have_count(2)
    page.get_by_label("Search").fill(f"completed {newest['id']}")
    show.click()
    expect(page.get_by_text("1 of 2 receipts fit.")).to_be_visible()
    rows.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text(newest["id"])
    page.keyboard.press("Escape")
    page.get_by_label("Search").fill("")
    page.get_by_label("To, inclusive").fill(newest["created"][:10])
    show.click()
    expect(rows).to_have_count(2)
    page.get_by_label("To, inclusive").fill("2026-01-31")
    show.click()
    expect(rows).to_have_text("No receipts in this time.")
    looks.refusals.add(400)
    page.get_by_label("From").fill("2026-02-28")
    show.click()
    expect(page.get_by_label("From")).to_have_attribute("aria-invalid", "true")


def test_receipts_as_a_file(looks: Looking, site: RunningGateway, user: User) -> None:
    """The API's CSV, in one file, however many answers it takes."""
    page = enter(looks, user.key, "Receipts")
    whole = site.request("GET", "/account/receipts?format=csv", key=user.key).body.decode()
    head, newer, older = whole.splitlines(keepends=True)

    def in_two(route: Route) -> None:
        first = "after=" not in route.request.url
        headers = {"content-type": "text/csv", "content-disposition": 'attachment; filename="farebox-receipts-x.csv"'}
        headers |= {"x-farebox-next": "abc"} if first else {}
        route.fulfill(body=head + (newer if first else older), headers=headers)

    page.route("**/account/receipts?*format=csv*", in_two)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert saved.value.suggested_filename == "farebox-receipts-x.csv"
    assert saved.value.path().read_bytes().decode() == whole
    assert [row["id"] for row in csv.DictReader(io.StringIO(whole))] == [one["id"] for one in user.account["receipts"]]


def test_case_34_an_address_is_text(looks: Looking, user: User) -> None:
    """Whatever an address, a model's name or a message of the API's says: it is shown, and does nothing."""
    page = looks.at(goto=False)
    page.add_init_script(f"({KEPT})({json.dumps(['key', user.key])})")
    answer_with(page, "**/account", {"email": SCRIPT})
    models = [{"model": SCRIPT, "requests": 1, "input_tokens": 1, "output_tokens": 1, "credits": 2}]
    answer_with(page, "**/account/use?*", {"models": models})
    page.goto(f"{looks.url}/dashboard.html")
    expect(page.get_by_text(SCRIPT)).to_have_count(2)
    page.route("**/register", lambda route: route.fulfill(json={"email": SCRIPT, "message": "", "trial": {}}))
    page.goto(f"{looks.url}/register.html")
    page.get_by_label("E-mail address").fill("ada@farebox.test")
    page.get_by_role("button", name="Send me a key").click()
    expect(page.get_by_text(SCRIPT)).to_be_visible()
    assert page.title().startswith("Look into your mailbox")
    assert page.locator("main :is(script, img)").count() == 0


def test_an_unknown_page(looks: Looking) -> None:
    """A page that says so, with its styles wherever it is, and a way back."""
    looks.refusals.add(404)
    page = looks.at("/docs/of/nothing.html")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 0
    page.get_by_role("link", name="To the start").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()
