"""Connections to a provider that notice when the way to it is gone.

Where a tunnel breaks, nobody says so: packets are lost in silence. An answer in one piece is silent for minutes
anyway, while the model works; only the kernel can tell the two apart, by asking the other machine whether it is there.
"""

import socket
from collections.abc import Callable

import aiohttp

KEPT_S = 60
"""How long a connection is kept for the next request."""
TRIES = 3
"""So many times the time for connecting may pass without an answer of the other machine."""


def connector(limit: int, connect_s: float) -> aiohttp.TCPConnector:
    """Connections of which a dead one fails after a few times `connect_s`, in seconds, whatever it is waiting for."""
    return aiohttp.TCPConnector(limit=limit, keepalive_timeout=KEPT_S, socket_factory=watched(connect_s))


def watched(connect_s: float) -> Callable[[aiohttp.AddrInfoType], socket.socket]:
    """Makes sockets that are probed after `connect_s` of silence, and given up after TRIES times that."""
    every_s = max(1, round(connect_s))
    # Not every system that a gateway is tried on has them; Lambda does.
    options = {"TCP_KEEPIDLE": every_s, "TCP_KEEPINTVL": every_s, "TCP_KEEPCNT": TRIES}
    options["TCP_USER_TIMEOUT"] = TRIES * every_s * 1000
    known = [(getattr(socket, name), value) for name, value in options.items() if hasattr(socket, name)]

    def make(address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in known:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        return made

    return make
