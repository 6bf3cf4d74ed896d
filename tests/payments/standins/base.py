"""What the stand-ins of all payment providers have in common: a real HTTP server, and the buttons that tests press."""

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Delivery:
    """What a provider would POST to the address of its events."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Request:
    """What a stand-in was asked. `path` has the query; names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """The path without its query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters of the query, decoded, in their order."""
        return parse_qsl(urlsplit(self.path).query, keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    """What a stand-in answers: `content` as JSON, or as it is where it is bytes; None: without a body."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        return b"" if self.content is None else json.dumps(self.content).encode()


class StandIn:
    """One provider with one account. Each button holds `lock`, and so does `reply`: its state changes in one piece."""

    def __init__(self, key: str, secret: str, mode: str = "test") -> None:
        """`key` is the one API key that it takes; `secret` signs its events."""
        self.key, self.secret, self.mode = key, secret, mode
        self.requests: list[Request] = []
        self.down = False
        self.delay_s = 0.0
        self.trickle_s = 0.0
        """Between one byte of an answer's body and the next."""
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.standin = self

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Reply:
        """What the server says, after `delay_s`; 503 while the provider is down."""
        with self.lock:
            self.requests.append(request)
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.down:
            return Reply(503, b"down")
        with self.lock:
            return self.reply(request)

    def reply(self, request: Request) -> Reply:
        """What the provider says to a request, whoever it is from: 401 to a wrong key."""
        raise NotImplementedError

    def pay(self, reference: str) -> list[Delivery]:
        """Somebody pays, and the money is there."""
        raise NotImplementedError

    def process(self, reference: str) -> list[Delivery]:
        """Somebody pays in a way that takes days."""
        raise NotImplementedError

    def fail(self, reference: str) -> list[Delivery]:
        """The payment fails."""
        raise NotImplementedError

    def expire(self, reference: str) -> list[Delivery]:
        """Nobody paid in time."""
        raise NotImplementedError

    def refund(self, reference: str, amount: int) -> list[Delivery]:
        """So much goes back; several refunds add up."""
        raise NotImplementedError

    def fail_refund(self, reference: str) -> list[Delivery]:
        """The newest refund fails after all."""
        raise NotImplementedError

    def dispute(self, reference: str, amount: int | None = None) -> list[Delivery]:
        """The buyer takes so much back through their bank; everything where no amount is given."""
        raise NotImplementedError

    def close_dispute(self, reference: str, *, won: bool) -> list[Delivery]:
        """The newest dispute ends; `won`: the money is the seller's again."""
        raise NotImplementedError

    def strange(self) -> Delivery:
        """An event of a type that nobody knows, well signed."""
        raise NotImplementedError

    def sign(self, body: bytes, at_s: float | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers of an event with this body, signed now and with the stand-in's secret where none is given."""
        raise NotImplementedError

    def alter(self, reference: str, **fields: Any) -> None:
        """Change what the API says of a checkout: `amount`, `currency`, `order`, `mode`."""
        raise NotImplementedError

    def references(self) -> list[str]:
        """Of all checkouts, oldest first."""
        raise NotImplementedError


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    standin: StandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        answer = self.server.standin.answer(request)
        told = {"Content-Type": "application/json"} | dict(answer.headers)
        self.send_response(answer.status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not self.server.standin.trickle_s:
            self.wfile.write(answer.body)
            return
        with contextlib.suppress(OSError):
            for byte in answer.body:
                self.wfile.write(bytes((byte,)))
                time.sleep(self.server.standin.trickle_s)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815  the library's names

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""
