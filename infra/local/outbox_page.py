"""The page that shows the mails of one machine, to whoever sits at it and to nobody else.

A mail holds a key. So nothing is shown where people come from elsewhere: where BASE_URL says so, where a proxy passed
the request on, or where a page of another site has made its own name mean this machine, which its Host header tells.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.events import Scope
from infra.local.outbox import listed

FOLDER = Path(__file__).parent / "pages"
PAGES = {"/outbox": "outbox.html", "/outbox/outbox.js": "outbox.js"}
MAILS = "/outbox/mails.json"
PASSED_ON = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})


class OutboxPage:
    """`outbox` is the folder of mails; `base_url` where people come to."""

    def __init__(self, outbox: Path, base_url: str) -> None:
        self._outbox = outbox
        self._is_for_here = _is_loopback(base_url)

    def file(self, scope: Scope) -> tuple[str, bytes] | None:
        """Name and content of what a GET of this machine's own browser means; None of all else."""
        if not (self._is_for_here and _asked_here(dict(scope["headers"]))):
            return None
        if scope["path"] == MAILS:
            return "mails.json", json.dumps({"mails": listed(self._outbox)}).encode()
        name = PAGES.get(scope["path"])
        return (name, (FOLDER / name).read_bytes()) if name else None


def _asked_here(headers: Mapping[bytes, bytes]) -> bool:
    host = headers.get(b"host", b"").decode("latin-1")
    return PASSED_ON.isdisjoint(headers) and _is_loopback(f"http://{host}")


def _is_loopback(url: str) -> bool:
    """Whether a URL names this machine, by an address or as localhost."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
