"""The documentation as a site: it is whole, everybody can read it, anywhere, and it asks nobody else for anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Request, Response, expect

from infra.docs import nav
from infra.docs.__main__ import DOCS, main
from tests.docs.screenshots import window
from tests.examples.site import served
from tests.pages import looking

pytestmark = pytest.mark.filterwarnings("ignore::sphinx.deprecation.RemovedInSphinx11Warning")
"""MyST's own, until its next version."""
REPOSITORY = "https://code.example/ada/farebox"
BASE = "/farebox/"
"""Where GitHub's Pages put the site of a project."""
KINDS = ("index", "guides/quickstart", "errors", "search", "404")
"""Words and pictures; code; tables; and the two pages that have no source."""
LOOKS: dict[str, dict[str, bool]] = {"light": {}, "dark on a phone": {"dark": True, "phone": True}}
WIDER = """() => Math.max(...[...document.querySelectorAll("html, .content")]
  .map((area) => area.scrollWidth - area.clientWidth))"""
"""By how many pixels the page, or its text without the sidebar, is wider than its window."""
SERIOUS = ("serious", "critical")


@dataclass
class Site:
    """What `make docs` made, and said."""

    folder: Path
    code: int
    said: str
    pages: list[str] = field(default_factory=list)
    """Each page of the sources, and those that have none."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("host") / BASE.strip("/")
    words = ["--to", str(folder), "--repository", REPOSITORY, "--base-url", f"https://docs.example{BASE}"]
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        code = main(words)
    return Site(folder, code, "\n".join(said), ["index", *nav.pages_of(DOCS), "search", "404"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = looking.chromium()
    if not path:
        pytest.skip(looking.MISSING)
    with looking.browsing(path) as browser:
        yield browser


@pytest.fixture(scope="module")
def url(site: Site) -> Iterator[str]:
    """The site's address, below a path."""
    with served(site.folder.parent) as host:
        yield host + BASE.rstrip("/")


@dataclass
class Visit:
    """What was seen on a phone, on all pages."""

    wider: dict[str, int] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def visit(browser: Browser, site: Site, url: str) -> Visit:
    seen, page = Visit(), window(browser, phone=True)
    page.on("request", lambda request: _elsewhere(seen, request, url))
    page.on("pageerror", lambda error: seen.wrong.append(f"{page.url}: {error}"))
    page.on("console", lambda said: seen.wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("response", lambda answer: _missing(seen, answer))
    for name in site.pages:
        page.goto(f"{url}/{name}.html")
        if over := int(page.evaluate(WIDER)):
            seen.wider[name] = over
    page.close()
    return seen


def _missing(seen: Visit, answer: Response) -> None:
    if answer.status >= 400:
        seen.wrong.append(f"{answer.status}: {answer.url}")


def _elsewhere(seen: Visit, request: Request, url: str) -> None:
    if not request.url.startswith((url + "/", "data:")):
        seen.elsewhere.add(request.url)


def test_it_is_built_without_a_warning_and_every_link_leads_somewhere(site: Site) -> None:
    """`make docs` ends well: no warning of Sphinx, no link, anchor or picture that leads nowhere."""
    assert site.code == 0, site.said
    assert "; 0 warnings" in site.said
    assert "; 0 wrong" in site.said


def test_every_page_is_reached_from_every_page(site: Site) -> None:
    """The sidebar has each page once, in the order of infra/docs/nav.py; what it names is there."""
    text = (site.folder / "index.html").read_text()
    tree = re.search(r'<div class="sidebar-tree">(.*?)</div>', text, re.DOTALL)
    assert tree
    listed = [name.removesuffix(".html") for name in re.findall(r'href="([^"#]+)"', tree[1])]
    assert sorted(listed) == nav.pages_of(DOCS)
    assert re.findall(r'caption-text">([^<]+)<', tree[1]) == list(nav.SECTIONS)
    missing = [name for names in nav.SECTIONS.values() for name in names if not name.endswith("/")]
    assert [name for name in missing if not (DOCS / f"{name}.md").exists()] == []


def test_nothing_is_lost_under_project(site: Site) -> None:
    """Each page has a section that was chosen for it; none stands under Project because nobody thought of it."""
    assert nav.sections(nav.pages_of(DOCS))["Project"] == list(nav.SECTIONS["Project"])


def test_no_page_scrolls_sideways_on_a_phone(visit: Visit) -> None:
    """At 390 pixels nothing is wider than the window; what is, scrolls by itself."""
    assert visit.wider == {}


def test_no_page_asks_another_origin_for_anything(visit: Visit) -> None:
    """Fonts, scripts, pictures: all are the site's own, and all are there."""
    assert visit.elsewhere == set()
    assert visit.wrong == []


@pytest.mark.parametrize("how", LOOKS)
@pytest.mark.parametrize("name", KINDS)
def test_everybody_can_read_it(browser: Browser, url: str, name: str, how: str) -> None:
    """axe finds nothing serious on any kind of page, in light and in dark."""
    page = window(browser, **LOOKS[how])
    page.goto(f"{url}/{name}.html")
    found = Axe().run(page, options=looking.RULES).response["violations"]
    page.close()
    wrong = [f"{one['id']}: {node['target']}" for one in found if one["impact"] in SERIOUS for node in one["nodes"]]
    assert not wrong, "\n".join(wrong)


def test_it_is_dark_where_the_reader_is(browser: Browser, url: str) -> None:
    """The ground is the gateway's pages' own, light or dark."""
    sheet = (DOCS.parent / "dashboard_static/site.css").read_text()
    light, dark = re.findall(r"--paper: (#\w+);", sheet)
    for is_dark, colour in ((False, light), (True, dark)):
        page = window(browser, dark=is_dark)
        page.goto(f"{url}/index.html")
        red, green, blue = bytes.fromhex(colour[1:])
        expect(page.locator("body")).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
        page.close()


@pytest.mark.parametrize("words", ["idempotency", "refund"])
def test_search_finds_something(browser: Browser, url: str, words: str) -> None:
    """Words in the box of any page lead to pages with them, without a server."""
    page = window(browser)
    page.goto(f"{url}/ledger.html")
    page.fill(".sidebar-search", words)
    page.press(".sidebar-search", "Enter")
    first = page.locator("#search-results li a").first
    expect(first).to_be_visible()
    first.click()
    expect(page.locator("article")).to_contain_text(re.compile(words, re.IGNORECASE))
    page.close()


def test_it_works_as_files(browser: Browser, site: Site) -> None:
    """Without a server, too: opened from the folder, with its looks, its sidebar, and its search."""
    page = window(browser)
    page.goto((site.folder / "index.html").as_uri())
    _looks_right(page)
    page.click(".sidebar-tree >> text=Quickstart")
    expect(page.locator("h1")).to_contain_text("Quickstart")
    page.fill(".sidebar-search", "hold")
    page.press(".sidebar-search", "Enter")
    expect(page.locator("#search-results li a").first).to_be_visible()
    page.close()


def test_an_unknown_address_has_a_page_at_any_depth(browser: Browser, site: Site, url: str) -> None:
    """GitHub's Pages show 404.html wherever nothing is: its looks and its links are right there, too."""
    page = window(browser)
    lost = (site.folder / "404.html").read_text()
    page.route("**/no/such/page", lambda route: route.fulfill(status=404, content_type="text/html", body=lost))
    page.goto(f"{url}/no/such/page")
    _looks_right(page)
    expect(page.locator("h1")).to_contain_text("Nothing here")
    page.click("text=To the beginning")
    expect(page.locator("h1")).to_contain_text("Farebox")
    page.close()


def _looks_right(page: Page) -> None:
    """Its sheets are loaded: the sidebar stands beside the text, in the pages' own type."""
    expect(page.locator(".sidebar-logo")).to_have_js_property("complete", value=True)
    expect(page.locator("div.content")).not_to_have_css("padding-left", "0px")
    expect(page.locator("body")).to_have_css("font-family", "system-ui, sans-serif")


def test_a_block_of_code_is_copied_as_it_is(browser: Browser, url: str) -> None:
    """The button puts the commands into the clipboard, with the repository's real address; output has no button."""
    page = window(browser)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{url}/guides/quickstart.html")
    page.locator(".highlight-sh").first.hover()
    page.locator(".highlight-sh .copy").first.click()
    expect(page.locator(".highlight-sh .copy").first).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"git clone {REPOSITORY} farebox && cd farebox\nmake run\n"
    assert page.locator(".highlight-text .copy").count() == 0
    page.close()


def test_links_into_the_source_lead_to_the_repository(site: Site) -> None:
    """What is not a page is looked at in the repository."""
    assert f'href="{REPOSITORY}/blob/main/functions/forward/meter.py"' in (site.folder / "providers.html").read_text()
    assert f'href="{REPOSITORY}/tree/main/examples/node"' in (site.folder / "examples.html").read_text()
