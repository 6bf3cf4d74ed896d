"""What the gateway answers by itself: its own errors, and files of the static site."""

import json
import mimetypes
from pathlib import Path

from functions import cors
from functions.errors import FareboxError
from infra.local.events import Answer, Scope, answer_of


class GatewayError(Exception):
    """An answer of the gateway's own, in OpenAI's shape. `headers` are sent with it."""

    def __init__(self, status: int, error: FareboxError, *, readable_by_pages: bool = True, **headers: str) -> None:
        super().__init__(status)
        self.readable_by_pages = readable_by_pages
        self._status = status
        self._error = error
        self._headers = headers

    def answer(self, request_id: str) -> Answer:
        headers = {"content-type": "application/json", "x-request-id": request_id}
        headers |= cors.HEADERS if self.readable_by_pages else {}
        body = json.dumps(self._error.body())
        return answer_of({"statusCode": self._status, "headers": headers | self._headers, "body": body})


def static_file(root: Path, scope: Scope, api: str) -> Answer | None:
    """The file below `root` (resolved) that a GET of `/static/...` means; None if there is none.

    `config.json` says where the API is, as a deployment writes it.
    """
    path = scope["path"]
    if not path.startswith("/static/") or scope["method"] not in ("GET", "HEAD"):
        return None
    try:
        file = (root / (path.removeprefix("/static/") or "index.html")).resolve()
        if file == root / "config.json":
            body = json.dumps({"api": api}).encode()
        elif file.is_relative_to(root) and file.is_file():
            body = file.read_bytes()
        else:
            return None
    except (ValueError, OSError):  # a NUL byte, a name too long, a loop of links
        return None
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kind += "; charset=utf-8" if kind.startswith("text/") else ""
    length = str(len(body)).encode()
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-cache"), (b"content-length", length)]
    return 200, headers, body
