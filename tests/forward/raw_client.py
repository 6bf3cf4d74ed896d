"""A client that speaks HTTP/1.1 by hand: it can leave, not read, or send what no library would."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

READ_TIMEOUT_S = 30.0


class RawClient:
    """One connection to a gateway."""

    def __init__(self, url: str, *, receive_buffer: int = 0) -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(READ_TIMEOUT_S)
        self.socket.connect((host, port))
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, path: str, body: Any, key: str = "", *more: str) -> None:
        """A request; further header lines as they are."""
        self.send(request(path, body, key, *more))

    def read_until(self, end: bytes) -> bytes:
        """Everything up to and with `end`. Raises EOFError when it does not come."""
        while end not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.received.decode(errors="replace"))
            self.received += data
        read, found, self.received = self.received.partition(end)
        return read + found

    def rest(self) -> bytes:
        """Everything until the gateway closes."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self.received += data
        return self.received

    def leave(self) -> None:
        self.socket.close()


def request(path: str, body: Any, key: str = "", *more: str) -> bytes:
    """The bytes of a POST."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: gateway.test", "Content-Type: application/json"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"Content-Length: {len(data)}", *more, "", ""]
    return "\r\n".join(lines).encode("latin-1") + data


@contextlib.contextmanager
def raw_client(url: str, *, receive_buffer: int = 0) -> Iterator[RawClient]:
    client = RawClient(url, receive_buffer=receive_buffer)
    try:
        yield client
    finally:
        client.leave()
