"""The outbox of one machine: its mails are shown to whoever sits at it, and nobody is tricked into showing them on."""

import os
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from infra.local.outbox import LISTED_MAX, listed
from infra.local.outbox_page import OutboxPage
from infra.local.server import gateway
from infra.local.static_site import StaticSite
from tests.infra.test_local_gateway import streaming

HERE, LINK = "http://127.0.0.1:8503", "http://127.0.0.1:8503/console/enter#" + "t" * 43
KEY = "sk-" + "k" * 43
Open = Callable[..., httpx.AsyncClient]


def put(folder: Path, name: str, text: str, *, at: float) -> None:
    """A mail as the gateway writes it."""
    message = EmailMessage()
    message["To"], message["Subject"] = f"{name}@farebox.test", f"About {name}"
    message.set_content(text)
    path = folder / f"{name}.eml"
    path.write_bytes(bytes(message))
    os.utime(path, (at, at))


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Clients of gateways with two mails; `base_url` is where people come to."""
    put(tmp_path, "ada", f"Your key:\n\n{KEY}\n", at=1_800_000_000)
    put(tmp_path, "bob", f"<b>Sign in</b>:\n\n{LINK}\n", at=1_800_000_060)

    def client(base_url: str = HERE, *, shown: bool = True) -> httpx.AsyncClient:
        outbox = OutboxPage(tmp_path, base_url) if shown else None
        transport = httpx.ASGITransport(gateway(streaming, [], StaticSite({}, HERE, outbox), 100))
        return httpx.AsyncClient(transport=transport, base_url=HERE)

    return client


async def test_mails_newest_first(opened: Open) -> None:
    """With address, subject, text, key and link, as JSON that no page of another origin can read."""
    async with opened() as client:
        answer = await client.get("/outbox/mails.json")
    bob, ada = answer.json()["mails"]
    assert (ada["to"], ada["subject"], ada["key"], ada["link"]) == ("ada@farebox.test", "About ada", KEY, "")
    assert (bob["key"], bob["link"], bob["at"]) == ("", LINK, "2027-01-15T08:01:00.000000Z")
    assert bob["text"].startswith("<b>Sign in</b>")
    assert answer.headers["content-type"] == "application/json"
    assert "access-control-allow-origin" not in answer.headers


async def test_the_page_keeps_to_the_sites_policy(opened: Open) -> None:
    """As every page of the site: its own scripts, and the headers of a deployment."""
    async with opened() as client:
        page, script = await client.get("/outbox"), await client.get("/outbox/outbox.js")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("base_url", "headers"),
    [
        (HERE, {"host": "evil.example:8503"}),
        (HERE, {"host": "127.0.0.1.evil.example"}),
        (HERE, {"host": ""}),
        (HERE, {"host": "[::1"}),
        (HERE, {"x-forwarded-for": "203.0.113.9"}),
        (HERE, {"forwarded": "for=203.0.113.9"}),
        (HERE, {"via": "1.1 proxy"}),
        ("https://api.example", {}),
    ],
)
async def test_it_is_not_there_for_others(opened: Open, base_url: str, headers: dict[str, str]) -> None:
    """Another name for this machine (DNS rebinding), a proxy in front, an address for people elsewhere: 404."""
    async with opened(base_url) as client:
        for path in ("/outbox", "/outbox/mails.json", "/outbox/outbox.js"):
            assert (await client.get(path, headers=headers)).status_code == 404, path


@pytest.mark.parametrize("host", ["localhost:8503", "[::1]:8503", "127.0.0.1"])
async def test_this_machine_has_several_names(opened: Open, host: str) -> None:
    """Any of them will do."""
    async with opened() as client:
        assert (await client.get("/outbox/mails.json", headers={"host": host})).status_code == 200


async def test_it_is_only_there_where_it_is_asked_for(opened: Open) -> None:
    """`make run` asks for it; a gateway by itself shows nothing, and nothing is ever sent to it."""
    async with opened(shown=False) as client:
        assert (await client.get("/outbox/mails.json")).status_code == 404
    async with opened() as client:
        assert (await client.post("/outbox/mails.json")).status_code == 404


def test_an_old_outbox_stays_short(tmp_path: Path) -> None:
    """Only the newest are read."""
    for number in range(LISTED_MAX + 1):
        put(tmp_path, f"m{number:03d}", "", at=1_800_000_000 + number)
    shown = listed(tmp_path)
    assert len(shown) == LISTED_MAX
    assert shown[-1]["subject"] == "About m001"
