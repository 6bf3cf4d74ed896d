"""The static site on one machine: its files as they are now, with the headers that a deployment's have."""

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.events import Answer, Scope
from infra.local.outbox_page import OutboxPage
from infra.site import policy
from infra.site.files import CONFIG, MISSING

mimetypes.add_type("text/javascript", ".js")  # what some systems' tables have instead, browsers refuse for modules

FIRST = "index.html"


class StaticSite:
    """`files` are the site's, by address; `api` is what config.json says, as a deployment writes it."""

    def __init__(self, files: Mapping[str, Path], api: str = "", outbox: OutboxPage | None = None) -> None:
        self._files = files
        self._api = api
        self._outbox = outbox
        parts = urlsplit(api)
        self._headers = policy.headers([f"{parts.scheme}://{parts.netloc}"] if parts.netloc else [])

    def answer(self, scope: Scope) -> Answer | None:
        """The file that a GET means; None where it means none, and no page was asked for."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        if self._outbox and (shown := self._outbox.file(scope)):
            return self._sent(200, *shown)
        key = scope["path"].removeprefix("/") or FIRST
        if key == CONFIG:
            return self._sent(200, CONFIG, json.dumps({"api": self._api}).encode())
        if found := self._files.get(key):
            return self._file(200, key, found)
        missing = self._files.get(MISSING)
        asked = dict(scope["headers"]).get(b"accept", b"")
        return self._file(404, MISSING, missing) if missing and b"text/html" in asked else None

    def _file(self, status: int, key: str, path: Path) -> Answer | None:
        try:
            return self._sent(status, key, path.read_bytes())
        except OSError:  # it was there when this began
            return None

    def _sent(self, status: int, key: str, body: bytes) -> Answer:
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        kind += "; charset=utf-8" if kind.startswith("text/") else ""
        told = {"content-type": kind, "cache-control": "no-cache", "content-length": str(len(body)), **self._headers}
        return status, [(name.encode(), value.encode()) for name, value in told.items()], body
