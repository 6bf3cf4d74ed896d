"""Where URLs that an owner can set may lead: https, and addresses of the public Internet, judged at each connection.

A name says nothing: it can lead anywhere, and elsewhere the next moment. So `check_url` only refuses early what can
never be right, and every connection judges the address that it really uses, by `is_allowed`.

    send(method, url, allowed, *, headers, body, timeout_s, bytes_max, query=True) -> Answer(status, body)

raises OutboundFailed. `fetch` is the same for a GET that only 200 answers.
The networks: https://www.iana.org/assignments/iana-ipv4-special-registry, and the same for IPv6.
"""

import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from functions.errors import BadRequest

Networks = Sequence[IPv4Network | IPv6Network]

URL_LENGTH_MAX = 2048
PORT_MAX = 65_535
NAME_LENGTH_MAX = 253
_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<v6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/|-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_HEADER = re.compile(r"[ -~]*", re.ASCII)
LOCALHOST = ".localhost"
"""Names that are the machine itself, by RFC 6761."""

NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
"""All that is given out; the rest is loopback, link-local, private, multicast or reserved."""
NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols of the IETF, with Teredo, which hides IPv4 addresses
        "2001:db8::/32",  # for examples
        "2002::/16",  # 6to4, which hides IPv4 addresses
        "3fff::/20",  # for examples
    )
)
NAT64 = IPv6Network("64:ff9b::/96")


CONNECT_WITHIN_S = 5.0
HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "user-agent": "farebox",
}


class OutboundFailed(Exception):
    """Nothing usable came from a URL. The message names neither it nor its address."""


class Refused(OSError):
    """A connection to an address that is not allowed."""


def is_allowed(address: str, allowed: Networks) -> bool:
    """Whether a connection to this address may be made: it is public, or inside one of the networks `allowed`."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and (inner := _inner(parsed)):
        parsed = inner
    if any(parsed.version == network.version and parsed in network for network in allowed):
        return True
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in NOT_PUBLIC_V4)
    return parsed in PUBLIC_V6 and not any(parsed in network for network in NOT_PUBLIC_V6)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a connection to this one leads to, where it leads to one."""
    if address in NAT64:
        return IPv4Address(address.packed[12:])
    return address.ipv4_mapped


def check_url(field: str, url: object, allowed: Networks, *, query: bool = False) -> str:
    """`url` as it is; raises BadRequest that names `field`.

    It is https; plain http is for addresses, or `localhost`, inside `allowed`. No user, no fragment, no query unless
    `query`, no address that could not be connected to, however it is written, and nothing that two parsers could read
    in two ways.
    """
    if not isinstance(url, str) or not 0 < len(url) <= URL_LENGTH_MAX:
        raise BadRequest(f"{field} must be a URL of at most {URL_LENGTH_MAX} characters.", field)
    found = _URL.fullmatch(url)
    if not found:
        raise BadRequest(
            f"{field} must be a URL such as https://host.example/path, without a user or a fragment.", field
        )
    if found["query"] and not query:
        raise BadRequest(f"{field} must have no query.", field)
    if found["port"] and not 0 < int(found["port"]) <= PORT_MAX:
        raise BadRequest(f"{field} must have a port between 1 and {PORT_MAX}, or none.", field)
    address = _address(field, found["name"]) if found["name"] else found["v6"]
    if address and not is_allowed(address, allowed):
        raise BadRequest(f"{field} must not lead to an address that is not public.", field)
    if found["scheme"] == "http" and not (address and _is_inside(address, allowed)):
        raise BadRequest(f"{field} must begin with https://.", field)
    return url


def _address(field: str, name: str) -> str:
    """The address that a host is written as; "" for a name. Raises BadRequest for what is neither."""
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # 127.1, 0x7f000001: what only some read as an address
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise BadRequest(
                f"{field} must have a host that is a name, or an address in the usual form.", field
            ) from None
    if len(name) > NAME_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadRequest(f"{field} must have a host that is a name, or an address in the usual form.", field)
    return "127.0.0.1" if f".{name.lower()}".endswith(LOCALHOST) else ""


def _is_inside(address: str, allowed: Networks) -> bool:
    """Whether an address is allowed by the operator, not for being public."""
    parsed = ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in allowed)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a server said: any status, redirects too, which are not followed. It has no repr: bodies hold secrets."""

    status: int
    body: bytes


def send(
    method: str,
    url: str,
    allowed: Networks | None,
    *,
    headers: Mapping[str, str],
    body: bytes,
    timeout_s: float,
    bytes_max: int,
    query: bool = True,
) -> Answer:
    """One request, in all within `timeout_s`, its answer of at most `bytes_max`. No redirects, no proxies, no retries.

    `headers` come on top of HEADERS, in small letters. `allowed` is None for a URL of the operator's: it may lead
    anywhere, in plain http too. For functions that answer in one piece.
    Raises OutboundFailed, which does not say whether the server got the request; BadRequest for a URL that `check_url`
    refuses.
    """
    import httpcore  # noqa: PLC0415  the streaming function loads this file, and does not need it

    if allowed is not None:
        check_url("url", url, allowed, query=query)
    if not all(_HEADER.fullmatch(value) for value in headers.values()):
        raise OutboundFailed("a header that is none")  # httpcore would tell its log what it was
    ends_s = time.monotonic() + timeout_s
    network: Any = _Guarded(allowed, ends_s)
    answered = bytearray()
    try:
        lines = [(name.encode(), value.encode()) for name, value in {**HEADERS, **headers}.items()]
        with (
            httpcore.ConnectionPool(network_backend=network) as pool,
            pool.stream(method, url, headers=lines, content=body or None) as response,
        ):
            for part in response.iter_stream():
                answered += part
                if len(answered) > bytes_max:
                    raise OutboundFailed("answered too much")
            return Answer(response.status, bytes(answered))
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        OSError,
        ValueError,
    ) as error:
        raise OutboundFailed(type(error).__name__) from None


def fetch(url: str, allowed: Networks, *, timeout_s: float, bytes_max: int) -> bytes:
    """The body of a GET that answers 200, in all within `timeout_s`. No redirects, no proxies.

    For functions that answer in one piece; the streaming function has functions/forward/fetching.py.
    Raises OutboundFailed, and BadRequest for a URL that `check_url` refuses.
    """
    answer = send("GET", url, allowed, headers={}, body=b"", timeout_s=timeout_s, bytes_max=bytes_max)
    if answer.status != 200:
        raise OutboundFailed(f"answered {answer.status}")
    return answer.body


class _Guarded:
    """httpcore's way to the network: it looks names up itself, and connects only to addresses that are allowed.

    `allowed` is None where every address is.
    """

    def __init__(self, allowed: Networks | None, ends_s: float) -> None:
        self.allowed, self.ends_s = allowed, ends_s

    def connect_tcp(self, host: str, port: int, **options: Any) -> "_Bounded":
        from httpcore import SyncBackend  # noqa: PLC0415  as above

        failed: Exception = Refused("not allowed")
        for address in _looked_up(host, port, self.ends_s):
            if self.allowed is not None and not is_allowed(address, self.allowed):
                continue
            options["timeout"] = min(_left_s(self.ends_s), CONNECT_WITHIN_S)
            try:
                return _Bounded(SyncBackend().connect_tcp(address, port, **options), self.ends_s)
            except Exception as error:  # noqa: BLE001  the next address may answer
                failed = error
        raise failed


class _Bounded:
    """A connection of httpcore's, each step of which ends when the whole has to, whatever its own limit is."""

    def __init__(self, stream: Any, ends_s: float) -> None:
        self.stream, self.ends_s = stream, ends_s

    def read(self, max_bytes: int, **_: Any) -> bytes:
        data: bytes = self.stream.read(max_bytes, _left_s(self.ends_s))
        return data

    def write(self, buffer: bytes, **_: Any) -> None:
        self.stream.write(buffer, _left_s(self.ends_s))

    def start_tls(self, ssl_context: Any, server_hostname: str, **_: Any) -> "_Bounded":
        return _Bounded(self.stream.start_tls(ssl_context, server_hostname, _left_s(self.ends_s)), self.ends_s)

    def close(self) -> None:
        self.stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left_s(ends_s: float) -> float:
    left_s = ends_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _looked_up(host: str, port: int, ends_s: float) -> Iterable[str]:
    """The addresses of a host. Looking a name up has no time limit of its own: that is why it has a thread."""
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result([str(sockaddr[0]) for *_, sockaddr in answers])
        except BaseException as error:  # noqa: BLE001  raised again by `result`
            found.set_exception(error)

    threading.Thread(target=look_up, name="names", daemon=True).start()
    return found.result(_left_s(ends_s))
