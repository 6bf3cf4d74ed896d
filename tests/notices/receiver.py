"""An owner's receiver of webhooks: a real HTTP server, which believes nothing that is not signed."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook

SECRET = "whsec_c2VjcmV0LW9mLXRoaXMtb3duZXItYWxvbmU="


@dataclass(frozen=True)
class Told:
    """One webhook that came."""

    headers: dict[str, str]
    body: bytes
    at_s: float

    def verified(self, secret: str = SECRET) -> Any:
        """What it says. Raises where it is not signed with the secret, or was signed long ago or to come."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """Listens on a port of its own; answers with `status`, after `delay_s`."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.status, self.delay_s = 200, 0.0
        self.headers: dict[str, str] = {}
        self.on_request: Callable[[], None] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.told.append(Told(headers, body, time.time()))
                receiver.on_request()
                time.sleep(receiver.delay_s)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/told?by=farebox"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def ids(self) -> list[str]:
        return [told.headers["webhook-id"] for told in self.told]

    def types(self) -> list[str]:
        """What was told, each notice once, in the order in which it came first."""
        first = {told.headers["webhook-id"]: told.verified() for told in reversed(self.told)}
        return [first[identifier]["type"] for identifier in dict.fromkeys(self.ids)]
