"""A browser's window on the site: what it shows, and what it must never do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

WAIT_MS = 20_000
SIZE = {"width": 1200, "height": 860}
PHONE = {"width": 390, "height": 844}
WEIGHT_MAX = 200_000
"""Bytes of everything that one page loads, before compression."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "NO PROOF OF THE PAGES: there is no `chromium` (Debian: apt install chromium)"

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def chromium() -> str | None:
    """Where the machine's Chromium is."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browsing(path: str) -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Looking:
    """One reader's browser. What goes wrong in it is kept, and fails the test at its end."""

    browser: Browser
    url: str
    """The site's, without a slash at its end."""
    wrong: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)
    """Bytes of each file of the site that was loaded."""
    contexts: list[BrowserContext] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)
    """Origins that a test may be led to: a payment provider's."""
    refusals: set[int] = field(default_factory=set)
    """Statuses that a test expects; the browser tells its console of each."""

    def at(self, path: str = "/", *, dark: bool = False, phone: bool = False, goto: bool = True) -> Page:
        """A page in a browser that knows nothing yet."""
        scheme: Any = "dark" if dark else "light"
        size: Any = PHONE if phone else SIZE
        context = self.browser.new_context(
            color_scheme=scheme, viewport=size, locale="en-GB", timezone_id="UTC", accept_downloads=True
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        context.set_default_timeout(WAIT_MS)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.on("response", self._response)
        if goto:
            page.goto(self.url + path)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(f"status of {status}" in message.text for status in self.refusals)
        if message.type in ("error", "warning") and not expected:
            self.wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in ("data", "blob", "file") and origin != self.url and origin not in self.elsewhere:
            self.wrong.append(f"a request to another origin: {request.url}")
        if "sk-" in parts.query or "os-" in parts.query:
            self.wrong.append(f"a key in an address: {parts.path}")

    def _response(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if response.url.startswith(self.url) and path.endswith((".html", ".js", ".css", "/")) and response.ok:
            self.weights[path] = len(response.body())


def violations(page: Page) -> list[str]:
    """What axe finds: the rule, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['target']} {node.get('failureSummary', '')}" for one in found for node in one["nodes"]]


def wider(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return max(0, int(page.evaluate(WIDER)))
