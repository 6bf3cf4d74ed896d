"""An HTTP proxy between a gateway and its DynamoDB that does to chosen operations what networks do."""

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BLOCKED_S_MAX = 60


class Fault(Enum):
    """What happens to one request."""

    DROP_ANSWER = "applied, then the connection closes"
    DELAY_ANSWER = "applied, and answered when nobody waits any more"
    LATE = "not answered, and applied when the test says"
    TWICE = "applied twice; the second answer comes"
    REPLAY = "applied, and kept to be sent again when the test says"
    CONFLICT = "not applied: another transaction has the item"
    THROTTLE = "not applied: too many requests"
    FAIL = "not applied: a failure inside DynamoDB"
    FAIL_AFTER = "applied, and then a failure inside DynamoDB"
    RESET = "not applied: the connection is reset"
    BLOCK = "kept from DynamoDB for ever"


ERRORS = {
    Fault.CONFLICT: (400, "TransactionConflictException"),
    Fault.THROTTLE: (400, "ThrottlingException"),
    Fault.FAIL: (500, "InternalServerError"),
    Fault.FAIL_AFTER: (500, "InternalServerError"),
}


@dataclass
class Operation:
    """One request to DynamoDB."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(self.body)
        return request

    def is_on(self, table: str) -> bool:
        return str(self.request.get("TableName", "")).endswith(f"-{table}")


Match = Callable[[Operation], bool]


def is_admit(operation: Operation) -> bool:
    return operation.is_on("accounts") and ":hold" in operation.request.get("ExpressionAttributeValues", {})


def is_settle(operation: Operation) -> bool:
    return operation.name == "UpdateItem" and operation.is_on("accounts") and not is_admit(operation)


def is_receipt(operation: Operation) -> bool:
    return operation.name == "PutItem" and operation.is_on("receipts")


def is_count(operation: Operation) -> bool:
    return operation.name == "UpdateItem" and operation.is_on("windows")


@dataclass
class FaultyProxy:
    """`url` is what the gateway takes for DynamoDB. One fault at a time is armed, for so many operations."""

    target: str
    url: str = ""
    kept: list[Operation] = field(default_factory=list)
    struck: int = 0
    blocked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    _armed: tuple[Match, Fault, int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, match: Match, fault: Fault, times: int = 1) -> None:
        """The next `times` operations that match meet the fault."""
        with self._lock:
            self._armed, self.struck = (match, fault, times), 0
        self.kept.clear()
        self.blocked.clear()
        self.over.clear()

    def disarm(self) -> None:
        """Everything passes from now on; who waits for an answer is let go."""
        with self._lock:
            self._armed = None
        self.over.set()

    def fault_of(self, operation: Operation) -> Fault | None:
        with self._lock:
            if self._armed is None:
                return None
            match, fault, times = self._armed
            if self.struck >= times or not match(operation):
                return None
            self.struck += 1
            return fault

    def deliver(self) -> None:
        """Now what was kept arrives; nobody hears the answers."""
        for operation in self.kept:
            self.forward(operation)

    def forward(self, operation: Operation) -> tuple[int, bytes]:
        """Status and body of DynamoDB's answer."""
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/", operation.body, operation.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait(self) -> None:
        """As long as an answer may be kept back."""
        self.over.wait(BLOCKED_S_MAX)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: FaultyProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["x-amz-target"].rpartition(".")[2]
        operation = Operation(name, dict(self.headers.items()), body)
        fault = self.proxy.fault_of(operation)
        if fault in (Fault.RESET, Fault.LATE, Fault.BLOCK):
            self._withhold(operation, fault)
        elif fault in (Fault.CONFLICT, Fault.THROTTLE, Fault.FAIL):
            self._error(fault)
        else:
            self._pass(operation, fault)

    def _withhold(self, operation: Operation, fault: Fault) -> None:
        if fault is Fault.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.proxy.kept.append(operation)
            self.proxy.blocked.set()
            self.proxy.wait()
        self.close_connection = True

    def _pass(self, operation: Operation, fault: Fault | None) -> None:
        status, answer = self.proxy.forward(operation)
        if fault in (Fault.TWICE, Fault.REPLAY):
            self.proxy.kept.append(operation)
        if fault is Fault.TWICE:
            status, answer = self.proxy.forward(operation)
        elif fault is Fault.FAIL_AFTER:
            self._error(fault)
            return
        elif fault is Fault.DELAY_ANSWER:
            self.proxy.wait()
        if fault is Fault.DROP_ANSWER:
            self.close_connection = True
            return
        with contextlib.suppress(OSError):  # who asked has given up
            self._answer(status, answer)

    def _error(self, fault: Fault) -> None:
        status, code = ERRORS[fault]
        self._answer(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 500

    def __init__(self, handler: type[_Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.open: set[socket.socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self.open.discard(request)

    def server_close(self) -> None:
        """Connections that are kept end as well, as when a machine goes away."""
        super().server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """A proxy in front of the DynamoDB at `target`, on 127.0.0.1."""
    proxy = FaultyProxy(target)
    server = _Server(type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.disarm()
        server.shutdown()
        server.server_close()
        thread.join()
