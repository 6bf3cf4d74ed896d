"""The operator's page, by hand: sign in, look, find a user, change something; each change says who, when and why."""

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.entries.keys import ADMIN_KEY, as_admin
from tests.pages.looking import Looking
from tests.pages.people import QUESTION, settled
from tests.stand import RunningGateway


@pytest.fixture
def signed_in(looks: Looking) -> Page:
    """The page, signed in by hand."""
    page = looks.at("/admin.html")
    page.get_by_label("Admin key").fill(ADMIN_KEY)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("tab", name="Overview").wait_for()
    settled(page)
    return page


def find(page: Page, email: str) -> None:
    """Find one user by the address, and open what there is about them."""
    page.get_by_role("tab", name="Users").click()
    page.get_by_label("Filter by e-mail").fill(email)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name=email).click()
    page.get_by_role("heading", name=re.compile("^User [0-9]+$")).wait_for()
    settled(page)


def press(page: Page, name: str, **fields: str) -> None:
    """Press a button of the user's dialog, fill the form that it opens, and send it."""
    page.get_by_role("button", name=name, exact=True).first.click()
    form = page.get_by_role("dialog").last
    for label, value in fields.items():
        form.get_by_label(label).fill(value)
    form.get_by_role("button").first.click()


def test_a_wrong_key_is_told_and_not_kept(looks: Looking) -> None:
    """The form says that it is wrong; nothing of it is kept or shown."""
    looks.refusals.add(403)
    page = looks.at("/admin.html")
    page.get_by_label("Admin key").fill("a wrong admin key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert page.evaluate("sessionStorage.length") == 0


def test_the_key_of_an_address_is_taken_out_of_it(looks: Looking, site: RunningGateway) -> None:
    """`/admin?key=…` leads to the page, signed in: the key stands in no address afterwards, and in no history."""
    page = looks.at(goto=False)
    page.goto(f"{site.url}/admin?key={ADMIN_KEY}")
    page.get_by_role("tab", name="Overview").wait_for()
    settled(page)
    assert page.url == f"{site.url}/admin.html"
    assert ADMIN_KEY not in page.content()


def test_signing_out_forgets_the_key(signed_in: Page) -> None:
    """For this tab too."""
    signed_in.get_by_role("button", name="Sign out").click()
    signed_in.get_by_label("Admin key").wait_for()
    signed_in.reload()
    expect(signed_in.get_by_label("Admin key")).to_have_value("")


def test_totals_and_the_newest_requests(site: RunningGateway, signed_in: Page) -> None:
    """Users, active trials, paid total, 30-day requests and tokens, and the last events with their user's address."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    key = site.register(email)
    assert site.request("POST", "/v1/chat/completions", QUESTION, key=key).status == 200
    signed_in.reload()
    for label in ("Total users", "Active trials", "Paid total"):
        expect(signed_in.get_by_text(label, exact=True)).to_be_visible()
    row = (
        signed_in.get_by_role("region", name="The newest requests of all users")
        .get_by_role("row")
        .filter(has_text=email)
    )
    expect(row).to_contain_text("SmolLM2")
    expect(signed_in.get_by_role("figure", name=re.compile("^Tokens"))).to_be_visible()


def test_an_adjustment_a_grant_and_a_block(site: RunningGateway, signed_in: Page) -> None:
    """Each changes the account as it says, and stands in the journal or among the changes with its reason."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    key = site.register(email)
    find(signed_in, email)
    press(signed_in, "Adjust credits", Credits="2500", Why="for the <b>outage</b>")
    expect(signed_in.get_by_role("region", name="Journal")).to_contain_text("for the <b>outage</b>")
    assert site.account(key)["balance"]["paid"] == 2500
    press(signed_in, "Grant a trial", Credits="700", Days="3")
    expect(signed_in.get_by_role("region", name="Journal").get_by_role("row").filter(has_text="700")).to_be_visible()
    assert site.account(key)["balance"]["trial"] == 100_700
    press(signed_in, "Block", Why="a test")
    expect(signed_in.get_by_text("blocked until")).to_be_visible()
    assert site.request("POST", "/v1/chat/completions", QUESTION, key=key).status == 403
    press(signed_in, "Unblock")
    expect(signed_in.get_by_text("open", exact=True)).to_be_visible()
    signed_in.get_by_role("button", name="Close").click()
    signed_in.get_by_role("tab", name="Changes").click()
    changes = signed_in.get_by_role("region", name="Changes, the newest first")
    expect(changes.get_by_role("row").filter(has_text="a test").first).to_contain_text("done")


def test_what_is_wrong_is_told_at_its_field(site: RunningGateway, signed_in: Page, looks: Looking) -> None:
    """An amount that is none is told where it was written, and nothing is changed."""
    looks.refusals.add(400)
    email = f"{secrets.token_hex(6)}@farebox.test"
    key = site.register(email)
    find(signed_in, email)
    press(signed_in, "Adjust credits", Credits="much")
    form = signed_in.get_by_role("dialog").last
    expect(form.get_by_label("Credits")).to_have_attribute("aria-invalid", "true")
    assert site.account(key)["balance"]["paid"] == 0


def test_a_user_is_deleted(site: RunningGateway, signed_in: Page) -> None:
    """After a dialog that says what is lost; the key is dead then, and no list has the address."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    key = site.register(email)
    find(signed_in, email)
    press(signed_in, "Delete", Why="asked for")
    expect(signed_in.get_by_text("The user is deleted.")).to_be_visible()
    assert site.request("GET", "/account", key=key).status == 401
    found = site.request("GET", f"/admin/users?email={email}", headers=as_admin()).json()
    assert found["data"] == []


def test_orders_projects_and_status_are_shown(signed_in: Page) -> None:
    """The other tabs: what was bought, what fits no order, grants to projects, what runs."""
    for tab, text in (
        ("Orders", "All money fits an order."),
        ("Projects", "Providers of yours"),
        ("Status", "reachable"),
    ):
        signed_in.get_by_role("tab", name=tab).click()
        expect(signed_in.get_by_text(text).first).to_be_visible()
