"""The pictures of the example pages in docs/images: `python -m tests.examples.screenshots`, part of `make pictures`."""

import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from tests import stand
from tests.examples.made import PRICED, Made, in_pieces, made, page_with
from tests.examples.site import served
from tests.forward.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.issuer import CLIENT_ID, local_issuer
from tests.pages import looking
from tests.stand import ROOT, RunningGateway

DOCS = ROOT / "docs/images"
NAMES = ("example_page", "example_limit", "example_sign_in")
WIDE, PHONE = {"width": 840, "height": 460}, {"width": 390, "height": 560}
QUESTION = "One day in Paris: what should I see?"
PIECES = (
    "Paris, the capital of France, lies on the Seine. ",
    "Three things to see in a day:\n\n",
    "1. the Sainte-Chapelle, early, before the queue\n",
    "2. the covered passages\n",
    "3. the river from the Pont Neuf, when the lamps go on",
)
COST = 5 + len(PIECES)
LEFT = 18_741
A_MINUTE = 5
WAIT_S = 42
"""What the page and its description name; the gateway's own number depends on the second."""


def main(folder: Path = DOCS) -> int:
    """Exit code: 0 where all pictures are made, 1 without a Chromium."""
    path = looking.chromium()
    if not path:
        print(looking.MISSING, file=sys.stderr)
        return 1
    with ExitStack() as running:
        work = Path(running.enter_context(tempfile.TemporaryDirectory()))
        upstream = running.enter_context(scripted_upstream())
        upstream.play(in_pieces(*PIECES))
        start = running.enter_context(stand.gateways(running.enter_context(stand.ministack(work)), work))
        gateway = start(PROJECTS_SECRET="a secret of projects, long enough", OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8")
        browser = running.enter_context(looking.browsing(path))
        guests(browser, gateway, upstream, work, folder)
        somebody_signed_in(browser, gateway, upstream, work, folder)
    print(f"{', '.join(NAMES)}: pictures are in {folder}")
    return 0


def guests(browser: Browser, gateway: RunningGateway, upstream: ScriptedUpstream, work: Path, folder: Path) -> None:
    """The page without sign-in: an answer, and then a limit that is reached."""
    rules = priced(LEFT + A_MINUTE * COST) | {"limits": {"user": {"minute": A_MINUTE}}}
    project = made(gateway, "managed", provider(upstream), auth={"no_auth": {"rules": rules}})
    for _ in range(A_MINUTE - 1):
        asked = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
        gateway.request("POST", "/v1/chat/completions", key=project.key, body=asked)
    page = opened(browser, page_with(work, "static_html", project.settings()).as_uri(), WIDE)
    ask(page)
    page.screenshot(path=folder / "example_page.png")
    page.route("**/chat/completions", _in_42_seconds)
    page.fill("#question", "And what in the evening?")
    page.press("#question", "Enter")
    expect(page.get_by_role("alert")).to_contain_text(f"Try again in {WAIT_S} seconds.")
    page.screenshot(path=folder / "example_limit.png")


def somebody_signed_in(
    browser: Browser, gateway: RunningGateway, upstream: ScriptedUpstream, work: Path, folder: Path
) -> None:
    """The page with sign-in, on a phone, in the dark."""
    with local_issuer() as issuer:
        who = {"issuer": issuer.url, "audience": [CLIENT_ID]}
        auth = {"no_auth": {"rules": {}}, "jwt": {"rules": priced(LEFT + COST), "issuers": [who]}}
        project: Made = made(gateway, "managed", provider(upstream), auth=auth)
        page_with(work, "static_html_sign_in", project.settings(issuer=issuer.url))
        with served(work) as url:
            page = opened(browser, f"{url}/index.html", PHONE, dark=True)
            page.click("#sign-in")
            page.click("text=Sign in as Ada")
            expect(page.locator("#who")).to_have_text("Ada Example")
            ask(page)
            page.screenshot(path=folder / "example_sign_in.png")


def provider(upstream: ScriptedUpstream) -> dict[str, Any]:
    return {"kind": "openai", "base_url": f"{upstream.url}/v1"}


def priced(credits: int) -> dict[str, Any]:
    return PRICED | {"credits": {"signup": credits, "signup_days": 7}}


def opened(browser: Browser, address: str, size: Any, *, dark: bool = False) -> Page:
    page = browser.new_page(color_scheme="dark" if dark else "light", viewport=size, locale="en-GB")
    page.goto(address)
    return page


def ask(page: Page) -> None:
    """Ask, and wait until the answer and what is left are there."""
    page.fill("#question", QUESTION)
    page.press("#question", "Enter")
    expect(page.locator(".assistant")).to_contain_text(PIECES[-1])
    expect(page.locator("#credits")).to_have_text(f"{LEFT:,} credits left")
    expect(page.locator("#send")).to_have_text("Send")


def _in_42_seconds(route: Route) -> None:
    """The gateway's own refusal, with another number of seconds."""
    answer = route.fetch()
    body = re.sub(r"\d+ s\.", f"{WAIT_S} s.", answer.text())
    route.fulfill(response=answer, headers=answer.headers | {"retry-after": str(WAIT_S)}, body=body)


if __name__ == "__main__":
    sys.exit(main())
