"""The way that people go, in a browser: from the first visit to a chat and a purchase; an owner's app; the operator."""

import json
import re
import secrets
from pathlib import Path

from playwright.sync_api import Page, expect

from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.examples.made import EXAMPLES
from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.owners.owner import LINK
from tests.pages.looking import Looking
from tests.pages.people import settled
from tests.payments.standins.base import StandIn
from tests.stand import RunningGateway

ANSWERED_WITHIN_MS = 120_000
"""By a real model, on a machine that does much else."""
SETTINGS = re.compile(r'<script type="application/json" id="settings">.*?</script>', re.DOTALL)


def mailed_key(site: RunningGateway, email: str) -> str:
    """The key in the mail that came to an address."""
    stand.wait_until(lambda: mails(site, email), f"a mail to {email}")
    return stand.key_in(mails(site, email)[-1])


def mails(site: RunningGateway, email: str) -> list[Path]:
    return [path for path in site.outbox.glob("*.eml") if email in path.read_text().partition("\n\n")[0]]


def available(site: RunningGateway, key: str) -> float:
    found: float = site.account(key)["balance"]["available"]
    return found


def registered(page: Page, site: RunningGateway) -> str:
    """Come in by the first page, register, take the key out of the mail, and see the dashboard. Gives the key."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    page.get_by_role("link", name="Create an account").first.click()
    expect(page.get_by_text("100k")).to_be_visible()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send me a key").click()
    page.get_by_role("heading", name="Look into your mailbox").wait_for()
    key = mailed_key(site, email)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="View dashboard").click()
    expect(page).to_have_title("Dashboard")
    settled(page)
    return key


def test_a_user_registers_chats_and_buys(site: RunningGateway, looks: Looking, stripe: StandIn) -> None:
    """Register, mail, key, dashboard, a chat that streams, the balance falls; buy, and it rises."""
    page = looks.at("/")
    key = registered(page, site)
    expect(page.get_by_text("100,000").first).to_be_visible()

    page.get_by_role("tab", name="Try").click()
    page.get_by_label("Message").fill("Say hello.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text(re.compile("credits"), timeout=ANSWERED_WITHIN_MS)
    after_chat = available(site, key)
    assert after_chat < 100_000
    expect(page.get_by_label("Balance")).to_contain_text(f"{after_chat:,.0f}")

    before = set(stripe.references())
    page.route(f"{stripe.url}/**", lambda route: route.fulfill(body="<h1>Pay here</h1>", content_type="text/html"))
    page.get_by_role("tab", name="Buy").click()
    page.get_by_role("button", name=re.compile("Stripe|card|Buy", re.IGNORECASE)).first.click()
    page.get_by_role("heading", name="Pay here").wait_for()
    (reference,) = set(stripe.references()) - before
    for sent in stripe.pay(reference):
        assert site.request("POST", "/stripe/webhook", sent.body, headers=dict(sent.headers)).status == 200
    page.goto(f"{site.url}/paid.html")
    page.get_by_role("heading", name="Payment received").wait_for()
    page.get_by_role("link", name=re.compile("dashboard", re.IGNORECASE)).first.click()
    settled(page)
    bought = available(site, key) - after_chat
    assert bought in (5_000_000, 25_000_000, 100_000_000)
    expect(page.get_by_label("Balance")).to_contain_text(f"{bought + after_chat:,.0f}")


def test_an_owner_makes_a_project_and_a_static_page_answers(
    site: RunningGateway, looks: Looking, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Sign in by the mailed link, make a project, set managed mode, make a key; the example page answers."""
    upstream.play(plain)
    email = f"{secrets.token_hex(6)}@farebox.test"
    page = looks.at("/console.html")
    page.get_by_label(re.compile("e-mail", re.IGNORECASE)).fill(email)
    page.get_by_role("button", name=re.compile("link", re.IGNORECASE)).click()
    stand.wait_until(lambda: mails(site, email), "the mail with the link")
    (found,) = [LINK.search(stand.text_of(mail)) for mail in mails(site, email)]
    assert found
    page.goto(f"{site.url}/console/enter#{found[2]}")
    page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
    settled(page)
    assert "#" not in page.url

    page.get_by_label("Name").fill("A travel guide")
    page.get_by_role("button", name="New project").click()
    page.get_by_role("heading", name="A travel guide").first.wait_for()
    configured(page, upstream.url)
    snippet = made_key(page)
    pasted = SETTINGS.sub(lambda _: snippet, (EXAMPLES / "static_html" / "index.html").read_text())
    (tmp_path / "index.html").write_text(pasted)
    guest = looks.at(goto=False)
    guest.goto((tmp_path / "index.html").as_uri())
    guest.fill("#question", "Where is Paris?")
    guest.press("#question", "Enter")
    expect(guest.locator(".assistant")).to_have_text("Hello.")


def configured(page: Page, provider_url: str) -> None:
    """Set managed mode and who answers, by the document, and give the provider's key."""
    page.get_by_role("tab", name="Settings").click()
    settled(page)
    written = page.get_by_role("textbox", name=re.compile("JSON"))
    document = json.loads(written.input_value())
    document |= {
        "mode": "managed",
        "providers": {"mine": {"kind": "openai", "base_url": f"{provider_url}/v1"}},
        "models": [{"model": "m", "providers": [{"provider": "mine"}]}],
        "endpoints": {"/v1/chat/completions": {"template": {"model": "m", "messages": []}}},
    }
    written.fill(json.dumps(document))
    page.get_by_role("button", name=re.compile("^save", re.IGNORECASE)).first.click()
    expect(page.get_by_text(re.compile("Saved as version")).first).to_be_visible()
    page.get_by_role("tab", name="Keys").click()
    settled(page)
    page.get_by_role("button", name="Give").click()
    page.get_by_role("dialog").get_by_label("Key").fill("sk-of-the-provider")
    page.get_by_role("dialog").get_by_role("button").first.click()
    expect(page.get_by_role("button", name="Forget")).to_be_visible()


def made_key(page: Page) -> str:
    """Make a publishable key; gives the snippet that is shown with it."""
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Label").fill("the page")
    page.get_by_role("button", name="Make it").click()
    shown = page.get_by_role("dialog").locator("pre")
    expect(shown).to_contain_text("pk-")
    return str(shown.text_content())


def test_the_operator_adjusts_grants_and_deletes(site: RunningGateway, looks: Looking) -> None:
    """From the address of the panel with the key to the user's end; what the user sees follows."""
    email = f"{secrets.token_hex(6)}@farebox.test"
    key = site.register(email)
    page = looks.at(goto=False)
    page.goto(f"{site.url}/admin?key={ADMIN_KEY}")
    page.get_by_role("tab", name="Users").click()
    page.get_by_label("Filter by e-mail").fill(email)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name=email).click()
    for name, fields, expected in (
        ("Adjust credits", {"Credits": "1000000", "Why": "a test"}, 1_100_000),
        ("Grant a trial", {"Credits": "50000", "Days": "2"}, 1_150_000),
    ):
        page.get_by_role("button", name=name).click()
        form = page.get_by_role("dialog").last
        for label, value in fields.items():
            form.get_by_label(label).fill(value)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            form.get_by_role("button", name=name).click()
        settled(page)
        assert available(site, key) == expected
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").last.get_by_role("button", name="Delete this user").click()
    expect(page.get_by_text("The user is deleted.")).to_be_visible()
    assert site.request("GET", "/account", key=key).status == 401
