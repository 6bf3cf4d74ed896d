"""People who look at pages: what they bring, and what they have done before, so that there is something to see."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.entries.keys import ADMIN_KEY, as_admin
from tests.owners.owner import Owner, new_owner
from tests.pages.looking import Looking
from tests.payments.standins.base import StandIn
from tests.stand import RunningGateway

QUESTION = {"model": "default", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12}
ROLES: tuple[Any, ...] = ("link", "button")
KEPT = "([name, value]) => sessionStorage.setItem(`farebox-${name}`, value)"


@dataclass(frozen=True)
class Place:
    """A page, and who looks at it: `tabs` is whether it has tabs to go through."""

    name: str
    path: str
    who: str = ""
    tabs: bool = False


PLACES = (
    Place("landing", "/"),
    Place("register", "/register.html"),
    Place("dashboard-sign-in", "/dashboard.html"),
    Place("dashboard", "/dashboard.html", "user", tabs=True),
    Place("console-sign-in", "/console.html"),
    Place("console", "/console.html", "owner"),
    Place("project", "/console.html", "project", tabs=True),
    Place("admin-sign-in", "/admin.html"),
    Place("admin", "/admin.html", "operator", tabs=True),
    Place("paid", "/paid.html"),
    Place("missing", "/404.html"),
)


class People:
    """A user with receipts, orders and keys, an owner with a project and users, and the operator."""

    def __init__(self, site: RunningGateway, stripe: StandIn, provider_url: str) -> None:
        self.site = site
        self.email = f"ada-{secrets.token_hex(3)}@farebox.test"
        self.key = site.register(self.email)
        for _ in range(2):
            self.told("POST", "/v1/chat/completions", QUESTION, self.key)
        self.told("POST", "/account/keys", {"label": "the laptop"}, self.key)
        self._buy(stripe)
        self.user_id = site.account(self.key)["user_id"]
        gift = {"email": self.email, "delta": "500", "why": "a gift"}
        adjusted = site.request("POST", "/admin/adjust", gift, headers=as_admin())
        assert adjusted.status == 200, adjusted.body
        self.owner: Owner = new_owner(site)
        self.project_id = self._project(provider_url)

    def told(self, method: str, path: str, body: Any, key: str) -> Any:
        answer = self.site.request(method, path, body, key=key)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json()

    def _buy(self, stripe: StandIn) -> None:
        before = set(stripe.references())
        self.told("POST", "/checkout", {"pack": "starter", "method": "stripe"}, self.key)
        (reference,) = set(stripe.references()) - before
        for sent in stripe.pay(reference):
            answer = self.site.request("POST", "/stripe/webhook", sent.body, headers=dict(sent.headers))
            assert answer.status == 200, answer.body

    def _project(self, provider_url: str) -> str:
        made = self.owner.managed()
        shown = made.shown
        document = shown["document"]
        document["providers"]["mine"]["base_url"] = f"{provider_url}/v1"
        made.told("PUT", "", {"version": shown["version"], "document": document})
        made.told("PUT", "/providers/mine/key", {"api_key": "sk-of-the-provider"})
        key = made.told("POST", "/keys", {"kind": "publishable", "label": "the website"})["key"]
        made.told("POST", "/test-tokens", {"label": "mine"})
        made.user("customer 17")
        self.site.request("POST", "/v1/chat/completions", QUESTION, key=key)
        return made.project_id

    def look(self, looks: Looking, place: Place, **how: Any) -> Page:
        """Open a place as whoever looks at it."""
        page = looks.at(goto=False, **how)
        kept = {"user": ("key", self.key), "operator": ("admin", ADMIN_KEY)}.get(place.who)
        if place.who in ("owner", "project"):
            kept = ("session", self.owner.session)
        if kept:
            page.add_init_script(f"({KEPT})({json.dumps(kept)})")
        page.goto(looks.url + place.path)
        if place.who == "project":
            named = [page.get_by_role(role, name="Travel helper") for role in ROLES]
            named[0].or_(named[1]).first.click()
        settled(page)
        return page


def settled(page: Page) -> None:
    """Wait until nothing of a page is busy any more."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-busy=true], .busy")).to_have_count(0)


def each_tab(page: Page, see: Callable[[str], None]) -> None:
    """Open one tab after the other, and see it when it is there."""
    tabs = page.get_by_role("tab")
    for index in range(tabs.count()):
        tab = tabs.nth(index)
        tab.click()
        settled(page)
        see(str(tab.text_content()))
