"""The owner's pages, by hand: in by a mailed link, settings as forms and as JSON, keys, users, what was changed."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.owners.owner import Owner, Projected, address, link, new_owner
from tests.pages.looking import Looking
from tests.pages.people import KEPT, QUESTION
from tests.stand import RunningGateway, wait_until

SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
IS_BUSY = "Boolean(document.querySelector('[aria-busy=true], .busy'))"


@pytest.fixture(scope="module")
def owner(site: RunningGateway) -> Owner:
    return new_owner(site)


@pytest.fixture(scope="module")
def shop(owner: Owner, upstream: ScriptedUpstream) -> Projected:
    """A project that answers, and sells: everything that a document can have is looked at here."""
    upstream.play(plain)
    made = owner.managed()
    shown = made.shown
    document = shown["document"] | {"name": "Shop", "packs": [{"id": "small", "amount": 300, "currency": "eur"}]}
    document["providers"]["mine"]["base_url"] = f"{upstream.url}/v1"
    made.told("PUT", "", {"version": shown["version"], "document": document})
    made.told("PUT", "/providers/mine/key", {"api_key": "sk-of-the-provider"})
    return made


def enter(looks: Looking, owner: Owner, project: Projected | None = None, tab: str = "", **how: Any) -> Page:
    """The page of an owner who is signed in, at one of a project's sections."""
    page = looks.at(goto=False, **how)
    page.add_init_script(f"({KEPT})({json.dumps(['session', owner.session])})")
    page.goto(f"{looks.url}/console.html" + (f"?project={project.project_id}" if project else ""))
    if tab:
        open_tab(page, tab)
    return page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    rest(page)


def rest(page: Page) -> None:
    """Wait until nothing of the page is busy."""
    page.wait_for_load_state("networkidle")
    for _ in range(200):
        if not page.evaluate(IS_BUSY):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page stays busy")


def section(page: Page, title: str) -> Locator:
    """A section of the settings, open."""
    found = page.locator("details.section").filter(has=page.get_by_role("heading", name=title, exact=True))
    if found.get_attribute("open") is None:
        found.get_by_role("heading", name=title, exact=True).click()
    return found


def written(page: Page) -> Any:
    """The document as the JSON beside the forms says it."""
    return json.loads(page.get_by_label("The document, as JSON").input_value())


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def saved(page: Page) -> None:
    save(page)
    expect(page.get_by_text(re.compile("^Saved as version"))).to_be_visible()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog").last


def test_the_mailed_link_signs_in_when_its_reader_says_so(looks: Looking, site: RunningGateway) -> None:
    """Its token is out of the address at once, exchanged by a button; the session is kept for the tab, and ended."""
    page = looks.at("/console.html")
    email = address()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_focused()
    token = link(site, email)
    page.goto("about:blank")
    page.goto(f"{site.url}/console.html#{token}")
    page.get_by_role("heading", name="One more step").wait_for()
    assert page.url == f"{site.url}/console.html"
    rest(page)
    assert page.evaluate("sessionStorage.length") == 0
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("You have no project yet.")).to_be_visible()
    session = page.evaluate("sessionStorage.getItem('farebox-session')")
    page.reload()
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail address").wait_for()
    rest(page)
    assert page.evaluate("sessionStorage.getItem('farebox-session')") is None
    assert site.request("GET", "/console/projects", key=session).status == 401


def test_a_link_that_was_used_is_told(looks: Looking, site: RunningGateway) -> None:
    """And a way to get another one is offered; a link that is not whole is told without asking anybody."""
    looks.refusals |= {400, 401}
    page = looks.at("/console.html#" + "A" * 43)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Mail me another link").click()
    page.get_by_label("E-mail address").wait_for()
    page.goto(f"{site.url}/console.html#half")
    expect(page.get_by_text("This link is not whole.")).to_be_visible()


def test_a_session_that_ended_leads_to_the_sign_in(looks: Looking) -> None:
    """With a word on why; the dead session is forgotten."""
    looks.refusals.add(401)
    page = looks.at(goto=False)
    page.add_init_script(f"sessionStorage.length || ({KEPT})(['session', 'os-{'A' * 43}'])")
    page.goto(f"{looks.url}/console.html")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('farebox-session')") is None


def test_a_project_is_made_and_answers(
    looks: Looking, owner: Owner, upstream: ScriptedUpstream, site: RunningGateway
) -> None:
    """Managed mode with a provider, a model and a template, all by forms; a key that is shown once; and it answers."""
    upstream.play(plain)
    page = enter(looks, owner)
    page.get_by_label("Name").fill("Made by hand")
    page.get_by_role("button", name="New project").click()
    page.get_by_role("heading", name="Made by hand", level=1).wait_for()
    rest(page)
    expect(page.get_by_text("Until it answers")).to_be_visible()
    open_tab(page, "Settings")
    assert written(page)["mode"] == "managed"
    providers = section(page, "Providers")
    providers.get_by_role("button", name="Add a provider").click()
    providers.get_by_label("Who").select_option("other")
    providers.get_by_label("Address").fill(f"{upstream.url}/v1")
    providers.get_by_label("Name", exact=True).fill("mine")
    providers.get_by_label("Name", exact=True).press("Tab")
    models = section(page, "Models")
    models.get_by_role("button", name="Add a model").click()
    models.get_by_label("Model", exact=True).fill("m")
    expect(models.get_by_label("Provider", exact=True)).to_have_value('"mine"')
    endpoints = section(page, "Endpoints")
    endpoints.get_by_role("checkbox", name="Chat completions").check()
    endpoints.get_by_label("Instructions").fill("You are kind.")
    assert written(page)["endpoints"] == {
        "/v1/chat/completions": {
            "template": {"model": "m", "messages": [{"role": "system", "content": "You are kind."}]}
        }
    }
    saved(page)
    open_tab(page, "Keys")
    page.get_by_role("button", name="Give Key of mine").click()
    dialog(page).get_by_label("Key").fill("sk-of-the-provider")
    dialog(page).get_by_role("button", name="Keep it sealed").click()
    expect(page.get_by_role("region", name="Keys of providers")).to_contain_text("…ider")
    page.get_by_role("button", name="New key").click()
    dialog(page).get_by_label("Label").fill("the website")
    dialog(page).get_by_role("button", name="Make it").click()
    key = dialog(page).get_by_text(re.compile("^pk-")).first.text_content() or ""
    dialog(page).get_by_role("button", name="Done").click()
    rest(page)
    expect(page.get_by_role("region", name="Keys of the app")).to_contain_text("the website")
    page.reload()
    rest(page)
    assert key not in page.content()
    answer = site.request("POST", "/v1/chat/completions", QUESTION, key=key)
    assert answer.status == 200, answer.body
    assert upstream.call.json["messages"][0] == {"role": "system", "content": "You are kind."}


def test_forms_and_json_follow_each_other(looks: Looking, owner: Owner, shop: Projected) -> None:
    """A field changes the JSON as it is written, the JSON the fields; JSON that is broken changes and saves nothing."""
    page = enter(looks, owner, shop, "Settings")
    auth = section(page, "Who may use it, and for what")
    method = auth.get_by_role("group", name="By a key of yours")
    method.locator("summary", has_text="Limits").click()
    method.get_by_label("One user, a day").fill("250")
    method.locator("summary", has_text="Credits").click()
    method.get_by_label("Credits of small").fill("2.5")
    assert written(page)["auth"]["key"] == {
        "rules": {"limits": {"user": {"day": 250}}, "credits": {"purchases": {"small": "2.5"}}}
    }
    method.get_by_label("One user, a day").fill("")
    assert written(page)["auth"]["key"] == {"rules": {"credits": {"purchases": {"small": "2.5"}}}}
    document = written(page)
    document["auth"]["key"] = {"rules": {"prices": [{"model": "m*", "input": 7, "output": 8}]}}
    document["origins"] = ["https://a.example", "https://b.example"]
    json_field = page.get_by_label("The document, as JSON")
    json_field.fill(json.dumps(document))
    method.locator("summary", has_text="Prices").click()
    expect(method.get_by_label("Per 1M output tokens")).to_have_value("8")
    expect(page.get_by_label("Pages that may call")).to_have_value("https://a.example\nhttps://b.example")
    json_field.fill('{"name": ')
    expect(page.get_by_role("alert").filter(has_text="This is no JSON")).to_be_visible()
    save(page)
    page.get_by_role("button", name="Discard").click()
    assert written(page) == shop.shown["document"]


def test_fallbacks_are_put_in_order(looks: Looking, owner: Owner, shop: Projected) -> None:
    """Providers of a model are added, moved and removed by buttons; a provider's new name goes along."""
    page = enter(looks, owner, shop, "Settings")
    section(page, "Providers").get_by_role("button", name="Add a provider").click()
    models = section(page, "Models")
    models.get_by_role("button", name="Add a fallback").click()
    assert [one["provider"] for one in written(page)["models"][0]["providers"]] == ["mine", "openai"]
    models.get_by_role("button", name="Move up provider 2").click()
    assert [one["provider"] for one in written(page)["models"][0]["providers"]] == ["openai", "mine"]
    name = section(page, "Providers").get_by_label("Name", exact=True).nth(1)
    name.fill("other")
    name.press("Enter")
    assert [one["provider"] for one in written(page)["models"][0]["providers"]] == ["other", "mine"]
    models.get_by_role("button", name="Remove provider 1").click()
    assert written(page)["models"] == shop.shown["document"]["models"]


def test_the_other_mode_keeps_what_was_written(looks: Looking, owner: Owner, shop: Projected) -> None:
    """Forward mode has a list of endpoints and no test tokens; back in managed mode the templates are there again."""
    page = enter(looks, owner, shop, "Settings")
    mode = section(page, "Basics").get_by_label("Mode", exact=True)
    mode.select_option(label="Forward: for a back-end")
    forward = written(page)
    assert (forward["mode"], "endpoints" in forward, "test" in forward["auth"]) == ("forward", False, False)
    section(page, "Endpoints").get_by_label("/v1/embeddings").check()
    assert written(page)["endpoints"] == ["/v1/embeddings"]
    mode.select_option(label="Managed: for pages and apps")
    now = written(page)
    assert now["endpoints"] == shop.shown["document"]["endpoints"]
    assert "test" in now["auth"]


def test_what_is_wrong_is_told_at_its_field(looks: Looking, owner: Owner, shop: Projected) -> None:
    """The field that the API names is marked and focused, with the error; beside the JSON stands its line."""
    looks.refusals.add(400)
    page = enter(looks, owner, shop, "Settings")
    version = shop.shown["version"]
    document = written(page)
    document["auth"]["jwt"]["issuers"][0] = {"preset": "auth0", "domain": "no domain!", "audience": "x"}
    page.get_by_label("The document, as JSON").fill(json.dumps(document))
    save(page)
    field = page.get_by_label("Domain", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    told = page.get_by_role("alert").filter(has_text="auth.jwt.issuers[0].domain")
    lines = json.dumps(document, indent=2).split("\n")
    (line,) = [number for number, text in enumerate(lines, 1) if '"domain"' in text]
    told.get_by_role("button", name=f"Line {line}").click()
    chosen = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert '"domain": "no domain!"' in page.get_by_label("The document, as JSON").evaluate(chosen)
    field.fill("app.eu.auth0.com")
    document["auth"]["unheard_of"] = {}
    page.get_by_label("The document, as JSON").fill(json.dumps(document | {"auth": {"no_auth": {}, "unheard_of": {}}}))
    save(page)
    expect(page.get_by_role("alert").filter(has_text="auth.unheard_of")).to_be_visible()
    assert shop.shown["version"] == version


def test_somebody_else_was_quicker(looks: Looking, owner: Owner, shop: Projected) -> None:
    """It is told what differs, and nothing is lost: theirs can be taken, or one's own saved over it."""
    looks.refusals.add(409)
    page = enter(looks, owner, shop, "Settings")
    theirs = shop.shown
    changed = theirs["document"] | {"origins": ["https://theirs.example"]}
    shop.told("PUT", "", {"version": theirs["version"], "document": changed})
    page.get_by_label("Name", exact=True).first.fill("Mine")
    save(page)
    expect(page.get_by_role("alert").filter(has_text="Somebody else changed")).to_contain_text("origins")
    page.get_by_role("button", name="Keep mine").click()
    saved(page)
    assert (shop.shown["document"]["name"], shop.shown["document"].get("origins")) == ("Mine", None)
    page.get_by_label("Name", exact=True).first.fill("Shop")
    save(page)  # what was said of the save before may still be there
    wait_until(lambda: shop.shown["document"] == theirs["document"], "the name that it had")


def test_a_user_is_found_and_blocked(looks: Looking, owner: Owner, shop: Projected) -> None:
    """Found by a part of a reference; given credits, blocked, seen in the abuse queue, let in, and deleted."""
    reference = f"customer {secrets.token_hex(4)}"
    user = shop.user(reference)
    shop.user()
    page = enter(looks, owner, shop, "Users")
    page.get_by_label("Find").fill(reference[-6:])
    page.get_by_role("button", name="Find").click()
    rest(page)
    expect(page.get_by_role("region", name="Users").get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name=reference).click()
    rest(page)
    act(page, "Adjust credits", Credits="5.5", Why="a gift")
    act(page, "Grant credits", Credits="100", Days="3")
    expect(page.get_by_text("105.5", exact=True)).to_be_visible()
    act(page, "Block")
    expect(page.locator(".facts").get_by_text("blocked", exact=True)).to_be_visible()
    assert shop.told("GET", f"/users/{user['user_id']}")["blocked"] is True
    open_tab(page, "Abuse")
    page.get_by_role("button", name=reference).click()
    rest(page)
    act(page, "Unblock")
    expect(page.locator(".facts").get_by_text("open", exact=True)).to_be_visible()
    act(page, "Delete", Why="asked for")
    rest(page)
    expect(page.get_by_role("button", name=reference)).to_have_count(0)
    open_tab(page, "Changes")
    expect(page.get_by_role("region", name="Changes, the newest first")).to_contain_text("a gift")


def act(page: Page, name: str, **fields: str) -> None:
    """Press a button of a user's, fill its dialog, and send it."""
    page.get_by_role("button", name=name, exact=True).click()
    for label, value in fields.items():
        dialog(page).get_by_label(label, exact=True).fill(value)
    dialog(page).get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    rest(page)


def test_what_is_used_and_refused_is_shown(looks: Looking, owner: Owner, shop: Projected, site: RunningGateway) -> None:
    """Charts by day and hour and refusals by reason, as numbers too; and a snippet in each language."""
    key = shop.told("POST", "/keys", {"kind": "publishable"})["key"]
    assert site.request("POST", "/v1/chat/completions", QUESTION, key=key).status == 200
    page = enter(looks, owner, shop, "Overview")
    for name in ("Requests by day", "Credits by day", "Requests by hour", "Credits by hour"):
        expect(page.get_by_role("figure", name=re.compile(name))).to_be_visible()
    for language, text in (
        ("Static page", "base_url"),
        ("Node", "import OpenAI"),
        ("Python", "from openai"),
        ("curl", "curl '"),
    ):
        page.get_by_role("button", name=language, exact=True).click()
        code = page.locator(".code pre")
        expect(code).to_contain_text(text)
        expect(code).to_contain_text("pk-…")


def test_a_payment_connection_becomes_ready(looks: Looking, owner: Owner, shop: Projected, stripe: Any) -> None:
    """Key and webhook secret are given in dialogs, never shown again; the webhook's address is there to copy."""
    page = enter(looks, owner, shop, "Payments")
    expect(page.get_by_text("not ready")).to_be_visible()
    url = page.get_by_text(re.compile(r"/stripe/webhook$"))
    expect(url).to_be_visible()
    page.get_by_role("button", name="Give the key of Stripe").click()
    dialog(page).get_by_label("Key or access token").fill("rk_live_canary-of-the-owner")
    dialog(page).get_by_role("button", name="Keep it sealed").click()
    page.get_by_role("button", name="Give the webhook secret of Stripe").click()
    dialog(page).get_by_label("Webhook secret").fill("whsec_canary-of-the-owners")
    dialog(page).get_by_role("button", name="Keep it sealed").click()
    expect(page.get_by_text("ready", exact=True)).to_be_visible()
    assert "canary" not in page.content()


def test_the_webhook_secret_is_made_here_and_shown_once(looks: Looking, owner: Owner, shop: Projected) -> None:
    """It is of the standard's form, and what is kept is that one."""
    page = enter(looks, owner, shop, "Webhooks")
    page.get_by_role("button", name="Make a secret").click()
    secret = dialog(page).get_by_text(re.compile("^whsec_[A-Za-z0-9+/]{43}=$")).text_content() or ""
    dialog(page).get_by_role("button", name="Done").click()
    expect(page.get_by_text(f"…{secret[-4:]}", exact=True)).to_be_visible()
    for title in ("Failed", "Waiting", "Delivered"):
        expect(page.get_by_role("region", name=title)).to_be_visible()


def test_a_project_is_exported_imported_and_closed(
    looks: Looking, owner: Owner, shop: Projected, tmp_path: Path
) -> None:
    """The file has the document alone; a project of it is closed by its name, and by nothing else."""
    page = enter(looks, owner, shop, "Owners")
    with page.expect_download() as begun:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "project.json"
    begun.value.save_as(file)
    document = json.loads(file.read_text())
    assert document == shop.shown["document"]
    file.write_text(json.dumps(document | {"name": "Of a file"}))
    page.get_by_role("link", name="Projects").click()
    rest(page)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("heading", name="Of a file", level=1).wait_for()
    rest(page)
    open_tab(page, "Owners")
    page.get_by_role("button", name="Close this project").click()
    dialog(page).get_by_label("Name of the project").fill("Shop")
    dialog(page).get_by_role("button", name="Close it for good").click()
    expect(dialog(page).get_by_text("This is not its name.")).to_be_visible()
    dialog(page).get_by_label("Name of the project").fill("Of a file")
    dialog(page).get_by_role("button", name="Close it for good").click()
    page.get_by_role("heading", name="Projects", level=1).wait_for()
    rest(page)
    expect(page.get_by_role("link", name="Of a file")).to_have_count(0)


def test_settings_that_are_not_saved_are_not_lost_by_a_slip(looks: Looking, owner: Owner, shop: Projected) -> None:
    """Other tabs can be used meanwhile; leaving the project asks first."""
    page = enter(looks, owner)
    page.get_by_role("link", name="Shop").first.click()
    open_tab(page, "Settings")
    page.get_by_label("Name", exact=True).first.fill("Not saved")
    open_tab(page, "Keys")
    page.get_by_role("button", name="New key").click()
    dialog(page).get_by_role("button", name="Make it").click()
    dialog(page).get_by_role("button", name="Done").click()
    rest(page)
    open_tab(page, "Settings")
    expect(page.get_by_label("Name", exact=True).first).to_have_value("Not saved")
    page.get_by_role("link", name="Projects").click()
    expect(page.get_by_role("tab", name="Settings")).to_be_visible()
    page.evaluate("history.back()")
    expect(page.get_by_label("Name", exact=True).first).to_have_value("Not saved")
    assert page.url.endswith(shop.project_id)
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("heading", name="Projects", level=1).wait_for()


def test_case_34_what_owners_and_users_write_stays_text(looks: Looking, owner: Owner) -> None:
    """A script in a project's name, a label, a reference or a reason is shown as it was written, on every tab."""
    made = owner.project(
        name=SCRIPT,
        auth={"key": {}, "test": {}},
        providers={"mine": {"preset": "openai"}},
        models=[{"model": SCRIPT[:90], "providers": [{"provider": "mine"}]}],
    )
    made.told("POST", "/keys", {"kind": "publishable", "label": SCRIPT})
    made.told("POST", "/test-tokens", {"label": SCRIPT})
    user = made.user(SCRIPT[:60])
    made.told("POST", f"/users/{user['user_id']}/block", {"seconds": None, "why": SCRIPT})
    page = enter(looks, owner)
    page.get_by_role("link", name=SCRIPT).click()
    page.get_by_role("heading", name=SCRIPT, level=1).wait_for()
    tabs = page.get_by_role("tab")
    for index in range(tabs.count()):
        tabs.nth(index).click()
        rest(page)
    open_tab(page, "Users")
    page.get_by_role("button", name=SCRIPT[:60], exact=True).click()
    page.get_by_role("heading", name=SCRIPT[:60], level=2).wait_for()
    assert page.locator("main script, main img").count() == 0
    assert page.title() == f"{SCRIPT} · Farebox"
