"""Connections to a provider that notice when the way to it is gone.

Where a tunnel breaks, nobody says so: packets are lost in silence. An answer in one piece is silent for minutes
anyway, while the model works; only the kernel can tell the two apart, by asking the other machine whether it is there.

What it does on Linux, of which TCP_USER_TIMEOUT is the end (tcp(7), net/ipv4/tcp_timer.c):

- Nothing is under way: it asks every KEEPINTVL, and gives up once nobody has answered for TCP_USER_TIMEOUT.
- Something sent was not acknowledged: it sends again, and gives up after TCP_USER_TIMEOUT. Nothing else bounds this but
  tcp_retries2, a quarter of an hour, which no socket can set.
- The other machine answers but takes no more, because nobody there reads: given up after TCP_USER_TIMEOUT, too. A
  provider all of whose threads are busy is like that, and not gone. So the time is that of a stream's longest silence.
"""

import socket
from collections.abc import Callable

import aiohttp

from functions.outbound import Networks, Refused, is_allowed

KEPT_S = 4
"""How long a connection is kept for the next request. llama-server closes it after 5 s; an environment of Lambda that
was frozen meanwhile would not have seen that, and a request sent on it would fail."""
TRIES = 3
"""So many times the time for connecting may at least pass without an answer of the other machine."""
INTERVAL_S_MAX = 32_767
USER_TIMEOUT_MS_MAX = 2**31 - 1
"""What the kernel takes."""

Factory = Callable[[aiohttp.AddrInfoType], socket.socket]


def connector(limit: int, connect_s: float, idle_s: float, allowed: Networks | None = None) -> aiohttp.TCPConnector:
    """Connections of which a dead one fails after `idle_s`, whatever it is waiting for.

    With `allowed`, only to addresses that are public or inside these networks: for URLs that an owner can set.
    """
    make = watched(connect_s, idle_s)
    if allowed is not None:
        make = guarded(make, allowed)
    return aiohttp.TCPConnector(limit=limit, keepalive_timeout=KEPT_S, socket_factory=make)


def guarded(make: Factory, allowed: Networks) -> Factory:
    """`make`, which raises Refused for an address that is not allowed.

    It is asked for each connection with the very address that is connected to: a name that leads elsewhere since it was
    last looked up is judged by where it leads now.
    """

    def make_if_allowed(address: aiohttp.AddrInfoType) -> socket.socket:
        if not is_allowed(str(address[4][0]), allowed):
            raise Refused("not an address that may be connected to")
        return make(address)

    return make_if_allowed


def watched(connect_s: float, idle_s: float) -> Factory:
    """Makes sockets that are probed after `connect_s` of silence, and given up after `idle_s` without an answer.

    Or after TRIES times `connect_s`, where that is longer.
    """
    every_s = round(min(max(1, connect_s), INTERVAL_S_MAX))
    given_up_ms = round(min(max(TRIES * every_s, idle_s) * 1000, USER_TIMEOUT_MS_MAX))
    # Not every system that a gateway is tried on has them; Lambda does.
    options = {"TCP_KEEPIDLE": every_s, "TCP_KEEPINTVL": every_s, "TCP_KEEPCNT": TRIES, "TCP_USER_TIMEOUT": given_up_ms}
    known = [(getattr(socket, name), value) for name, value in options.items() if hasattr(socket, name)]

    def make(address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in known:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        return made

    return make
