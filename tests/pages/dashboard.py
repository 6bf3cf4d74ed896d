"""A user's dashboard, and what tests do to it."""

from typing import Any

from playwright.sync_api import Locator, Page, Route

from tests.pages.looking import Looking
from tests.pages.people import settled

SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
"""What others may write where text is shown."""


def enter(looks: Looking, key: str, tab: str = "", **how: Any) -> Page:
    """The dashboard of whoever has a key, at one of its tabs."""
    page = looks.at(f"/dashboard.html#key={key}", **how)
    page.get_by_role("tab", name="Use", exact=True).wait_for()
    if tab:
        page.get_by_role("tab", name=tab, exact=True).click()
    settled(page)
    return page


def number(page: Page, label: str) -> Locator:
    """The value of a tile."""
    return page.locator(".number").filter(has=page.get_by_text(label, exact=True)).locator("dd")


def answer_with(page: Page, address: str, change: dict[str, Any]) -> None:
    """Let an answer of the API's say something else in some fields."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | change)

    page.route(address, changed)
