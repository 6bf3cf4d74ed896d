"""A provider that does what a test says: raw HTTP/1.1 on a socket of 127.0.0.1, a thread a connection.

A script is a function of the Call; what it has not said when it returns is ended properly.
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

WAIT_S = 20.0
DONE = b"data: [DONE]\n\n"
BODYLESS = {"content-length", "transfer-encoding"}


@dataclass
class Call:
    """One request that came, and the way to answer it."""

    connection: socket.socket = field(repr=False)
    target: str
    headers: list[tuple[str, str]]
    """As sent, in order; names in lower case."""
    body: bytes
    started: bool = False
    ended: bool = False
    chunked: bool = False
    gone: threading.Event = field(default_factory=threading.Event)
    """The gateway closed its side."""

    @property
    def json(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.body)
        return fields

    def head(self, status: int = 200, **headers: str) -> None:
        """Status and headers; without a length of one's own the body is chunked."""
        sent = {"content-type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
        self.chunked = not BODYLESS & set(sent)
        if self.chunked:
            sent["transfer-encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        self.started = True
        self.raw("\r\n".join(lines).encode())

    def stream(self) -> None:
        self.head(content_type="text/event-stream")

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def write(self, data: bytes) -> None:
        """A piece of the body, sent by itself."""
        self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    def event(self, fields: Any) -> None:
        """An event; a dict as JSON."""
        data = fields if isinstance(fields, bytes) else json.dumps(fields, separators=(",", ":")).encode()
        self.write(b"data: " + data + b"\n\n")

    def answer(self, fields: Any, status: int = 200) -> None:
        """A whole answer in one piece."""
        data = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        self.head(status, content_length=str(len(data)))
        self.write(data)

    def end(self) -> None:
        """The proper end of the body."""
        self.ended = True
        if self.chunked:
            self.raw(b"0\r\n\r\n")

    def drop(self) -> None:
        """Close in the middle of the body."""
        self.ended = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close as a crash does: RST."""
        self.ended = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def wait_gone(self) -> bool:
        """Wait until the gateway has closed the connection; False if it did not."""
        self.connection.settimeout(WAIT_S)
        try:
            while self.connection.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        self.gone.set()
        return True


Script = Callable[[Call], None]


class ScriptedUpstream:
    """Plays the script of the day; remembers every call."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.calls: list[Call] = []
        self.script: Script = plain
        threading.Thread(target=self._accept, daemon=True).start()

    def play(self, script: Script) -> None:
        """Answer from now on by this script; forget what came before."""
        self.script, self.calls = script, []

    @property
    def call(self) -> Call:
        """The only call since `play`."""
        (only,) = self.calls
        return only

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while call := _read(connection):
                self.calls.append(call)
                try:
                    self.script(call)
                except OSError:  # the gateway has gone
                    call.gone.set()
                    return
                if not call.ended:
                    call.end()
                elif not call.started or call.chunked:
                    return

    def close(self) -> None:
        self.listener.close()


def _read(connection: socket.socket) -> Call | None:
    """The next request on a connection, None where there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (text.partition(":") for text in lines)]
    length = int(dict(headers).get("content-length", "0"))
    while len(body) < length:
        body += connection.recv(65536)
    return Call(connection, line, headers, body)


@contextlib.contextmanager
def scripted_upstream() -> Iterator[ScriptedUpstream]:
    upstream = ScriptedUpstream()
    try:
        yield upstream
    finally:
        upstream.close()


def chunk(content: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of a streamed chat; without content the choice only ends it."""
    choice: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}
    if content is not None:
        choice |= {"delta": {"content": content}, "finish_reason": None}
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m.gguf", "choices": [choice]}
    return base | more


def usage(tokens_in: Any, tokens_out: Any) -> dict[str, Any]:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": 0}


def whole(content: str = "Hello.", **more: Any) -> dict[str, Any]:
    """A chat in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    base = {"id": "c", "object": "chat.completion", "created": 1, "model": "m.gguf", "choices": [choice]}
    return base | {"usage": usage(5, 2)} | more


def events(*sent: Any) -> Script:
    """Answers with these events and [DONE]."""

    def script(call: Call) -> None:
        call.stream()
        for event in sent:
            call.event(event)
        call.write(DONE)

    return script


def plain(call: Call) -> None:
    """What a provider in good health answers: 5 tokens in, 2 out; to a GET its only model."""
    if not call.body:
        call.answer({"data": [{"id": "m.gguf"}]})
    elif call.json.get("stream"):
        events(chunk("Hel"), chunk("lo."), chunk(), chunk(choices=[], usage=usage(5, 2)))(call)
    else:
        call.answer(whole())
