"""What the documentation's site looks like, wide in light and in dark, and on a phone.

python -m tests.docs.screenshots [PAGE …]   # of .build/docs, which `make docs` builds, into .build/screenshots/docs
"""

import sys
from typing import Any

from playwright.sync_api import Browser, Page

from infra.docs.__main__ import SITE
from tests.examples.site import served
from tests.pages import looking
from tests.stand import ROOT

FOLDER = ROOT / ".build/screenshots/docs"
PAGES = ("index", "guides/quickstart", "clients/index", "ledger", "settings", "errors", "decisions/README", "404")
LOOKS: dict[str, dict[str, bool]] = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}
WIDE = {"width": 1280, "height": 900}


def window(browser: Browser, *, dark: bool = False, phone: bool = False) -> Page:
    """A reader's window, which has seen nothing yet."""
    scheme: Any = "dark" if dark else "light"
    size: Any = looking.PHONE if phone else WIDE
    return browser.new_page(color_scheme=scheme, viewport=size)


def main(pages: list[str]) -> int:
    """Exit code: 0 where all pictures are made, 1 without a Chromium or without a site."""
    path = looking.chromium()
    if not path or not SITE.exists():
        print("First: make docs" if path else looking.MISSING, file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with looking.browsing(path) as browser, served(SITE) as url:
        for look, how in LOOKS.items():
            page = window(browser, **how)
            for name in pages or PAGES:
                page.goto(f"{url}/{name}.html")
                file = f"{name.replace('/', '-')}-{look}"
                page.screenshot(path=FOLDER / f"{file}.png")
                page.screenshot(path=FOLDER / f"{file}-whole.png", full_page=True)
    print(f"pictures are in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
