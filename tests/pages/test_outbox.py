"""The mails of `make run`, as whoever runs it sees them: keys and links to click and to copy."""

import secrets
from email.message import EmailMessage

from playwright.sync_api import Locator, Page, expect

from tests.owners.owner import address, link
from tests.pages.dashboard import SCRIPT
from tests.pages.looking import Looking, violations, wider
from tests.stand import RunningGateway


def mail_to(page: Page, address: str) -> Locator:
    return page.get_by_role("article").filter(has_text=address).first


def test_mails_come_by_themselves(looks: Looking, site: RunningGateway) -> None:
    """Newest first; a key is copied, or opens the dashboard; what was opened stays open when the next one comes."""
    first, second = (f"{secrets.token_hex(6)}@farebox.test" for _ in range(2))
    key = site.register(first)
    page = looks.at("/outbox")
    mail = mail_to(page, first)
    mail.get_by_text("The whole mail").click()
    expect(mail.get_by_text("this is your API key")).to_be_visible()
    mail.get_by_role("button", name=f"Copy the key of {first}").click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    site.register(second)
    expect(page.get_by_role("article").first).to_contain_text(second)
    expect(mail.get_by_text("this is your API key")).to_be_visible()
    mail.get_by_role("link", name="Open the dashboard").click()
    expect(page.get_by_text(first)).to_be_visible()
    assert page.url == f"{site.url}/dashboard.html"


def test_an_owners_link_is_followed(looks: Looking, site: RunningGateway) -> None:
    """To the console, where a button signs in: following a link changes nothing."""
    email = address()
    link(site, email)
    page = looks.at("/outbox")
    mail_to(page, email).get_by_role("link", name="Follow the link").click()
    page.wait_for_url(f"{site.url}/console.html*")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_the_page_is_for_everybody(looks: Looking, site: RunningGateway) -> None:
    """axe finds nothing, on a phone and in the dark as well."""
    site.key()
    for how in ({}, {"dark": True, "phone": True}):
        page = looks.at("/outbox", **how)
        page.get_by_role("article").first.wait_for()
        assert not violations(page)
        assert wider(page) <= 0


def test_case_34_a_mail_is_text(looks: Looking, site: RunningGateway) -> None:
    """Subject, address and text of a mail do nothing, and a link that is no web page's is none."""
    mail = EmailMessage()
    mail["To"], mail["Subject"] = "ada@farebox.test", SCRIPT
    mail.set_content(SCRIPT)
    (site.outbox / f"{secrets.token_hex(6)}.eml").write_bytes(bytes(mail))
    page = looks.at("/outbox")
    expect(page.get_by_role("heading", name=SCRIPT).first).to_be_visible()
    page.get_by_role("article").filter(has_text=SCRIPT).first.get_by_text("The whole mail").click()
    assert page.title() == "Outbox · Farebox"
    assert page.locator("main :is(script, img)").count() == 0
    mails = [
        {"at": "2026-01-01T00:00:00Z", "to": "a", "subject": "s", "text": "", "key": "", "link": "javascript:alert(1)"}
    ]
    page.route("**/outbox/mails.json", lambda route: route.fulfill(json={"mails": mails}))
    page.reload()
    page.get_by_role("heading", name="s", exact=True).wait_for()
    assert page.get_by_role("link", name="Follow the link").count() == 0


def test_no_mail_yet(looks: Looking) -> None:
    """It says what brings one; and where the gateway is gone, that it is."""
    page = looks.at(goto=False)
    page.route("**/outbox/mails.json", lambda route: route.fulfill(json={"mails": []}), times=1)
    page.goto(f"{looks.url}/outbox")
    expect(page.get_by_text("No mail yet.")).to_be_visible()
    page.route("**/outbox/mails.json", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("Is it running?")
    looks.wrong[:] = [found for found in looks.wrong if "ERR_FAILED" not in found]
