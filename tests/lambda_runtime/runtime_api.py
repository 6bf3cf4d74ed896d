"""A stand-in for what Lambda offers inside an execution environment: its Runtime API and its Extensions API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import contextlib
import json
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUNTIME = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
ANSWERED_WITHIN_S = 30.0
SEPARATOR = bytes(8)
"""What parts the metadata from the body of a streamed answer."""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:farebox-test-stream"


class Invocation:
    """One event given to the function, and what it answered: every chunk with the moment it came."""

    def __init__(self, event: dict[str, Any], ends_at_s: float) -> None:
        self.request_id = str(uuid.uuid4())
        self.event, self.ends_at_s = event, ends_at_s
        self.headers: dict[str, str] = {}
        self.chunks: list[tuple[float, bytes]] = []
        self.error: dict[str, Any] | None = None
        self.timed_out = False
        self.is_whole = False
        """Whether the answer was ended properly."""
        self._ended = False
        self._changed = threading.Condition()
        self._connection: socket.socket | None = None

    @property
    def sent(self) -> bytes:
        """All that came until now, metadata and all."""
        return b"".join(data for _, data in self.chunks)

    @property
    def metadata(self) -> dict[str, Any]:
        """Status and headers, as API Gateway reads them."""
        metadata: dict[str, Any] = json.loads(self.sent.partition(SEPARATOR)[0])
        return metadata

    @property
    def status(self) -> int:
        return int(self.metadata["statusCode"])

    @property
    def body(self) -> bytes:
        """The body, as far as it came."""
        return self.sent.partition(SEPARATOR)[2]

    def came(self, text: bytes) -> float:
        """The moment of the chunk with which `text` was there."""
        seen = b""
        for at_s, data in self.chunks:
            seen += data
            if text in seen:
                return at_s
        raise AssertionError(f"{text!r} never came; this did: {seen!r}")

    def wait_for(self, text: bytes) -> None:
        """Until `text` has come."""
        self._wait(lambda: text in self.sent, f"{text!r}")

    def whole(self, within_s: float = ANSWERED_WITHIN_S) -> "Invocation":
        """Itself, once the answer has ended or the function was ended."""
        self._wait(lambda: self._ended, "the end of the answer", within_s)
        return self

    @property
    def is_ended(self) -> bool:
        return self._ended

    def leave(self) -> None:
        """Close the connection on which the answer comes."""
        if self._connection is None:
            raise AssertionError("nothing has come yet")
        self._connection.shutdown(socket.SHUT_RDWR)

    def answers(self, connection: socket.socket, headers: dict[str, str]) -> None:
        self._connection, self.headers = connection, headers

    def add(self, data: bytes) -> None:
        with self._changed:
            self.chunks.append((time.monotonic(), data))
            self._changed.notify_all()

    def end(self, error: dict[str, Any] | None = None) -> None:
        with self._changed:
            self._ended, self.error = True, self.error or error
            self._changed.notify_all()

    def _wait(self, there: Callable[[], bool], what: str, within_s: float = ANSWERED_WITHIN_S) -> None:
        with self._changed:
            if not self._changed.wait_for(there, within_s):
                raise AssertionError(f"{what} within {within_s} s; this came: {self.sent!r}, error {self.error}")


class RuntimeApi:
    """The two APIs of one environment. `address` is AWS_LAMBDA_RUNTIME_API."""

    def __init__(self) -> None:
        api = self

        class Handler(_Handler):
            def __init__(self, *arguments: Any) -> None:
                self.api = api
                super().__init__(*arguments)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.extensions: dict[str, list[str]] = {}
        """The names of those that have registered, and the events they asked for."""
        self.ready = threading.Event()
        """Somebody has asked for an invocation: the environment is initialised."""
        self.ready_s = 0.0
        """When that was, by time.monotonic()."""
        self.init_error: dict[str, Any] | None = None
        self.given: dict[str, Invocation] = {}
        self._waiting: queue.Queue[Invocation | None] = queue.Queue()
        self.shutting_down = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def give(self, invocation: Invocation) -> None:
        """Hand it to whoever asks next."""
        self.given[invocation.request_id] = invocation
        self._waiting.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for an invocation; None when there will be no more."""
        self.ready_s = self.ready_s or time.monotonic()
        self.ready.set()
        return self._waiting.get()

    def close(self) -> None:
        self.shutting_down.set()
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: RuntimeApi

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the environment was ended
            super().handle()

    def do_GET(self) -> None:
        if self.path == f"{RUNTIME}/invocation/next":
            self._next()
        elif self.path == f"{EXTENSION}/event/next":
            self._next_for_extension()
        else:
            self._answer(404, {"errorType": "NotFound"})

    def do_POST(self) -> None:
        *_, request_id, last = self.path.split("/")
        invocation = self.api.given.get(request_id)
        if self.path == f"{EXTENSION}/register":
            self._register()
        elif self.path == f"{RUNTIME}/init/error":
            self.api.init_error = json.loads(b"".join(self._body()))
            self._answer(202, {"status": "OK"})
        elif self.path.startswith(f"{RUNTIME}/invocation/") and invocation and last in ("response", "error"):
            self._take(invocation, last)
        else:
            self._answer(404, {"errorType": "NotFound"})

    def _next(self) -> None:
        invocation = self.api.next()
        if invocation is None:
            self.close_connection = True
            return
        self._answer(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.ends_at_s * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            },
        )

    def _take(self, invocation: Invocation, kind: str) -> None:
        """An answer, chunk by chunk, or the error in place of one."""
        if kind == "error":
            invocation.end(json.loads(b"".join(self._body())))
        else:
            invocation.answers(self.connection, {name.lower(): value for name, value in self.headers.items()})
            try:
                for data in self._body():
                    invocation.add(data)
                invocation.is_whole = True
            finally:
                invocation.end()
        self._answer(202, {"status": "OK"})

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("content-length", "0")))
            return
        while size := int(self._line(), 16):
            yield self.rfile.read(size)
            self._line()
        while self._line():
            pass  # trailers

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line:
            raise ConnectionResetError("the function has gone")
        return line.strip()

    def _register(self) -> None:
        events = json.loads(b"".join(self._body()))["events"]
        self.api.extensions[self.headers["Lambda-Extension-Name"]] = events
        told = {"functionName": "farebox-test-stream", "functionVersion": "$LATEST", "handler": "functions/stream.sh"}
        self._answer(200, told, {"Lambda-Extension-Identifier": str(uuid.uuid4())})

    def _next_for_extension(self) -> None:
        """Waits: an extension is told only what it has asked for, and the adapter asks for nothing."""
        self.api.shutting_down.wait()
        self.close_connection = True

    def _answer(self, status: int, fields: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(fields).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
