"""Both ways out to URLs that an owner set, as tests ask for them."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest

from functions import outbound
from functions.forward import fetching
from functions.forward.sockets import connector
from functions.outbound import Networks

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
ONLY_SECOND = (ip_network("127.0.0.2/32"),)
PUBLIC, OWN = "93.184.216.34", "127.0.0.1"

Fetch = Callable[..., Any]


async def fetch_at_once(url: str, allowed: Networks, timeout_s: float = 5, bytes_max: int = 1000) -> bytes:
    """As functions fetch that answer in one piece."""
    return outbound.fetch(url, allowed, timeout_s=timeout_s, bytes_max=bytes_max)


async def fetch_streaming(url: str, allowed: Networks, timeout_s: float = 5, bytes_max: int = 1000) -> bytes:
    """As the streaming function fetches."""
    async with aiohttp.ClientSession(connector=connector(5, 1, 5, allowed), auto_decompress=False) as session:
        return await fetching.fetch(session, url, timeout_s=timeout_s, bytes_max=bytes_max)


BOTH = pytest.mark.parametrize("fetch", [fetch_at_once, fetch_streaming], ids=["at once", "streaming"])
