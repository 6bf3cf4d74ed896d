"""What holds for every page, whoever looks at it: legible to all, light, of this origin alone, there at once."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route

from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.pages.looking import WEIGHT_MAX, Looking, violations, wider
from tests.pages.people import KEPT, PLACES, People, Place, each_tab
from tests.payments.standins.base import StandIn
from tests.stand import ROOT, RunningGateway

STATIC = ROOT / "dashboard_static"
LOOKS = {"light": {}, "dark on a phone": {"dark": True, "phone": True}}
UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|"
    r"document\.cookie"
)
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import""")


@pytest.fixture(scope="module")
def people(site: RunningGateway, stripe: StandIn, upstream: ScriptedUpstream) -> People:
    upstream.play(plain)
    return People(site, stripe, upstream.url)


@pytest.mark.parametrize("how", LOOKS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_page_is_for_everybody(people: People, looks: Looking, place: Place, how: str) -> None:
    """axe finds nothing on it, in no tab; not wider than its window, lighter than 200 KB, of one origin."""
    wrong: list[str] = []
    page = people.look(looks, place, **LOOKS[how])

    def see(name: str) -> None:
        wrong.extend(f"{name}: {found}" for found in violations(page))
        if over := wider(page):
            wrong.append(f"{name}: {over} pixels wider than the window")

    if place.tabs:
        each_tab(page, see)
    else:
        see(place.name)
    weight = sum(looks.weights.values())
    assert not wrong, "\n".join(wrong)
    assert weight < WEIGHT_MAX, dict(sorted(looks.weights.items(), key=lambda item: -item[1]))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_page_is_painted_before_the_api_answers(people: People, looks: Looking, place: Place) -> None:
    """Its heading is there while config.json and the API say nothing."""
    page = looks.at(goto=False)
    if place.who:
        page.add_init_script(f"['key', 'admin', 'session'].forEach((name) => ({KEPT})([name, 'x']))")
    held: list[Route] = []
    page.route("**/config.json", lambda route: held.append(route))
    page.goto(looks.url + place.path, wait_until="load")
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1


def files(kind: str) -> list[Path]:
    return sorted(STATIC.rglob(f"*.{kind}"))


def test_case_34_scripts_make_no_html_of_text() -> None:
    """Text of others goes into a page as text: no script reads HTML, runs text, or keeps anything."""
    found = {path.name: match for path in files("js") if (match := UNSAFE.findall(path.read_text()))}
    assert files("js")
    assert not found


def test_case_34_pages_have_no_inline_script_or_style() -> None:
    """What the content security policy would refuse, and what asks another origin, stands in no page and no sheet."""
    pages = files("html")
    assert len(pages) >= 6
    assert not {path.name: found for path in pages if (found := INLINE.findall(path.read_text()))}
    assert not {path.name: found for path in [*pages, *files("css")] if (found := ELSEWHERE.findall(path.read_text()))}
