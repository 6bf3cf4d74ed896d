"""Ports of this machine, and plain HTTP to them."""

import http.client
import json
import secrets
import socket
from typing import Any

HOST = "127.0.0.1"
PORT_FIRST, PORT_COUNT = 20_000, 12_000  # Linux picks from 32768, macOS and IANA from 49152
ANSWER_BYTES_MAX = 1_000_000


def free_port() -> int:
    """A port that nobody has now. Raises OSError if a hundred were taken.

    Not one that the system would pick: those are picked for outgoing connections too, at any moment until it is used.
    """
    for _ in range(100):
        port = PORT_FIRST + secrets.randbelow(PORT_COUNT)
        if not is_taken(port):
            return port
    raise OSError(f"no free port from {PORT_FIRST} on")


def is_taken(port: int) -> bool:
    """Whether a server could not listen there. Connections of an earlier server that still linger do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            return False
        except OSError:
            return True


def ask(
    port: int,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    json_body: Any = None,
    timeout_s: float = 2.0,
) -> tuple[int, bytes]:
    """Status and body of one request; status 0 when nobody answers. No proxy of the environment is used."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    body = None if json_body is None else json.dumps(json_body).encode()
    sent = {"content-type": "application/json"} if body else {}
    try:
        connection.request(method, path, body=body, headers=sent | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
