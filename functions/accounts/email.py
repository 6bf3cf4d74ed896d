"""E-mail addresses: which are accepted, how they are compared, and which mailbox they lead to."""

import re

from functions.errors import BadRequest

LENGTH_MAX = 254
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}"
)
RESERVED = (".invalid", ".test", ".example", ".localhost")
"""Domains that nobody can own (RFC 2606): they register, and on AWS nothing is mailed to them."""


def normal(value: object, refused_domains: tuple[str, ...] = ()) -> str:
    """An address as it is stored and compared: in lower case. Raises BadRequest that names the field `email`."""
    if not isinstance(value, str):
        raise BadRequest("email is required.", param="email")
    address = value.strip().lower()
    if len(address) > LENGTH_MAX or not _ADDRESS.fullmatch(address):
        raise BadRequest("email is not an e-mail address.", param="email")
    domain = address.rpartition("@")[2]
    if any(domain == refused or domain.endswith("." + refused) for refused in refused_domains):
        raise BadRequest("email: addresses of this domain are not accepted here.", param="email")
    return address


def is_reserved(address: str) -> bool:
    """Whether nobody can receive mail there."""
    return address.endswith(RESERVED)
