"""Where a request came from, in the form that limits count by."""

import hashlib
import hmac
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

ADDRESSES_REMEMBERED = 4096
SCOPE_DIGITS = 24
"""96 bits of the HMAC: no two addresses meet, and items stay small."""


def client_address(peer: str, forwarded_for: str, trusted_hops: int) -> str:
    """The client's address: the socket's peer, or what the last of `trusted_hops` own proxies saw.

    Only entries that our own proxies appended to X-Forwarded-For count, from the right; a client can write the rest.
    """
    if trusted_hops == 0:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    return hops[-trusted_hops] if len(hops) >= trusted_hops else peer


@lru_cache(ADDRESSES_REMEMBERED)
def scope(kind: str, address: str, secret: str) -> str:
    """What an address counts under, such as `ip/5f0c…`: an HMAC, so that no table holds addresses.

    IPv6 counts by /64, which is what one subscriber gets; an IPv4 address written as IPv6 counts as itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        normal = "unknown"
    else:
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        normal = str(parsed) if parsed.version == 4 else parsed.packed[:8].hex()
    return digest(kind, normal, secret)


def digest(kind: str, subject: str, secret: str) -> str:
    """`kind/…`: the HMAC of a subject that must not stand in a table."""
    mac = hmac.digest(secret.encode(), f"{kind}/{subject}".encode(), hashlib.sha256)
    return f"{kind}/{mac.hex()[:SCOPE_DIGITS]}"
