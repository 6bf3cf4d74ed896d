"""The first stop of the keyboard: a link to the content, which leads there and does nothing else."""

import pytest
from playwright.sync_api import expect

from tests.forward.scripted_upstream import ScriptedUpstream, plain
from tests.pages.looking import Looking
from tests.pages.people import PLACES, People, Place, settled
from tests.payments.standins.base import StandIn
from tests.stand import RunningGateway


@pytest.fixture(scope="module")
def people(site: RunningGateway, stripe: StandIn, upstream: ScriptedUpstream) -> People:
    upstream.play(plain)
    return People(site, stripe, upstream.url)


@pytest.mark.parametrize("place", [place for place in PLACES if place.name != "missing"], ids=lambda place: place.name)
def test_the_link_to_the_content_changes_nothing(people: People, looks: Looking, place: Place) -> None:
    """Nobody is signed out by it, and nothing that was written is lost."""
    page = people.look(looks, place)
    before = page.locator("main").inner_text()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("main").inner_text().split("\n")[:3] == before.split("\n")[:3]
    expect(page.get_by_role("alert")).to_have_count(0)
